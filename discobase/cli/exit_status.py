"""What a command ends with where it fails: one line on standard error, and a status by kind."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType

from pydantic import ValidationError

from discobase.errors import (
    ConnectError,
    DatabaseEnded,
    DiscobaseError,
    ExportDamaged,
    LogDamaged,
    OutcomeUnknown,
    RecordError,
    RecordNotFound,
    TableNotFound,
    Unavailable,
    UpgradeNeeded,
    UsageError,
    WaitTimeout,
)

DONE, FAILED, USAGE, NO_CONNECTION, NOT_FOUND, REFUSED, TRY_AGAIN, UNKNOWN, DAMAGED = range(9)
INTERRUPTED = 130
"""128, and the number of SIGINT, as shells have it."""

MEANINGS: Mapping[int, str] = MappingProxyType(
    {
        DONE: "done",
        FAILED: "failed, for a reason that is none of those below",
        USAGE: "not understood, or not allowed: nothing was sent",
        NO_CONNECTION: "no connection: the token, the server, a permission, the key",
        NOT_FOUND: "there is no such record, or no such table",
        REFUSED: "the record was refused: by its table, by what is unique, by another's write",
        TRY_AGAIN: "Discord did not answer in time, and nothing was written: try again",
        UNKNOWN: "it is not known whether it was written: look before it is tried again",
        DAMAGED: "the database, or the file, is damaged, of a later version, or gone",
        INTERRUPTED: "ended by Ctrl-C",
    }
)
"""Each status, in words."""

_BY_KIND: tuple[tuple[type[Exception] | tuple[type[Exception], ...], int], ...] = (
    ((RecordNotFound, TableNotFound), NOT_FOUND),
    (UsageError, USAGE),
    (ConnectError, NO_CONNECTION),
    ((RecordError, ValidationError), REFUSED),
    ((Unavailable, WaitTimeout), TRY_AGAIN),
    (OutcomeUnknown, UNKNOWN),
    ((LogDamaged, UpgradeNeeded, DatabaseEnded, ExportDamaged), DAMAGED),
)
"""From the top, the first that fits."""

EXPECTED = (DiscobaseError, ValidationError, OSError)
"""What a command may fail with. Anything else is a fault of discobase, and shows its traceback."""


def status_of(error: BaseException) -> int:
    """Return the status of a process that an error has ended."""
    for kinds, status in _BY_KIND:
        if isinstance(error, kinds):
            return status
    return FAILED


def line_of(error: BaseException) -> str:
    """Return what is said of an error, on one line."""
    if isinstance(error, ValidationError):
        told = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or error.title}: {each['msg']}"
            for each in error.errors(include_url=False, include_input=False)
        )
    else:
        told = str(error) or type(error).__name__
    notes: list[str] = getattr(error, "__notes__", [])
    return " ".join(" ".join([told, *notes]).split())


def fail(error: BaseException) -> int:
    """Say what went wrong, and return the status."""
    print(f"discobase: {line_of(error)}", file=sys.stderr)
    return status_of(error)
