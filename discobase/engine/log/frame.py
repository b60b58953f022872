"""One commit, one message: how a frame is encoded, decoded and verified.

The text of the message is a fenced block. Its first line is the header, a JSON object::

    {"discobase":1,"seq":7,"prev":"...","writer":"...","time":1790000000.0,"ops":2,"hash":"...","enc":"inline","size":93}

Short payloads follow in the same block, one operation a line. Longer ones hang on the message as
attachments: ``c7.jsonl``, or ``c7.jsonl.gz`` where compression halves it, cut into ``c7.0.jsonl``,
``c7.1.jsonl`` ... where one file may not be so large.

``hash`` is taken over the payload before compression, and ``prev`` over the header line of the
frame before. The header holds the payload's hash, so the chain covers every byte of the log
(invariant I4). A commit is never spread over two messages, so it is there whole or not at all
(invariant I5).

``behind``, which may be missing, is for writers that have several frames in flight: it says behind
how many frames of its own, not settled yet, this one is chained. If one of them loses its position
to another writer, those behind it are void. A frame without it always fits the one below it.
Everything is ASCII, starts and ends with a back-tick fence, and no back-tick occurs inside: Discord
trims messages, and may normalise text that is not plain (see ``docs/architecture.md``).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from discobase.engine.operations import Operation, from_line, to_line
from discobase.engine.server.seam import Upload
from discobase.errors import RecordTooLarge

FORMAT = 1
GENESIS = "0" * 32
"""What the first frame of a log names as the hash before it."""

_OPEN, _CLOSE = "```json\n", "\n```"
_MARK = _OPEN + '{"discobase":'
_COMPRESSION_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a message carries, in bytes.

    Discord has moved the size of one file from 8 to 25 to 10 MiB, and it grows with a server's
    boosts: a setting, never a part of the format. A whole request may have 25 MiB (message
    resource, "Create Message"); some of it is the form around the files.
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
    """The first line of a frame, and its hash, by which the next frame refers to it."""

    seq: int
    prev: str
    writer: str
    time: float
    operations: int
    hash: str
    encoding: str
    size: int
    digest: str
    behind: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """A frame ready to be sent: its header, the text of its message, and the files that go with
    it.
    """

    header: Header
    content: str
    uploads: tuple[Upload, ...]


def digest(data: bytes) -> str:
    """The hash used throughout the log: SHA-256, cut to 128 bits to leave room for data in a
    message of 2,000 characters.

    Only the bot can write frames, so what it has to withstand is alteration, and for that 128 bits
    are ample.
    """
    return hashlib.sha256(data).hexdigest()[:32]


def encode(
    operations: Iterable[Operation],
    *,
    seq: int,
    prev: str,
    writer: str,
    time: float,
    limits: Limits,
) -> Draft:
    """Make the frame of a commit.

    Args:
        operations: what the commit does, in order.
        seq: its position.
        prev: the hash of the last applied frame, :data:`GENESIS` before the first.
        writer: who proposes it.
        time: when, in seconds since 1970.
        limits: what a message carries.

    Raises:
        RecordTooLarge: one message cannot carry it.
    """
    lines = [to_line(operation) for operation in operations]
    payload = "\n".join(lines).encode("ascii")

    def draft(encoding: str) -> tuple[Header, str]:
        fields = {
            "discobase": FORMAT,
            "seq": seq,
            "prev": prev,
            "writer": writer,
            "time": round(time, 3),
            "ops": len(lines),
            "hash": digest(payload),
            "enc": encoding,
            "size": len(payload),
        }
        line = json.dumps(fields, separators=(",", ":"))
        return _header(line), line

    header, line = draft("inline")
    if len(_OPEN) + len(line) + 1 + len(payload) + len(_CLOSE) <= limits.inline:
        return Draft(header, f"{_OPEN}{line}\n{payload.decode('ascii')}{_CLOSE}", ())
    encoding, stored = _shrink(payload, limits)
    header, line = draft(encoding)
    return Draft(header, f"{_OPEN}{line}{_CLOSE}", _files(f"c{seq}", encoding, stored, limits))


def read_header(content: str) -> Header | None:
    """The header of the frame in a message's text, or None where the text is no frame.

    Raises:
        Malformed: it claims to be a frame, but cannot be read as one.
    """
    if not content.startswith(_MARK):
        return None
    if not content.endswith(_CLOSE):
        raise Malformed("the fenced block is not closed")
    return _header(content[len(_OPEN) : -len(_CLOSE)].split("\n", 1)[0])


def read_payload(header: Header, content: str, files: Sequence[bytes]) -> bytes:
    """The payload of a frame, from its text or its attachments, checked against the header's hash
    and size.

    Raises:
        Malformed: the payload is not the one that was written.
    """
    if header.encoding == "inline":
        _, _, text = content[len(_OPEN) : -len(_CLOSE)].partition("\n")
        payload = text.encode("utf-8", "surrogatepass")
    else:
        payload = _unpack(header, b"".join(files))
    if len(payload) != header.size or digest(payload) != header.hash:
        raise Malformed("the payload does not have the hash that its header gives")
    return payload


def read_operations(header: Header, payload: bytes) -> list[Operation]:
    """The operations of a checked payload, in order.

    Raises:
        Malformed: a line holds no operation, or their number is not what the header says.
    """
    try:
        operations = [from_line(line) for line in payload.decode("ascii").split("\n") if line]
    except ValueError as error:
        raise Malformed(str(error)) from error
    if len(operations) != header.operations:
        raise Malformed(f"{len(operations)} operations, where the header says {header.operations}")
    return operations


def _header(line: str) -> Header:
    try:
        raw = json.loads(line)
        if raw["discobase"] != FORMAT:
            raise Malformed(
                f"written in format {raw['discobase']!r}, and this discobase reads format {FORMAT}"
            )
        return Header(
            seq=int(raw["seq"]),
            prev=str(raw["prev"]),
            writer=str(raw["writer"]),
            time=float(raw["time"]),
            operations=int(raw["ops"]),
            hash=str(raw["hash"]),
            encoding=str(raw["enc"]),
            size=int(raw["size"]),
            digest=digest(line.encode("utf-8", "surrogatepass")),
            behind=int(raw.get("behind", 0)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"the header cannot be read: {error}") from error


def _shrink(payload: bytes, limits: Limits) -> tuple[str, bytes]:
    """Plain where it fits and compression does not halve it: a plain file has a preview in
    Discord's own client.
    """
    packed = gzip.compress(payload, _COMPRESSION_LEVEL, mtime=0)
    fits = len(payload) <= limits.payload
    if fits and len(packed) * 2 > len(payload):
        return "jsonl", payload
    if len(packed) > limits.payload:
        raise RecordTooLarge(len(packed), limits.payload)
    return "jsonl.gz", packed


def _unpack(header: Header, stored: bytes) -> bytes:
    if header.encoding == "jsonl":
        return stored
    if header.encoding != "jsonl.gz":
        raise Malformed(f"unknown encoding {header.encoding!r}")
    try:
        return gzip.decompress(stored)
    except (OSError, EOFError, zlib.error) as error:
        raise Malformed(f"the attachment cannot be decompressed: {error}") from error


def _files(stem: str, suffix: str, data: bytes, limits: Limits) -> tuple[Upload, ...]:
    if len(data) <= limits.attachment:
        return (Upload(f"{stem}.{suffix}", data),)
    cuts = range(0, len(data), limits.attachment)
    return tuple(
        Upload(f"{stem}.{part}.{suffix}", data[start : start + limits.attachment])
        for part, start in enumerate(cuts)
    )
