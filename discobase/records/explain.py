"""Why a record cannot be stored, and what to do about it, in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from discobase.errors import UnstorableValue
from discobase.records.model import blank
from discobase.records.sameness import MISSING, Difference, Missing
from discobase.shown import shortened


class Explainer:
    """Makes the errors for the records of one model.

    Args:
        model: the model class.
        table: the table's name.
        serialize: writes some fields of a record, by their names.
    """

    def __init__(
        self, model: type[BaseModel], table: str, serialize: Callable[[Any, set[str]], str]
    ) -> None:
        self._model = model
        self._table = table
        self._serialize = serialize

    def unwritable(self, record: BaseModel, error: Exception) -> UnstorableValue:
        """Return the error for a record that cannot be written as JSON.

        Args:
            record: the record.
            error: what was raised by writing it.
        """
        name = self._culprit(record)
        said = str(error).removeprefix("Error serializing to JSON: ")
        return self.unstorable(name, _value(record, name), said)

    def unreadable(self, record: BaseModel, error: ValidationError) -> Exception:
        """Return the error for a record whose stored form is refused: pydantic's if its values are.

        Args:
            record: the record.
            error: what was raised by reading its stored form.
        """
        values = record.__dict__ | (record.model_extra or {})
        try:
            self._model.__pydantic_validator__.validate_python(
                values, self_instance=blank(self._model), by_alias=False, by_name=True
            )
        except ValidationError as refused:
            refused.add_note(
                f"Nothing was sent: a record of {self._table} is checked as it will be read. "
                f"A validator that refuses its own results has this effect too."
            )
            return refused
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = self._field_at(first["loc"]) or self._culprit(record)
        why = f"its stored form would be refused when it is read ({first['msg']})"
        return self.unstorable(name, _value(record, name), why)

    def changed(self, found: Difference, *, has_secrets: bool) -> UnstorableValue:
        """Return the error for a record that would not come back as it is.

        Args:
            found: the difference.
            has_secrets: whether what came back may show some.
        """
        why = _what_became(found, has_secrets=has_secrets)
        return self.unstorable(found.path, found.before, why, shown=found.shown)

    def unstorable(
        self, path: str, value: object, why: str, *, shown: bool = True
    ) -> UnstorableValue:
        """Return the error for a value that has no stored form.

        Args:
            path: the way to it, from the record; empty for the record itself.
            value: the value.
            why: what is wrong with it.
            shown: False where it is a secret.
        """
        field = self._model.model_fields.get(re.split(r"[.\[]", path)[0])
        if field is not None and not field.repr:
            shown = False
        place = f"{self._table}.{path}" if path else self._table
        what = (
            f"{shortened(value)} ({_named(type(value))})" if shown else f"a {_named(type(value))}"
        )
        return UnstorableValue(
            f"{place} cannot be stored as {what}: {why}; nothing was sent.{_hint(value, why)}"
        )

    def _field_at(self, location: tuple[int | str, ...]) -> str:
        """Return the field that pydantic names in an error, by name or alias."""
        for name, field in self._model.model_fields.items():
            if location[:1] in ((name,), (field.alias,), (field.validation_alias,)):
                return name
        return ""

    def _culprit(self, record: BaseModel) -> str:
        """Return the first field that cannot be written or parsed as JSON; empty if each can."""
        for name in self._model.model_fields:
            try:
                from_json(self._serialize(record, {name}))
            except (ValueError, RecursionError):
                return name
        return ""


def _value(record: BaseModel, name: str) -> object:
    return record.__dict__.get(name, MISSING) if name else record


def _what_became(found: Difference, *, has_secrets: bool) -> str:
    """Say what has become of a value."""
    before, after = type(found.before), type(found.after)
    if after is Missing:
        return "it would be left out"
    became = "another value" if has_secrets or not found.shown else shortened(found.after)
    if before is after:
        return f"it would come back as {became}"
    return f"it would come back as {became} ({_named(after)})"


def _hint(value: object, why: str) -> str:
    """Say what to do about it, as far as that can be told."""
    if "recursion" in why or "depth" in why or "Circular" in why:
        return " JSON carries no cycles, and no more than some 200 levels."
    if "surrogates" in why:
        return " Text must be valid Unicode: repair it with errors='replace' where it is decoded."
    if "number out of range" in why or "digits" in why:
        return " Integers have up to 4,300 digits: store it as text."
    if "utf-8" in why or isinstance(value, (bytes, float)):
        return (
            " Annotate the field with the exact type of what it holds, as in bytes or float. A "
            "nested model needs a config of its own for these: ser_json_bytes and val_json_bytes "
            "'base64', ser_json_inf_nan 'strings'."
        )
    return (
        " Annotate the field with the exact type of what it holds; a validator must accept its own "
        "results and leave them as they are."
    )


def _named(kind: type) -> str:
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
