"""The app: all commands, what stands before them, and how one of them ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from discobase._version import __version__
from discobase.cli import plain
from discobase.cli.argument_order import connection_first
from discobase.cli.commands import bot, reading, setup, shell, transfer, upkeep, writing
from discobase.cli.completion import is_asked, words
from discobase.cli.connection import Settings
from discobase.cli.exit_status import DONE, EXPECTED, INTERRUPTED, USAGE, fail
from discobase.cli.misunderstood import sentence_of, where_help_is

_CONNECTION = "The connection, anywhere in the command"

WITH_VALUE = frozenset({"--server", "-s", "--token", "--api-url", "--cache", "--timeout"})
"""Options for the connection that have a value."""

FLAGS = frozenset({"--key", "--quiet", "-q"})
"""Those that have none."""


class _ConnectionFirst(TyperGroup):
    """All commands. What is about the connection may stand anywhere, also while a shell asks what
    the command could go on with.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        typed = words(args) if ctx.resilient_parsing else args
        return super().parse_args(ctx, connection_first(typed, WITH_VALUE, FLAGS))


app = typer.Typer(
    name="discobase",
    cls=_ConnectionFirst,
    help="A Discord server as a database, behind a blocking API.",
    epilog="An option for the connection may stand behind the command, too.",
    no_args_is_help=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"discobase {__version__}")
        raise typer.Exit


@app.callback()
def _connection(  # noqa: PLR0917 - options, each by its name
    context: typer.Context,
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            "-s",
            envvar="DISCOBASE_SERVER",
            metavar="NAME",
            help="The Discord server that is the database: its name, or its id.",
            rich_help_panel=_CONNECTION,
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="DISCOBASE_TOKEN",
            metavar="TOKEN",
            help="The bot's token, or local:PATH for the embedded server that keeps its state in "
            "that file. Other users of this machine see what stands on a command line: set the "
            "variable, or leave it out to be asked.",
            rich_help_panel=_CONNECTION,
            show_default=False,
        ),
    ] = None,
    api_url: Annotated[
        str | None,
        typer.Option(
            envvar="DISCOBASE_API_URL",
            metavar="URL",
            help="The REST API of another server that speaks Discord's.",
            rich_help_panel=_CONNECTION,
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        bool,
        typer.Option(
            "--key",
            help="Ask for the key of an encrypted database, which may stand in DISCOBASE_KEY, too.",
            rich_help_panel=_CONNECTION,
        ),
    ] = False,
    cache: Annotated[
        str | None,
        typer.Option(
            envvar="DISCOBASE_CACHE",
            metavar="FOLDER",
            help="Keep the records there between two commands, so that the next one reads only "
            "what is new.",
            rich_help_panel=_CONNECTION,
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="How long Discord is waited for.",
            rich_help_panel=_CONNECTION,
        ),
    ] = 60.0,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="Show no progress.", rich_help_panel=_CONNECTION),
    ] = False,
    held_key: Annotated[
        str | None, typer.Option(envvar="DISCOBASE_KEY", hidden=True, show_default=False)
    ] = None,
    _shown_version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Note what is said about the connection."""
    context.obj = Settings(
        server=server,
        token=token,
        api_url=api_url,
        key=held_key,
        ask_key=key,
        cache=cache,
        timeout=timeout,
        quiet=quiet,
    )


for group in (setup, reading, writing, transfer, upkeep, bot, shell):
    group.register(app)

_PASSED_ON: dict[str, Any] = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}


@app.command(context_settings=_PASSED_ON, rich_help_panel="Trying it")
def demo(context: typer.Context) -> None:
    """Save, find and restart, on the embedded server."""
    raise typer.Exit(plain.main(["demo", *context.args]))


@app.command(context_settings=_PASSED_ON, rich_help_panel="Trying it")
def serve(context: typer.Context) -> None:
    """Run the embedded server on its own."""
    raise typer.Exit(plain.main(["serve", *context.args]))


# Newer versions of typer bring a click of their own, so that it is found by what typer shows of it.
_NOT_UNDERSTOOD: type[Exception] = next(
    cast("type[Exception]", kind)
    for kind in typer.BadParameter.__mro__
    if kind.__name__ == "ClickException"
)


def run(arguments: Sequence[str]) -> int:
    """Run a command.

    Args:
        arguments: what stands behind the program's name.

    Returns:
        The exit status.
    """
    if not arguments and not is_asked():
        with redirect_stdout(sys.stderr):
            app(["--help"], prog_name="discobase", standalone_mode=False)
        return USAGE
    try:
        status = app([*arguments], prog_name="discobase", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has had enough, as `head` has. What is buffered would fail again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except typer.Abort:
        return INTERRUPTED
    except _NOT_UNDERSTOOD as error:
        print(f"discobase: {sentence_of(error)} (See {where_help_is(error)}.)", file=sys.stderr)
        return USAGE
    except EXPECTED as error:
        return fail(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    return status if isinstance(status, int) else DONE
