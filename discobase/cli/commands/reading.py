"""Commands that read: what the database is, and what is in it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

import discobase
from discobase.cli import completion, output
from discobase.cli.connection import connected
from discobase.cli.options import Conditions, Output, Pk, TableName, settings_of
from discobase.cli.output import Format
from discobase.counted import counted
from discobase.errors import TableNotFound
from discobase.typed.field_types import type_of
from discobase.typed.rows import columns_of, row_of
from discobase.typed.values import found, ordered

PANEL = "Reading"


def register(app: typer.Typer) -> None:
    """Add these commands to an app."""
    for command in (status, tables, schema, find, get, sql):
        app.command(rich_help_panel=PANEL)(command)


def status(context: typer.Context, how: Output = None) -> None:
    """Show how the database is: how much it holds, where its log stands, what Discord says."""
    with connected(settings_of(context), read_only=True) as database:
        known = database.status()
    facts: dict[str, Any] = {
        "server": known.server,
        "server_id": known.server_id,
        "database": known.database_id,
        "encrypted": known.encrypted,
        "position": known.head,
        "checkpoint": known.checkpoint,
        "commits_after_it": known.tail,
        "required_version": known.required_version,
        "gateway_logins_left": known.identifies_left,
        "api_calls": known.calls_made,
    }
    if known.growth is not None:
        facts |= asdict(known.growth)
    output.write_record(facts, output.chosen(how))


def tables(context: typer.Context, how: Output = None) -> None:
    """List the tables, with how many records each has."""
    with connected(settings_of(context), read_only=True) as database:
        rows = [
            {
                "table": table.name,
                "records": table.records,
                "fields": ", ".join(table.fields),
                "unique": "; ".join(", ".join(names) for names in table.unique),
            }
            for table in database.stored_tables()
        ]
    output.write_rows(rows, ("table", "records", "fields", "unique"), output.chosen(how))


def schema(
    context: typer.Context,
    name: TableName,
    how: Output = None,
    as_json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Write the JSON schema of a record.")
    ] = False,
) -> None:
    """Show a table's fields: their types, their defaults, and what is unique."""
    with connected(settings_of(context), read_only=True) as database:
        stored = {table.name: table for table in database.stored_tables()}
        if name not in stored:
            raise TableNotFound(database.name, name, stored)
        model = database.open_table(name)
    if as_json_schema:
        print(json.dumps(stored[name].json_schema, indent=2, ensure_ascii=False))
        return
    columns = ("field", "type", "default", "unique", "index")
    rows = [_field_row(stored[name], model, field) for field in stored[name].fields]
    output.write_rows(rows, columns, output.chosen(how))


def find(  # noqa: PLR0917 - options, each by its name
    context: typer.Context,
    name: TableName,
    conditions: Conditions = None,
    order: Annotated[
        str,
        typer.Option(
            "--order",
            "-o",
            metavar="FIELDS",
            help="Fields to sort by: city,-age.",
            show_default=False,
            autocompletion=completion.order,
        ),
    ] = "",
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            min=0,
            metavar="NUMBER",
            help=f"Records at the most; 0 for all. A table on a terminal has {output.AT_A_GLANCE}.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="Write their number alone.")] = False,
    how: Output = None,
) -> None:
    """Find the records of which all conditions are true.

    The operators are = != < <= > >= and ~ (has the text, in whatever case, or the element). Quote
    what the shell would take for its own: discobase find User 'age>30' 'address.city=Rome'.
    """
    chosen = output.chosen(how)
    with connected(settings_of(context), read_only=True) as database:
        model = database.open_table(name)
        query = ordered(found(model, conditions or []), model, order)
        total = query.count()
        if count:
            print(total)
            return
        most = limit if limit is not None else _usual(chosen)
        fitting = query.skip_outdated()
        records = iter((fitting.limit(most) if most else fitting).iterate())
        shown = output.write_rows(map(row_of, records), columns_of(model), chosen)
    _tell_what_is_left(total, shown, most)


def get(context: typer.Context, name: TableName, pk: Pk, how: Output = None) -> None:
    """Show the record under a primary key."""
    with connected(settings_of(context), read_only=True) as database:
        record = database.open_table(name).get(pk)
    output.write_record(row_of(record), output.chosen(how))


def sql(
    context: typer.Context,
    statement: Annotated[str, typer.Argument(metavar="STATEMENT", help="In SQLite's SQL.")],
    how: Output = None,
) -> None:
    """Run a statement in SQL that only reads: each table is a view of its name."""
    with connected(settings_of(context), read_only=True) as database:
        rows = database.sql(statement)
    columns = rows[0].keys() if rows else ()
    listed = [dict(zip(row.keys(), map(_of_sql, row), strict=True)) for row in rows]
    output.write_rows(listed, columns, output.chosen(how))


def _of_sql(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _usual(how: Format) -> int:
    return output.AT_A_GLANCE if how is Format.TABLE else 0


def _tell_what_is_left(total: int, shown: int, most: int) -> None:
    if most and shown == most < total:
        output.say(f"{shown:,} of {counted(total, 'record')}; --limit says how many, 0 for all.")
    elif shown < total and not (most and shown == most):
        left = counted(total - shown, "record")
        output.say(f"{left} more, which the table's fields do not take, left out.")


def _field_row(
    table: discobase.StoredTable, model: type[discobase.Table], name: str
) -> dict[str, Any]:
    form = table.json_schema["properties"].get(name, {})
    together = [names for names in table.unique if name in names]
    unique = ["yes" if len(names) == 1 else f"with {', '.join(names)}" for names in together]
    return {
        "field": name,
        "type": type_of(model, name),
        "default": json.dumps(form["default"], ensure_ascii=False) if "default" in form else None,
        "unique": "; ".join(unique) or None,
        "index": "yes" if name in table.indexed else None,
    }
