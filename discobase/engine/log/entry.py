"""A frame as it stands in the log, and which of several at one position counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from discobase.engine.log.frame import Header, read_operations, read_payload
from discobase.engine.log.sealing import PLAIN, Sealing
from discobase.engine.operations import Operation
from discobase.engine.server.seam import Message


@dataclass(frozen=True, slots=True)
class Entry:
    """A frame as it stands in the log: its message, and its header."""

    message: Message
    header: Header


@dataclass(frozen=True, slots=True)
class Commit:
    """A frame that was read whole and checked: what a replica applies."""

    entry: Entry
    operations: list[Operation]


def decide(candidates: Iterable[Entry], chain: str) -> Entry | None:
    """Which of the messages at one position counts, given the hash of the last applied frame; None
    where all are void.
    """
    fitting = [entry for entry in candidates if entry.header.chain == chain]
    return min(fitting, key=lambda entry: entry.message.id, default=None)


def commit_of(entry: Entry, files: Sequence[bytes], sealing: Sealing = PLAIN) -> Commit:
    """Read the commit of an entry, checked.

    Args:
        entry: the entry.
        files: what hangs on its message.
        sealing: how the log's frames are sealed.

    Raises:
        LaterFormat: it was written by a later version.
        Malformed: what is there is not what was written.
    """
    payload = read_payload(entry.header, entry.message.content, files, sealing)
    return Commit(entry, read_operations(entry.header, payload))


def carried(entry: Entry, payload: bytes) -> Commit:
    """Read the commit of an entry whose payload was carried on into a later generation, and
    checked when that was read.

    Raises:
        LaterFormat: it was written by a later version.
        Malformed: it is not what was written.
    """
    return Commit(entry, read_operations(entry.header, payload))
