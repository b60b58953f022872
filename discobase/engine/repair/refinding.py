"""A database whose superblock is gone, put together again of what its channels say of themselves.

Each topic tells database, role and ticket, each frame its position, so the number of lanes can be
proved, and the oldest checkpoint of a later generation tells with the bundle what that begins
behind. What nothing tells any more is not guessed at: how an encrypted database is encrypted, which
bots have written a database that was taken over, and where a lane is that is gone as well.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from discobase.engine.checkpoints.bundle import find_bundle, read_bundle
from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.packing import unpack
from discobase.engine.checkpoints.store import CheckpointDamaged, CheckpointStore, Stored
from discobase.engine.log.catalogs import GIVEN_UP, View, look, look_until_settled
from discobase.engine.log.frame import Limits, Malformed, is_frame, read_header
from discobase.engine.log.history import read_channel
from discobase.engine.log.last_words import last_word
from discobase.engine.log.marks import marks_in
from discobase.engine.log.superblock import Base, Superblock, random_name
from discobase.engine.log.topic import CATALOG, CHECKPOINTS, LOG, Part, part_of, topic_of
from discobase.engine.log.traces import find_gone, forget, forget_gone, leave
from discobase.engine.operations import LaterFormat
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import Channel, Server, Trace, time_of
from discobase.errors import LogDamaged
from discobase.key import Key


class CannotTell(Exception):
    """Why nobody can say any more what the superblock said."""


@dataclass(frozen=True, slots=True)
class Refound:
    """A database without a superblock.

    Attributes:
        superblock: what it said, as far as it matters; its catalog is 0 where that is gone, too.
        parent: the category of its lanes; 0 for none.
        traces: those of catalogs that are gone.
    """

    superblock: Superblock
    parent: int
    traces: tuple[Trace, ...] = ()


async def refind(server: Server, limits: Limits, key: Key | None) -> Refound:
    """Find the database that has lost its superblock, and change nothing. The calls of reading all
    of its lanes once.

    Args:
        server: the seam.
        limits: what a message carries.
        key: the key that the database is encrypted by; None for none.

    Raises:
        CannotTell: it cannot be said what the superblock said.
        Refused, Uncertain: something could not be read.
    """
    if key is not None:
        raise CannotTell("how it is encrypted stood there, and nowhere else")
    view = await look(server)
    parts = _parts(server, view)
    catalog = _catalog(server, view, parts)
    traces = () if catalog else await _traces(server, view)
    lanes = _numbered([each for each in parts if each[1].role.startswith(LOG)])
    checkpoints = [each for each in parts if each[1].role.startswith(CHECKPOINTS)]
    if len(checkpoints) != 1:
        raise CannotTell(f"there are {len(checkpoints)} channels of checkpoints")
    block = Superblock(
        database=parts[0][1].database,
        generation=1,
        catalog=catalog,
        lanes=tuple(lane.id for lane in lanes),
        checkpoints=checkpoints[0][0].id,
        created=round(time_of(min(lane.id for lane in lanes)), 3),
        ticket=checkpoints[0][1].ticket,
    )
    await _prove(server, block)
    stored = (await CheckpointStore(server, _any_generation(block), limits).list()).stored
    block = await _dated(server, block, limits, stored)
    return Refound(block, lanes[0].parent or 0, tuple(traces))


def _parts(server: Server, view: View) -> list[tuple[Channel, Part]]:
    """Return the channels of the one database that there is, with what their topics say."""
    found = [
        (channel, part)
        for channel in view.channels
        if (part := part_of(channel, server.author)) and part.bot is not None
    ]
    if view.held or view.ended is not None or not found:
        raise CannotTell("there is another superblock, or no channel of a database")
    databases = {part.database for _, part in found}
    tickets = {part.ticket for _, part in found if part.role != CATALOG}
    if len(databases) != 1 or len(tickets) != 1:
        raise CannotTell(
            "there are channels of several databases or generations, and nothing tells which of "
            "them is in force"
        )
    return found


def _catalog(server: Server, view: View, parts: Sequence[tuple[Channel, Part]]) -> int:
    """Return the catalog; 0 where it is gone."""
    catalogs = sorted(channel.id for channel, part in parts if part.role == CATALOG)
    for catalog in catalogs:
        messages = view.read.get(catalog, ())
        own = [message for message in messages if message.author == server.author]
        if last_word(server, messages) or [*marks_in(server, messages)]:
            raise CannotTell("its catalog says that it has ended, was taken over or may have moved")
        if any(message.content == GIVEN_UP for message in own):
            raise CannotTell("its catalog says that no superblock in it counts")
    return catalogs[0] if catalogs else 0


async def _traces(server: Server, view: View) -> Sequence[Trace]:
    """Return the traces of catalogs that are gone: where there is none, the catalog may only be
    hidden, and would count again when it is seen.
    """
    gone = await find_gone(server, view.channels)
    if not gone:
        raise CannotTell(
            "no trace tells whether its catalog was deleted, or is only hidden from the bot; if "
            "the bot may not view it, allow that, and connect"
        )
    return gone


def _numbered(found: Sequence[tuple[Channel, Part]]) -> list[Channel]:
    """Return the lanes in their order."""
    named = {part.role.partition(" ")[0]: channel for channel, part in found}
    wanted = [f"{LOG}{number}" for number in range(len(found))]
    if not found or sorted(named) != sorted(wanted):
        raise CannotTell(f"of its lanes only {sorted(named)} are there")
    return [named[name] for name in wanted]


async def _prove(server: Server, block: Superblock) -> None:
    """See that each frame stands in its lane, and that all are by this bot, and plain."""
    count = 0
    for lane in block.lanes:
        for message in await read_channel(server, lane):
            if not is_frame(message.content):
                continue
            if message.author != server.author:
                raise CannotTell(f"commits of the bot {message.author} are among its own")
            try:
                header = read_header(message.content)
            except LaterFormat as later:
                raise CannotTell(f"it is encrypted, or of a later version: {later}") from later
            except Malformed:
                continue
            if header is not None and block.lane_of(header.seq) != lane:
                raise CannotTell(
                    f"position {header.seq} is not where it would be with {len(block.lanes)} "
                    f"lanes: some of them are gone"
                )
            count += header is not None
    if not count and not block.ticket:
        raise CannotTell("nothing was ever written to it")


def _any_generation(block: Superblock) -> Superblock:
    """Return a superblock by which the checkpoints of all generations in these channels count."""
    return replace(block, generation=36**8 - 1)


async def _dated(
    server: Server, block: Superblock, limits: Limits, stored: Sequence[Stored]
) -> Superblock:
    """Return the superblock with its generation, and what that begins behind."""
    if not block.ticket:
        number = max((each.manifest.generation for each in stored), default=1)
        return replace(block, generation=number, made=1 if number > 1 else 0)
    if not stored:
        raise CannotTell("no checkpoint is left with which its log could begin")
    first = min(stored, key=lambda each: each.message.id)
    made = first.manifest.generation
    block = replace(
        block,
        generation=max(each.manifest.generation for each in stored),
        made=made,
        base=Base(first.manifest.seq, first.manifest.chain, first.message.id, 0, 0),
    )
    return await _behind(server, block, limits, first)


async def _behind(server: Server, block: Superblock, limits: Limits, first: Stored) -> Superblock:
    """Return a superblock whose base is behind the bundle, where there is one."""
    store = CheckpointStore(server, block, limits)
    try:
        lines = unpack(await store.read(first), first.manifest)
        volume = await server.aside(lambda: _volume_in(b"".join(lines)))
        bundle = await find_bundle(server, block)
        if bundle is None:
            seq, chain, message, size = *_end_of(first.manifest), 0, 0
        else:
            message, seq = bundle
            named = replace(block, base=Base(seq, "", first.message.id, message, 0))
            frames = await read_bundle(server, named)
            chain = [each.entry.header.hash for each in frames if each.payload is not None][-1]
            size = sum(each.entry.header.size for each in frames if each.payload is not None)
    except (CheckpointDamaged, LogDamaged, LookupError) as error:
        raise CannotTell(f"what its log begins with is damaged: {error}") from error
    return replace(block, base=Base(seq, chain, first.message.id, message, volume + size))


def _end_of(manifest: Manifest) -> tuple[int, str]:
    return manifest.seq, manifest.chain


def _volume_in(lines: bytes) -> int:
    """Return the bytes of the log up to a state."""
    line = next(each for each in lines.splitlines() if each.startswith(b'["volume",'))
    return int(json.loads(line)[1])


async def write_again(server: Server, refound: Refound) -> Superblock:
    """Write the superblock, and return the one that counts. Three API calls, and the server's
    settling time; some four more where the catalog is gone.

    Raises:
        Refused, Uncertain: it may count, or not.
    """
    block, made = refound.superblock, 0
    if not block.catalog:
        topic = topic_of(Part(server.author, block.database, CATALOG))
        channel = await persist(
            server, server.create_channel, CATALOG, parent=refound.parent, topic=topic
        )
        made = channel.id
        block = replace(block, catalog=made)
        await leave(server, made)
    nonce = f"{block.database}.again.{random_name(server)}"
    sent = await persist(server, server.send, block.catalog, block.to_content(), (), nonce)
    await server.sleep(server.settling)
    counting = (await look_until_settled(server, sent.id)).chosen
    if counting is None:
        raise LogDamaged("the superblock that was just written is gone again", channel=made or None)
    if made and counting.catalog != made:
        await forget(server, {made})
        await persist(server, server.delete_channel, made)
    await forget_gone(server, refound.traces)
    return counting
