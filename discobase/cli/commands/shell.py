"""The command that opens Python with the tables loaded."""

from __future__ import annotations

import code
import keyword
import sys
from importlib import import_module
from typing import Annotated, Any

import typer

import discobase
from discobase.cli.connection import connected
from discobase.cli.options import settings_of

PANEL = "Reading"


def register(app: typer.Typer) -> None:
    """Add the command to an app."""
    app.command(rich_help_panel=PANEL)(shell)


def shell(
    context: typer.Context,
    read_only: Annotated[bool, typer.Option(help="Refuse to write.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Python's own prompt, also where IPython is installed.")
    ] = False,
) -> None:
    """Open Python with `db` and a class for each table.

    A program on standard input is run in the place of a prompt.
    """
    with connected(settings_of(context), read_only=read_only) as database:
        names = _names(database)
        if not sys.stdin.isatty():
            source = sys.stdin.read()
            exec(compile(source, "<standard input>", "exec"), names)  # noqa: S102 - what it is for
            return
        _prompt(names, _banner(database, names), plain=plain)


def _names(database: discobase.Database) -> dict[str, Any]:
    """Return what the shell knows by name; `tables` has those whose names are none of Python's."""
    tables = {table.name: database.open_table(table.name) for table in database.stored_tables()}
    known = {name: table for name, table in tables.items() if _is_free(name)}
    return {**known, "db": database, "tables": tables, "discobase": discobase}


def _is_free(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _banner(database: discobase.Database, names: dict[str, Any]) -> str:
    tables = ", ".join(names["tables"]) or "none yet"
    return f"discobase {discobase.__version__}: db is {database.name!r}; tables: {tables}"


def _prompt(names: dict[str, Any], banner: str, *, plain: bool) -> None:
    ipython = None if plain else _ipython()
    if ipython is None:
        code.interact(banner, local=names, exitmsg="")
        return
    print(banner, file=sys.stderr)
    ipython.start_ipython(argv=["--no-banner"], user_ns=names)


def _ipython() -> Any:
    """Return IPython; None where it is not installed."""
    try:
        return import_module("IPython")
    except ImportError:
        return None
