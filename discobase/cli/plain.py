"""The commands that need nothing but discobase itself: the demo, and the embedded server."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from math import inf

from discobase._version import __version__
from discobase.errors import DiscobaseError, PackageMissing

_LARGEST_PORT = 65535
"""Of TCP: a port has 16 bits."""


class _Options(argparse.Namespace):
    """What the parser finds, with its types; each command has some of it."""

    run: Callable[[_Options], int]
    keep: str | None
    port: int
    db: str | None
    server: str
    json: bool
    limits: str
    latency: tuple[float, float]


COMMANDS = ("demo", "serve")
"""Their names."""


def has(arguments: Sequence[str]) -> bool:
    """Return whether a command is one of these."""
    return bool(arguments) and arguments[0] in COMMANDS


def without_the_extra(arguments: Sequence[str]) -> int:
    """Answer what is none of these commands where the extra is not installed.

    Args:
        arguments: what stands behind the program's name.

    Returns:
        The exit status.
    """
    if not arguments or arguments[0] in ("-h", "--help", "--version"):
        return main(arguments)
    print(f"discobase {arguments[0]}: {PackageMissing('typer', 'cli')}", file=sys.stderr)
    return 2


def main(arguments: Sequence[str]) -> int:
    """Run a command.

    Args:
        arguments: what stands behind the program's name.

    Returns:
        The exit status: 0 done, 1 failed, 2 not understood, 130 ended by Ctrl-C.
    """
    parser = _parser()
    options = parser.parse_args(arguments, _Options())
    if not hasattr(options, "run"):
        parser.print_help(sys.stderr)
        return 2
    try:
        return options.run(options)
    except (DiscobaseError, OSError) as error:
        print(f"discobase: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="discobase",
        description="A Discord server as a database, behind a blocking API.",
        epilog="With the extra 'cli' there are more: tables, find, insert, import, export ...",
    )
    parser.add_argument("--version", action="version", version=f"discobase {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_demo(commands.add_parser("demo", help="save, find and restart, on the embedded server"))
    _add_serve(commands.add_parser("serve", help="run the embedded server on its own"))
    return parser


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Does what discobase is for, on the embedded server, and says what it cost."
    )
    parser.add_argument(
        "--keep", type=_file, metavar="FILE", help="keep the server's state in this file"
    )
    parser.set_defaults(run=_demo)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Runs a Discord-compatible server on this machine's loopback until SIGTERM or Ctrl-C."
    )
    parser.add_argument("--port", type=_port, default=0, help="default: a free one")
    parser.add_argument(
        "--db", type=_file, metavar="FILE", help="keep the state in this file; default: none"
    )
    parser.add_argument(
        "--server",
        type=_server_name,
        metavar="NAME",
        default="discobase",
        help="the Discord server to make, with a bot in it; default: %(default)s",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one line of JSON (api_url, token, server) once connections are accepted",
    )
    parser.add_argument(
        "--limits", choices=("none", "discord"), default="none", help="rate limits to impose"
    )
    parser.add_argument(
        "--latency",
        type=_latency,
        metavar="SECONDS[,TAIL]",
        default=(0.0, 0.0),
        help="added to every request; with TAIL it varies: half take longer than SECONDS, "
        "one in a hundred longer than TAIL",
    )
    parser.set_defaults(run=_serve)


def _file(text: str) -> str:
    """Return a path as a shell would have given it: in ``--db=~/x`` none replaces the ``~``."""
    return os.path.expanduser(text)  # noqa: PTH111 - the text as it is, but for that


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= _LARGEST_PORT):
        raise argparse.ArgumentTypeError(f"a number from 0 (any that is free) to {_LARGEST_PORT}")
    return int(text)


def _server_name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("a name, which is not empty; leave it out for the default")
    return text


def _latency(text: str) -> tuple[float, float]:
    median, _, tail = text.partition(",")
    try:
        latency = float(median), float(tail or 0)
    except ValueError:
        latency = -1.0, 0.0
    if not 0 <= latency[0] < inf or (tail and not latency[0] <= latency[1] < inf):
        raise argparse.ArgumentTypeError("one number of seconds, or two with a comma, rising")
    return latency


def _demo(options: _Options) -> int:
    from discobase.cli import demo  # noqa: PLC0415 - with the embedded server, which takes long

    return demo.run(keep=options.keep)


def _serve(options: _Options) -> int:
    from discobase.cli.serve import serve  # noqa: PLC0415 - likewise

    return serve(
        options.port,
        options.db,
        options.server,
        options.json,
        limits=options.limits,
        latency=options.latency[0],
        latency_tail=options.latency[1],
    )
