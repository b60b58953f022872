"""What a table's annotations say of its fields: unique, indexed, and how each is keyed.

.. code-block:: python

    class User(discobase.Table):
        email: Annotated[str, discobase.Unique()]
        joined: Annotated[datetime, discobase.Index()]
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path, PosixPath, PurePath, PurePosixPath
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin
from uuid import UUID

from pydantic import (
    AnyUrl,
    AwareDatetime,
    BaseModel,
    ByteSize,
    EmailStr,
    EncodedBytes,
    EncodedStr,
    FutureDate,
    FutureDatetime,
    IPvAnyAddress,
    Json,
    NaiveDatetime,
    PastDate,
    PastDatetime,
    PlainSerializer,
    PlainValidator,
    WrapSerializer,
)
from pydantic.fields import FieldInfo

from discobase.engine.keys import Kind
from discobase.errors import TableError
from discobase.records.together import UniqueTogether, together_in


@dataclass(frozen=True, slots=True)
class Unique:
    """No two records have the same value in this field: ``email: Annotated[str, Unique()]``.

    Values are compared as the field's own type (``Decimal("1.0")`` equals ``Decimal("1.00")``, a
    moment equals itself in another time zone); ``None`` is no value, and any number of records may
    have it. A save that would break it raises :exc:`~discobase.errors.UniqueViolation`, also when
    the other record was saved by another process. A unique field is indexed.
    """


@dataclass(frozen=True, slots=True)
class Index:
    """Keep an index of this field from the start: ``joined: Annotated[datetime, Index()]``.

    Finding by such a field is fast from the first time on. It costs memory in each process, and no
    API call.
    """


@dataclass(frozen=True, slots=True)
class Searchable:
    """Find records by the words in this field: ``body: Annotated[str, Searchable()]``, and
    ``Article.search("two words")``.

    For fields of texts: ``str``, also optional, in lists, sets, tuples and dictionaries, and fields
    of models inside, which are marked there. Each process that has such a class keeps an index of
    the words, which costs disk and memory, and no API call.
    """


@dataclass(frozen=True, slots=True)
class FieldMarks:
    """What the annotations of one table say.

    Args:
        kinds: how each field's key is made.
        unique: the fields marked :class:`Unique`, in the order of the fields.
        indexed: the fields marked :class:`Index`, in the order of the fields.
        together: those that are unique together.
    """

    kinds: Mapping[str, Kind]
    unique: tuple[str, ...]
    indexed: tuple[str, ...]
    together: tuple[tuple[str, ...], ...] = ()


def marks_of(model: type[BaseModel]) -> FieldMarks:
    """Read the annotations of a model.

    Args:
        model: a complete model class.

    Raises:
        TableError: a field is marked :class:`Unique` or :class:`Index` that has no key (its kind is
            ``opaque``), or the mark stands inside another annotation, or in the place of a default
            or a type, where it would not be seen.
    """
    serialized = fields_with_a_serializer(model)
    kinds: dict[str, Kind] = {}
    marked: dict[type, list[str]] = {Unique: [], Index: []}
    for name, field in model.model_fields.items():
        annotation = _with_metadata(field.annotation, field.metadata)
        kinds[name] = "opaque" if name in serialized else kind_of(annotation)
        for mark, names in marked.items():
            check_place(model, name, field, mark)
            if any(is_that_mark(entry, mark) for entry in field.metadata):
                _check_keyed(model, name, kinds[name], mark)
                names.append(name)
            elif _is_buried(field.annotation, mark):
                raise TableError(
                    f"{model.__name__}.{name}: {mark.__name__}() must be the outermost annotation, "
                    f"as in Annotated[str | None, {mark.__name__}()]."
                )
        if misplaced := [entry for entry in field.metadata if is_that_mark(entry, UniqueTogether)]:
            for entry in misplaced:
                if isinstance(entry, UniqueTogether):
                    entry.told()
            raise TableError(
                f"{model.__name__}.{name}: UniqueTogether() is no annotation of one field, but an "
                f"attribute of the class: once = UniqueTogether({name!r}, ...)."
            )
    together = together_in(model)
    for name in {name for names in together for name in names}:
        _check_keyed(model, name, kinds[name], UniqueTogether)
    return FieldMarks(
        MappingProxyType(kinds), tuple(marked[Unique]), tuple(marked[Index]), together
    )


def is_mark(entry: Any) -> bool:
    """Return whether an annotation's entry is a mark of this module, of no concern to pydantic."""
    return any(is_that_mark(entry, mark) for mark in (Unique, Index, Searchable))


