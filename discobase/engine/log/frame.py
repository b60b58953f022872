"""One commit, one message: how a frame is encoded, decoded and verified.

The text of the message is a fenced block. Its first line is the header, a JSON object::

    {"discobase":1,"seq":7,"prev":"...","writer":"...","time":1790000000.0,"ops":2,"hash":"...","enc":"inline","size":93}

Short payloads follow in the same block, one operation a line. Longer ones hang on the message as
attachments: ``c7.jsonl``, or ``c7.jsonl.gz`` where compression halves it, cut into ``c7.0.jsonl``,
``c7.1.jsonl`` ... where one file may not be so large.

``hash`` is taken over the payload before compression (where the database is encrypted, over more:
:mod:`discobase.engine.log.sealing`), and ``prev`` is the chain that the frame
continues: the hash of the header line of the frame before. The header holds the payload's hash, so
the chain covers every byte of the log (invariant I4). A commit is never spread over two messages,
so it is there whole or not at all (invariant I5).

``behind``, which may be missing, is for writers that have several frames in flight: it says behind
how many frames of its own, not settled yet, this one is chained. If one of them loses its position
to another writer, those behind it are void. A frame without it always fits the one below it.
``needs``, which may be missing too, names the version of discobase that can read the frame, where
an older one can not (:mod:`discobase.engine.log.formats`).

Everything is ASCII, starts and ends with a back-tick fence, and no back-tick occurs inside: Discord
trims messages, and may normalise text that is not plain (see
``docs/explanations/architecture.md``).
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from discobase.engine.log.formats import FENCE_CLOSE, FENCE_OPEN, mark, refuse_later
from discobase.engine.log.sealing import PLAIN, Encrypted, Forged, Sealing
from discobase.engine.operations import (
    LARGEST_PK,
    LaterFormat,
    Operation,
    from_line,
    to_line,
    version_for,
)
from discobase.engine.server.seam import Upload
from discobase.errors import RecordTooLarge

UNPACKED = 64 * 1024 * 1024
"""Bytes of a payload before compression, at the most: a reader has to hold all of them at once, and
the operations in them, in some ten times as much memory. A guess: 1.3 million small records."""

GZIP = 16 + zlib.MAX_WBITS
"""For zlib: with gzip's own header (its manual, "inflateInit2")."""

GENESIS = "0" * 32
"""The chain that the first frame of a log continues."""

_MARK = mark("discobase")

