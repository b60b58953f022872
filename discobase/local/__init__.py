"""A Discord-compatible server for trying, testing and measuring, over loopback.

Unmodified bots run on it; nothing in them knows that it is not Discord::

    from discobase.local import LocalDiscord

    with LocalDiscord() as discord:
        server = discord.create_server("test")
        discord.add_bot(discord.default_token, server)
        ...  # point a client at discord.api_url
"""

from __future__ import annotations

from discobase.local.counts import RequestKind, Requests
from discobase.local.hosting import LocalDiscord
from discobase.local.joining import Joined, join
from discobase.local.person import Answer, Person

__all__ = ["Answer", "Joined", "LocalDiscord", "Person", "RequestKind", "Requests", "join"]
