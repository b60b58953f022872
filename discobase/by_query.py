"""Changes of all records that a query finds, in as few commits as they fit in.

Each change carries the version at which its record was read. Where somebody else has written one of
the records meanwhile, nothing of the commit is written, and the query is asked anew: so a value
that is computed of a record is computed of what stands there, however many write at the same time.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from discobase.attempts import MAY_BE_WRITTEN
from discobase.batches import ChangeReport, batches, item_of, note_done
from discobase.counted import counted
from discobase.engine.changes import Change, Remove, attempt_of, new_key
from discobase.errors import (
    ConflictError,
    DiscobaseError,
    OutcomeUnknown,
    RecordNotFound,
    Unavailable,
)
from discobase.queries.answers import Answers
from discobase.queries.found import row_of
from discobase.records.expressions.assignments import Assignments
from discobase.records.record import Record, copied, place

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.engine.replica import Row
    from discobase.queries.plan import Plan

R = TypeVar("R", bound=Record)

_log = logging.getLogger(__name__)

TRIES = 100
"""How often a commit is tried where others write the same records meanwhile. Of those who try at
the same time one comes through each time, so that a hundred threads which count in one record all
come through; that no real load has more is a guess."""


class ByQuery(ABC, Generic[R]):
    """One change of all that a query finds.

    It remembers a commit whose outcome is unknown: where it is carried out again, that one is asked
    for first, under the name that it had, so that it is made once.

    Args:
        binding: the table.
        plan: what the query asks for.
        call: how the query is written, for errors.
    """

    purpose = ""
    did = ""

    def __init__(self, binding: Binding[R], plan: Plan, call: str) -> None:
        self.binding = binding
        self._plan = plan
        self._call = call
        self._rest: set[int] = set()
        self._unknown: list[Change] = []
        self._records = self._commits = 0

    @abstractmethod
    def change_of(self, row: Row) -> Change:
        """Return what is to be done with a record."""

    @abstractmethod
    def is_as(self, other: ByQuery[R]) -> bool:
        """Return whether another one does the same."""

    @property
    def is_unfinished(self) -> bool:
        """Whether the outcome of a commit is unknown."""
        return bool(self._unknown)

    def carry_out(self) -> ChangeReport:
        """Change the records.

        Raises:
            Unavailable: others kept writing them.
            DiscobaseError: as for :meth:`Query.update <discobase.Query.update>`.
        """
        refused: DiscobaseError | None = None
        for _ in range(TRIES):
            try:
                self._once()
            except (ConflictError, RecordNotFound) as error:
                refused = error
            except BaseException as error:
                self._note(error)
                raise
            else:
                if self._commits > 1:
                    _log.info("%s: %d commits, not one", self._call, self._commits)
                return ChangeReport(self._records, self._commits)
        raise self._given_up(refused)

    def _once(self) -> None:
        """Change what is left.

        Raises:
            ConflictError, RecordNotFound: somebody else has written one of the records.
        """
        if self._unknown:
            self._commit(self._unknown)
        # Made before the first is sent, so that one which cannot be made stops all of them.
        items = [item_of(self.binding.name, self.change_of(row), row[0]) for row in self._rows()]
        self._rest = {_pk(item.change) for item in items}
        for batch in batches(items, self.binding.source.capacity):
            self._commit([item.change for item in batch])

    def _rows(self) -> Sequence[Row]:
        """Return what the query finds; where a part of that was changed already, what is left of
        it, as far as it still fits.
        """
        plan = self._plan
        self._plan = replace(plan, fresh=False)  # what it is tried again for has been applied here
        if not self._commits:
            return [row_of(found) for found in Answers(self.binding, plan).found()]
        if not self._rest:
            return []
        plan = replace(self._plan, offset=0, limit=None)
        rows = map(row_of, Answers(self.binding, plan).found())
        return [row for row in rows if row[0] in self._rest]

    def _commit(self, changes: Sequence[Change]) -> None:
        key = new_key()
        self._unknown = [
            replace(change, attempt=attempt_of(change, key, index))
            for index, change in enumerate(changes)
        ]
        try:
            self.binding.commit_changes(changes, self.purpose, key)
        except DiscobaseError as error:
            if not isinstance(error, MAY_BE_WRITTEN):
                self._unknown = []
            raise
        self._unknown = []
        self._rest.difference_update(map(_pk, changes))
        self._records += len(changes)
        self._commits += 1

    def _note(self, error: BaseException) -> None:
        note_done(error, self.did, self._records, self._commits)
        if self._unknown and isinstance(error, OutcomeUnknown | KeyboardInterrupt):
            error.add_note(
                "Keep the query, and call this once more, on the same object with the same "
                "arguments: what is unknown is found out then, and done once."
            )

    def _given_up(self, refused: DiscobaseError | None) -> Unavailable:
        done = "nothing was written"
        if self._commits:
            done = (
                f"{counted(self._records, 'record')} {self.did} in "
                f"{counted(self._commits, 'commit')}, no others"
            )
        error = Unavailable(
            f"{self._call}: others wrote the same records each time, {TRIES} times; {done}. Call "
            f"it again; or let fewer programs write these records at the same time, or each its "
            f"own, to be added up when they are read."
        )
        error.__cause__ = refused
        return error


class Update(ByQuery[R]):
    """Writes into fields of all that a query finds."""

    purpose = "the update of what a query finds"
    did = "updated"

    def __init__(
        self, binding: Binding[R], plan: Plan, call: str, values: Mapping[str, object]
    ) -> None:
        super().__init__(binding, plan, call)
        codec = binding.codec
        self._assigned = Assignments(codec.model, binding.name, values, codec.stored_value)

    def change_of(self, row: Row) -> Change:
        """Return the record with the values in it, as it is stored."""
        pk, version, _ = row
        try:
            record = self.binding.load(row)
            # Not by assignment: a model may be frozen, or look at all fields with each.
            changed = copied(record, self._assigned.of(record))
            place(changed, pk, version)
            return self.binding.change(changed, version=version)
        except (DiscobaseError, ValidationError) as error:
            error.add_note(f"That is record {pk}.")
            raise

    def is_as(self, other: ByQuery[Any]) -> bool:
        """Return whether another one does the same."""
        return isinstance(other, Update) and self._assigned.are_those_of(other._assigned)


class Delete(ByQuery[R]):
    """Deletes all that a query finds."""

    purpose = "the delete of what a query finds"
    did = "deleted"

    def change_of(self, row: Row) -> Change:
        """Return the removal of a record, which need not fit its class any more."""
        pk, version, _ = row
        return Remove(self.binding.name, pk, version)

    def is_as(self, other: ByQuery[Any]) -> bool:
        """Return whether another one does the same."""
        return isinstance(other, Delete)


def _pk(change: Change) -> int:
    return getattr(change, "pk", 0)
