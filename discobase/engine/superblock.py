"""What and where the database is: find the superblock of a server, or create a database there.

A database is a private category with a catalog channel, the lanes of the log, and a channel for
snapshots. The superblock, a message in the catalog, names them all by id, so they may be renamed
and moved. Creating a database is: make the channels, then write the superblock. That one message
decides: before it there is no database, after it there is.

Two writers may do so at the same moment. Each makes channels of its own and writes a superblock
into its own catalog; then each looks again, and the superblock with the lowest message id is the
database. Whoever wrote a later one has seen the earlier one by then, since it looks after writing;
it removes what it made itself, and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from discobase.engine.frame import digest, read_header
from discobase.engine.retry import persist
from discobase.engine.server import Channel, Message, Server
from discobase.errors import LogDamaged

_log = logging.getLogger(__name__)

CATEGORY = "discobase"
LANES = 4
"""Lanes of a new database: Discord takes about 5 messages in 5 s per channel, so four lanes take
about 4 commits a second."""

_FORMAT = 1
_OPEN, _CLOSE = "```json\n", "\n```"
_TOPIC = "discobase database "
_CATALOG = "catalog"
_SNAPSHOTS = "snapshots"
_ID_LENGTH = 8
_DIGITS = string.digits + string.ascii_lowercase


@dataclass(frozen=True, slots=True)
class Superblock:
    """The identity and the channels of one generation of a database."""

    database: str
    generation: int
    catalog: int
    lanes: tuple[int, ...]
    snapshots: int
    created: float

    def lane_of(self, seq: int) -> int:
        """The channel that a position lives in."""
        return self.lanes[seq % len(self.lanes)]

    def nonce_of(self, seq: int) -> str:
        """The nonce that makes a position write-once: unique over databases, generations and
        positions, at most 25 characters.

        Discord's description allows a string of 25 characters (message resource, "Create Message").
        """
        return f"{self.database}{base36(self.generation)}.{base36(seq)}"

    def to_content(self) -> str:
        """The superblock as the text of a message."""
        fields = {
            "database": self.database,
            "generation": self.generation,
            "catalog": str(self.catalog),
            "lanes": [str(lane) for lane in self.lanes],
            "snapshots": str(self.snapshots),
            "created": round(self.created, 3),
        }
        text = json.dumps(fields, separators=(",", ":"))
        seal = f'"superblock":{_FORMAT},"hash":"{digest(text.encode())}"'
        return f'{_OPEN}{{{seal},\n"is":{text}}}{_CLOSE}'

    @classmethod
    def from_content(cls, content: str) -> Superblock | None:
        """The superblock in a message's text; None where there is none, or it was altered."""
        if not (content.startswith(_OPEN) and content.endswith(_CLOSE)):
            return None
        try:
            raw = json.loads(content[len(_OPEN) : -len(_CLOSE)])
            fields = raw["is"]
            if (
                raw["superblock"] != _FORMAT
                or digest(json.dumps(fields, separators=(",", ":")).encode()) != raw["hash"]
            ):
                return None
            return cls(
                database=str(fields["database"]),
                generation=int(fields["generation"]),
                catalog=int(fields["catalog"]),
                lanes=tuple(int(lane) for lane in fields["lanes"]),
                snapshots=int(fields["snapshots"]),
                created=float(fields["created"]),
            )
        except (KeyError, TypeError, ValueError):
            return None


def base36(number: int) -> str:
    """A number in base 36, to spend few characters of a nonce."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"


async def find_or_create(server: Server, *, lanes: int = LANES) -> Superblock:
    """The database of a server, created if there is none.

    Costs 3 API calls where there is one; about 14 more to create it.

    Raises:
        LogDamaged: the server holds parts of a database, but not all.
        Refused: the bot may not read or create its channels.
    """
    present = await persist(server, server.channels)
    found = await _find(server, present)
    if found is None:
        await _refuse_headless(server, present)
        found = await _create(server, lanes)
        present = await persist(server, server.channels)
    _check_complete(found, present)
    return found


async def _find(server: Server, channels: Iterable[Channel]) -> Superblock | None:
    """The newest generation of the database that was created first."""
    catalogs = [
        channel.id
        for channel in channels
        if channel.topic.startswith(_TOPIC) and channel.name == _CATALOG
    ]
    held = await asyncio.gather(*(_superblocks(server, catalog) for catalog in catalogs))
    created = [blocks for blocks in held if blocks]
    if not created:
        return None
    blocks = [block for _, block in min(created, key=lambda blocks: blocks[0][0])]
    newest = max(block.generation for block in blocks)
    return next(block for block in blocks if block.generation == newest)


async def _superblocks(server: Server, catalog: int) -> list[tuple[int, Superblock]]:
    """Every superblock of a catalog, by message id, ascending."""
    found: list[tuple[int, Superblock]] = []
    after = 0
    while True:
        page = await persist(server, server.history, catalog, after=after)
        found += [
            (message.id, block)
            for message in page
            if message.author == server.author
            and (block := Superblock.from_content(message.content))
        ]
        if not page:
            return found
        after = page[-1].id


async def _create(server: Server, lanes: int) -> Superblock:
    identity = "".join(_DIGITS[int(server.random() * 36)] for _ in range(_ID_LENGTH))
    made: list[Channel] = []

    async def channel(name: str) -> Channel:
        created = await persist(
            server,
            server.create_channel,
            name,
            parent=category.id,
            topic=f"{_TOPIC}{identity} {name}",
        )
        made.append(created)
        return created

    category = await persist(server, server.create_category, CATEGORY)
    catalog = await channel(_CATALOG)
    numbered = [await channel(f"log-{number}") for number in range(lanes)]
    snapshots = await channel(_SNAPSHOTS)
    mine = Superblock(
        database=identity,
        generation=1,
        catalog=catalog.id,
        lanes=tuple(lane.id for lane in numbered),
        snapshots=snapshots.id,
        created=server.now(),
    )
    await persist(server, server.send, catalog.id, mine.to_content(), (), f"{identity}.superblock")
    found = await _find(server, await persist(server, server.channels))
    if found is None:
        raise LogDamaged("the superblock that was just written cannot be read", channel=catalog.id)
    if found.database != mine.database:
        _log.info("another writer created the database first: removing the channels made here")
        await _remove(server, [*made, category])
    return found


async def _remove(server: Server, channels: Sequence[Channel]) -> None:
    for channel in channels:
        await persist(server, server.delete_channel, channel.id)


async def _refuse_headless(server: Server, channels: Iterable[Channel]) -> None:
    """Refuse to create a database beside a log whose catalog is gone: its data would seem lost."""
    for lane in channels:
        if not (lane.topic.startswith(_TOPIC) and lane.name.startswith("log-")):
            continue
        first = await persist(server, server.history, lane.id, after=0, limit=1)
        if any(_starts_a_log(server, message) for message in first):
            raise LogDamaged(
                f"the channel {lane.name!r} holds a log, but the catalog that describes its "
                f"database is gone; a new database is not created beside it. Delete the category "
                f"{CATEGORY!r} if the data is not wanted",
                channel=lane.id,
            )


def _starts_a_log(server: Server, message: Message) -> bool:
    return message.author == server.author and read_header(message.content) is not None


def _check_complete(superblock: Superblock, channels: Iterable[Channel]) -> None:
    present = {channel.id for channel in channels}
    for number, lane in enumerate(superblock.lanes):
        if lane not in present:
            raise LogDamaged(
                f"the lane log-{number} of the database has been deleted, with all it held",
                channel=lane,
            )
