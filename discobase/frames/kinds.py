"""What a column holds, whichever package it is made for, as the fields of a table say it.

A field whose type all three packages know, as numbers, texts and moments, has its values in the
column. Any other has what is stored of them, as JSON has it: the text of a UUID, the fields of a
model, the elements of a list. So everything that can be stored can stand in a frame, and be read
from it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, auto
from types import NoneType
from typing import TYPE_CHECKING, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    ByteSize,
    EmailStr,
    FutureDate,
    FutureDatetime,
    NaiveDatetime,
    PastDate,
    PastDatetime,
)

from discobase.records.fields import types_of
from discobase.records.secrets import holds_secrets

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


class Kind(Enum):
    """What kind of values a column holds."""

    INTEGER = auto()
    NUMBER = auto()
    TRUTH = auto()
    TEXT = auto()
    BYTES = auto()
    DECIMAL = auto()
    MOMENT = auto()
    DATE = auto()
    TIME = auto()
    DURATION = auto()
    LIST = auto()
    STRUCT = auto()
    JSON = auto()  # whatever JSON has
    SECRET = auto()  # a mask
    NOTHING = auto()  # what an empty answer in SQL holds


@dataclass(frozen=True, slots=True)
class ColumnType:
    """What a column holds.

    Attributes:
        kind: the kind of its values.
        nullable: whether a value may be missing.
        stored: whether the values are what is stored, as JSON has it, and not the fields' own.
        has_zone: whether moments have a time zone; None where only the values tell.
        digits: how many digits decimals have at most, and how many after the point; None where only
            the values tell.
        inner: what the elements of a list are.
        fields: what the fields of a model inside are, by name.
    """

    kind: Kind
    nullable: bool = False
    stored: bool = False
    has_zone: bool | None = None
    digits: tuple[int, int] | None = None
    inner: ColumnType | None = None
    fields: Mapping[str, ColumnType] = field(default_factory=dict[str, "ColumnType"])


_HELD: Mapping[Any, Kind] = {
    int: Kind.INTEGER,
    ByteSize: Kind.INTEGER,
    float: Kind.NUMBER,
    bool: Kind.TRUTH,
    str: Kind.TEXT,
    EmailStr: Kind.TEXT,
    bytes: Kind.BYTES,
    Decimal: Kind.DECIMAL,
    datetime: Kind.MOMENT,
    AwareDatetime: Kind.MOMENT,
    NaiveDatetime: Kind.MOMENT,
    PastDatetime: Kind.MOMENT,
    FutureDatetime: Kind.MOMENT,
    date: Kind.DATE,
    PastDate: Kind.DATE,
    FutureDate: Kind.DATE,
    time: Kind.TIME,
    timedelta: Kind.DURATION,
}

_ZONES: Mapping[Any, bool] = {AwareDatetime: True, NaiveDatetime: False}

_IN_JSON: Mapping[str, Kind] = {
    "integer": Kind.INTEGER,
    "number": Kind.NUMBER,
    "boolean": Kind.TRUTH,
    "string": Kind.TEXT,
}

_MOST_DIGITS = 38
"""Digits of a decimal in 16 bytes, as Arrow and Polars have it."""

INTEGERS = ColumnType(Kind.INTEGER)
"""The type of primary keys and versions."""


def type_of_field(model: type[BaseModel], name: str, types: Mapping[str, Any]) -> ColumnType:
    """Return what a column of a field holds.

    Args:
        model: the table's class.
        name: the field.
        types: the JSON schema of what is stored of the class.
    """
    info = model.model_fields[name]
    leaves = types_of(info.annotation)
    nullable = NoneType in leaves
    if holds_secrets(info.annotation):
        return ColumnType(Kind.SECRET, nullable=nullable)
    held = _held(leaves - {NoneType}, nullable=nullable)
    if held is not None:
        return replace(held, digits=_digits(info)) if held.kind is Kind.DECIMAL else held
    form = types.get("properties", {}).get(name, {})
    return replace(_stored(form, types.get("$defs", {}), ()), stored=True)


def type_of_place(leaves: Iterable[Any]) -> ColumnType:
    """Return what a column of a place inside of a field holds, which may be missing.

    Args:
        leaves: the types that its values are of.
    """
    held = _held({*leaves} - {NoneType}, nullable=True)
    return held or ColumnType(Kind.JSON, nullable=True, stored=True)


def type_of_values(values: Iterable[object]) -> ColumnType:
    """Return what a column holds of which only the values are known, as SQLite gives them."""
    kinds = {_HELD.get(type(value), Kind.JSON) for value in values if value is not None}
    if kinds == {Kind.INTEGER, Kind.NUMBER}:
        kinds = {Kind.NUMBER}
    if not kinds:
        return ColumnType(Kind.NOTHING, nullable=True)
    return ColumnType(kinds.pop() if len(kinds) == 1 else Kind.JSON, nullable=True)


def _held(leaves: Iterable[Any], *, nullable: bool) -> ColumnType | None:
    """Return what a column holds whose values are of types that all packages know."""
    leaves = {*leaves}
    kinds = {_HELD.get(leaf) for leaf in leaves}
    if len(kinds) != 1 or None in kinds:
        return None
    zones = {_ZONES.get(leaf) for leaf in leaves}
    return ColumnType(
        kinds.pop() or Kind.JSON,
        nullable=nullable,
        has_zone=zones.pop() if len(zones) == 1 else None,
    )


def _digits(info: FieldInfo) -> tuple[int, int] | None:
    """Return how many digits a field's decimals have at most, and how many after the point, if its
    annotation says so.
    """
    said = {
        name: value
        for entry in info.metadata
        for name in ("max_digits", "decimal_places")
        if (value := getattr(entry, name, None)) is not None
    }
    places = said.get("decimal_places")
    most = said.get("max_digits", _MOST_DIGITS)
    return None if places is None or not places <= most <= _MOST_DIGITS else (most, places)


def _stored(
    form: Mapping[str, Any], definitions: Mapping[str, Any], within: tuple[str, ...]
) -> ColumnType:
    """Return what a column holds that has what is stored.

    Args:
        form: the JSON schema of that.
        definitions: those that it refers to.
        within: the names of those that it stands in: what holds itself has no type.
    """
    if "anyOf" in form:
        others = [each for each in form["anyOf"] if each != {"type": "null"}]
        if len(others) != 1:
            return ColumnType(Kind.JSON, nullable=True)
        return replace(_stored(others[0], definitions, within), nullable=True)
    if "$ref" in form:
        name = str(form["$ref"]).rpartition("/")[2]
        if name in within or name not in definitions:
            return ColumnType(Kind.JSON, nullable=True)
        return _stored(definitions[name], definitions, (*within, name))
    kind = form.get("type")
    if kind == "array" and "items" in form:
        return ColumnType(Kind.LIST, inner=_stored(form["items"], definitions, within))
    if kind == "object" and form.get("properties") and "additionalProperties" not in form:
        fields = {
            name: _stored(each, definitions, within) for name, each in form["properties"].items()
        }
        return ColumnType(Kind.STRUCT, fields=fields)
    if isinstance(kind, str) and kind in _IN_JSON:
        return ColumnType(_IN_JSON[kind])
    # Whether None is among what a column of anything holds, its type does not say.
    return ColumnType(Kind.JSON, nullable=True)
