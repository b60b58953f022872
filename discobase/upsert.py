"""The record that has given values, made where there is none: decided by the unique fields."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from decimal import Decimal
from math import isnan
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from discobase.binding import Binding
from discobase.errors import (
    ConflictError,
    RecordNotFound,
    Unavailable,
    UniqueViolation,
    UnknownField,
    UsageError,
)
from discobase.query import PK, VERSION, Query
from discobase.records.expressions.reference import require_value
from discobase.records.record import Record

R = TypeVar("R", bound=Record)

_log = logging.getLogger(__name__)

_TRIES = 20
"""How often it is tried where others write the same record meanwhile: a guess at what no real load
reaches."""

_told: WeakKeyDictionary[Binding[Any], set[frozenset[str]]] = WeakKeyDictionary()
"""Of each table the fields of which it was said that nothing keeps two records from having them."""


def get_or_create(
    binding: Binding[R], equal: Mapping[str, object], defaults: object
) -> tuple[R, bool]:
    """See :meth:`discobase.Table.get_or_create`."""
    values = _checked(binding, equal, defaults, "get_or_create")
    found = _found(binding, equal)
    if found is not None:
        return found, False
    try:
        return _created(binding, {**values, **equal}), True
    except UniqueViolation:
        # What it was held against has been applied here: the other's record is there to be read.
        found = _found(binding, equal)
        if found is None:  # it is another field of which somebody else has the value
            raise
        return found, False


def update_or_create(
    binding: Binding[R], equal: Mapping[str, object], defaults: object
) -> tuple[R, bool]:
    """See :meth:`discobase.Table.update_or_create`."""
    values = _checked(binding, equal, defaults, "update_or_create")
    for _ in range(_TRIES):
        found = _found(binding, equal)
        try:
            if found is None:
                return _created(binding, {**values, **equal}), True
            return _updated(binding, found, values), False
        except (ConflictError, RecordNotFound):
            continue
        except UniqueViolation:
            if found is not None or _found(binding, equal) is None:
                raise
    raise Unavailable(
        f"update_or_create() of {binding.name!r}: others wrote the record each time, {_TRIES} "
        f"times; nothing was written."
    )


def _checked(
    binding: Binding[R], equal: Mapping[str, object], defaults: object, call: str
) -> Mapping[str, Any]:
    """Return the defaults as the fields take them."""
    if not equal:
        raise UsageError(f"{call}() needs the values by which the record is found, as in name=...")
    if PK in equal:
        raise UsageError(
            f"{call}() takes no pk: a new record gets its primary key when it is saved."
        )
    if VERSION in equal:
        raise UsageError(
            f"{call}() takes no version: a new record gets its version when it is saved."
        )
    given: object = dict[str, object]() if defaults is None else defaults
    if not isinstance(given, Mapping):
        raise UsageError(f"defaults={defaults!r}: give a dictionary of fields and their values.")
    named = cast("Mapping[Any, object]", given)
    for name in named:
        if not isinstance(name, str):
            raise UnknownField(binding.name, str(name), binding.codec.model.model_fields)
    Query(binding, equal)  # refuses a field that there is not, before anything is said of fields
    for name, value in equal.items():
        _refuse_nan(binding, name, value, call)
    _tell_where_nothing_is_unique(binding, equal, call)
    for name, value in named.items():
        require_value(name, value)
    return {name: binding.codec.stored_value(name, value) for name, value in named.items()}


def _refuse_nan(binding: Binding[R], name: str, value: object, call: str) -> None:
    """Refuse what no record is found by, though only one may have it where it is unique."""
    require_value(name, value)
    if name not in binding.codec.model.model_fields:
        return
    stored = binding.codec.stored_value(name, value)
    if isinstance(stored, float | Decimal) and isnan(stored):
        raise UsageError(
            f"{call}({name}={value!r}): NaN equals no value, itself included, so no record is found"
            f" by it. Use another field, or None for what is not known."
        )


def _tell_where_nothing_is_unique(
    binding: Binding[R], equal: Mapping[str, object], call: str
) -> None:
    sets = [*((name,) for name in binding.codec.unique), *binding.codec.together]
    if any(all(equal.get(name) is not None for name in names) for names in sets):
        return
    told = _told.setdefault(binding, set())
    if frozenset(equal) not in told:
        told.add(frozenset(equal))
        _log.warning(
            "%s() of %r by %s: none of them is unique, so that two programs which call it at the "
            "same time may make a record each: mark one with Unique(), or say UniqueTogether()",
            call,
            binding.name,
            ", ".join(sorted(equal)),
        )


def _found(binding: Binding[R], equal: Mapping[str, object]) -> R | None:
    return Query(binding, equal).one_or_none()


def _created(binding: Binding[R], values: Mapping[str, Any]) -> R:
    record = binding.codec.model.model_validate(values, by_alias=False, by_name=True)
    binding.commit([record], [binding.change(record)], "the save")
    return record


def _updated(binding: Binding[R], record: R, values: Mapping[str, Any]) -> R:
    if values:
        for name, value in values.items():
            setattr(record, name, value)
        change = binding.change(record, version=record.version)
        binding.commit([record], [change], "the update")
    return record
