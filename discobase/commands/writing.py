"""Commands that write. Each blocks, on a thread of its own, until Discord has what was written."""

from __future__ import annotations

from collections.abc import Mapping

from discobase.commands.forms import form_of, steps_of, too_long, values_of
from discobase.commands.operated import Operated, place
from discobase.commands.reading import shown_record
from discobase.commands.remembered import Task
from discobase.commands.replies import INPUTS, Button, Form, Input, Reply, Shown
from discobase.errors import ConflictError, UsageError
from discobase.posted import code
from discobase.table import Table
from discobase.typed.rows import Cells, row_of

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


def next_form(database: Operated, task: Task, key: str, step: int) -> Shown:
    """Return a later form."""
    model = database.open_table(task.table)
    held = _held(model, task)
    title = _title(task)
    return form_of(model, task.fields, step, key, title=title, held=held or {})


def take(task: Task, key: str, step: int, texts: Mapping[str, str]) -> Reply | None:
    """Take what was typed into a form. Return what leads on to the next one; None where all is
    there.
    """
    asked = task.fields[step * INPUTS :][:INPUTS]
    task.texts |= {name: texts.get(str(number), "") for number, name in enumerate(asked)}
    left = task.fields[(step + 1) * INPUTS :]
    if not left:
        return None
    named = ", ".join(map(code, left))
    buttons = [
        Button("Go on", ("next", key, str(step + 1)), _PRIMARY),
        Button("Save", ("save", key), _SECONDARY),
        Button("Forget it", ("forget", key), _SECONDARY),
    ]
    return Reply(
        f"{_title(task)}: form {step + 1} of {steps_of(task.fields)} is noted",
        f"Nothing is stored yet. Left: {named}.",
        buttons,
    )


def save(database: Operated, task: Task) -> Reply:
    """Store what was typed. One API call.

    Raises:
        pydantic.ValidationError: something is no value of its field.
        ConflictError: the record was changed since the form was opened.
        DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`.
    """
    model = database.open_table(task.table)
    if task.command == "insert":
        record = model(**values_of(model, task.texts)).save()
        return shown_record(task.table, record, title=f"{task.table} {record.pk} is stored")
    record = model.get(task.pk)
    _require_version(task, record)
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
    task.version = record.version or 0
    shown = shown_record(task.table, record, title=f"Delete {task.table} {task.pk}?")
    buttons = [
        Button("Delete it", ("delete", key), _DANGER),
        Button("Keep it", ("forget", key), _SECONDARY),
    ]
    return Reply(shown.title, shown.text, buttons, shown.files)


def delete(database: Operated, task: Task) -> Reply:
    """Delete a record, if it is what was shown. One API call.

    Raises:
        ConflictError: it was changed since.
        DiscobaseError: as for :meth:`Table.delete <discobase.Table.delete>`.
    """
    record = database.open_table(task.table).get(task.pk)
    _require_version(task, record)
    record.delete(if_unchanged=True)
    return Reply(f"{task.table} {task.pk} is deleted", _REMAINS)


def reset(database: Operated, task: Task, said: str) -> Reply:
    """Delete all records of a table, where its name was said back. One API call, as a rule.

    Raises:
        UsageError: another name was said.
        DiscobaseError: as for :meth:`Query.delete <discobase.Query.delete>`.
    """
    if said.strip() != task.table:
        raise UsageError(f"{said!r} is not the table's name, {task.table!r}: nothing was deleted.")
    model = database.open_table(task.table)
    report = model.find(place(model, "pk") > 0).delete()
    return Reply(f"{task.table}: {report.records:,} records are deleted", _REMAINS)


_REMAINS = (
    "What was deleted stays in the history of the log until the next vacuum: `discobase vacuum`."
)


def _first_of_new(database: Operated, task: Task, key: str) -> Shown:
    model = database.open_table(task.table)
    task.fields = tuple(model.model_fields)
    if not task.fields:
        raise UsageError(f"{task.table!r} has no fields that a form could ask for.")
    return form_of(model, task.fields, 0, key, title=_title(task), held={})


def _first_of_old(database: Operated, task: Task, key: str) -> Form:
    model = database.open_table(task.table)
    record = model.get(task.pk)
    task.version = record.version or 0
    cells = row_of(record)
    unfit = too_long(cells)
    fields = tuple(name for name in model.model_fields if name not in unfit)
    if task.column:
        place(model, task.column)
        fields = tuple(name for name in fields if name == task.column)
    if not fields:
        raise UsageError(
            f"{task.column or task.table!r} cannot be changed by a form, which takes 4,000 "
            f"characters of a value: change it by a program, or by `discobase update`."
        )
    task.fields = fields
    return form_of(model, fields, 0, key, title=_title(task), held=cells)


def _question_of_reset(database: Operated, task: Task, key: str) -> Form:
    number = database.open_table(task.table).find().count()
    said = Input(
        "0", "The table's name", f"It deletes {number:,} records for good.", is_needed=True
    )
    return Form(f"Delete all of {task.table}?", ("reset", key), [said])


def _held(model: type[Table], task: Task) -> Cells | None:
    return None if task.command == "insert" else row_of(model.get(task.pk))


def _require_version(task: Task, record: Table) -> None:
    if record.version != task.version:
        raise ConflictError(task.table, task.pk, expected=task.version, found=record.version or 0)


def _title(task: Task) -> str:
    return f"New {task.table}" if task.command == "insert" else f"{task.table} {task.pk}"