def kind_of(annotation: Any) -> Kind:
    """Return how the key of a field with this annotation is made.

    ===========================================================================  ============
    type                                                                         kind
    ===========================================================================  ============
    ``str``, ``int``, ``bool``, ``date``, ``UUID``, ``EmailStr``, URLs of one    ``plain``
    host, ``Literal`` of strings, numbers or booleans, enums of those
    ``float``, ``Decimal``, and unions of numbers                                ``decimal``
    ``datetime``, ``time``                                                       ``instant``
    ``timedelta``                                                                ``duration``
    paths of the POSIX flavour                                                   ``path``
    IP addresses                                                                 ``address``
    everything else: containers, models, bytes, secrets, ``Any``, unions whose   ``opaque``
    members are stored alike (``str | UUID``), types with serializers
    ===========================================================================  ============

    Args:
        annotation: a type, as a model's field has it. ``X | None`` has the kind of ``X``.
    """
    leaves = set(_leaves(annotation)) - {NoneType}
    kinds: set[Kind] = {_kind_of_leaf(leaf) for leaf in leaves}
    if not kinds:
        return "plain"
    if len(leaves) == 1:
        return kinds.pop()
    if leaves <= _NUMBERS:
        return "decimal" if "decimal" in kinds else "plain"
    return "plain" if any(leaves <= family for family in _TOLD_APART) else "opaque"


def sorts_as_its_keys(annotation: Any) -> bool:
    """Return whether Python compares the values of a field, by ``<``, as their keys compare. It
    does not compare at all what is of several types, nor members of an enum that is no more.

    Args:
        annotation: a type whose kind is not ``opaque``.
    """
    leaves = set(_leaves(annotation)) - {NoneType}
    return leaves <= _NUMBERS or (len(leaves) == 1 and _has_order(leaves.pop()))


def types_of(annotation: Any) -> frozenset[Any]:
    """Return the types of a field's values: the members of unions, aliases and literals."""
    return frozenset(_leaves(annotation))


def _has_order(leaf: Any) -> bool:
    if isinstance(leaf, type) and issubclass(leaf, Enum):
        return issubclass(leaf, str | int)
    # Addresses of version 6 compare without their zone, which their keys have.
    return leaf in _KINDS and leaf not in (IPv6Address, IPvAnyAddress)


_KINDS: dict[Any, Kind] = {
    str: "plain",
    int: "plain",
    bool: "plain",
    ByteSize: "plain",
    EmailStr: "plain",
    UUID: "plain",
    date: "plain",
    PastDate: "plain",
    FutureDate: "plain",
    float: "decimal",
    Decimal: "decimal",
    datetime: "instant",
    AwareDatetime: "instant",
    NaiveDatetime: "instant",
    PastDatetime: "instant",
    FutureDatetime: "instant",
    time: "instant",
    timedelta: "duration",
    IPv4Address: "address",
    IPv6Address: "address",
    IPvAnyAddress: "address",
    PurePosixPath: "path",
    PosixPath: "path",
}
if os.sep == "/":
    _KINDS.update({Path: "path", PurePath: "path"})

_NUMBERS: frozenset[Any] = frozenset({int, ByteSize, float, Decimal})
# Python holds True and 1 for equal, and JSON does not, so booleans are no numbers here.
_TOLD_APART: tuple[frozenset[Any], ...] = (frozenset({str, int}), frozenset({str, bool}))

