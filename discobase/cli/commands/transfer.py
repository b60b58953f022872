"""Commands that take data out of a database, and into one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Annotated, TypeVar

import typer

import discobase
from discobase.cli import completion, output
from discobase.cli.connection import connected
from discobase.cli.files import STANDARD, FileFormat, format_of, read_rows, write_file
from discobase.cli.imported import Records
from discobase.cli.options import Conditions, settings_of
from discobase.cli.progress import Told, shown_progress
from discobase.counted import counted
from discobase.errors import UsageError
from discobase.typed.rows import Cells, columns_of, row_of
from discobase.typed.values import found

PANEL = "Out and in"

T = TypeVar("T")

_TOLD_EACH = 1_000
"""Rows between two looks at the progress: a guess."""

_File = Annotated[
    str, typer.Argument(metavar="FILE", help="The file; - for standard input or output.")
]
_FileFormat = Annotated[
    FileFormat | None,
    typer.Option(
        "--format",
        "-f",
        metavar="csv|jsonl|sqlite",
        help="What the file is; by its name where it is left out.",
        show_default=False,
    ),
]
_Table = Annotated[
    str | None,
    typer.Option(
        "--table",
        "-t",
        metavar="TABLE",
        help="One table, as plain rows.",
        show_default=False,
        autocompletion=completion.tables,
    ),
]


class OnConflict(StrEnum):
    """What becomes of a row with a unique value that another record has."""

    ERROR = "error"
    IGNORE = "ignore"
    UPDATE = "update"


def register(app: typer.Typer) -> None:
    """Add these commands to an app."""
    app.command("export", rich_help_panel=PANEL)(export)
    app.command("import", rich_help_panel=PANEL)(import_)


def export(  # noqa: PLR0917 - options, each by its name
    context: typer.Context,
    file: _File,
    conditions: Conditions = None,
    table: _Table = None,
    how: _FileFormat = None,
    overwrite: Annotated[
        bool, typer.Option(help="Replace a file that is no export, too (without --table).")
    ] = False,
) -> None:
    """Write the whole database, or one table, into a file. It has secrets in plain text.

    The whole database becomes an export (JSON Lines or SQLite), which import puts into another
    one. With --table the records of one table, all or those of which the conditions are true,
    become plain rows (CSV, JSON Lines, SQLite).
    """
    kind = format_of(file, how)
    settings = settings_of(context)
    with connected(settings, read_only=True) as database, shown_progress(settings.quiet) as told:
        if table is not None:
            model = database.open_table(table)
            rows = _told(_plain_rows(model, conditions or []), told, "writing")
            count = write_file(file, kind, table, rows, columns_of(model))
        elif conditions or file == STANDARD or kind is FileFormat.CSV:
            raise UsageError("conditions, CSV and standard output are for one table: say --table.")
        else:
            report = database.export(
                file,
                format="sqlite" if kind is FileFormat.SQLITE else "jsonl",
                overwrite=overwrite,
                progress=told,
            )
            count = report.records
        told(discobase.Progress(""))
    output.say(f"wrote {counted(count, 'record')} to {file}")


def import_(  # noqa: PLR0917 - options, each by its name
    context: typer.Context,
    file: _File,
    table: _Table = None,
    how: _FileFormat = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME",
            help="The table in a SQLite file; that of the same name where it is left out.",
            show_default=False,
        ),
    ] = None,
    on_conflict: Annotated[
        OnConflict,
        typer.Option(
            metavar="error|ignore|update",
            help="What becomes of a row with a unique value that is taken.",
        ),
    ] = OnConflict.ERROR,
    check: Annotated[bool, typer.Option(help="Check the rows, and write nothing.")] = False,
) -> None:
    """Put an export into this database, or plain rows into one table.

    Without --table the file is an export of a whole database. With it, each row becomes a new
    record, and all of them are one commit: all are stored, or none. An empty cell of a CSV file is
    none, an empty text, or the default, whichever the field takes first. Columns pk and version are
    passed over.
    """
    settings = settings_of(context)
    with connected(settings, read_only=check) as database, shown_progress(settings.quiet) as told:
        if table is None:
            if check:
                raise UsageError("--check is for rows of one table: exports are always checked.")
            if how is FileFormat.CSV or file.lower().endswith(".csv"):
                raise UsageError(f"{file} has rows, and is no export: give their table by --table.")
            report = database.import_(file, progress=told)
            told(discobase.Progress(""))
            output.say(f"imported {counted(report.records, 'record')}")
            return
        model = database.open_table(table)
        rows = read_rows(file, format_of(file, how), from_ or table)
        records = [*_told(Records(model).of(rows), told, "reading")]
        if check:
            output.say(f"{len(records):,} rows fit {table}; nothing was written")
            return
        saved = model.save_many(records, on_conflict=on_conflict.value, atomic=True, progress=told)
        told(discobase.Progress(""))
    parts = [f"stored {counted(saved.records, 'record')} in {counted(saved.commits, 'commit')}"]
    parts += [f"{saved.updated:,} of them in the place of others"] if saved.updated else []
    parts += [f"left {saved.ignored:,} out"] if saved.ignored else []
    output.say(", ".join(parts))


def _plain_rows(model: type[discobase.Table], conditions: Sequence[str]) -> Iterator[Cells]:
    """Yield rows with what a table on the screen masks."""
    has_secrets = '"password"' in json.dumps(model.model_json_schema())
    for record in found(model, conditions).iterate():
        row = row_of(record)
        if has_secrets and record.pk is not None:
            stored = model.raw(record.pk)
            row = {name: stored.get(name, value) for name, value in row.items()}
        yield row


def _told(rows: Iterable[T], told: Told, doing: str) -> Iterator[T]:
    """Yield what is given, and tell how much it was."""
    for number, row in enumerate(rows):
        if number % _TOLD_EACH == 0:
            told(discobase.Progress(doing, number, None, "rows"))
        yield row
