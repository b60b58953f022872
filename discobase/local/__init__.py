"""A Discord-compatible server for trying, testing and measuring, over loopback.

Unmodified bots run on it; nothing in them knows that it is not Discord::

    from discobase.local import LocalDiscord

    with LocalDiscord() as discord:
        server = discord.create_server("test")
        discord.add_bot(discord.default_token, server)
        ...  # point a client at discord.api_url
"""

from __future__ import annotations

from discobase.local.behaviour.faults import EventFault, RequestFault
from discobase.local.behaviour.profiles import GatewayLimits, Invalid, Profile, Rule
from discobase.local.behaviour.settings import Settings
from discobase.local.people.person import Answer, Person
from discobase.local.process.shared import Joined, join
from discobase.local.process.thread import LocalDiscord
from discobase.local.state.counts import RequestKind, Requests
from discobase.local.window.exhibit import (
    Cell,
    Column,
    Exhibit,
    ShownChange,
    ShownCommit,
    ShownDatabase,
    ShownHistory,
    ShownRecord,
    ShownRow,
    ShownRows,
    ShownTable,
)

__all__ = [
    "Answer",
    "Cell",
    "Column",
    "EventFault",
    "Exhibit",
    "GatewayLimits",
    "Invalid",
    "Joined",
    "LocalDiscord",
    "Person",
    "Profile",
    "RequestFault",
    "RequestKind",
    "Requests",
    "Rule",
    "Settings",
    "ShownChange",
    "ShownCommit",
    "ShownDatabase",
    "ShownHistory",
    "ShownRecord",
    "ShownRow",
    "ShownRows",
    "ShownTable",
    "join",
]