# What is stored, or what the value is, need not be what the annotation names.
_REWRITES: tuple[Any, ...] = (
    PlainSerializer,
    WrapSerializer,
    PlainValidator,
    EncodedBytes,
    EncodedStr,
    Json,
)
_TRUSTED_METADATA = ("pydantic", "annotated_types", "discobase")


def _leaves(annotation: Any) -> Iterator[Any]:
    """Yield the members of nested unions, aliases and literals; ``object`` for what has no key."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        yield from ([object] if any(map(rewrites, metadata)) else _leaves(inner))
    elif origin is Union or origin is UnionType:
        for member in get_args(annotation):
            yield from _leaves(member)
    elif origin is Literal:
        for value in get_args(annotation):
            yield type(value)
    elif isinstance(annotation, NewType):
        yield from _leaves(annotation.__supertype__)
    elif hasattr(annotation, "__value__"):  # TypeAliasType, which typing has since Python 3.12
        yield from _leaves(annotation.__value__)
    else:
        yield NoneType if annotation is None else annotation


def _kind_of_leaf(leaf: Any) -> Kind:
    if not isinstance(leaf, type):
        return "opaque"
    if issubclass(leaf, Enum):
        told_apart = {type(member.value) for member in leaf} <= {str, int, bool}
        return "plain" if told_apart else "opaque"
    if issubclass(leaf, AnyUrl):
        return "plain"
    return _KINDS.get(leaf, "opaque")


def rewrites(metadata: Any) -> bool:
    """Return whether an entry of Annotated may make what is held or stored other than the type."""
    if isinstance(metadata, _REWRITES) or metadata is Json:
        return True
    if not hasattr(metadata, "__get_pydantic_core_schema__"):
        return False
    return type(metadata).__module__.partition(".")[0] not in _TRUSTED_METADATA


def _with_metadata(annotation: Any, metadata: Iterable[Any]) -> Any:
    for entry in metadata:
        annotation = Annotated[annotation, entry]
    return annotation


def fields_with_a_serializer(model: type[BaseModel]) -> frozenset[str]:
    """Return the fields whose values are stored by a serializer of the class."""
    decorators = model.__pydantic_decorators__
    if decorators.model_serializers:
        return frozenset(model.model_fields)
    named = {name for each in decorators.field_serializers.values() for name in each.info.fields}
    return frozenset(model.model_fields if "*" in named else named)


def is_that_mark(entry: object, mark: type) -> bool:
    """Return whether an entry of an annotation is a mark; its class stands for it, too."""
    return isinstance(entry, mark) or entry is mark


def _is_buried(annotation: Any, mark: type) -> bool:
    return any(
        is_that_mark(argument, mark) or _is_buried(argument, mark)
        for argument in get_args(annotation)
    )


def check_place(model: type[BaseModel], name: str, field: FieldInfo, mark: type) -> None:
    """Refuse a mark in the place of a field's type or default.

    Raises:
        TableError: it is there.
    """
    annotation: Any = field.annotation
    if is_that_mark(annotation, mark):
        place, annotation = "type", str
    elif is_that_mark(field.default, mark) or field.default_factory is mark:
        place = "default"
    else:
        return
    raise TableError(
        f"{model.__name__}.{name}: {mark.__name__}() is no {place}; it belongs to the annotation, "
        f"as in `{name}: Annotated[{_spelt(annotation)}, discobase.{mark.__name__}()]`."
    )


def _spelt(annotation: Any) -> str:
    plain = isinstance(annotation, type) and not get_args(annotation)
    return str(annotation.__name__ if plain else annotation).replace("typing.", "")


def _check_keyed(model: type[BaseModel], name: str, kind: Kind, mark: type) -> None:
    if kind == "opaque":
        raise TableError(
            f"{model.__name__}.{name} cannot be {mark.__name__}(): values of its type have no key "
            f"to compare by. Strings, numbers, booleans, dates, times, UUIDs and enums have one."
        )
