"""The command that serves the commands in Discord."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

import discobase
from discobase.cli import output
from discobase.cli.connection import database, token_of
from discobase.cli.options import settings_of
from discobase.cli.progress import shown_progress

PANEL = "Upkeep"

_POLL_SECONDS = 0.5
"""How long a signal may wait where it does not wake the main thread, as on Windows: a guess."""


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
    ended = threading.Event()

    def end(_number: int, _frame: object) -> None:
        ended.set()

    before = signal.signal(signal.SIGTERM, end)
    try:
        serving = opened.login_task(token, api_url=settings.api_url)
        with shown_progress(settings.quiet) as told:
            opened.wait_ready(progress=told)
            told(discobase.Progress(""))
        output.say(f"serving commands in {settings.name} for who has {permission}; Ctrl-C ends it")
        while not ended.wait(_POLL_SECONDS):
            if serving.done():
                serving.result()
    finally:
        opened.close()
        signal.signal(signal.SIGTERM, before)
