"""The command that serves the commands in Discord."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

import discobase
from discobase.cli import output
from discobase.cli.connection import database, token_of
from discobase.cli.foreground import until_told_to_end, wait_while
from discobase.cli.options import settings_of
from discobase.cli.progress import shown_progress

PANEL = "Upkeep"


def register(app: typer.Typer) -> None:
    """Add the command to an app."""
    app.command(rich_help_panel=PANEL)(bot)


def bot(
    context: typer.Context,
    permission: Annotated[
        str, typer.Option(metavar="NAME", help="What people need who use the commands.")
    ] = "manage_guild",
    read_only: Annotated[bool, typer.Option(help="Refuse to write.")] = False,
) -> None:
    """Serve commands in Discord, as `/find` and `/insert`, until Ctrl-C or SIGTERM.

    People use them who have the permission, in any channel of the server that they may write in.
    """
    settings = settings_of(context)
    opened = database(settings, read_only=read_only, commands=discobase.Commands(permission))
    token = token_of(settings)
    with closing(opened), until_told_to_end():
        serving = opened.login_task(token, api_url=settings.api_url)
        with shown_progress(settings.quiet) as told:
            opened.wait_ready(progress=told)
            told(discobase.Progress(""))
        output.say(f"serving commands in {settings.name} for who has {permission}; Ctrl-C ends it")
        wait_while(lambda: not serving.done())
        serving.result()