COMPRESSION_LEVEL = 6
"""zlib's own default. Of records, level 9 saves 6 % more and takes six times as long (measured)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a message carries, in bytes.

    Discord has moved the size of one file from 8 to 25 to 10 MiB, and it grows with a server's
    boosts: a setting, never a part of the format. A whole request may have 25 MiB (message
    resource, "Create Message"); some of it is the form around the files. A message has at most
    2,000 characters and 10 files (the same page).
    """

    inline: int = 1_900
    attachment: int = 10 * 1024 * 1024
    message: int = 24 * 1024 * 1024
    files: int = 10

    @property
    def payload(self) -> int:
        """The bytes that the attachments of one message hold together."""
        whole = min(self.files, self.message // self.attachment)
        return max(whole * self.attachment, min(self.attachment, self.message))


class Malformed(ValueError):
    """A frame that is not what its header, or its hash, says."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a frame.

    Attributes:
        seq: the position of the commit.
        chain: what the frame continues: the hash of the last frame that counts below it.
        writer: who proposed it.
        time: when, in seconds since 1970.
        operations: how many there are.
        payload_hash: the hash of the payload, before compression.
        encoding: where and how the payload is kept.
        size: the bytes of the payload, before compression.
        hash: the hash of the header line itself, which the next frame continues.
        behind: behind how many frames of its own, not settled yet, the frame is chained.
        needs: the version of discobase that is needed to read it, where it says so.
    """

    seq: int
    chain: str
    writer: str
    time: float
    operations: int
    payload_hash: str
    encoding: str
    size: int
    hash: str
    behind: int = 0
    needs: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A frame ready to be sent: its header, the text of its message, and the files that go with
    it.
    """

    header: Header
    content: str
    uploads: tuple[Upload, ...]


def encode(
    operations: Sequence[Operation],
    *,
    seq: int,
    chain: str,
    writer: str,
    time: float,
    limits: Limits,
    sealing: Sealing = PLAIN,
) -> Draft:
    """Make the frame of a commit.

    Args:
        operations: what the commit does, in order.
        seq: its position.
        chain: the hash of the last applied frame, :data:`GENESIS` before the first.
        writer: who proposes it.
        time: when, in seconds since 1970.
        limits: what a message carries.
        sealing: how it is sealed.

    Raises:
        RecordTooLarge: one message cannot carry it, or one frame.
    """
    lines = [to_line(operation) for operation in operations]
    unpacked = sum(map(len, lines)) + len(lines) - 1
    if unpacked > UNPACKED:
        raise RecordTooLarge(unpacked, UNPACKED, compressed=False)
    payload = "\n".join(lines).encode("ascii")
    whole = Header(
        seq,
        chain,
        writer,
        round(time, 3),
        len(lines),
        "",
        "inline",
        len(payload),
        "",
        needs=version_for(operations),
    )
    if len(payload) < limits.inline:
        header, line, closed = _sealed(whole, payload, payload, sealing)
        content = f"{FENCE_OPEN}{line}\n{sealing.to_text(closed)}{FENCE_CLOSE}"
        if len(content) <= limits.inline:
            return Draft(header, content, ())
    encoding, stored = _shrink(payload, limits, sealing.overhead)
    header, line, closed = _sealed(replace(whole, encoding=encoding), payload, stored, sealing)
    files = cut_into_files(f"c{seq}", sealing.suffix or encoding, closed, limits)
    return Draft(header, f"{FENCE_OPEN}{line}{FENCE_CLOSE}", files)


def _sealed(
    header: Header, payload: bytes, stored: bytes, sealing: Sealing
) -> tuple[Header, str, bytes]:
    """Seal a frame: its header with its hashes, its header line, and its payload as it is kept."""
    hash_ = sealing.payload_hash(_line(header, sealing.number), payload, stored)
    header = replace(header, payload_hash=hash_)
    line = _line(header, sealing.number)
    closed = sealing.close("payload", line, hash_, stored)
    return replace(header, hash=_chained(line, sealing)), line, closed


def _line(header: Header, number: int) -> str:
    """Write the line of a header."""
    fields = {
        "discobase": number,
        "seq": header.seq,
        "prev": header.chain,
        "writer": header.writer,
        "time": header.time,
        "ops": header.operations,
        "hash": header.payload_hash,
        "enc": header.encoding,
        "size": header.size,
    } | ({} if header.needs is None else {"needs": header.needs})
    return json.dumps(fields, separators=(",", ":"))


def _chained(line: str, sealing: Sealing) -> str:
    """Return the hash of a header line, which the next frame continues."""
    return sealing.hash("frame", line.encode("utf-8", "surrogatepass"))[:32]


def is_frame(content: str) -> bool:
    """Return whether a message's text claims to be a frame, of whatever format."""
    return content.startswith(_MARK)


def read_header(content: str, sealing: Sealing = PLAIN) -> Header | None:
    """Read the header of the frame in a message's text; None where the text is no frame.

    Args:
        content: the text.
        sealing: how the log's frames are sealed.

    Raises:
        LaterFormat: it is a frame that this version cannot read.
        Malformed: it claims to be a frame, but cannot be read as one.
    """
    if not is_frame(content):
        return None
    refuse_later(content, "discobase", sealing.number)
    if not content.endswith(FENCE_CLOSE):
        raise Malformed("the fenced block is not closed")
    line, _ = _parts(content)
    return _header(line, sealing.number, _chained(line, sealing))


def _parts(content: str) -> tuple[str, str]:
    """Return the header line of a frame, and what stands below it."""
    line, _, below = content[len(FENCE_OPEN) : -len(FENCE_CLOSE)].partition("\n")
    return line, below


def carried_header(line: str, hash_: str, payload: bytes | None) -> Header:
    """Read the header line of a frame that was carried on from another generation, whose key need
    not be known: a frame that was not encrypted is checked as ever, and of others the hash is
    believed, by what seals the bundle that they are in.

    Args:
        line: the line.
        hash_: its hash.
        payload: the payload; None where the frame is void.

    Raises:
        LaterFormat: it is a frame that this version cannot read.
        Malformed: it is none, or not the one that was written.
    """
    content = f"{FENCE_OPEN}{line}"
    if not is_frame(content):
        raise Malformed("it is no frame")
    refuse_later(content, "discobase", Encrypted.number)
    is_plain = content.startswith(f"{_MARK}{PLAIN.number},")
    header = _header(line, PLAIN.number if is_plain else Encrypted.number, hash_)
    if is_plain and hash_ != _chained(line, PLAIN):
        raise Malformed("its header line does not have the hash that is said of it")
    if payload is None:
        return header
    is_whole = not is_plain or PLAIN.payload_hash("", payload, payload) == header.payload_hash
    if len(payload) != header.size or not is_whole:
        raise Malformed("the payload does not have the hash that its header gives")
    return header


def check_files(header: Header, sizes: Iterable[int], sealing: Sealing = PLAIN) -> None:
    """Refuse the attachments of a frame before they are downloaded, if they are more than its
    payload can come to.

    Args:
        header: the frame's.
        sizes: how many bytes Discord says that each attachment has.
        sealing: how it is sealed.

    Raises:
        Malformed: they are too large.
    """
    if (size := sum(sizes)) > _largest_packed(header.size) + sealing.overhead:
        raise Malformed(f"{size:,} bytes of attachments, for a payload of {header.size:,}")


def _largest_packed(size: int) -> int:
    """Return what gzip makes of so many bytes where it cannot make them fewer (zlib's
    ``compressBound``, and 18 bytes around it).
    """
    return size + (size >> 12) + (size >> 14) + (size >> 25) + 13 + 18


def read_payload(
    header: Header, content: str, files: Sequence[bytes], sealing: Sealing = PLAIN
) -> bytes:
    """Return the payload of a frame, checked against its header's hash and size.

    Args:
        header: the frame's.
        content: the text of its message.
        files: what hangs on the message, in order.
        sealing: how it is sealed.

    Raises:
        LaterFormat: it is kept in a way that this version does not know.
        Malformed: the payload is not the one that was written.
    """
    line, below = _parts(content)
    try:
        inline = header.encoding == "inline"
        closed = sealing.from_text(below) if inline else b"".join(files)
        stored = sealing.open("payload", line, header.payload_hash, closed)
    except Forged as error:
        raise Malformed(f"the payload is not what was written: {error}") from error
    payload = _unpack(header, stored)
    unhashed = line.replace(f'"hash":"{header.payload_hash}"', '"hash":""', 1)
    hash_ = sealing.payload_hash(unhashed, payload, stored)
    if len(payload) != header.size or hash_ != header.payload_hash:
        raise Malformed("the payload does not have the hash that its header gives")
    return payload


def read_operations(header: Header, payload: bytes) -> list[Operation]:
    """Read the operations of a checked payload, in order, without those that may be skipped.

    Raises:
        LaterFormat: there is an operation that this version does not know.
        Malformed: a line holds no operation, or their number is not what the header says.
    """
    try:
        lines = [line for line in payload.decode("ascii").split("\n") if line]
        operations = [found for line in lines if (found := from_line(line)) is not None]
    except LaterFormat as later:
        raise LaterFormat(later.what, later.needs or header.needs) from None
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise Malformed(str(error)) from error
    if len(lines) != header.operations:
        raise Malformed(f"{len(lines)} operations, where the header says {header.operations}")
    return operations


def _header(line: str, number: int, hash_: str) -> Header:
    try:
        raw = json.loads(line)
        if raw["discobase"] != number:
            raise Malformed(f"there is no format {raw['discobase']!r}")
        if not 0 <= raw["size"] <= UNPACKED:
            raise Malformed(f"a payload of {raw['size']!r} bytes, of {UNPACKED:,} that may be")
        return Header(
            seq=_whole(raw["seq"], above=0),
            chain=_text(raw["prev"]),
            writer=_text(raw["writer"]),
            time=_number(raw["time"]),
            operations=_whole(raw["ops"]),
            payload_hash=_text(raw["hash"]),
            encoding=_text(raw["enc"]),
            size=_whole(raw["size"]),
            hash=hash_,
            behind=_whole(raw.get("behind", 0)),
            needs=_text(raw["needs"]) if "needs" in raw else None,
        )
    # Deep JSON is a RecursionError, and a time of 400 digits an OverflowError.
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Malformed(f"the header cannot be read: {error}") from error


def _whole(value: object, *, above: int = -1) -> int:
    """Return a number of a header, if it can be one: SQLite keeps it in 8 bytes."""
    if type(value) is not int or not above < value <= LARGEST_PK:
        raise ValueError(f"{str(value)[:40]!r} is no number for it")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]} is no text")
    value.encode()  # it is kept in SQLite, which takes no surrogate that stands by itself
    return value


