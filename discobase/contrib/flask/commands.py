"""The commands ``flask discobase ...``: what an operator asks of an app's database."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict

import click
from flask import current_app
from flask.cli import AppGroup

from discobase import Database
from discobase.counted import counted
from discobase.errors import DiscobaseError

commands = AppGroup("discobase", help="Ask the app's database how it is.")


@commands.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(as_json: bool) -> None:
    """Connect, and print how the connection is."""
    with _connected() as database:
        told = asdict(database.status())
    if as_json:
        click.echo(json.dumps(told, default=str))
        return
    for name, value in told.items():
        click.echo(f"{name}: {value}")


@commands.command("tables")
def tables() -> None:
    """Print the tables that the app has attached, and how many records each has."""
    with _connected() as database:
        for name, table in database.tables.items():
            click.echo(f"{name}: {len(table.find())}")


@commands.command("verify")
@click.pass_context
def verify(context: click.Context) -> None:
    """Read all that is written in Discord, and report what is damaged. The exit status is 1 where
    something is.
    """
    with _connected() as database:
        report = database.verify(progress=True)
    click.echo(str(report))
    if not report.sound:
        context.exit(1)


@commands.command("checkpoint")
def checkpoint() -> None:
    """Write the whole state into Discord, so that logins read no more than that."""
    with _connected() as database:
        written = database.checkpoint()
    click.echo(
        f"position {written.position}: {counted(written.records, 'record')}, {written.size} bytes"
    )


@contextmanager
def _connected() -> Generator[Database]:
    """Give the app's database, connected, and close it afterwards."""
    database: Database = current_app.extensions["discobase"].database
    try:
        database.wait_ready(progress=True)
        yield database
    except DiscobaseError as error:
        raise click.ClickException(str(error)) from error
    finally:
        database.close()
