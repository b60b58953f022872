"""Tables whose class is made of what the log says of them, for programs that have none.

Such a class knows the types, the defaults and what is unique; it does not know the validators of
the class that has declared the table, nor that there are none. What can be told is whether both
load a field alike, by their fingerprints. So of the schemas that it writes under it claims no more
than that, and it asks for nothing: neither is its own schema made the table's, nor a field unique.

- Where all fields are loaded alike, records are written under the schema of the table's own class.
- Where some are not, they are written under no schema. Keys of fields that a record leaves as they
  were stay known, other programs look at its others themselves, and a new value of a unique field
  is refused, since this program could not tell whether it is one.
- Where a unique field is among those that are loaded alike, the log is told of these fields alone:
  a schema that is a *part* of the table's, by which their keys are known.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, create_model

from discobase.binding import Binding
from discobase.computed import WithPk, WithVersion
from discobase.engine.changes import Preparation
from discobase.engine.operations import DEPENDS, FieldSchema, Schema
from discobase.engine.replica import EMPTY, Layout
from discobase.engine.together import is_together, names_of
from discobase.errors import TableNotFound
from discobase.once import once
from discobase.records.codec import Codec
from discobase.records.fields import Index, Unique, kind_of
from discobase.records.rebuilt import RebuiltField, rebuilt_fields
from discobase.records.record import Record
from discobase.records.together import UniqueTogether
from discobase.schema import Call, TableSchema
from discobase.source import Source
from discobase.table import RESERVED, Table, bind

R = TypeVar("R", bound=Record)

_EMPTY_SCHEMA = Schema({})


class _WithBoth(WithPk, WithVersion):
    """What a table's class may be derived from, too."""


_BASES: Sequence[type[Table]] = (Table, WithPk, WithVersion, _WithBoth)
"""What the class of a table may be derived from; it is part of the fingerprints."""


def open_table(source: Source, name: str) -> type[Table]:
    """Return a class that is made of what the log says of a table, and bound to it.

    Args:
        source: where the table is.
        name: its name.

    Raises:
        TableNotFound: there is none of that name.
    """
    layouts = source.replica("opening the table").layouts
    layout = layouts.get(name)
    if layout is None:
        raise TableNotFound(source.name, name, layouts)
    model = _likest(name, layout)
    bind(model, _OpenedBinding(source, name, model, layout))
    return model


def is_opened_from(model: type[Table], layout: Layout | None) -> bool:
    """Return whether a class that :func:`open_table` gave is of the schema that its table has."""
    binding: Any = vars(model)["_binding"]
    return layout is not None and binding.held_text == layout.newest_text


class _OpenedBinding(Binding[R]):
    """What ties such a class to its source.

    Args:
        source: where it reads and writes.
        name: the table's name.
        model: the class.
        layout: of the table, when the class was made.

    Attributes:
        held_text: the schema that the class was made of, as the log has it; None where there was
            none.
    """

    def __init__(self, source: Source, name: str, model: type[R], layout: Layout) -> None:
        super().__init__(source, name, model)
        self.held_text = layout.newest_text
        self._held = layout.newest or _EMPTY_SCHEMA

    @once
    def schema(self) -> TableSchema[R]:
        """What the log has to know before the class puts a record."""
        return _OpenedSchema(
            self.codec, self.name, self._held, self.held_text, database=self.source.name
        )


class _OpenedSchema(TableSchema[R]):
    """The schema of such a class, of which the log is told as little as can be.

    Args:
        codec: how its records are written and read.
        table: the table's name.
        held: the schema that it was made of.
        held_text: the same as the log has it, if there was one.
        database: the database's name, for errors.
    """

    is_own = False

    def __init__(
        self, codec: Codec[R], table: str, held: Schema, held_text: str | None, *, database: str
    ) -> None:
        super().__init__(codec, table)
        self._database = database
        self._held_text = held_text
        alike = {name for name in held.names if self.fields.get(name) == held.fields[name]}
        self._is_whole = bool(alike) and alike == {*held.names} == {*codec.model.model_fields}
        self._part = _PartOfSchema(codec, table, held, alike)

    def written_under(self, layout: Layout) -> Mapping[str, str]:
        """Return the schema that records are put under, which the log has or is told of."""
        held = self._held_text
        if self._is_whole and held is not None and held in layout.numbers:
            return {self._table: held}
        if any(each.unique and self._part.knows(each.identity) for each in layout.every_column):
            return {self._table: self._part.text}
        return {}

    def preparations(self, call: Call, layout: Layout) -> Sequence[Preparation]:
        """Return what the log lacks before records can be put.

        Raises:
            TableNotFound: the table is not there any more.
        """
        if layout is EMPTY:
            raise TableNotFound(self._database, self._table, call.replica().layouts)
        missing = self.written_under(layout).values() - layout.numbers.keys()
        return self._part.declared_in(call, layout) if missing else ()


class _PartOfSchema(TableSchema[R]):
    """What a class that was made of a table's schema knows of it for sure, and no more.

    Args:
        codec: how its records are written and read.
        table: the table's name.
        held: the schema that it was made of.
        alike: the fields that it loads as the class that declared that one does.
    """

    def __init__(self, codec: Codec[R], table: str, held: Schema, alike: set[str]) -> None:
        super().__init__(codec, table)
        self._alike = {name: held.fields[name] for name in sorted(alike)}
        self._types = {"properties": {name: held.types["properties"][name] for name in self._alike}}

    @once
    def fields(self) -> Mapping[str, FieldSchema]:
        """What the log is to know of each field."""
        return self._alike

    @once
    def declared(self) -> Schema:
        """The schema."""
        return Schema(self.fields, is_part=True)

    def knows(self, column: tuple[str, str]) -> bool:
        """Return whether the keys of a column are those of the class.

        Args:
            column: the field, and the fingerprint by which it is keyed.
        """
        return self.declared.fingerprint(column[0]) == column[1]

    def declared_in(self, call: Call, layout: Layout) -> Sequence[Preparation]:
        """Return what tells the log of it."""
        return self._declared(call, layout)

    @property
    def _unique_names(self) -> tuple[str, ...]:
        return ()


