"""A bundle: the commits that a generation carries on from the one before.

A new generation begins at a checkpoint, and behind a seal at a later position. What was committed
between the two goes into its channel for checkpoints: each frame as it was, so that whoever reads
them checks chain and payloads as in a lane. It is sealed as its own generation is. The keys of the
one before need not be known: of frames that were encrypted by them, the bundle says the hashes. A
bundle is one message with a file; where one cannot carry it, others with pieces come before it, and
the last one names them.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from discobase.engine.log.authors import may_tell
from discobase.engine.log.downloads import download
from discobase.engine.log.entry import Entry
from discobase.engine.log.formats import FENCE_CLOSE, FENCE_OPEN
from discobase.engine.log.frame import (
    COMPRESSION_LEVEL,
    GZIP,
    Limits,
    Malformed,
    carried_header,
    cut_into_files,
)
from discobase.engine.log.history import read_channel
from discobase.engine.log.sealed import ABSURD, seal, unseal
from discobase.engine.log.sealing import Forged, Sealing
from discobase.engine.log.superblock import Superblock, random_name, snowflake
from discobase.engine.operations import LaterFormat
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import Message, NotFound, Server
from discobase.errors import LogDamaged


@dataclass(frozen=True, slots=True)
class Carried:
    """A frame of the generation before.

    Attributes:
        entry: the frame, of a message that may be gone by now. Its text is the first line alone.
        payload: its payload, unpacked; None where it is void.
    """

    entry: Entry
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the message of a bundle says of it.

    Attributes:
        database: the database's id.
        generation: the generation that it begins.
        after: the position that it continues.
        seq: the last one that it holds.
        size: its bytes.
        packed: the bytes as they are packed, all pieces together.
        hash: of these.
        pieces: the messages with the bytes that come before those of its own.
    """

    database: str
    generation: int
    after: int
    seq: int
    size: int
    packed: int
    hash: str
    pieces: tuple[str, ...] = ()


def header_line(content: str) -> str:
    """Return the line with the header of a frame, of the text of its message."""
    return content.removeprefix(FENCE_OPEN).removesuffix(FENCE_CLOSE).partition("\n")[0]


async def write_bundle(
    server: Server, superblock: Superblock, frames: Sequence[Carried], limits: Limits
) -> int:
    """Write the bundle of a generation, and return its message. One API call for each message that
    it takes.

    Args:
        server: the seam.
        superblock: of the generation, without its base.
        frames: the frames that it carries on, in the order of their positions; the seal is the last
            of them.
        limits: what a message carries.

    Raises:
        Refused, Uncertain: it could not be written.
    """
    lines = b"".join(map(_line, frames))
    packed = gzip.compress(lines, COMPRESSION_LEVEL, mtime=0)
    first, last = frames[0].entry.header.seq, frames[-1].entry.header.seq
    sealing = superblock.sealing
    digest = sealing.hash("commits", packed)
    closed = sealing.close("commits", str(last), digest, packed)
    size = max(1, limits.payload)
    cut = [closed[start : start + size] for start in range(0, len(closed), size)]
    ticket, pieces = random_name(server), list[str]()

    async def send(content: str, stem: str, data: bytes) -> Message:
        files = cut_into_files(stem, sealing.suffix or "jsonl.gz", data, limits)
        nonce = f"bundle.{random_name(server)}"
        return await persist(server, server.send, superblock.checkpoints, content, files, nonce)

    for number, data in enumerate(cut[:-1]):
        text = seal("piece", sealing, {"ticket": ticket, "number": number})
        pieces.append(str((await send(text, f"{ticket}-{number}", data)).id))
    facts = _Facts(
        superblock.database,
        superblock.generation,
        first - 1,
        last,
        len(lines),
        len(packed),
        digest,
        tuple(pieces),
    )
    return (await send(seal("bundle", sealing, asdict(facts)), f"b{last}", cut[-1])).id


async def read_bundle(server: Server, superblock: Superblock) -> list[Carried]:
    """Read the bundle of a generation that has one, checked as far as it does not need the log. One
    API call for each message, and a download for each file.

    Raises:
        LogDamaged: it is gone, or not what was written.
        Refused, Uncertain: it could not be read.
    """
    base, channel = superblock.base, superblock.checkpoints
    if base is None or not base.bundle:
        return []
    try:
        message = await persist(server, server.message, channel, base.bundle)
        facts = _facts_in(message, server, superblock)
        messages = [
            await persist(server, server.message, channel, snowflake(piece))
            for piece in facts.pieces
        ]
        files = [await download(server, each) for each in [*messages, message]]
        closed = b"".join(file for each in files for file in each)
        return _frames_in(closed, facts, channel, superblock.sealing)
    except (NotFound, Malformed, LaterFormat) as error:
        raise LogDamaged(
            f"the commits that this generation begins with cannot be read: {error}",
            channel=channel,
            message=base.bundle,
        ) from error


