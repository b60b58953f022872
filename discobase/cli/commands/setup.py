"""Commands that bring a bot and its database to work, and say why they do not."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from typing import Annotated

import typer

import discobase
from discobase.cli import output
from discobase.cli.connection import Settings, database, token_of
from discobase.cli.diagnosis import Check, State, examine
from discobase.cli.exit_status import FAILED
from discobase.cli.options import settings_of
from discobase.errors import ServerNotFound, UsageError

PANEL = "Setting up"

_PAUSE = 3.0
"""Seconds between two looks whether the bot is in the server: a guess, well below any limit."""

_FIRST_PROGRAM = """\
import discobase

db = discobase.Database({name!r}, server={server})


@db.table
class Note(discobase.Table):
    text: str


with db.conn():
    Note(text="It works.").save()
    print(Note.find().count(), "notes")
"""
"""A program that works, for a database that has been made."""

_READING_PROGRAM = """\
import discobase

db = discobase.Database({name!r}, server={server})

with db.conn():
    for table in db.stored_tables():
        print(table.name, table.records)
"""
"""One for a database that was there, which may have a table of any name."""


def register(app: typer.Typer) -> None:
    """Add these commands to an app."""
    for command in (init, doctor):
        app.command(rich_help_panel=PANEL)(command)


def init(
    context: typer.Context,
    wait: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="How long the bot is waited for to be in the server."),
    ] = 600.0,
) -> None:
    """Set up a bot: check its token, have it let into the server, and make the database.

    The token is asked for, and not shown, or taken from DISCOBASE_TOKEN; it is written nowhere.
    What is printed is a program that works.
    """
    given = settings_of(context)
    token = token_of(given)
    settings = dataclasses.replace(given, server=given.server or _asked_server())
    status = _let_in(settings, token, time.monotonic() + wait)
    output.say(
        f"The database is ready, in the server {status.server} ({status.server_id}), at position "
        f"{status.head}. This program uses it where DISCOBASE_TOKEN is set to the token:\n"
    )
    program = _READING_PROGRAM if status.head else _FIRST_PROGRAM
    print(program.format(name=status.server, server=status.server_id), end="")


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Write it as JSON.")] = False,
) -> None:
    """Examine a bot and its database: what is wrong, and how to mend it.

    It looks at the token, the server, intents, permissions, the key, the log, the checkpoint,
    limits, the gateway, how long a call takes, and the clock. It changes nothing. The status is 1
    where there is a problem.
    """
    settings = settings_of(context)
    _ = settings.name
    checks = examine(settings)
    if as_json:
        print(json.dumps([dataclasses.asdict(check) for check in checks], indent=2))
    else:
        for check in checks:
            print("\n".join(_lines(check)))
    if any(check.state is State.PROBLEM for check in checks):
        raise typer.Exit(FAILED)


def _lines(check: Check) -> list[str]:
    lines = [f"{check.state.value:<8} {check.name:<12} {check.found}"]
    if check.mend is not None:
        lines.append(f"{'':<21} -> {check.mend}")
    return lines


def _asked_server() -> str:
    """Return the server's name, which is asked for where somebody sits at the terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("which server? Give its name with --server, or in DISCOBASE_SERVER.")
    print("name of the Discord server: ", end="", file=sys.stderr, flush=True)
    name = sys.stdin.readline().strip()
    if not name:
        raise UsageError("no server was named.")
    return name


def _let_in(settings: Settings, token: str, until: float) -> discobase.Status:
    """Connect when the bot is in the server, by which the database is made, and return how it is;
    say by which link the bot gets there.

    Raises:
        ServerNotFound: it is in none of that name when the time is over.
        DiscobaseError: something else is wrong.
    """
    told = False
    while True:
        opened = database(settings)
        try:
            with opened.conn(token, api_url=settings.api_url):
                return opened.status()
        except ServerNotFound as error:
            if time.monotonic() >= until:
                raise
            if not told:
                _tell_the_way(settings.name, error)
                told = True
        time.sleep(min(_PAUSE, max(0.0, until - time.monotonic())))


def _tell_the_way(server: str, error: ServerNotFound) -> None:
    output.say(
        f"The token is good, and the bot is not in a server named {server!r} yet.\n"
        f"1. Make a server of that name in Discord, if there is none: nobody but a person can.\n"
        f"2. Open this link, which asks for what a database needs, and add the bot to it:\n"
        f"   {error.invite}\n"
        f"Waiting for the bot to be there ..."
    )
