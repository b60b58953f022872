"""Requests for the members of a guild, and the chunks in which they are answered.

Source: Discord's page "Gateway Events", sections "Request Guild Members" and "Guild Members Chunk".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from discobase.local.gateway.session import Session
from discobase.local.state import intents, payloads
from discobase.local.state.entities import Guild, Member
from discobase.local.state.state import State

Json = dict[str, Any]

_DIGITS = 20
"""Of the largest number of 64 bits, which an id is."""

_IN_CHUNK = 1000
_MOST_ASKED = 100
_LONGEST_NONCE = 32
"""Members in an event, ids and names asked for, bytes of a nonce, as that page says."""


def chunks(state: State, session: Session, request: Json) -> Iterator[Json]:
    """Yield the data of the GUILD_MEMBERS_CHUNK events that answer a request.

    There are none for a guild that the bot is not in, and none for all the members of a guild
    without the intent (Discord says that it is needed; that nothing comes is assumed).

    Args:
        state: who is where.
        session: who asks.
        request: the request.
    """
    guild = state.guilds.get(_number(request.get("guild_id")))
    if guild is None or session.bot.id not in guild.members:
        return
    wanted = _user_ids(request.get("user_ids"))
    query, limit = str(request.get("query") or "").lower(), _number(request.get("limit"))
    everybody = not wanted and not query and not limit
    if everybody and not session.intents & intents.GUILD_MEMBERS:
        return
    found = _with_ids(guild, wanted) if wanted else _named(state, guild, query)
    if not everybody:
        found = found[: min(limit or _MOST_ASKED, _MOST_ASKED)]
    fields: Json = {"guild_id": str(guild.id), **_echo(request)}
    if wanted:
        fields["not_found"] = [str(id_) for id_ in wanted if id_ not in guild.members]
    pages = [found[start : start + _IN_CHUNK] for start in range(0, len(found), _IN_CHUNK)] or [[]]
    for index, page in enumerate(pages):
        members = [payloads.member(member, state.users[member.user_id]) for member in page]
        yield {**fields, "members": members, "chunk_index": index, "chunk_count": len(pages)}


def _user_ids(given: object) -> list[int]:
    if given is None:
        return []
    items = cast("list[object]", given) if isinstance(given, list) else [given]
    return list(dict.fromkeys(_number(item) for item in items))


def _with_ids(guild: Guild, ids: list[int]) -> list[Member]:
    return [guild.members[id_] for id_ in ids if id_ in guild.members]


def _named(state: State, guild: Guild, prefix: str) -> list[Member]:
    return [
        member
        for member in guild.members.values()
        if state.users[member.user_id].name.lower().startswith(prefix)
        or (member.nick or "").lower().startswith(prefix)
    ]


def _echo(request: Json) -> Json:
    """Return what comes back as it was sent: a short nonce, and that presences are due."""
    echo: Json = {"presences": []} if request.get("presences") is True else {}
    nonce = request.get("nonce")
    if isinstance(nonce, str) and len(nonce.encode()) <= _LONGEST_NONCE:
        echo["nonce"] = nonce
    return echo


def _number(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _DIGITS:
        return int(value)
    return value if type(value) is int and value > 0 else 0
