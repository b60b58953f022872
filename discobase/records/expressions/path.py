"""Where in a record a value stands: a field, and the steps that lead into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from pydantic import BaseModel

from discobase.records.sameness import MISSING
from discobase.shown import in_full

ValueOf: TypeAlias = Callable[[str], Any]
"""What gives a record's value by the name of a field, ``pk`` or ``version``; MISSING for none."""

STORED = ""
"""The name by which a record gives all that is stored of it, as JSON: no field has it."""

PLACE = frozenset({"pk", "version"})
"""What is known of a record beside its fields."""


class StepKind(Enum):
    """How a step goes on from a value."""

    FIELD = "field"
    INDEX = "index"
    KEY = "key"


@dataclass(frozen=True)
class Step:
    """One step into a value: a field of a model, an element of a list, the value of a key.

    Attributes:
        kind: which of them.
        key: the field's name, the index, or the key.
    """

    kind: StepKind
    key: Any

    def of(self, value: Any) -> Any:
        """Return what stands there in a value; MISSING where there is nothing."""
        return _TAKEN[self.kind](value, self.key)

    def __repr__(self) -> str:
        return f".{self.key}" if self.kind is StepKind.FIELD else f"[{in_full(self.key)}]"


@dataclass(frozen=True, repr=False)
class FieldPath:
    """A place in the records of a table.

    Attributes:
        model: the table's class.
        name: a field, ``pk`` or ``version``.
        steps: what leads on from there.
    """

    model: type[BaseModel]
    name: str
    steps: tuple[Step, ...] = ()

    def then(self, kind: StepKind, key: Any) -> FieldPath:
        """Return the path that goes one step further."""
        return FieldPath(self.model, self.name, (*self.steps, Step(kind, key)))

    def value(self, value_of: ValueOf) -> Any:
        """Return what stands there in a record; MISSING where there is nothing."""
        value = value_of(self.name)
        for step in self.steps:
            if value is MISSING:
                break
            value = step.of(value)
        return value

    def __repr__(self) -> str:
        return f"{self.model.__name__}.{self.name}{''.join(map(repr, self.steps))}"


def values_of(record: object) -> ValueOf:
    """Return what gives the values of a record that is there as an object."""

    def value_of(name: str) -> Any:
        if name == STORED:
            return record.model_dump(mode="json") if isinstance(record, BaseModel) else {}
        return getattr(record, name, MISSING)

    return value_of


def _field(value: Any, name: str) -> Any:
    # Not any attribute: a number has an imaginary part, and a model methods.
    if isinstance(value, BaseModel):
        return value.__dict__.get(name, MISSING)
    fields = getattr(value, "__dataclass_fields__", ())
    return getattr(value, name, MISSING) if name in fields else MISSING


def _element(value: Any, index: int) -> Any:
    if not _has_elements(value):
        return MISSING
    return value[index] if -len(value) <= index < len(value) else MISSING


def _entry(value: Any, key: Any) -> Any:
    return value.get(key, MISSING) if _has_entries(value) else MISSING


def _has_elements(value: object) -> bool:
    # A text is a sequence, too, but not one of elements.
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _has_entries(value: object) -> bool:
    return isinstance(value, Mapping)


_TAKEN: dict[StepKind, Callable[[Any, Any], Any]] = {
    StepKind.FIELD: _field,
    StepKind.INDEX: _element,
    StepKind.KEY: _entry,
}
