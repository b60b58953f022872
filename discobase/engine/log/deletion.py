"""Delete a database whole, without opening it: it may be one that nobody can open.

What belongs to it is known by the topics of channels, and by what its superblocks name. First of
all its catalog is told that it is being deleted
(:data:`~discobase.engine.log.last_words.DELETED`), so that whoever finds something missing knows
why, and nobody writes again what is deleted. The catalog goes last, also after its category. So a
deletion that was interrupted is finished by whoever deletes it again, or looks for a database
there, and is never taken for damage.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from discobase.engine.base36 import base36
from discobase.engine.log.history import read_channel
from discobase.engine.log.last_words import DELETED, is_deleted, last_word
from discobase.engine.log.leftovers import channels_in, remove, remove_empty
from discobase.engine.log.lost_topics import channels_without_topics
from discobase.engine.log.marks import marks_in
from discobase.engine.log.superblock import Superblock, is_superblock
from discobase.engine.log.topic import CATALOG, part_of
from discobase.engine.log.traces import find_gone, forget
from discobase.engine.operations import LaterFormat
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import Channel, Message, NotFound, Server
from discobase.errors import (
    ConnectError,
    DatabaseEnded,
    DatabaseNotFound,
    DatabaseTakenOver,
    ServerNotFound,
    Unavailable,
)

_log = logging.getLogger(__name__)

_LOOKS = 3
"""Times that channels are looked for which somebody has made while the others were deleted: a
guess. Whoever makes some for a new generation reads the catalog after that, and stops."""


@dataclass(slots=True)
class _Database:
    """A database of this bot, as far as it can be told without opening it.

    Attributes:
        identity: the database's id; empty where only channels without topics are known.
        channels: its channels.
        catalogs: those of them that are its catalogs.
        named: those that its superblocks name, whether they are listed or not.
        first: the message id of its first superblock, of whatever format; None where there is none.
        being_deleted: whether its deletion has begun.
        taken_over: why it is another bot's by now; None where it is this one's.
        is_own: whether anything says that it is this bot's: old topics do not.
        elsewhere: the other servers that have a part of it, as its catalogs say: it has moved, or
            was to.
        generation: the newest that it is known to have; 0 where none is.
        has_left: whether it is in another server with that.
    """

    identity: str
    channels: dict[int, Channel] = field(default_factory=dict[int, Channel])
    catalogs: set[int] = field(default_factory=set[int])
    named: set[int] = field(default_factory=set[int])
    first: int | None = None
    being_deleted: bool = False
    taken_over: DatabaseEnded | None = None
    is_own: bool = False
    elsewhere: set[int] = field(default_factory=set[int])
    generation: int = 0
    has_left: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """What a server has of databases that are to be deleted."""

    server: Server
    databases: Sequence[_Database]

    @property
    def has_left(self) -> bool:
        """Whether they are in other servers by now."""
        return all(each.has_left for each in self.databases)


async def delete_database(server: Server, place: str) -> list[str]:
    """Delete the database of this bot, or finish its deletion: in all servers that it has been in.
    Some four API calls for each, one for each of its channels, and the server's settling time.

    Where several sets of channels are this bot's, the database is the one whose superblock came
    first, as for every reader; where no superblock is to be found, all of them are.

    Args:
        server: the seam.
        place: which server it is, for errors.

    Returns:
        The ids of what was deleted: one, as a rule.

    Raises:
        DatabaseNotFound: there is none.
        DatabaseTakenOver: another bot has taken it over, or claims to, and nothing was deleted.
        ServerNotFound, MissingPermission: the server that it is in now could not be reached, and
            nothing was deleted.
        Unavailable: a server could not be reached that has a part of it; the others have none any
            more.
        NotPermitted: the bot may not read a channel of it, or not delete it.
        Refused, Uncertain: it could not be deleted, or not to its end. To do it again finishes it.
    """
    channels = await persist(server, server.channels)
    doomed = _chosen(await _databases(server, channels))
    if not doomed:
        await find_gone(server, channels)
        raise DatabaseNotFound(place, "nothing was deleted")
    parts, unreached = await _parts(server, doomed)
    _require_reached(parts, unreached)
    for part in parts:
        await _require_deletable(part)
    await _delete([(part, each) for part in parts for each in part.databases], parts)
    if unreached:
        reasons = [f"server {other} ({error})" for other, error in unreached.items()]
        raise Unavailable(
            f"the database was deleted in {len(parts)} servers, and it was in others, which could "
            f"not be reached: {'; '.join(reasons)}. What there is of it in those is still there, "
            f"in channels whose topics name it: {', '.join(each.identity for each in doomed)}. "
            f"Connect to them, or delete the channels by hand"
        )
    return [each.identity for each in doomed if each.identity]


async def finish_deletions(server: Server) -> None:
    """Finish what somebody has begun to delete. As :func:`delete_database`.

    Raises:
        NotPermitted, Refused, Uncertain: it could not be done.
    """
    begun = await _databases(server, await persist(server, server.channels))
    parts, unreached = await _parts(server, [each for each in begun if each.being_deleted])
    untold = [(part, each) for part in parts for each in part.databases if not each.being_deleted]
    await _delete(untold, parts)
    for other, reason in unreached.items():
        _log.warning(
            "a part of a database that was deleted could not be reached: server %d (%s)",
            other,
            reason,
        )


async def _parts(
    server: Server, doomed: Sequence[_Database]
) -> tuple[list[_Part], dict[int, ConnectError]]:
    """Find what other servers have of databases: one catalog leads to the next.

    Returns:
        The parts, those in force first; and why others could not be reached, by their ids.
    """
    identities = {each.identity for each in doomed if each.identity}
    parts = {server.id: _Part(server, doomed)}
    unreached: dict[int, ConnectError] = {}
    ahead = [other for each in doomed for other in each.elsewhere]
    while ahead:
        other = ahead.pop()
        if other in parts or other in unreached:
            continue
        try:
            there = await server.elsewhere(other)
        except ServerNotFound as error:
            why = "a part of the database is in"
            unreached[other] = ServerNotFound(f"{other}", error.present, error.invite, why=why)
            continue
        except ConnectError as error:
            unreached[other] = error
            continue
        found = await _databases(there, await persist(there, there.channels))
        parts[other] = _Part(there, [each for each in found if each.identity in identities])
        ahead += [each for one in parts[other].databases for each in one.elsewhere]
    # Where it is told first, nobody goes on.
    return sorted(parts.values(), key=lambda part: part.has_left), unreached


def _require_reached(parts: Sequence[_Part], unreached: Mapping[int, ConnectError]) -> None:
    """See that a database which is to be deleted was followed up to where it is. What it has left
    behind leads there: without that others would go on with it, and nobody would find it by its old
    name any more. Where the deletion has begun it is finished as far as can be.

    Raises:
        ConnectError: it is where nobody could look, or beyond that; why that is.
    """
    known = [each for part in parts for each in part.databases]
    newest = max(known, key=lambda each: (each.generation, not each.has_left))
    if newest.has_left and unreached and not any(each.being_deleted for each in known):
        error = next(iter(unreached.values()))
        error.add_note(
            "Nothing was deleted. Where that server is gone for good, delete by hand what is left "
            "of the database in others: the channels whose topics name it."
        )
        raise error


async def _require_deletable(part: _Part) -> None:
    """See that this bot may delete a part.

    Raises:
        DatabaseTakenOver: it is another bot's by now.
        NotPermitted: the bot may not read it.
    """
    for each in part.databases:
        if each.taken_over is not None:
            raise each.taken_over
        # Also those that are not listed, for the bot may not view them.
        for channel in each.channels.keys() | each.named:
            with contextlib.suppress(NotFound):
                await persist(part.server, part.server.require_readable, channel)


async def _delete(untold: Sequence[tuple[_Part, _Database]], parts: Sequence[_Part]) -> None:
    """Have catalogs say what is about to be done, and delete all parts."""
    for part, each in untold:
        await _announce(part.server, each.catalogs)
    if untold:  # whoever finds a channel gone has to be able to read why
        await parts[0].server.sleep(parts[0].server.settling)
    for part in parts:
        await _remove(part.server, [each.identity for each in part.databases])


def _chosen(databases: Sequence[_Database]) -> list[_Database]:
    """Return which of this bot's sets of channels are the database, or what is left of one."""
    first = min((each.first for each in databases if each.first is not None), default=None)
    if first is None:
        return list(databases)
    return [each for each in databases if each.first == first or each.being_deleted]


