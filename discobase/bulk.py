"""Many records at once: saved or deleted in as few commits as they fit in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel

from discobase.arguments import checked_choice, checked_flag, checked_progress
from discobase.batches import ChangeReport, Item, batches, item_of, note_done
from discobase.binding import Binding
from discobase.engine.changes import Insert, OnConflict, Remove
from discobase.errors import RecordNotSaved, TableError, UsageError
from discobase.progress import Progress
from discobase.progress_bar import callback_for
from discobase.records.record import Record

R = TypeVar("R", bound=Record)

_log = logging.getLogger(__name__)

_ALWAYS_SHOWN = ("records", "commits")
"""What a report shows also where it is 0."""

_SEVERAL = 2
"""Commits from which on a call is not atomic."""

_NAMED = b'["request?","12345678",199999999]\n'
"""A line as long as one that says what the changes behind it are called."""


@dataclass(frozen=True, slots=True)
class SaveReport(ChangeReport):
    """What :meth:`Table.save_many <discobase.Table.save_many>` did.

    Attributes:
        records: how many records were saved.
        commits: how many commits it took. Each is atomic; with one, all of it was.
        updated: how many of the records took the place of one that was there
            (``on_conflict="update"``).
        ignored: how many were left out, not being among `records` (``on_conflict="ignore"``).
    """

    updated: int = 0
    ignored: int = 0

    def __repr__(self) -> str:
        counted = [("records", self.records), ("commits", self.commits)]
        counted += [(name, getattr(self, name)) for name in ("updated", "ignored")]
        shown = [f"{name}={count}" for name, count in counted if count or name in _ALWAYS_SHOWN]
        return f"SaveReport({', '.join(shown)})"


def save_all(
    binding: Binding[R],
    records: Iterable[R],
    on_conflict: object = "error",
    progress: object = None,
    *,
    atomic: object = False,
) -> SaveReport:
    """Save records in as few commits as they fit in, in their order.

    See :meth:`discobase.Table.save_many`.
    """
    is_atomic = checked_flag("atomic", atomic)
    conflict = checked_choice("on_conflict", on_conflict, get_args(OnConflict))
    given = _several("save_many", "save() it", records)
    done = _Done("saving", "saved", binding, records)
    updated = ignored = 0
    with callback_for(checked_progress(progress)) as told, done.noted():
        done.tell(told)
        items = (_item(binding, record, conflict) for record in given)
        # One that is more than a commit carries is refused where the commit is made.
        parts = filter(None, [[*items]]) if is_atomic else batches(items, binding.source.capacity)
        for batch in parts:
            _refuse_twins(batch)
            changes = [item.change for item in batch]
            placed = binding.commit(
                [item.record for item in batch], changes, "the save of several records"
            )
            updated += len(placed.updated)
            ignored += len(placed.ignored)
            done.add(len(batch))
            done.tell(told)
    return SaveReport(done.records - ignored, done.commits, updated, ignored)


def delete_all(binding: Binding[R], records: Iterable[R], progress: object = None) -> ChangeReport:
    """Delete records in as few commits as they fit in, in their order.

    See :meth:`discobase.Table.delete_many`.
    """
    given = _several("delete_many", "delete() it", records)
    done = _Done("deleting", "deleted", binding, records)
    with callback_for(checked_progress(progress)) as told, done.noted():
        done.tell(told)
        items = (_removal(binding, record) for record in given)
        for batch in batches(items, binding.source.capacity):
            _refuse_deleted(batch)
            removals = [item.change for item in batch if isinstance(item.change, Remove)]
            binding.remove(
                [item.record for item in batch], removals, "the delete of several records"
            )
            done.add(len(batch))
            done.tell(told)
    return ChangeReport(done.records, done.commits)


class _Done(Generic[R]):
    """How far a call has come.

    Args:
        doing: what it does, as in "saving".
        did: what it has done, as in "saved".
        binding: the table.
        given: what it is given, which may have no length.
    """

    def __init__(self, doing: str, did: str, binding: Binding[R], given: object) -> None:
        self.records = self.commits = 0
        self._doing, self._did, self._binding = doing, did, binding
        self._total = len(given) if isinstance(given, Sized) else None

    def add(self, records: int) -> None:
        """Note that a commit has been made."""
        self.records += records
        self.commits += 1
        if self.commits == _SEVERAL:
            _log.info("the records of %r do not fit one commit", self._binding.name)

    def tell(self, told: Callable[[Progress], object] | None) -> None:
        """Tell how far it has come."""
        if told is not None:
            told(Progress(self._doing, self.records, self._total, "records"))

    @contextmanager
    def noted(self) -> Generator[None]:
        """Note in an error what had been done before it: also in those of who gives the records, or
        is told of progress, and in an interrupt.
        """
        try:
            yield
        except BaseException as error:
            note_done(error, self._did, self.records, self.commits)
            raise


def _several(call: str, single: str, records: Iterable[R]) -> Iterator[R]:
    given: object = records
    if isinstance(given, BaseModel):  # such a one is iterable, too: it gives its fields
        raise UsageError(
            f"{call}() takes several records, and was given one, of {type(given).__name__}: put "
            f"it in a list, or {single}."
        )
    if isinstance(given, type) or not hasattr(given, "__iter__"):
        raise UsageError(f"{call}() takes several records, and was given {given!r}.")
    return iter(records)


def _own(binding: Binding[R], record: R, call: str) -> Binding[Any]:
    own = binding.of(record)
    if own is None:
        raise TableError(
            f"{call}() of {binding.codec.model.__name__} was given a {type(record).__name__}: a "
            f"table takes objects of its own class only."
        )
    return own


def _item(binding: Binding[R], record: R, on_conflict: OnConflict) -> Item:
    change = _own(binding, record, "save_many").change(record, on_conflict=on_conflict)
    item = item_of(binding.name, change, record.pk or 1, record)
    if on_conflict == "error":
        return item
    # What is behind a record that is left out is named anew in the log.
    return replace(item, line=_NAMED + item.line)


def _removal(binding: Binding[R], record: R) -> Item:
    own = _own(binding, record, "delete_many")
    if record.pk is None:
        raise RecordNotSaved(
            f"delete_many() was given {record!r}, which has never been saved, or is given twice."
        )
    return item_of(binding.name, own.removal(record), record.pk, record)


def _refuse_twins(batch: Iterable[Item]) -> None:
    """Refuse an object that is given twice. A new one would become two records, and know of one;
    one from a commit before has got its primary key there.
    """
    seen: set[int] = set()
    for item in batch:
        placed = isinstance(item.change, Insert) and item.record.pk is not None
        if placed or id(item.record) in seen:
            raise UsageError(
                f"save_many() was given the same object twice: {item.record!r}. Give each record "
                f"an object of its own."
            )
        seen.add(id(item.record))


def _refuse_deleted(batch: Iterable[Item]) -> None:
    seen: set[int | None] = set()
    for item in batch:
        pk = item.record.pk
        if pk in seen or pk is None:  # None: deleted by the commit before this one
            raise UsageError(f"delete_many() was given the same record twice: {item.record!r}.")
        seen.add(pk)
