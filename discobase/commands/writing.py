"""Commands that write. Each blocks, on a thread of its own, until Discord has what was written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import cast

from discobase.commands import rendering
from discobase.commands.forms import askable, form_of, steps_of, values_of
from discobase.commands.operated import Operated
from discobase.commands.reading import shown_record
from discobase.commands.remembered import Step, Task
from discobase.commands.replies import Button, Form, Input, Reply, Shown
from discobase.errors import ConflictError, RecordNotFound, UsageError
from discobase.table import Table, save_once
from discobase.typed.rows import Cells, row_of
from discobase.typed.values import place_of

SAID = "name"
"""The input into which a table's name is typed that is to be deleted."""

_DANGER, _PRIMARY, _SECONDARY = 4, 1, 2


def open_form(database: Operated, task: Task, key: str) -> Shown:
    """Return the first form of what is to be stored, changed or deleted."""
    match task.command:
        case "insert":
            return _first_of_new(database, task, key)
        case "update":
            return _first_of_old(database, task, key)
        case _:
            return _question_of_reset(database, task, key)


def next_form(database: Operated, step: Step) -> Shown:
    """Return a later form.

    Raises:
        ConflictError: the record was changed since the first one was opened.
    """
    model, task = database.open_table(step.task.table), step.task
    held: Cells = {} if task.command == "insert" else row_of(_as_shown(model, step))
    return form_of(model, step, title=_title(task), held=held)


def take(step: Step, texts: Mapping[str, str]) -> Reply | None:
    """Take what was typed into a form. Return what leads on to the next one; None where all is
    there.
    """
    step.task.texts |= texts
    if not step.left:
        return None
    then = step.number + 1
    buttons = [
        Button("Go on", step.does("next", then), _PRIMARY),
        Button("Save", step.does("save", then), _SECONDARY),
        Button("Forget it", step.does("forget", then), _SECONDARY),
    ]
    return Reply(
        f"{_title(step.task)}: form {then} of {steps_of(step.task.fields)} is noted",
        f"Nothing is stored yet.{rendering.names('Left: ', step.left)}",
        buttons,
    )


def ways_on(step: Step) -> list[Button]:
    """Return what can be done where what was typed could not be stored."""
    return [
        Button("Correct it", step.does("next", 0), _PRIMARY),
        Button("Save", step.does("save", steps_of(step.task.texts)), _SECONDARY),
        Button("Forget it", step.does("forget", 0), _SECONDARY),
    ]


def save(database: Operated, step: Step) -> Reply:
    """Store what was typed: once, though a button be pressed twice, and two programs of the bot
    take one press each. One API call.

    Raises:
        pydantic.ValidationError: something is no value of its field.
        ConflictError: the record was changed since the form was opened.
        DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`.
    """
    task = step.task
    model = database.open_table(task.table)
    if task.command == "insert":
        record = model(**values_of(model, task.texts))
        pk = save_once(record, f"discord-{step.key}").pk
        # As it stands there: another press may have stored what was typed until then.
        stored = model.get(cast("int", pk))
        return shown_record(task.table, stored, title=f"{task.table} {pk} is stored")
    record = _as_shown(model, step)
    changes = values_of(model, task.texts, row_of(record))
    if not changes:
        return Reply(f"{task.table} {task.pk} is as it was", "Nothing else was typed.")
    changed = model.model_validate({**dict(record), **changes})
    for name in changes:
        setattr(record, name, getattr(changed, name))
    record.update(if_unchanged=True)
    return shown_record(task.table, record, title=f"{task.table} {task.pk} is changed")


def question_of_delete(database: Operated, task: Task, key: str) -> Reply:
    """Show a record, and ask whether it is to be deleted."""
    record = database.open_table(task.table).get(task.pk)
    step = Step(task, key, version=record.version or 0)
    shown = shown_record(task.table, record, title=f"Delete {task.table} {task.pk}?")
    buttons = [
        Button("Delete it", step.does("delete"), _DANGER),
        Button("Keep it", step.does("forget"), _SECONDARY),
    ]
    return Reply(shown.title, shown.text, buttons, shown.files)


def delete(database: Operated, step: Step) -> Reply:
    """Delete a record, if it is what was shown. One API call.

    Raises:
        ConflictError: it was changed since.
        DiscobaseError: as for :meth:`Table.delete <discobase.Table.delete>`.
    """
    task = step.task
    with suppress(RecordNotFound):  # by another press of the button, or by somebody else
        _as_shown(database.open_table(task.table), step).delete(if_unchanged=True)
    return Reply(f"{task.table} {task.pk} is deleted", _REMAINS)


def reset(database: Operated, step: Step, said: str) -> Reply:
    """Delete all records of a table, where its name was said back. One API call, as a rule.

    Raises:
        UsageError: another name was said.
        DiscobaseError: as for :meth:`Query.delete <discobase.Query.delete>`.
    """
    table = step.task.table
    if said.strip() != table:
        raise UsageError(f"{said!r} is not the table's name, {table!r}: nothing was deleted.")
    report = database.open_table(table).find().delete()
    return Reply(f"{table}: {report.records:,} records are deleted", _REMAINS)


_REMAINS = (
    "What was deleted stays in the history of the log until the next vacuum: `discobase vacuum`."
)


def _first_of_new(database: Operated, task: Task, key: str) -> Shown:
    model = database.open_table(task.table)
    task.fields = askable(model, {})
    if not task.fields:
        raise UsageError(f"{task.table!r} has no fields that a form could ask for.")
    return form_of(model, Step(task, key), title=_title(task), held={})


def _first_of_old(database: Operated, task: Task, key: str) -> Form:
    model = database.open_table(task.table)
    record = model.get(task.pk)
    cells = row_of(record)
    fields = askable(model, cells)
    if task.column:
        place_of(model, (task.column,))
        fields = tuple(name for name in fields if name == task.column)
    if not fields:
        raise UsageError(
            f"{task.column or task.table!r} cannot be changed by a form, which takes 4,000 "
            f"characters of a value: change it by a program, or by `discobase update`."
        )
    task.fields = fields
    step = Step(task, key, version=record.version or 0)
    return form_of(model, step, title=_title(task), held=cells)


def _question_of_reset(database: Operated, task: Task, key: str) -> Form:
    number = database.open_table(task.table).find().count()
    said = Input(
        SAID, "The table's name", f"It deletes {number:,} records for good.", is_needed=True
    )
    return Form(f"Delete all of {task.table}?", Step(task, key).does("reset"), [said])


def _as_shown(model: type[Table], step: Step) -> Table:
    """Return a record.

    Raises:
        ConflictError: it is not at the version any more at which it was shown.
    """
    record = model.get(step.task.pk)
    if record.version != step.version:
        found = record.version or 0
        raise ConflictError(step.task.table, step.task.pk, expected=step.version, found=found)
    return record


def _title(task: Task) -> str:
    return f"New {task.table}" if task.command == "insert" else f"{task.table} {task.pk}"
