"""Frames that wait for their turn, by position, and which of them count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from discobase.engine.log.entry import Entry, decide
from discobase.engine.replica import Head


class Arrivals:
    """Entries that wait for their turn."""

    def __init__(self) -> None:
        self._held: dict[int, list[Entry]] = {}
        self._read: set[int] = set()

    def __bool__(self) -> bool:
        """Return whether any entry waits."""
        return bool(self._held)

    @property
    def first(self) -> int:
        """The lowest position at which an entry waits."""
        return min(self._held)

    @property
    def last(self) -> int:
        """The highest position at which an entry waits, 0 where none does."""
        return max(self._held, default=0)

    def note(self, entry: Entry, *, read: bool) -> None:
        """Keep an entry until its turn comes; what was read is newer than what was heard of.

        Args:
            entry: the entry.
            read: whether it was read from the log: then all that came before it in its lane was
                read, too. An event tells of itself only.
        """
        held = self._held.setdefault(entry.header.seq, [])
        known = [other for other in held if other.message.id == entry.message.id]
        if read:
            self._read.add(entry.message.id)
            for other in known:
                held.remove(other)
        elif known:
            return
        held.append(entry)

    def at(self, seq: int) -> list[Entry]:
        """Return the entries that wait at a position."""
        return list(self._held.get(seq, ()))

    def passed(self, head: int) -> list[Entry]:
        """Return the entries that wait at positions which have been applied."""
        return [entry for seq, held in self._held.items() if seq <= head for entry in held]

    def was_read(self, entry: Entry) -> bool:
        """Return whether an entry that waits was read from the log."""
        return entry.message.id in self._read

    def drop(self, entries: Iterable[Entry]) -> None:
        """Keep entries no longer: they have been looked at."""
        for entry in entries:
            held = self._held[entry.header.seq]
            held.remove(entry)
            if not held:
                del self._held[entry.header.seq]
            self._read.discard(entry.message.id)

    def drop_message(self, message: int) -> None:
        """Keep a message no longer: it was changed."""
        self.drop(
            [entry for held in self._held.values() for entry in held if entry.message.id == message]
        )

    def clear(self) -> None:
        """Keep nothing."""
        self._held.clear()
        self._read.clear()

    def decided(self, head: Head, *, void_up_to: int = 0) -> Iterator[tuple[Entry, bool]]:
        """Yield what follows a head in order: each position's entry, and whether it counts or is
        void. The end is where a position is missing, or where it is not known yet that what stands
        there is void.

        Args:
            head: the head.
            void_up_to: the position up to which frames that do not fit are void, although the log
                does not go on without them yet.
        """
        seq, chain = head.seq + 1, head.chain
        while candidates := self._held.get(seq):
            winner = decide(candidates, chain)
            if winner is not None and not self._came_too_late(winner, chain):
                yield winner, True
                chain = winner.header.hash
            elif seq <= void_up_to or self._is_void(seq, chain):
                yield min(candidates, key=lambda entry: entry.message.id), False
            else:
                return
            seq += 1

    def _is_void(self, seq: int, chain: str) -> bool:
        """Return whether frames that do not fit are void: they were written ahead of one that lost,
        or the chain goes on above them as if they were not there.
        """
        if all(entry.header.behind for entry in self._held[seq]):
            return True
        return self._goes_on_above(seq, chain) is not None

    def _came_too_late(self, entry: Entry, chain: str) -> bool:
        """Return whether a frame that fits was written to a position that was used up, after others
        had gone on above it.
        """
        message, seq = entry.message.id, entry.header.seq
        if all(message <= other.message.id for other in self._held[seq]):
            return False
        above = self._goes_on_above(seq, chain)
        return above is not None and above.message.id < message

    def _goes_on_above(self, seq: int, chain: str) -> Entry | None:
        """Return the frame that continues a chain above a position, as if nothing stood there."""
        above = seq + 1
        while candidates := self._held.get(above):
            if found := decide(candidates, chain):
                return found
            above += 1
        return None