def _number(value: object) -> float:
    # Python takes a text, and a bool, for a number.
    if type(value) not in (int, float):
        raise TypeError(f"{str(value)[:40]!r} is no number")
    return float(cast("float", value))


def _shrink(payload: bytes, limits: Limits, overhead: int) -> tuple[str, bytes]:
    """Plain where it fits and compression does not halve it: a plain file has a preview in
    Discord's own client.
    """
    packed = gzip.compress(payload, COMPRESSION_LEVEL, mtime=0)
    room = limits.payload - overhead
    if len(payload) <= room and len(packed) * 2 > len(payload):
        return "jsonl", payload
    if len(packed) > room:
        raise RecordTooLarge(len(packed), room)
    return "jsonl.gz", packed


def _unpack(header: Header, stored: bytes) -> bytes:
    if header.encoding in {"inline", "jsonl"}:
        return stored
    if header.encoding != "jsonl.gz":
        raise LaterFormat(f"a payload encoded as {header.encoding!r}", header.needs)
    unpacking = zlib.decompressobj(GZIP)
    try:
        # One byte more, so that what is longer shows; 0 would be no limit at all.
        payload = unpacking.decompress(stored, header.size + 1)
    except zlib.error as error:
        raise Malformed(f"the attachment cannot be decompressed: {error}") from error
    if not unpacking.eof or unpacking.unused_data:
        raise Malformed("the attachment does not end where its payload ends")
    return payload


def cut_into_files(stem: str, suffix: str, data: bytes, limits: Limits) -> tuple[Upload, ...]:
    """Return the files of a message that carries some bytes, which it can."""
    if len(data) <= limits.attachment:
        return (Upload(f"{stem}.{suffix}", data),)
    cuts = range(0, len(data), limits.attachment)
    return tuple(
        Upload(f"{stem}.{part}.{suffix}", data[start : start + limits.attachment])
        for part, start in enumerate(cuts)
    )
