"""Logins in a cell that is run again: the connections whose place they take."""

from __future__ import annotations

import logging
import weakref
from dataclasses import dataclass

from discobase.interactive import Cell
from discobase.session_source import SessionSource
from discobase.target import Target

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Login:
    cell: Cell
    database: weakref.ref[object]


_logins: weakref.WeakKeyDictionary[SessionSource, _Login] = weakref.WeakKeyDictionary()
"""What cells have logged in, by the last login. Cells run on one thread, one after another."""


def close_earlier(cell: Cell, source: SessionSource, target: Target) -> None:
    """Close what an earlier cell, or this one in an earlier run, has connected: the same database;
    and one of the same name, in the same place, that nobody has a name for any more, since the
    cell that makes it was run again. Tables of the latter go on through the new connection.

    A login in a program, or twice in one run of one cell, closes nothing.

    Args:
        cell: the cell that is run now.
        source: of the database that it logs in.
        target: where to.
    """
    for other, login in [*_logins.items()]:
        if not other.connected or login.cell.is_run_of(cell):
            continue
        if other is source:
            _log.info("%r is connected anew: its connection of before is closed", other.name)
            other.close()
        elif (
            other.name == source.name
            and other.target == target
            and not cell.names_it(login.database())
        ):
            _log.info("%r is connected anew: that of an earlier Database is closed", other.name)
            other.give_way(source)


def note(cell: Cell, source: SessionSource, database: object) -> None:
    """Remember that a cell has logged a database in."""
    _logins[source] = _Login(cell, weakref.ref(database))