async def find_bundle(server: Server, superblock: Superblock) -> tuple[int, int] | None:
    """Return the message of the bundle of a generation whose superblock does not name it, and the
    last position in it; None where there is none. The calls of reading the channel.

    Raises:
        Refused, Uncertain: it could not be read.
    """
    for message in await read_channel(server, superblock.checkpoints):
        if message.author != server.author:
            continue
        try:
            said = unseal(message.content, "bundle", superblock.sealing)
            facts = None if said is None else _facts_of(said)
        except (*ABSURD, LaterFormat):
            continue
        if facts is None or facts.database != superblock.database:
            continue
        if facts.generation == superblock.made:
            return message.id, facts.seq
    return None


def _line(frame: Carried) -> bytes:
    entry = frame.entry
    told = [str(entry.message.id), header_line(entry.message.content), entry.header.hash]
    if frame.payload is None:
        said = ["void", *told]
    else:
        said = ["frame", *told, frame.payload.decode("ascii")]
    return json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n"


def _facts_in(message: Message, server: Server, superblock: Superblock) -> _Facts:
    """Return what a message says.

    Raises:
        Malformed: it is no bundle of this generation by this bot, or by one that was succeeded.
    """
    base, before = superblock.base, superblock.predecessors
    is_believed = base is not None and may_tell(before, server.author, message.author, base.seq)
    said = unseal(message.content, "bundle", superblock.sealing) if is_believed else None
    try:
        facts = None if said is None else _facts_of(said)
    except ABSURD:
        facts = None
    if facts is None or base is None:
        raise Malformed("its text was altered, or it is by somebody else")
    named = (facts.database, superblock.made_in(facts.generation), facts.seq)
    if named != (superblock.database, True, base.seq):
        raise Malformed("it is of another generation")
    return facts


def _facts_of(said: dict[str, Any]) -> _Facts:
    """Return what a sealed text says of a bundle.

    Raises:
        ABSURD: no bundle ever said so.
    """
    texts = {name: said[name] for name in ("database", "hash")}
    counts = {name: said[name] for name in ("generation", "after", "seq", "size", "packed")}
    if not all(type(text) is str for text in texts.values()):
        raise TypeError
    if not all(type(count) is int and count >= 0 for count in counts.values()):
        raise TypeError
    return _Facts(**texts, **counts, pieces=tuple(said["pieces"]))


def _frames_in(closed: bytes, facts: _Facts, channel: int, sealing: Sealing) -> list[Carried]:
    try:
        packed = sealing.open("commits", str(facts.seq), facts.hash, closed)
    except Forged as error:
        raise Malformed(f"its bytes are not those that were written: {error}") from error
    if (len(packed), sealing.hash("commits", packed)) != (facts.packed, facts.hash):
        raise Malformed("its bytes are not those that were written")
    unpacking = zlib.decompressobj(GZIP)
    try:
        lines = unpacking.decompress(packed, facts.size + 1)
    except zlib.error as error:
        raise Malformed(f"it cannot be decompressed: {error}") from error
    if len(lines) != facts.size or not unpacking.eof:
        raise Malformed("it does not have the size that was said of it")
    frames = [_frame_of(line, channel) for line in lines.decode("ascii").splitlines()]
    if [each.entry.header.seq for each in frames] != [*range(facts.after + 1, facts.seq + 1)]:
        raise Malformed("positions are missing")
    return frames


def _frame_of(line: str, channel: int) -> Carried:
    try:
        kind, message, header, digest, *lines = _texts(json.loads(line))
        if (kind, len(lines)) not in {("frame", 1), ("void", 0)}:
            raise Malformed("a line holds no frame")
        payload = lines[0].encode("ascii") if lines else None
        read = carried_header(header, digest, payload)
        content = f"{FENCE_OPEN}{header}{FENCE_CLOSE}"
        return Carried(Entry(Message(snowflake(message), channel, 0, content), read), payload)
    except ABSURD as error:
        raise Malformed(f"a line holds no frame: {error}") from error


def _texts(value: Any) -> list[str]:
    texts: list[Any] = value
    if type(value) is not list or not all(type(each) is str for each in texts):
        raise Malformed("a line holds no frame")
    return texts