async def _databases(server: Server, channels: Sequence[Channel]) -> list[_Database]:
    """Find this bot's sets of channels. An API call for each catalog; for a set without one, whose
    topics name no bot, one for each of its channels.
    """
    found: dict[str, _Database] = {}
    for channel in channels:
        if part := part_of(channel, server.author):
            each = found.setdefault(part.database, _Database(part.database))
            each.channels[channel.id] = channel
            each.is_own = each.is_own or part.bot is not None
            if part.role == CATALOG:
                each.catalogs.add(channel.id)
    async for channel, message in channels_without_topics(server, channels):
        _take_in(found, channel, message)
    by_id = {channel.id: channel for channel in channels}
    for each in found.values():
        await _read(server, each, by_id)
    return [each for each in found.values() if each.is_own]


def _take_in(found: dict[str, _Database], channel: Channel, message: Message) -> None:
    """Add a channel without a topic to the set that it is of: that of its superblock; where it has
    none, the only one that is known, for a bot has one database in a server.
    """
    block = _superblock(message)
    identity = next(iter(found), "") if block is None else block.database
    each = found.setdefault(identity, _Database(identity))
    each.channels[channel.id] = channel
    each.is_own = True
    if is_superblock(message.content):
        each.catalogs.add(channel.id)


async def _read(server: Server, each: _Database, channels: dict[int, Channel]) -> None:
    """Read what the catalogs of a set say; where it is not known whose it is, its lanes, too."""
    for catalog in list(each.catalogs):
        messages = await _messages(server, catalog)
        ended = last_word(server, messages)
        if isinstance(ended, DatabaseTakenOver):
            each.taken_over = ended
        for message in messages:
            if message.author != server.author:
                continue
            each.is_own = True
            each.being_deleted = each.being_deleted or is_deleted(server, message)
            if is_superblock(message.content):
                each.first = min(each.first or message.id, message.id)
            block = _superblock(message)
            if block is not None and block.may_stand_in(catalog, server.id):
                _take_note(server, each, block, channels)
        for _, mark in marks_in(server, messages):
            each.elsewhere |= {mark.source, mark.target} - {server.id}
    for named in each.named & channels.keys():
        each.channels[named] = channels[named]
    for channel in () if each.is_own else each.channels:
        messages = await _messages(server, channel)
        each.is_own = each.is_own or any(one.author == server.author for one in messages)


