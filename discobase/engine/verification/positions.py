"""What is wrong with a position of the log: by itself, and beside what is remembered of it."""

from __future__ import annotations

from collections.abc import Iterator

from discobase.engine.log.entry import Entry
from discobase.engine.log.superblock import Superblock
from discobase.engine.verification.judgement import Judged
from discobase.engine.verification.memory import Memory
from discobase.engine.verification.report import Finding, Severity


def findings_at(judged: Judged, memory: Memory, superblock: Superblock) -> Iterator[Finding]:
    """Yield what is wrong with a position, apart from its payload.

    Args:
        judged: what stands there.
        memory: what this process remembers.
        superblock: where the lanes are.
    """
    entry = judged.entry
    if entry is None:
        yield _missing(judged.seq, memory, superblock)
        return
    if not judged.fits:
        yield _of(
            entry,
            "damage",
            "a commit that does not continue the one below it: one of the two was altered, or "
            "what it was built on is gone",
        )
    if not judged.counts:
        yield _of(entry, "note", "a commit that is void: what it was built on is not in the log")
    elif (otherwise := _otherwise(entry, memory)) is not None:
        yield _of(entry, "damage", otherwise)
    elif entry.message.edited:
        yield _of(entry, "warning", "a commit that was edited, and has hashes that fit")
    for other in judged.others:
        what = f"a second commit at a position, beside message {entry.message.id}"
        yield _of(other, "note", what)


def _missing(seq: int, memory: Memory, superblock: Superblock) -> Finding:
    what = "nothing is there: the message has been deleted, or altered so that it is no commit"
    held = memory.positions.get(seq)
    if held is None:
        return Finding("damage", what, seq, superblock.lane_of(seq))
    what += f"; this process has applied it, as writer {held.writer} wrote it"
    return Finding("damage", what, seq, superblock.lane_of(seq), held.message)


def _otherwise(entry: Entry, memory: Memory) -> str | None:
    """Return in what way a commit that counts is not the one that this process has applied."""
    seq = entry.header.seq
    held = memory.positions.get(seq)
    if held is None:
        return None
    if not held.applied:
        return "a commit that counts, and that this process takes for void"
    if held.message != entry.message.id:
        return f"not the commit that this process has applied there, which was {held.message}"
    if memory.chain_at(seq + 1) not in {None, entry.header.hash}:
        return "a commit that was altered since this process has applied it"
    return None


def _of(entry: Entry, severity: Severity, what: str) -> Finding:
    message = entry.message
    return Finding(severity, what, entry.header.seq, message.channel, message.id)
