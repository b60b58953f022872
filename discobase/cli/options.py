"""Options and arguments that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from discobase.cli import completion
from discobase.cli.connection import Settings
from discobase.cli.output import Format


def settings_of(context: typer.Context) -> Settings:
    """Return what was said about the connection."""
    held: Settings = context.obj
    return held


TableName = Annotated[
    str,
    typer.Argument(metavar="TABLE", help="The table's name.", autocompletion=completion.tables),
]
Pk = Annotated[int, typer.Argument(metavar="PK", help="The record's primary key.", min=1)]
Conditions = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="CONDITION...",
        help="What is to be true of the records, as in age>30 city=Berlin.",
        show_default=False,
        autocompletion=completion.conditions,
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FIELD=VALUE...",
        help="Values of fields.",
        show_default=False,
        autocompletion=completion.assignments,
    ),
]
Output = Annotated[
    Format | None,
    typer.Option(
        "--format",
        "-f",
        metavar="table|jsonl|csv",
        help="How it is written; a table for a terminal, else JSON Lines.",
        show_default=False,
    ),
]
Confirm = Annotated[
    str | None,
    typer.Option(
        "--confirm",
        metavar="NAME",
        help="The name, said back; it is asked for where this is left out.",
        show_default=False,
    ),
]
