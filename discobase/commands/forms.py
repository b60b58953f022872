"""Forms of a table's fields: five on each, one form after the other."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from pydantic import BaseModel

from discobase.commands.remembered import Step
from discobase.commands.replies import INPUTS, LONGEST_INPUT, LONGEST_NAME, Form, Input
from discobase.errors import UsageError
from discobase.posted import size, visible
from discobase.records.secrets import MASK
from discobase.table import Table
from discobase.typed.field_types import type_of
from discobase.typed.rows import Cells
from discobase.typed.values import NULL, FieldValues

_LONG = 60
"""Characters from which on a text has an input of several lines."""


def steps_of(fields: Collection[str]) -> int:
    """Return how many forms it takes."""
    return max(1, -(-len(fields) // INPUTS))


def form_of(model: type[Table], step: Step, *, title: str, held: Cells) -> Form:
    """Return a form.

    Args:
        model: the table's class.
        step: which form it is.
        title: what it is about.
        held: the record's values, as JSON has them; empty for a new record. What was typed already
            stands in their place.
    """
    inputs = [_input(model, name, held, step.task.texts.get(name)) for name in step.fields]
    steps = steps_of(step.task.fields)
    where = f" ({step.number + 1} of {steps})" if steps > 1 else ""
    return Form(f"{title}{where}", step.does("form"), inputs)


def values_of(
    model: type[Table], texts: dict[str, str], held: Cells | None = None
) -> dict[str, Any]:
    """Return the values that were typed: those of fields that were left as they were are not among
    them. A field that was left empty takes its default in a new record; in an old one it becomes
    null, or the empty text, where it takes that.

    Args:
        model: the table's class.
        texts: what was typed, by field.
        held: the record's values as the form has shown them; None for a new record.

    Raises:
        pydantic.ValidationError: a text is no value of its field.
    """
    values: dict[str, Any] = {}
    for name, typed in texts.items():
        field = FieldValues(model, name)
        if held is not None and typed == _typed(held.get(name)):
            continue
        if held is None and not typed and not _takes_empty(model, name, field):
            continue
        if held is not None and MASK in typed and MASK in _shown(held.get(name)):
            raise UsageError(
                f"{MASK} stands for a secret in {name!r}, which is not shown: write the secret "
                f"in its place, or change this field by a program. Nothing was changed."
            )
        if not typed and held is not None and field.takes_none and held.get(name) is not None:
            values[name] = None
        else:
            values[name] = field.of(typed)
    return values


def askable(model: type[Table], held: Cells) -> tuple[str, ...]:
    """Return the fields that a form can ask for: those whose names, and values, are no longer than
    what it takes.
    """
    return tuple(
        name
        for name in model.model_fields
        if size(name) <= LONGEST_NAME and size(_typed(held.get(name))) <= LONGEST_INPUT
    )


def _takes_empty(model: type[Table], name: str, field: FieldValues) -> bool:
    """Return whether an empty input says that the field is to be an empty text."""
    return model.model_fields[name].is_required() and field.takes_texts


def _input(model: type[Table], name: str, held: Cells, typed: str | None) -> Input:
    field = FieldValues(model, name)
    value = typed if typed is not None else _typed(held.get(name))
    is_needed = not held and model.model_fields[name].is_required()
    is_needed = is_needed and not (field.takes_none or field.takes_texts)
    note = type_of(model, name)
    if not held and not model.model_fields[name].is_required():
        default = model.model_fields[name].get_default()
        shown = '""' if default == "" else _typed(_plain(default)) or NULL
        note += f", {shown} where nothing is typed"
    return Input(
        name,
        visible(name, breaks=False),
        visible(note, breaks=False),
        value,
        is_needed=is_needed,
        is_long=len(value) > _LONG or "\n" in value or field.takes_texts,
    )


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _typed(value: Any) -> str:
    """Return the text that stands for a value when it is typed; nothing for a secret, which is not
    shown.
    """
    if value is None or value == MASK:
        return ""
    if isinstance(value, str):
        is_plain = value != NULL and not (value.startswith('"') and value.endswith('"'))
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return str(value)
