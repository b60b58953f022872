"""What a record keeps of a write whose outcome is unknown, so that writing it again is no second
write.

It goes with the record into its copies and pickles, as the primary key of a saved one does: a copy
of a record that may have been saved is that record, not another one.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from discobase.engine.changes import Attempt, Change, Insert, attempt_of
from discobase.errors import (
    DatabaseEnded,
    DiscobaseError,
    LogDamaged,
    OutcomeUnknown,
    RecordNotFound,
    UpgradeNeeded,
)
from discobase.records.record import Record, note_attempt, noted_attempt

MAY_BE_WRITTEN = (OutcomeUnknown, DatabaseEnded, LogDamaged, UpgradeNeeded)
"""Errors after which a write may be in the log. All others say that it is not."""


def attempt_in(record: Record) -> Attempt | None:
    """Return what a record keeps of a write whose outcome is unknown; None where there is none."""
    noted = noted_attempt(record)
    return None if noted is None else Attempt(*noted)


def name_attempt(record: Record, change: Change, key: str) -> None:
    """Have a new record be stored once under a key: as if a save of it had been sent under that
    key, and had no answer.

    Args:
        record: the record.
        change: what saving it comes to.
        key: the key.
    """
    note_attempt(record, attempt_of(change, key, 0))


@contextmanager
def attempted(records: Sequence[Record], changes: Sequence[Change], key: str) -> Generator[None]:
    """Have records keep what they are asked to be, for the length of a block, and after it where
    that ends without telling whether it has happened: by an interrupt, too, wherever it comes.

    Where all went well, whoever places the records lets go of it.

    Args:
        records: of each change, in order.
        changes: what is asked for.
        key: of the request they are sent with.
    """
    for index, (record, change) in enumerate(zip(records, changes, strict=True)):
        note_attempt(record, attempt_of(change, key, index))
    try:
        yield
    except DiscobaseError as error:
        if not isinstance(error, MAY_BE_WRITTEN):
            _let_go(records, changes, error)
        raise


def _let_go(records: Sequence[Record], changes: Sequence[Change], error: DiscobaseError) -> None:
    """Have records keep no more than before a write that has not happened. What became of those
    before it need not be known by that.
    """
    unknown = False
    for record, change in zip(records, changes, strict=True):
        before = change.attempt
        if isinstance(change, Insert) and isinstance(error, RecordNotFound):
            before = None  # it had been made, and is deleted
        note_attempt(record, before)
        unknown = unknown or before is not None
    if unknown:
        error.add_note(
            "That is said of this try. An earlier one, whose outcome was unknown, may have been "
            "written."
        )
