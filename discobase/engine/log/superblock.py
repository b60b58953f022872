"""What and where the database is: find the superblock of a server, or create a database there.

A database is a private category with a catalog channel, the lanes of the log, and a channel for
checkpoints. The superblock, a message in the catalog, names them all by id, so they may be renamed
and moved. Creating a database is: make the channels, then write the superblock. That one message
decides: before it there is no database, after it there is.

Two writers may do so at the same moment. Each makes channels of its own and writes a superblock
into its own catalog; then each looks again, and the superblock with the lowest message id is the
database. Whoever wrote a later one has seen the earlier one by then, since it looks after writing;
it removes what it made itself, and nothing else. Nobody takes what is found for the database before
having looked, after that, at every other catalog too: the earlier superblock may stand in one of
them. Roles are told from the channels' topics, so all of them may be renamed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from discobase.engine.log.formats import FENCE_CLOSE, FENCE_OPEN, mark, refuse_later
from discobase.engine.log.frame import hash_of, is_frame
from discobase.engine.operations import LaterFormat
from discobase.engine.server.retry import pause, persist
from discobase.engine.server.seam import Channel, Message, NotFound, Refused, Server, snowflake_at
from discobase.errors import LogDamaged, UpgradeNeeded

_log = logging.getLogger(__name__)

CATEGORY = "discobase"
LANES = 4
"""Lanes of a new database: Discord takes about 5 messages in 5 s per channel (observed; docs#5646),
so four lanes take about 4 commits a second. More of them would take more, at a call each whenever
the lanes are read."""

_FORMAT = 1
_MARK = mark("superblock")
_TOPIC = "discobase database "
_CATALOG = "catalog"
_LOG = "log-"
_CHECKPOINTS = "checkpoints"
_EARLIER_CHECKPOINTS = "snapshots"
"""How superblocks called the channel before the name was settled."""

_SETTLING = 1.0
"""Seconds within which a message that was written can be read by everybody: a guess, above what has
been seen of Discord's history."""

_YOUTH = 600.0
"""Seconds for which another writer may still be creating the same database: many times what it
takes under Discord's limits (some 15 calls), clocks that are off by minutes included. A guess."""

_ID_LENGTH = 8
"""Characters of a database's id: 36**8 ids, and 17 of a nonce's 25 characters are left."""

_DIGITS = string.digits + string.ascii_lowercase


@dataclass(frozen=True, slots=True)
class Superblock:
    """The identity and the channels of one generation of a database."""

    database: str
    generation: int
    catalog: int
    lanes: tuple[int, ...]
    checkpoints: int
    created: float

    def lane_of(self, seq: int) -> int:
        """Return the channel that a position lives in."""
        return self.lanes[seq % len(self.lanes)]

    def nonce_of(self, seq: int) -> str:
        """Return the nonce that makes a position write-once: unique over databases, generations
        and positions, at most 25 characters.

        Discord's description allows a string of 25 characters (message resource, "Create Message").
        """
        return f"{self.database}{base36(self.generation)}.{base36(seq)}"

    @property
    def names(self) -> dict[int, str]:
        """What the channels are in the database that it cannot be read without, by id."""
        lanes = {lane: f"lane {_LOG}{number}" for number, lane in enumerate(self.lanes)}
        return {self.catalog: _CATALOG, **lanes}

    def to_content(self) -> str:
        """Write the superblock as the text of a message."""
        fields = {
            "database": self.database,
            "generation": self.generation,
            "catalog": str(self.catalog),
            "lanes": [str(lane) for lane in self.lanes],
            "checkpoints": str(self.checkpoints),
            "created": round(self.created, 3),
        }
        text = json.dumps(fields, separators=(",", ":"))
        seal = f'"superblock":{_FORMAT},"hash":"{hash_of(text.encode())}"'
        return f'{FENCE_OPEN}{{{seal},\n"is":{text}}}{FENCE_CLOSE}'

    @classmethod
    def from_content(cls, content: str) -> Superblock | None:
        """Read the superblock in a message's text; None where there is none, or it was altered.

        Raises:
            LaterFormat: it is a superblock that this version cannot read.
        """
        if not content.startswith(_MARK):
            return None
        refuse_later(content, "superblock", _FORMAT)
        try:
            raw = json.loads(content.removeprefix(FENCE_OPEN).removesuffix(FENCE_CLOSE))
            fields = raw["is"]
            sealed = json.dumps(fields, separators=(",", ":")).encode()
            if raw["superblock"] != _FORMAT or hash_of(sealed) != raw["hash"]:
                return None
            return cls(
                database=str(fields["database"]),
                generation=int(fields["generation"]),
                catalog=int(fields["catalog"]),
                lanes=tuple(int(lane) for lane in fields["lanes"]),
                checkpoints=int(fields.get("checkpoints") or fields[_EARLIER_CHECKPOINTS]),
                created=float(fields["created"]),
            )
        except (KeyError, TypeError, ValueError):
            return None


def base36(number: int) -> str:
    """Write a number in base 36, to spend few characters of a nonce."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"


async def find_or_create(server: Server, *, lanes: int = LANES) -> Superblock:
    """Find the database of a server, or create it if there is none.

    Costs 4 API calls where there is one; about 15 more to create it.

    Raises:
        LogDamaged: the server holds parts of a database, but not all.
        UpgradeNeeded: its database was written by a later version.
        Refused: the bot may not read or create its channels.
    """
    present = await persist(server, server.channels)
    await _require_readable(server, present)
    found = await _find(server, present)
    if found is None and (lane := await _log_without_catalog(server, present)):
        # Or another writer has created the database since the first look.
        found = await _find(server, await persist(server, server.channels))
        if found is None:
            raise _headless(lane)
    if found is None:
        found = await _create(server, lanes)
    superblock, channels = found
    listed = {channel.id for channel in channels}
    unlisted = [lane for lane in superblock.lanes if lane not in listed]
    await require_present(server, superblock, unlisted)
    return superblock


async def _require_readable(server: Server, channels: Iterable[Channel]) -> None:
    """See that every channel of a database may be read: one that may not looks empty, and a new
    database would be created beside it.

    Raises:
        NotPermitted: one of them may not.
    """
    for channel in channels:
        if _role(channel):
            # Gone since the channels were listed: another writer removes what it has made.
            with contextlib.suppress(NotFound):
                await persist(server, server.require_readable, channel.id)


_Held = dict[int, list[tuple[int, Superblock]]]
"""The superblocks of each catalog that holds any, with their message ids, ascending."""


async def _find(
    server: Server, channels: Sequence[Channel], held: _Held | None = None
) -> tuple[Superblock, Sequence[Channel]] | None:
    """Find the newest generation of the database that was created first, and the server's channels.

    Args:
        server: the seam.
        channels: the server's channels, as they were a moment ago.
        held: superblocks that are known to be there.
    """
    held = held or {}
    began, attempt = server.monotonic(), 0
    while True:
        before, waited = len(held), server.monotonic() - began > _SETTLING
        others = [catalog for catalog in _catalogs(channels) if catalog not in held]
        blocks = await asyncio.gather(*(_superblocks(server, catalog) for catalog in others))
        held |= {catalog: found for catalog, found in zip(others, blocks, strict=True) if found}
        if not held:
            return None
        channels = await persist(server, server.channels)
        looked_again = len(held) == before
        settled = looked_again and (waited or not _is_young(server, held))
        if settled or set(_catalogs(channels)) <= set(held):
            return _created_first(held), channels
        if looked_again:
            await server.sleep(pause(server, attempt))
            attempt += 1


def _catalogs(channels: Iterable[Channel]) -> list[int]:
    return [channel.id for channel in channels if _role(channel) == _CATALOG]


def _role(channel: Channel) -> str:
    """Return what a channel is in a database, as its topic says; empty where it is in none."""
    if not channel.topic.startswith(_TOPIC):
        return ""
    return channel.topic[len(_TOPIC) :].partition(" ")[2]


def _is_young(server: Server, held: _Held) -> bool:
    """Return whether a database was created so short a while ago that others may have been at it
    too.
    """
    first = min(blocks[0][0] for blocks in held.values())
    return first > snowflake_at(server.now() - _YOUTH)


def _created_first(held: _Held) -> Superblock:
    blocks = [block for _, block in min(held.values(), key=lambda blocks: blocks[0][0])]
    return max(reversed(blocks), key=lambda block: block.generation)


async def _superblocks(server: Server, catalog: int) -> list[tuple[int, Superblock]]:
    """Read every superblock of a catalog, by message id, ascending; none where it is gone."""
    found: list[tuple[int, Superblock]] = []
    after = 0
    while True:
        try:
            page = await persist(server, server.history, catalog, after=after)
        except NotFound:
            return []
        found += [
            (message.id, block)
            for message in page
            if message.author == server.author and (block := _superblock(message))
        ]
        if not page:
            return found
        after = page[-1].id


def _superblock(message: Message) -> Superblock | None:
    try:
        return Superblock.from_content(message.content)
    except LaterFormat as later:
        raise UpgradeNeeded(
            later.what, later.needs, channel=message.channel, message=message.id
        ) from None


async def _create(server: Server, lanes: int) -> tuple[Superblock, Sequence[Channel]]:
    identity = "".join(_DIGITS[int(server.random() * 36)] for _ in range(_ID_LENGTH))
    category = await persist(server, server.create_category, CATEGORY)
    made: list[Channel] = []
    try:
        for role in (_CATALOG, *(f"{_LOG}{number}" for number in range(lanes)), _CHECKPOINTS):
            topic = f"{_TOPIC}{identity} {role}"
            made.append(
                await persist(server, server.create_channel, role, parent=category.id, topic=topic)
            )
    except Refused:
        await _remove(server, [*made, category])
        raise
    catalog, *numbered, checkpoints = (channel.id for channel in made)
    mine = Superblock(
        database=identity,
        generation=1,
        catalog=catalog,
        lanes=tuple(numbered),
        checkpoints=checkpoints,
        created=round(server.now(), 3),
    )
    sent = await persist(
        server, server.send, catalog, mine.to_content(), (), f"{identity}.superblock"
    )
    # It may stand there twice, for want of an answer: the first one counts for others, too.
    written = sorted({(sent.id, mine), *await _superblocks(server, catalog)}, key=lambda at: at[0])
    present = await persist(server, server.channels)
    found = await _find(server, present, {catalog: written})
    assert found is not None, "a superblock that is known is found"
    superblock, channels = found
    # All that was made here bears this identity: also what was made twice, for want of an answer.
    own = [channel for channel in channels if channel.topic.startswith(f"{_TOPIC}{identity} ")]
    if superblock.database == identity:
        kept = {superblock.catalog, *superblock.lanes, superblock.checkpoints}
        await _remove(server, [channel for channel in own if channel.id not in kept])
    else:
        _log.info("another writer created the database first: removing the channels made here")
        await _remove(server, [*own, category])
    return superblock, channels


async def _remove(server: Server, channels: Iterable[Channel]) -> None:
    for channel in channels:
        # Gone already, if an earlier try had its effect and no answer.
        with contextlib.suppress(NotFound):
            await persist(server, server.delete_channel, channel.id)


async def _log_without_catalog(server: Server, channels: Iterable[Channel]) -> Channel | None:
    """Find a lane with frames in it, where no catalog says what database it belongs to."""
    for lane in channels:
        if not _role(lane).startswith(_LOG):
            continue
        with contextlib.suppress(NotFound):
            if await _holds_frames(server, lane):
                return lane
    return None


async def _holds_frames(server: Server, lane: Channel) -> bool:
    """Return whether there is a frame in a lane. Others may have written into it first."""
    after = 0
    while page := await persist(server, server.history, lane.id, after=after):
        if any(_is_frame(server, message) for message in page):
            return True
        after = page[-1].id
    return False


def _headless(lane: Channel) -> LogDamaged:
    return LogDamaged(
        f"the channel {lane.name!r} holds a log, but the catalog that describes its database is "
        f"gone, or may not be seen by the bot; a new database is not created beside it, for its "
        f"data would seem lost. Delete the category {CATEGORY!r} if the data is not wanted",
        channel=lane.id,
    )


def _is_frame(server: Server, message: Message) -> bool:
    return message.author == server.author and is_frame(message.content)


async def require_present(server: Server, superblock: Superblock, channels: Iterable[int]) -> None:
    """See that channels of a database are there and may be read.

    Raises:
        LogDamaged: one of them has been deleted.
        NotPermitted: the bot may not read one of them.
    """
    for channel in channels:
        try:
            await persist(server, server.require_readable, channel)
        except NotFound as error:
            raise deleted(superblock, channel) from error


def deleted(superblock: Superblock, channel: int) -> LogDamaged:
    """Return the error for a channel of the database that is gone."""
    return LogDamaged(
        f"the {superblock.names[channel]} of the database has been deleted, with all it held",
        channel=channel,
    )
