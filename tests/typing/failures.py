"""What errors carry, as type checkers see it. Checked, never run."""

from __future__ import annotations

from typing import assert_type

import discobase
from discobase import DiscobaseError, errors


def of_a_record(error: DiscobaseError) -> None:
    match error:
        case errors.UniqueViolation(pk=pk, field=field, value=value):
            assert_type((pk, field, value), tuple[int, str, object])
        case errors.ConflictError(expected=expected, found=found):
            assert_type((expected, found), tuple[int, int])
        case errors.RecordTooLarge(size=size, limit=limit):
            assert_type((size, limit), tuple[int, int | None])
        case errors.UnknownField(known=known, nearest=nearest):
            assert_type((known, nearest), tuple[list[str], list[str]])
        case _:
            assert_type(error, DiscobaseError)


def of_a_connection(error: DiscobaseError) -> None:
    match error:
        case errors.ServerNotFound(name=name, present=present, invite=invite):
            assert_type((name, present, invite), tuple[str, list[str], str])
        case errors.MissingPermission(server=server, missing=missing):
            assert_type((server, missing), tuple[str, list[str]])
        case errors.LogDamaged(position=position, channel=channel, message=message):
            assert_type((position, channel, message), tuple[int | None, int | None, int | None])
        case _:
            pass


def as_what_python_has() -> None:
    lookup: type[LookupError] = errors.RecordNotFound
    timeout: type[TimeoutError] = errors.WaitTimeout
    value: tuple[type[ValueError], ...] = (errors.UnstorableValue, errors.RecordTooLarge)
    try:
        discobase.Database("x").refresh()
    except (errors.Unavailable, errors.NotConnected) as error:
        assert_type(error, errors.Unavailable | errors.NotConnected)
    print(lookup, timeout, value)