def _take_note(
    server: Server, each: _Database, block: Superblock, channels: dict[int, Channel]
) -> None:
    """Take note of what a superblock names: channels of this server, or another server."""
    has_left = block.has_left(server.id)
    if block.generation >= each.generation:
        each.generation, each.has_left = block.generation, has_left
    if has_left:
        each.elsewhere.add(block.server)
    else:
        each.named |= channels_in(block) | _of_predecessors(block, channels.values())


def _of_predecessors(block: Superblock, channels: Iterable[Channel]) -> set[int]:
    """Return the channels of a database that a bot has made whom this one has succeeded."""
    bots = [each.bot for each in block.predecessors]
    parts = [(channel.id, part_of(channel, bot)) for channel in channels for bot in bots]
    return {channel for channel, part in parts if part and part.database == block.database}


async def _messages(server: Server, channel: int) -> list[Message]:
    try:
        return await read_channel(server, channel)
    except NotFound:
        return []


def _superblock(message: Message) -> Superblock | None:
    with contextlib.suppress(LaterFormat):
        return Superblock.from_content(message.content)
    return None


async def _announce(server: Server, catalogs: Iterable[int]) -> None:
    """Have catalogs say that their database is being deleted. One API call for each."""
    for catalog in catalogs:
        with contextlib.suppress(NotFound):
            nonce = f"{base36(catalog)}.deleted"
            await persist(server, server.send, catalog, DELETED, (), nonce)


async def _remove(server: Server, identities: Collection[str]) -> None:
    """Delete the channels of databases, and their categories; the catalogs last, for nothing that
    is left after them is found again.
    """
    homes: set[int] = set()
    catalogs: list[Channel] = []
    for _ in range(_LOOKS):
        listed = await persist(server, server.channels)
        left = [each for each in await _databases(server, listed) if each.identity in identities]
        channels = [channel for each in left for channel in each.channels.values()]
        homes |= {channel.parent for channel in channels if channel.parent is not None}
        last = {catalog for each in left for catalog in each.catalogs}
        catalogs = [channel for channel in channels if channel.id in last]
        others = [channel for channel in channels if channel.id not in last]
        if not others:
            break
        await remove(server, others)
    # Channels of a category that is deleted stay, without it (channel resource, "Channel"). Once
    # the catalogs are gone, nobody knows any more whose category it was.
    last = {catalog.id for catalog in catalogs}
    empty = await remove_empty(server, homes, but_for=last)
    # What is removed after its trace is found again by its channel.
    await forget(server, last)
    await remove(server, catalogs)
    _log.info("the database of this bot was deleted, and %d categories", empty)