# The class


def _likest(name: str, layout: Layout) -> type[Table]:
    """Return a class of those that may be meant: one that loads most fields as the table's own."""
    held = layout.newest or _EMPTY_SCHEMA
    fields = {name: each for name, each in rebuilt_fields(held).items() if name not in RESERVED}
    depends = any(field.fingerprint.endswith(DEPENDS) for field in held.fields.values())
    best: _Candidate | None = None
    for base in _BASES if depends else _BASES[:1]:
        candidate = _Candidate(name, base, fields, layout)
        candidate.choose(held)
        if best is None or len(candidate.alike) > len(best.alike):
            best = candidate
        if len(best.alike) == len(held.names):
            break
    assert best is not None
    return best.model


class _Candidate:
    """A class that may be meant.

    Args:
        name: the table's name.
        base: what it is derived from.
        fields: what each field may be.
        layout: how the table is laid out.

    Attributes:
        model: the class.
        alike: the fields that it loads as the table's own class does.
    """

    def __init__(
        self, name: str, base: type[Table], fields: Mapping[str, RebuiltField], layout: Layout
    ) -> None:
        self._name = name
        self._base = base
        self._fields = fields
        self._layout = layout
        self._choices = dict.fromkeys(fields, 0)

    def choose(self, held: Schema) -> None:
        """Choose the type of each field, as far as the declared fingerprints tell."""
        most = max((len(field.types) for field in self._fields.values()), default=1)
        chosen: dict[str, int] = {}
        for at in range(most):
            self._choices = {name: chosen.get(name, at) for name in self._fields}
            chosen |= dict.fromkeys(self._alike_in(self._made(), held) - chosen.keys(), at)
            if len(chosen) == len(self._fields):
                break
        self._choices = {name: chosen.get(name, 0) for name in self._fields}
        self.model = self._made()
        self.alike = frozenset(chosen)

    def _alike_in(self, model: type[Table], held: Schema) -> set[str]:
        made = TableSchema(Codec(model, self._name), self._name).fields
        return {name for name in self._fields if made[name] == held.fields[name]}

    def _made(self) -> type[Table]:
        """Return the class with the types that are chosen."""
        definitions: dict[str, Any] = {
            name: field.definition(self._choices[name], self._marks(name))
            for name, field in self._fields.items()
        }
        make = cast("Any", create_model)
        with warnings.catch_warnings():
            # A field may have the name of a method of pydantic's. That was told to the programmer.
            warnings.simplefilter("ignore", UserWarning)
            made: type[Table] = make(
                self._name, __base__=self._bare_base, __module__=__name__, **definitions
            )
        return made

    @once
    def _bare_base(self) -> type[Table]:
        """What the class is derived from, which says of fields that they are unique together."""
        namespace: dict[str, Any] = {
            "__module__": __name__,
            "__doc__": f"A record of {self._name!r}, as the log tells of that table.",
            "model_config": ConfigDict(protected_namespaces=()),
        }
        for number, names in enumerate(self._together()):
            namespace[f"together_{number}"] = UniqueTogether(*names)
        make: Any = type(self._base)
        made: type[Table] = make(self._name, (self._base,), namespace)
        return made

    def _together(self) -> Iterator[tuple[str, ...]]:
        for column in self._layout.columns.values():
            names = names_of(column.field)
            if column.unique and is_together(column.field) and all(map(self._is_keyed, names)):
                yield names

    def _marks(self, name: str) -> Sequence[object]:
        if not self._is_keyed(name):
            return ()
        if self._layout.unique_column(name) is not None:
            return (Unique(),)
        newest = self._layout.newest
        return (Index(),) if newest is not None and name in newest.indexed else ()

    def _is_keyed(self, name: str) -> bool:
        if name not in self._fields:
            return False
        types = self._fields[name].types
        return kind_of(types[min(self._choices[name], len(types) - 1)]) != "opaque"


# What there is


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table that is there, whether this program has a class for it or not.

    Attributes:
        name: its name.
        records: how many records it has.
        fields: the names of its fields, in the order of the class that has declared it last; none
            where no class has.
        unique: those of them that are unique, each alone or several together.
        indexed: those for which the class wants an index from the start.
        json_schema: the JSON schema of a record, as far as it is declared.
    """

    name: str
    records: int
    fields: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...]
    indexed: tuple[str, ...]
    json_schema: Mapping[str, Any]


def stored_tables(source: Source) -> list[StoredTable]:
    """Return the tables that are there, by name."""
    replica = source.replica("the list of tables")
    return [
        _stored_table(name, replica.count(name), layout)
        for name, layout in sorted(replica.layouts.items())
    ]


def _stored_table(name: str, records: int, layout: Layout) -> StoredTable:
    schema = layout.newest or _EMPTY_SCHEMA
    known = schema.types.get("properties", {})
    ordered = dict.fromkeys((*(each for each in known if each in schema.fields), *schema.names))
    unique = sorted(names_of(each.field) for each in layout.columns.values() if each.unique)
    return StoredTable(
        name,
        records,
        tuple(ordered),
        tuple(unique),
        schema.indexed,
        {"title": name, "type": "object", "properties": {}, **schema.types},
    )
