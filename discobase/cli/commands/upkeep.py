"""Commands for whoever looks after a database as a whole."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import Annotated

import typer

import discobase
from discobase.cli import output
from discobase.cli.confirmation import confirm
from discobase.cli.connection import Settings, connected, database, token_of
from discobase.cli.exit_status import DAMAGED
from discobase.cli.kept_names import Note
from discobase.cli.options import Confirm, Output, settings_of
from discobase.cli.progress import shown_progress
from discobase.counted import counted
from discobase.errors import LogDamaged

PANEL = "Upkeep"

_OF_LOSS = ("position", "time", "writer", "label", "tables", "why", "channel", "message")
"""What a program is told of a commit that is lost."""

_OF_LOSS_AT_A_GLANCE = ("position", "time", "tables", "why")
"""What people are told of it, which fits a terminal."""


def register(app: typer.Typer) -> None:
    """Add these commands to an app."""
    for command in (verify, repair, checkpoint, vacuum, move, clean):
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


def repair(
    context: typer.Context,
    said_back: Annotated[
        str | None,
        typer.Option(
            "--confirm",
            metavar="PHRASE",
            help="The phrase that the call without it has told: lose just that, and repair.",
            show_default=False,
        ),
    ] = None,
    how: Output = None,
) -> None:
    """Say what is lost of a damaged database; with a phrase, go on with what is left of it.

    For a database that no command can open any more, too. Without --confirm it reads everything
    and changes nothing: it lists the commits that nobody has any more, and tells the phrase. The
    status is 8 as long as something is to be repaired.
    """
    settings = settings_of(context)
    opened = database(settings)
    with shown_progress(settings.quiet) as told:
        done = opened.repair(
            confirm=said_back,
            token=token_of(settings),
            api_url=settings.api_url,
            progress=told,
        )
        told(discobase.Progress(""))
    _list_losses(done, output.chosen(how))
    output.say(_outcome(done))
    if done.confirm is not None:
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
        told(discobase.Progress(""))
    output.say(
        f"generation {done.generation} of the log begins with {counted(done.records, 'record')}; "
        f"saves waited for {done.paused:.1f} s"
    )


def move(
    context: typer.Context,
    to: Annotated[
        str,
        typer.Argument(
            metavar="NEW_SERVER", help="The Discord server to move to: its name, or its id."
        ),
    ],
    said_back: Confirm = None,
    how: Output = None,
) -> None:
    """Have the database go on in another server, when the old one's name has been said back.

    The bot has to be in the new server already. Records, primary keys and versions stay as they
    are; all history, and what was deleted or replaced, is gone from Discord then. Programs that
    give the old server's name are led to the new one as long as the bot stays in both.
    """
    settings = settings_of(context)
    confirm(
        f"This takes the database from {settings.name!r} to {to!r}, and leaves all history behind.",
        settings.name,
        said_back,
    )
    with connected(settings) as opened, shown_progress(settings.quiet) as told:
        done = opened.move(to, progress=told)
        told(discobase.Progress(""))
    output.write_record(asdict(done), output.chosen(how))
    output.say(
        f"the database is in {done.server} ({done.server_id}) now; keep the bot in "
        f"{settings.name}, too, as long as programs give that name"
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
    token = token_of(settings)
    opened.clean(settings.name, token=token, api_url=settings.api_url)
    Note(settings.name, token, settings.api_url).forget()
    output.say(f"the database in {settings.name} is deleted")


def _verified(settings: Settings) -> discobase.Report:
    """Return what a verification has found, also of a database that cannot be opened."""
    opened = database(settings, read_only=True)
    token = token_of(settings)
    with shown_progress(settings.quiet) as told:
        try:
            with opened.conn(token, api_url=settings.api_url):
                report = opened.verify(progress=told)
        except LogDamaged:  # it logs in for this alone
            report = opened.verify(progress=told)
        told(discobase.Progress(""))
    return report


def _list_losses(done: discobase.Repair, how: output.Format) -> None:
    columns = _OF_LOSS_AT_A_GLANCE if how is output.Format.TABLE else _OF_LOSS
    rows = [
        {
            **{name: getattr(loss, name) for name in columns},
            "time": None if loss.time is None else loss.time.isoformat(timespec="seconds"),
            "tables": list(loss.tables),
        }
        for loss in done.lost
    ]
    if rows:
        output.write_rows(rows, columns, how, are_cut=False)


def _outcome(done: discobase.Repair) -> str:
    """Return what a repair has come to, or would, and what to type to have it done."""
    lost, left = counted(len(done.lost), "commit"), counted(done.records, "record")
    if done.done:
        return f"repaired, {lost} lost: generation {done.generation} of the log begins with {left}"
    if done.confirm is None:
        return f"nothing is to be repaired: {left} can be read"
    return (
        f"{lost} would be lost, with {left} left. Nothing was changed; to have it done: "
        f"discobase repair --confirm {shlex.quote(done.confirm)}"
    )
