"""What may stand behind ``%discobase``."""

from __future__ import annotations

import argparse
import shlex
from typing import NoReturn

from discobase.errors import UsageError

USAGE = """\
%discobase connect [NAME] [local | local:PATH | --token-env VARIABLE] [--as VARIABLE]
%discobase disconnect | status | tables [NAME]
%discobase sql STATEMENT
%%discobase sql [NAME] [--fresh] [--as VARIABLE]
STATEMENT

NAME is that of a Discord server, as in Database("NAME"), and can be left out where one database has
a name in this notebook. The token comes from DISCOBASE_TOKEN, or from another variable of the
environment, or is asked for; it does not go into the cell, which is saved.
A statement takes the notebook's variables by :name.
"""

SUBCOMMANDS = ("connect", "disconnect", "status", "tables", "sql")


class _Parser(argparse.ArgumentParser):
    """A parser that raises, in the place of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was given."""
        raise UsageError(f"%discobase: {message}. %discobase by itself says what there is.")


def parsed(line: str) -> argparse.Namespace:
    """Return what a line says.

    Raises:
        UsageError: it says nothing that there is.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:  # a quote that is not closed
        raise UsageError(f"%discobase: {error}.") from None
    return _parser().parse_args(words)


def _parser() -> _Parser:
    parser = _Parser(prog="%discobase", add_help=False, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", parser_class=_Parser, required=False)
    made = {
        name: commands.add_parser(name, add_help=False, allow_abbrev=False) for name in SUBCOMMANDS
    }
    for command in made.values():
        command.add_argument("name", nargs="?")
    connect = made["connect"]
    connect.add_argument("where", nargs="?")
    connect.add_argument("--token-env", metavar="VARIABLE")
    # It is there to be refused, with the reason.
    connect.add_argument("--token", metavar="TOKEN")
    for name in ("connect", "sql"):
        made[name].add_argument("--as", dest="variable", metavar="VARIABLE")
    made["sql"].add_argument("--fresh", action="store_true")
    return parser
