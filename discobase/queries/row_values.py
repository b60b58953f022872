"""Values of a record, had of its row without making the record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from discobase.engine.operations import DEPENDS
from discobase.queries.found import FoundRow, row_of
from discobase.records.expressions.path import STORED, FieldPath, ValueOf
from discobase.records.outdated import OutdatedRecord
from discobase.records.sameness import MISSING

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.records.codec import Codec


class RowValues:
    """Gives the values of a table's rows, each loaded by itself.

    A field is loaded with its record where its value may depend on other fields.

    Args:
        binding: the table.
    """

    def __init__(self, binding: Binding[Any]) -> None:
        self._binding = binding
        self._codec = binding.codec
        self._fields = binding.schema.fields
        self._types = {
            name: field.annotation for name, field in self._codec.model.model_fields.items()
        }

    def of(self, row: FoundRow[Any]) -> ValueOf:
        """Return what gives the values of a row by name; MISSING for what does not load."""
        loaded: dict[str, Any] = {"pk": row[0], "version": row[1]}
        stored: dict[str, Any] = {}

        def value_of(name: str) -> Any:
            if name not in loaded:
                if not stored:
                    stored.update(json.loads(row[2]))
                if name == STORED:
                    return stored
                loaded[name] = self._load(row, stored, name)
            return loaded[name]

        return value_of

    def is_carried(self, name: str) -> bool:
        """Return whether a field's stored value is its value, if it is of the field's type."""
        depends = self._fields[name].fingerprint.endswith(DEPENDS)
        return not depends and self._codec.is_carried(name)

    def carried(self, names: Sequence[str], texts: Sequence[str]) -> list[tuple[Any, ...]] | None:
        """Return the values of fields whose stored values they are (:meth:`is_carried`), of each
        row in a tuple; None where one is not as it is to be.

        Args:
            names: the fields.
            texts: the data of the rows.
        """
        try:
            # Keys come again, and gain by the cache; values cost more time by it.
            stored: list[dict[str, Any]] = from_json(f"[{','.join(texts)}]", cache_strings="keys")
            columns = [[record[name] for record in stored] for name in names]
        except (ValueError, KeyError):  # such as a lone surrogate, or a field that is not there
            return None
        for name, column in zip(names, columns, strict=True):
            if {*map(type, column)} != {self._types[name]}:
                return None
        return [*zip(*columns, strict=True)]

    def _load(self, row: FoundRow[Any], stored: dict[str, Any], name: str) -> Any:
        if self._fields[name].fingerprint.endswith(DEPENDS):
            record = self._binding.read(row_of(row))
            if not isinstance(record, OutdatedRecord):
                return getattr(record, name, MISSING)
        if name in stored and self._codec.is_carried(name):
            value = stored[name]
            if type(value) is self._types[name]:
                return value
        return self._codec.value_alone(name, stored)


def is_field(codec: Codec[Any], path: FieldPath) -> bool:
    """Return whether a place is a field of the class, and the whole of it: it may have keys."""
    return not path.steps and path.name in codec.kinds
