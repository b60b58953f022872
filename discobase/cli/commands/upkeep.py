"""Commands for whoever looks after a database as a whole."""

from __future__ import annotations

from typing import Annotated

import typer

from discobase import Progress, Report
from discobase.cli import output
from discobase.cli.confirmation import confirm
from discobase.cli.connection import Settings, connected, database, token_of
from discobase.cli.exit_status import DAMAGED
from discobase.cli.options import Confirm, Output, settings_of
from discobase.cli.progress import shown_progress
from discobase.errors import LogDamaged

PANEL = "Upkeep"


def register(app: typer.Typer) -> None:
    """Add these commands to an app."""
    for command in (verify, checkpoint, vacuum, clean):
        app.command(rich_help_panel=PANEL)(command)


def verify(context: typer.Context, how: Output = None) -> None:
    """Read all that is written in Discord, and say what is not as it should be.

    It changes nothing. The status is 8 where something is damaged.
    """
    report = _verified(settings_of(context))
    if output.chosen(how) is output.Format.TABLE:
        print(report)
    else:
        columns = ("severity", "what", "position", "channel", "message")
        rows = [{name: getattr(each, name) for name in columns} for each in report.findings]
        output.write_rows(rows, columns, output.chosen(how))
        output.say(str(report).splitlines()[0])
    if not report.sound:
        raise typer.Exit(DAMAGED)


def checkpoint(context: typer.Context) -> None:
    """Write the whole state into Discord, so that logins read it, and nothing older."""
    with connected(settings_of(context)) as opened:
        written = opened.checkpoint()
    output.say(f"the checkpoint is at position {written.position:,}")


def vacuum(
    context: typer.Context,
    lanes: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            help="Channels that the log is to have; as many as before where it is left out.",
            show_default=False,
        ),
    ] = None,
    said_back: Confirm = None,
) -> None:
    """Begin the log anew with the records there are, when the server's name has been said back.

    What was deleted or replaced is gone from Discord then, and so is all history.
    """
    settings = settings_of(context)
    confirm(
        f"This leaves of the database in {settings.name!r} what its records are now, no history.",
        settings.name,
        said_back,
    )
    with connected(settings) as opened, shown_progress(settings.quiet) as told:
        done = opened.vacuum(lanes=lanes, progress=told)
        told(Progress(""))
    output.say(
        f"generation {done.generation} of the log begins with {done.records:,} records; saves "
        f"waited for {done.paused:.1f} s"
    )


def clean(context: typer.Context, said_back: Confirm = None) -> None:
    """Delete the database, whole and for good, when the server's name has been said back."""
    settings = settings_of(context)
    opened = database(settings)
    confirm(
        f"This deletes the database in {settings.name!r}, with all that was ever written there.",
        settings.name,
        said_back,
    )
    opened.clean(settings.name, token=token_of(settings), api_url=settings.api_url)
    output.say(f"the database in {settings.name} is deleted")


def _verified(settings: Settings) -> Report:
    """Return what a verification has found, also of a database that cannot be opened."""
    opened = database(settings, read_only=True)
    token = token_of(settings)
    with shown_progress(settings.quiet) as told:
        try:
            with opened.conn(token, api_url=settings.api_url):
                report = opened.verify(progress=told)
        except LogDamaged:  # it logs in for this alone
            report = opened.verify(progress=told)
        told(Progress(""))
    return report
