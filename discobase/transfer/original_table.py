"""One table of 1.0.0, taken over into a table of today, some records at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from discobase.batches import batches, item_of
from discobase.binding import Binding
from discobase.engine.changes import Change, new_key
from discobase.engine.server.seam import Channel, Message
from discobase.errors import ConflictError, DuplicatesFound, UniqueViolation, UsageError
from discobase.progress import Progress
from discobase.records.record import Record, place
from discobase.transfer.original_layout import NoOriginal, OriginalEntry, record_in
from discobase.transfer.original_marks import Mark, Marks
from discobase.transfer.original_records import OriginalRecords
from discobase.transfer.original_report import NotTaken, OriginalTable
from discobase.transfer.original_server import OriginalServer

AT_ONCE = 1_000
"""Records in one commit. Reading them costs ten API calls, so that the commit's one is little; and
where one of them has a unique value that is taken, not much has to be tried again."""

MOST_LEFT = 10_000
"""Messages of a table that may be left, whose ids are kept and whose texts are in the report: a
guess at what only a class comes to that is not the table's."""

_MARK_BYTES, _ID_BYTES = 512, 21
"""Of a mark in a commit: without the ids in it, and for each of these with its comma."""


class _Taken(NamedTuple):
    """A record that is to be stored, and the message it came in."""

    message: Message
    change: Change


class OriginalTaking:
    """Takes one table over. Used once, by one thread.

    Args:
        original: where it is read.
        entry: what the catalogue says of it.
        channel: where its records are.
        believed: the ids of those whose messages are records.
        binding: the table that it is taken into.
        marks: where it is kept how far that has come.
        told: called with how far it has come.
    """

    def __init__(
        self,
        original: OriginalServer,
        entry: OriginalEntry,
        channel: Channel,
        *,
        believed: Collection[int],
        binding: Binding[Any],
        marks: Marks,
        told: Callable[[Progress], object] | None,
    ) -> None:
        self._original = original
        self._entry = entry
        self._channel = channel
        self._believed = believed
        self._binding = binding
        self._marks = marks
        self._told = told
        self._records: OriginalRecords[Record] = OriginalRecords(binding)
        self._mark = Mark(origin="")
        self._last = self._taken = self._looked_at = 0
        self._pending: set[int] = set()
        self._left: dict[int, NotTaken] = {}

    def run(self) -> OriginalTable:
        """Take over what has not been taken. Block; one API call for a hundred messages, and one
        for a thousand records.

        Raises:
            ConflictError: another import takes the same table over.
            UsageError: so many of its messages are no records of the class that it is the wrong
                one.
            DiscobaseError: as for the reading, and for :meth:`Table.save_many
                <discobase.Table.save_many>`.
        """
        mark = self._mark = self._marks.begin(self._channel.id, self._binding.name)
        before = self._taken = mark.taken
        self._last, self._pending = mark.last, set(mark.left)
        ready: list[_Taken] = []
        for page in self._original.pages(self._channel, mark.begins_after):
            for message in page:
                self._look_at(message, ready)
            self._tell(len(page))
            if len(ready) >= AT_ONCE:
                self._commit(ready)
                ready = []
        self._commit(ready)
        self._note_what_is_left()
        return OriginalTable(
            name=self._entry.name,
            channel=self._channel.id,
            into=self._binding.name,
            taken=self._taken - before,
            taken_before=before,
            not_taken=tuple(self._left.values()),
            unknown_fields=tuple(sorted(self._records.unknown)),
        )

    def _tell(self, messages: int) -> None:
        self._looked_at += messages
        if self._told is not None:
            doing = f"taking over {self._entry.name!r}"
            self._told(Progress(doing, self._looked_at, unit="messages"))

    def _look_at(self, message: Message, ready: list[_Taken]) -> None:
        """Put what is to be stored of a message to what is ready, or note why there is nothing."""
        if message.id <= self._last and message.id not in self._pending:
            return  # it was taken before
        try:
            ready.append(_Taken(message, self._change_of(message)))
        except NoOriginal as reason:
            self._leave(message, str(reason))

    def _change_of(self, message: Message) -> Change:
        if message.author not in self._believed:
            raise NoOriginal(
                f"it was written by the user {message.author}, who is not believed: name them in "
                f"authors= if that is the bot that kept the original database"
            )
        return self._records.change_of(record_in(message.content))

    def _leave(self, message: Message, reason: str) -> None:
        self._pending.discard(message.id)
        self._left[message.id] = NotTaken(
            self._channel.id, message.id, message.author, reason, message.content
        )
        if len(self._left) > MOST_LEFT:
            first = next(iter(self._left.values()))
            raise UsageError(
                f"more than {MOST_LEFT:,} messages of the original table {self._entry.name!r} are "
                f"no records of {self._binding.codec.model.__name__}. The first: {first}. What was "
                f"taken stays: mend the class and import again, which goes on from there."
            )

    # Storing

    def _commit(self, ready: Sequence[_Taken]) -> None:
        name, capacity = self._binding.name, self._binding.source.capacity
        mark = _MARK_BYTES + _ID_BYTES * (len(self._left) + len(self._pending))
        items = [item_of(name, each.change, 1, each) for each in ready]
        for batch in batches(items, capacity - mark):
            self._store([item.record for item in batch])

    def _store(self, records: Sequence[_Taken]) -> None:
        """Store records in one commit; where one of them has a unique value that another one has,
        all but such ones, in several. What is refused costs no API call.
        """
        try:
            self._store_together(records)
        except DuplicatesFound:  # they are among those that are there
            raise
        except UniqueViolation as error:
            if len(records) == 1:
                self._leave(
                    records[0].message,
                    f"{error.field}: it is unique, and record {error.pk} of "
                    f"{self._binding.name!r} has the same value",
                )
                return
            half = len(records) // 2
            self._store(records[:half])
            self._store(records[half:])

    def _store_together(self, records: Sequence[_Taken]) -> None:
        mark, ids = self._mark, {each.message.id for each in records}
        last = max(self._last, *ids)
        taken = self._taken + len(records)
        change = self._marks.change(
            mark, last=last, taken=taken, left=(self._pending - ids) | self._left.keys()
        )
        changes = [*(each.change for each in records), change]
        try:
            placed = self._binding.commit_changes(
                changes, "the import", new_key(), beside=self._marks.schemas()
            )
        except ConflictError as error:
            error.add_note(
                f"Another import takes the original table {self._entry.name!r} over. Nothing is "
                f"stored twice: when it has ended, import again."
            )
            raise
        place(mark, mark.pk, placed.versions[-1])
        self._last, self._taken = last, taken
        self._pending -= ids

    def _note_what_is_left(self) -> None:
        """Have the mark name what is left and nothing else: what was left before, and is gone, is
        not waited for. No API call where it does.
        """
        if set(self._mark.left) == self._left.keys():
            return
        last = max(self._last, *self._left) if self._left else self._last
        change = self._marks.change(self._mark, last=last, taken=self._taken, left=self._left)
        self._marks.store(self._mark, change)
