"""Commands that write records: one at a time, or all that a query finds."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import discobase
from discobase.cli import completion, output
from discobase.cli.confirmation import confirm
from discobase.cli.connection import connected
from discobase.cli.options import Assignments, Confirm, Output, Pk, TableName, settings_of
from discobase.counted import counted
from discobase.errors import ConflictError, UsageError
from discobase.typed.rows import row_of
from discobase.typed.values import assigned, found

PANEL = "Writing"


def register(app: typer.Typer) -> None:
    """Add these commands to an app."""
    for command in (insert, update, delete):
        app.command(rich_help_panel=PANEL)(command)


def insert(
    context: typer.Context, name: TableName, values: Assignments = None, how: Output = None
) -> None:
    """Store a new record, and show it with its primary key.

    Values are texts that the field's type takes, null for none, and JSON for lists and models:
    discobase insert User name=Ada 'tags=["a", "b"]'.
    """
    with connected(settings_of(context)) as database:
        model = database.open_table(name)
        record = model(**assigned(model, values or [])).save()
    output.write_record(row_of(record), output.chosen(how))


def update(  # noqa: PLR0917 - options, each by its name
    context: typer.Context,
    name: TableName,
    pk: Pk,
    values: Assignments = None,
    if_version: Annotated[
        int | None,
        typer.Option(
            metavar="VERSION",
            help="Write only if the record is at this version.",
            show_default=False,
        ),
    ] = None,
    how: Output = None,
) -> None:
    """Write values into a record, and show it.

    What somebody else has written since it was read is not overwritten: that fails, and can be
    tried again.
    """
    with connected(settings_of(context)) as database:
        model = database.open_table(name)
        record = model.get(pk)
        if if_version is not None and record.version != if_version:
            raise ConflictError(name, pk, expected=if_version, found=record.version or 0)
        _write(record, assigned(model, values or []))
    output.write_record(row_of(record), output.chosen(how))


def delete(
    context: typer.Context,
    name: TableName,
    pks: Annotated[
        list[int] | None,
        typer.Argument(metavar="PK...", help="Primary keys.", show_default=False),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="In the place of primary keys: delete all of which this is true. May be given "
            "several times.",
            show_default=False,
            autocompletion=completion.conditions,
        ),
    ] = None,
    said_back: Confirm = None,
) -> None:
    """Delete records, when the table's name has been said back."""
    if bool(pks) == bool(where):
        raise UsageError("say which records: by their primary keys, or by --where CONDITION.")
    with connected(settings_of(context)) as database:
        model = database.open_table(name)
        if where:
            query = found(model, where)
            number = query.count()
        else:
            query, number = None, len(pks or [])
        records = counted(number, "record")
        confirm(f"This deletes {records} of {name!r}.", name, said_back)
        if query is not None:
            number = query.delete().records
        else:
            model.delete_many([model.get(pk) for pk in dict.fromkeys(pks or [])])
    output.say(f"deleted {number:,} of {name}")


def _write(record: discobase.Table, values: dict[str, Any]) -> None:
    if not values:
        raise UsageError("nothing is to be written: give FIELD=VALUE.")
    for field, value in values.items():
        setattr(record, field, value)
    record.update(if_unchanged=True)
