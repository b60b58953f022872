"""The command ``%discobase`` in a shell of IPython."""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from getpass import GetPassWarning, getpass
from typing import Any

from discobase import Database, SqlRow, SqlRows, Status
from discobase.errors import BadToken, DiscobaseError, UsageError
from discobase.notebook.options import USAGE, parsed
from discobase.notebook.statements import parameters_of
from discobase.shown import looks_like_token

_PATIENCE = 60.0
"""Seconds that a login may take: as long as any call of a database waits by default."""

_LOCAL = "local"


class Command:
    """What ``%discobase`` does in one shell.

    Args:
        shell: the shell, whose variables are the notebook's.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._last: Database | None = None

    def run(self, line: str, cell: str | None = None) -> Any:
        """Connect a Discord server as a database, say how it is, and ask it in SQL.

        ``%discobase`` by itself says what there is.
        """
        try:
            return self._run(line, cell)
        except DiscobaseError as error:
            # What led to it is this package's, and the line says which call it was.
            text = f"{type(error).__name__}: {error}"
            vars(error)["_render_traceback_"] = lambda: [text]
            raise

    def chosen(self, name: str | None = None) -> Database:
        """Return the database that is meant.

        Args:
            name: its name; None where nothing is said.

        Raises:
            UsageError: there is none, or several are there.
        """
        known = self._databases()
        if name is not None:
            known = {variable: each for variable, each in known.items() if each.name == name}
        if self._last is not None and self._last in known.values():
            return self._last
        found = [*{id(each): each for each in known.values()}.values()]
        if len(found) == 1:
            return found[0]
        if not found:
            wanted = "no database" if name is None else f"no database {name!r}"
            raise UsageError(
                f"there is {wanted} in this notebook: %discobase connect NAME makes one, or "
                f"db = discobase.Database(NAME)."
            )
        if "db" in known:
            return known["db"]
        names = ", ".join(repr(each.name) for each in found)
        raise UsageError(f"there are several databases in this notebook, {names}: say which one.")

    def _run(self, line: str, cell: str | None) -> Any:
        if line.split(None, 1)[:1] == ["sql"] and cell is None:
            return self._line_of_sql(line.split(None, 1)[1:])
        if _has_token(line):
            raise _token_in_the_cell()
        given = parsed(line)
        if cell is not None and given.command != "sql":
            raise UsageError("a cell of %%discobase is a statement in SQL: %%discobase sql.")
        does: Mapping[str | None, Callable[[], Any]] = {
            None: lambda: sys.stdout.write(USAGE) and None,
            "connect": lambda: self._connect(given),
            "disconnect": lambda: self.chosen(given.name).close(),
            "status": lambda: self._status(given.name),
            "tables": lambda: self._tables(given.name),
            "sql": lambda: self._sql(
                cell or "", given.name, fresh=given.fresh, variable=given.variable
            ),
        }
        return does[given.command]()

    # Connecting

    def _connect(self, given: argparse.Namespace) -> Database:
        token = self._token(given)
        database = self._database(given)
        database.close()
        try:
            database.login_thread(token)
            database.wait_ready(_PATIENCE)
        except BaseException:
            database.close()  # so that the cell can be run again
            raise
        self._last = database
        return database

    def _database(self, given: argparse.Namespace) -> Database:
        """Return the notebook's database of a name, or one that is made, and given a variable."""
        name = given.name or os.getenv("DISCOBASE_SERVER")
        with suppress(UsageError):
            held = self.chosen(name)
            if given.variable is not None:
                self._shell.user_ns[given.variable] = held
            return held
        if name is None:
            return self.chosen()  # which says what is wrong
        variable = given.variable or "db"
        taken = self._shell.user_ns.get(variable)
        if taken is not None and not isinstance(taken, Database):
            raise UsageError(
                f"{variable} is something else in this notebook: --as VARIABLE says what the "
                f"database is to be called."
            )
        made = self._shell.user_ns[variable] = Database(name)
        return made

    def _token(self, given: argparse.Namespace) -> str:
        """Return the token, which no cell says.

        Raises:
            UsageError: the cell says one.
            BadToken: there is none.
        """
        if given.token is not None or not _is_local(given.where):
            raise _token_in_the_cell()
        if given.where is not None:
            if given.token_env is not None:
                raise UsageError(f"give {given.where}, or --token-env, and not both.")
            return str(given.where)
        variable = given.token_env or "DISCOBASE_TOKEN"
        token = os.getenv(variable)
        if token:
            return token
        if given.token_env is not None:
            raise BadToken(f"the environment of this notebook has no variable {variable}.")
        return _asked()

    # Asking

    def _status(self, name: str | None) -> Status:
        return self.chosen(name).status()

    def _tables(self, name: str | None) -> SqlRows:
        columns = ("table", "records", "fields", "unique")
        return SqlRows(
            columns,
            [
                SqlRow.of(
                    (
                        each.name,
                        each.records,
                        ", ".join(each.fields),
                        ", ".join(" + ".join(names) for names in each.unique),
                    ),
                    columns,
                )
                for each in self.chosen(name).stored_tables()
            ],
        )

    def _line_of_sql(self, rest: list[str]) -> SqlRows:
        if not rest:
            raise UsageError(
                "%discobase sql STATEMENT, or a cell that begins with %%discobase sql."
            )
        return self._sql(rest[0], None, fresh=False, variable=None)

    def _sql(
        self, statement: str, name: str | None, *, fresh: bool, variable: str | None
    ) -> SqlRows:
        parameters = parameters_of(statement, self._shell.user_ns)
        rows = self.chosen(name).sql(statement, parameters, fresh=fresh)
        if variable is not None:
            self._shell.user_ns[variable] = rows
        return rows

    def _databases(self) -> dict[str, Database]:
        """Return the databases that have a name in the notebook, by it. The names that a shell
        gives to results, as ``_5``, are nobody's.
        """
        return {
            name: value
            for name, value in [*self._shell.user_ns.items()]
            if isinstance(value, Database) and not name.startswith("_")
        }


def _is_local(where: str | None) -> bool:
    return where is None or where == _LOCAL or where.startswith(f"{_LOCAL}:")


def _has_token(line: str) -> bool:
    return any(map(looks_like_token, re.split(r"[\s'\"=]+", line)))


def _token_in_the_cell() -> UsageError:
    return UsageError(
        "what stands behind the name is local, or local:PATH, and no token: cells are saved with "
        "the notebook, and in IPython's history. Set DISCOBASE_TOKEN, or name another variable of "
        "the environment by --token-env; without either the token is asked for, and not shown. If "
        "it was a bot's token, take it out of the cell, and have Discord make a new one."
    )


def _asked() -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", GetPassWarning)  # it would be shown
            token = getpass("token of the bot: ").strip()
    except (GetPassWarning, EOFError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and type(error).__name__ != "StdinNotImplementedError":
            raise
        token = ""  # nobody is there to be asked
    if not token:
        raise BadToken(
            "there is no token: set DISCOBASE_TOKEN, or name another variable of the environment "
            "by --token-env. The embedded server needs none: %discobase connect NAME local:PATH."
        )
    return token
