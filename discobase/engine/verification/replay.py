"""What the log comes to: a replica of its own, which applies it as far as it can be read."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.packing import unpack
from discobase.engine.log.entry import Commit, Entry, carried, commit_of
from discobase.engine.log.formats import upgrade_needed
from discobase.engine.log.frame import Malformed
from discobase.engine.log.sealing import Sealing
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import LaterFormat
from discobase.engine.replica import Replica
from discobase.engine.server.seam import NotFound, Server
from discobase.engine.verification.judgement import Judged
from discobase.engine.verification.report import Finding
from discobase.errors import LogDamaged


@dataclass(frozen=True, slots=True)
class Fetched:
    """A position, and what hangs on its message, or why that is not to be had; or its payload,
    where it was carried on from an earlier generation.
    """

    judged: Judged
    files: Sequence[bytes] | Malformed | NotFound = ()
    payload: bytes | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A state: its hash, and how many records it has."""

    hash: str
    records: int


class Replay:
    """A state that is made of the log, beside the one that others read.

    Args:
        server: the seam; all is done aside.
        superblock: where the log is, and how it is sealed.

    Attributes:
        known: whether the state is that of the last position that was taken. Not so above one that
            could not be applied.
    """

    def __init__(self, server: Server, superblock: Superblock) -> None:
        self._server = server
        self._superblock = superblock
        self._replica: Replica | None = None
        self.known = True

    async def take(self, batch: Sequence[Fetched]) -> list[Finding]:
        """Check the commits of a run of positions, apply them if all below them was, and return
        what is wrong with them.

        Raises:
            UpgradeNeeded: one was written by a later version.
        """
        return await self._server.aside(partial(self._take, batch))

    async def state(self) -> State:
        """Return the state."""
        return await self._server.aside(self._state)

    async def restore(self, packed: bytes, manifest: Manifest) -> None:
        """Go on from the state of a checkpoint.

        Raises:
            NotTheState: it has none.
            LaterFormat: it has one of a later format.
        """
        await self._server.aside(partial(self._restore, packed, manifest))
        self.known = True

    async def close(self) -> None:
        """Remove it, after what is under way."""
        await self._server.aside(self._close)

    # On the thread that works aside

    def _opened(self) -> Replica:
        if self._replica is None:
            self._replica = Replica(len(self._superblock.lanes))
        return self._replica

    def _take(self, batch: Sequence[Fetched]) -> list[Finding]:
        findings: list[Finding] = []
        applicable: list[Commit | Entry] = []
        for fetched in batch:
            read = _read(fetched, self._superblock.sealing)
            if isinstance(read, Finding):
                findings.append(read)
            if isinstance(read, Finding) or read is None or not fetched.judged.fits:
                self._apply(applicable, findings)
                self.known = False
            else:
                applicable.append(read)
        self._apply(applicable, findings)
        return findings

    def _apply(self, commits: list[Commit | Entry], findings: list[Finding]) -> None:
        """Apply what can be applied, and forget the rest."""
        if self.known and commits:
            try:
                self._opened().apply(commits)
            except LogDamaged as error:
                findings.append(_impossible(error))
                self._opened().apply(_below(commits, error.position or 0))
                self.known = False
        commits.clear()

    def _state(self) -> State:
        with contextlib.closing(self._opened().snapshot()) as taken:
            for _ in taken.lines():
                pass
        return State(taken.hash, taken.records)

    def _restore(self, packed: bytes, manifest: Manifest) -> None:
        self._opened().restore(unpack(packed, manifest), manifest.head, manifest.state)

    def _close(self) -> None:
        if self._replica is not None:
            self._replica.close()


def _read(fetched: Fetched, sealing: Sealing) -> Commit | Entry | Finding | None:
    """Return what a position comes to; None where nothing is there."""
    entry, files = fetched.judged.entry, fetched.files
    if entry is None or not fetched.judged.counts:
        return entry
    try:
        if fetched.payload is not None:
            return carried(entry, fetched.payload)
        if isinstance(files, Exception):
            raise files
        return commit_of(entry, files, sealing)
    except LaterFormat as later:
        raise upgrade_needed(later, entry.message, entry.header.seq) from None
    except (Malformed, NotFound) as error:
        message = entry.message
        what = f"a commit that is damaged: {error}"
        return Finding("damage", what, entry.header.seq, message.channel, message.id)


def _below(commits: Sequence[Commit | Entry], position: int) -> list[Commit | Entry]:
    entries = ((each, each.entry if isinstance(each, Commit) else each) for each in commits)
    return [each for each, entry in entries if entry.header.seq < position]


def _impossible(error: LogDamaged) -> Finding:
    what = f"a commit that cannot be: {error.__cause__}"
    return Finding("damage", what, error.position, error.channel, error.message)
