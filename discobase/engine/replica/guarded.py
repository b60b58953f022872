"""A connection on which statements of others read a replica's file, and do nothing else.

Three things keep them from it, each for itself: the file is opened for reading alone (``mode=ro``),
SQLite is told to change nothing (``query_only``), and an authorizer, which is asked of every step
that a statement consists of, knows the few that only read.

A signal that comes while SQLite is at work is handled by the next code of Python's that it calls,
which is here: what the handler raises, Ctrl-C's ``KeyboardInterrupt`` among it, must not be lost.
:mod:`sqlite3` drops what its callbacks raise. So they are generators: a handler runs where one is
gone on with, and that is inside its ``try`` already, as the first line of a function is not.
"""

from __future__ import annotations

import base64
import os
import sqlite3
import sys
import time
import weakref
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, NoReturn, Self, TypeVar, cast

from discobase.engine.keys import seconds
from discobase.engine.replica.checksums import Altered, add_row_sum, row_sum
from discobase.engine.replica.file import ReplicaFile

T = TypeVar("T")

SOUND = "discobase_sound"
"""The function in SQL that holds a record against its checksum: of checksum, primary key, seq,
schema and data, with bars between them."""

SECONDS = "discobase_seconds"
"""The function in SQL that tells how long a stored duration is."""

BYTES = "discobase_bytes"
"""The function in SQL that makes of base64 the bytes that it stands for."""

_STEPS = 10_000
"""Instructions of SQLite's machine between two looks at the clock and at signals: some tenths of a
millisecond (measured), and the look is a thousandth of that."""

_READ = "reading a table of discobase's own"

_NOT_AUTHORIZED = "not authorized"
"""What SQLite says, under no code of its own, of a function that the authorizer refuses."""

_MATCH = "match"
"""What SQLite calls the function of its operator MATCH. A view has none, which SQLite says when it
comes to the first row: of an empty table it would have said nothing."""

_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE})

_MADE_OF_JSON = ("json_each", "json_tree")
"""Tables that SQLite makes of a text."""

_TRANSACTIONS = ("BEGIN", "COMMIT", "ROLLBACK")
"""With them a program sees one state in several statements. A BEGIN IMMEDIATE takes no lock in a
file that is open for reading alone."""

_PRAGMAS = frozenset(
    {
        *("table_info", "table_xinfo", "table_list", "function_list", "collation_list"),
        *("compile_options", "data_version", "encoding"),
    }
)
"""Those that only tell something; the last two change something where they are given a value."""

_TELL_WITHOUT_VALUE = frozenset({"data_version", "encoding"})

_FUNCTIONS_REFUSED = frozenset({"load_extension", "fts3_tokenizer"})
"""They bring code into the process."""

_SCHEMA_OF_VIEWS = frozenset({"sqlite_temp_master", "sqlite_temp_schema"})

_A_WRITE = "that"
"""What a statement would do that does more than read. Which step of it SQLite asks about tells
people nothing: a DROP TABLE begins with a DELETE from the schema."""

_FAULTS = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""What SQLite says where the file is at fault, whatever the statement is."""

_CODE = 0xFF
"""The part of SQLite's extended codes that is the code (sqlite.org/rescode.html)."""

_open: dict[Any, None] = {}
"""Weak references to the connections that are there. Where one goes, a :class:`weakref.WeakSet` has
code of Python's called, which drops what a signal's handler raises in it."""

_inherited: list[Guarded] = []
"""Connections of the process from which this one was forked, kept untouched: SQLite forbids to use
them, or to close them, in another process (sqlite.org/howtocorrupt.html, 2.6)."""


def _keep_inherited() -> None:
    _inherited.extend(connection for held in [*_open] if (connection := held()) is not None)


os.register_at_fork(after_in_child=_keep_inherited)


class TooLong(sqlite3.OperationalError):
    """A statement was interrupted, for its time was over."""


class _Watch:
    """What is asked and noted while a statement runs. It knows nothing of its connection, which so
    goes as soon as nobody holds it.

    Args:
        views: the names of the views that may be read, in lower case.

    Attributes:
        limit: seconds that one call may take; None for no limit.
    """

    def __init__(self, views: Iterable[str]) -> None:
        self._views = frozenset(views)
        self.limit: float | None = None
        self._end: float | None = None
        self.is_over = False
        self.raised: BaseException | None = None
        self.altered = False
        self.denied: str | None = None

    def begin(self) -> None:
        """Begin a call."""
        self._end = None if self.limit is None else time.monotonic() + self.limit
        self.raised = self.denied = None
        self.is_over = self.altered = False

    def require_whole(self) -> None:
        """See that nothing was noted that a call, done within a few steps, has not ended for.

        Raises:
            Altered: a record is not what was written; it was left out.
            BaseException: what a signal handler raised.
        """
        if self.raised is not None:
            raise self.raised
        if self.altered:
            raise Altered("a row is not what was written")

    def steps(self) -> Generator[int, None, None]:
        """Say, each time that it is gone on with, whether the statement is to be interrupted."""
        return self._calls(self._is_to_stop, 1)

    def soundness(self) -> Generator[Any, Any, None]:
        """Hold a record against its checksum, each time that it is sent one."""
        return self._calls(self._is_sound, None)

    def durations(self) -> Generator[Any, Any, None]:
        """Return the seconds of each duration that it is sent."""
        return self._calls(_seconds, None)

    def bytes(self) -> Generator[Any, Any, None]:
        """Return the bytes of each text in base64 that it is sent."""
        return self._calls(_bytes, None)

    def _calls(self, answer: Callable[[Any], Any], otherwise: Any) -> Generator[Any, Any, None]:
        answered: Any = None
        while True:
            try:
                # A handler may run where a loop begins anew as well: so this one is inside.
                while True:
                    asked = yield answered
                    answered = answer(asked)
            except GeneratorExit:
                return
            except BaseException as error:  # noqa: BLE001 - raised again where the statement ends
                self.raised = error
                answered = otherwise

    def _is_to_stop(self, _: object) -> int:
        self.is_over = self._end is not None and time.monotonic() > self._end
        # What a function was interrupted by waits here to be raised.
        return int(self.is_over or self.altered or self.raised is not None)

    def _is_sound(self, row: str | None) -> int:
        held, *values = (row or "").split("|", 4)
        try:
            *numbers, data = values
            sound = row_sum(*map(int, numbers), data) == int(held)
        except ValueError:
            sound = False
        self.altered = self.altered or not sound
        return int(sound)

    def authorize(
        self,
        action: int,
        first: str | None,
        second: str | None,
        schema: str | None,
        source: str | None,
    ) -> int:
        """Say whether a statement may do something, as sqlite.org/c3ref/c_alter_table.html lists
        it.
        """
        if self._allows(action, first, second, schema, source):
            return sqlite3.SQLITE_OK
        self.denied = self.denied or _named(action, first, second)
        return sqlite3.SQLITE_DENY

    def _allows(
        self,
        action: int,
        first: str | None,
        second: str | None,
        schema: str | None,
        source: str | None,
    ) -> bool:
        if action == sqlite3.SQLITE_READ:
            of_a_view = source is not None and source.lower() in self._views
            # Where rows are counted alone, SQLite names no column, nor through which view.
            is_free = first in (*_SCHEMA_OF_VIEWS, *_MADE_OF_JSON)
            return schema != "main" or of_a_view or is_free or second == ""
        if action == sqlite3.SQLITE_FUNCTION:
            return (second or "").lower() not in (*_FUNCTIONS_REFUSED, _MATCH)
        if action == sqlite3.SQLITE_PRAGMA:
            name = (first or "").lower()
            return name in _PRAGMAS and (second is None or name not in _TELL_WITHOUT_VALUE)
        if action == sqlite3.SQLITE_TRANSACTION:
            return first in _TRANSACTIONS
        return action in _ALLOWED


def _seconds(stored: object) -> object:
    return seconds(stored) if isinstance(stored, str) else stored


def _bytes(stored: object) -> object:
    if not isinstance(stored, str):
        return stored
    try:
        return base64.urlsafe_b64decode(stored)
    except ValueError:
        return stored


def _named(action: int, first: str | None, second: str | None) -> str:
    if action == sqlite3.SQLITE_READ:
        return _READ
    if action == sqlite3.SQLITE_FUNCTION:
        return _MATCH if second == _MATCH else f"{second}()"
    return f"PRAGMA {first}" if action == sqlite3.SQLITE_PRAGMA else _A_WRITE


class Ended(sqlite3.ProgrammingError):
    """The file that a connection reads is gone, or the records are in another one by now."""


class Guarded(sqlite3.Connection):
    """A connection of the standard library's, on which nothing can be written. Made by
    :func:`guarded`.

    It is bound to a file, a thread and a process: when the database is closed, or its records have
    come into another file, and in a forked process, its calls raise.
    """

    adapted: Callable[[Any], Any]
    _file: ReplicaFile
    _watch: _Watch
    _explain: Callable[[str, str], str]
    _failing: Callable[[sqlite3.Error], None]

    def __init__(self, uri: str) -> None:
        super().__init__(uri, uri=True, isolation_level=None)
        self._pid = os.getpid()
        _open[weakref.ref(self, _open.pop)] = None

    def guard(
        self,
        file: ReplicaFile,
        views: Mapping[str, str],
        adapt: Callable[[Any], Any],
        explain: Callable[[str, str], str],
        failing: Callable[[sqlite3.Error], None],
    ) -> None:
        """Have the connection only read from now on: see :func:`guarded`."""
        self._file, self._explain, self._failing = file, explain, failing
        self.adapted = adapt
        self._watch = watch = _Watch(name.lower() for name in views)
        add_row_sum(self)
        super().create_function(SOUND, 1, _primed(watch.soundness()).send, deterministic=True)
        super().create_function(SECONDS, 1, _primed(watch.durations()).send, deterministic=True)
        super().create_function(BYTES, 1, _primed(watch.bytes()).send, deterministic=True)
        for name, select in views.items():
            sqlite3.Cursor(self).execute(f"CREATE TEMP VIEW {_quoted(name)} AS {select}").close()
        # When one of these tables is first named, SQLite asks whether it may be made.
        sqlite3.Cursor(self).execute(f"SELECT 1 FROM {', '.join(_MADE_OF_JSON)}").close()
        sqlite3.Cursor(self).execute("PRAGMA query_only=ON").close()
        if sys.version_info >= (3, 12):
            # Or "Berlin", where no column has that name, would be a text, and a slip in it unseen.
            super().setconfig(sqlite3.SQLITE_DBCONFIG_DQS_DML, False)
        super().setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        super().set_progress_handler(_primed(watch.steps()).__next__, _STEPS)
        super().set_authorizer(watch.authorize)
        watch.require_whole()  # a handler may have run while the callbacks were primed

    # Running

    def cursor(self, factory: Any = None) -> Any:
        """Return a new cursor; `factory` is taken for what it is, derived from
        :class:`GuardedCursor`.
        """
        if factory is None:
            return super().cursor(GuardedCursor)
        if isinstance(factory, type) and issubclass(factory, GuardedCursor):
            return super().cursor(factory)
        raise sqlite3.NotSupportedError(
            "the cursors of this connection are its own: leave the factory out."
        )

    # The standard library's make a cursor of their own.

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """Run one statement on a new cursor, and return that."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        """Refuse, as SQLite does: no statement that reads is run many times."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql: str, /) -> Any:
        """Run statements, one after the other, of which no rows come."""
        return self.cursor().executescript(sql)

    def limit(self, seconds: float | None) -> None:
        """Have each call from now on take so many seconds at the most; None for no limit."""
        self._watch.limit = seconds

    def run(self, step: Callable[..., T], *arguments: Any, statement: str = "") -> T:
        """Do a step in which SQLite is at work.

        Raises:
            sqlite3.Error: as SQLite has it, with more to say.
            BaseException: what a signal handler raised meanwhile.
        """
        self._require_usable()
        self._watch.begin()
        try:
            done = step(*arguments)
            self._watch.require_whole()
        except sqlite3.Error as error:
            raised = self._reason(error, statement)
        else:
            return done
        raise raised

    def _require_usable(self) -> None:
        if os.getpid() != self._pid:
            raise sqlite3.ProgrammingError(
                "this connection was opened in the process from which this one was forked: call "
                "db.sqlite() here."
            )
        if self._file.gone:
            raise Ended(
                "this connection has ended: the database was closed, or its records have been "
                "built anew in another file. Call db.sqlite() again."
            )

    def _reason(self, error: sqlite3.Error, statement: str) -> BaseException:
        """Return what is to be raised where a step has failed."""
        watch = self._watch
        if watch.raised is not None:
            return watch.raised
        if watch.altered:
            error = Altered("a row is not what was written")
        code = getattr(error, "sqlite_errorcode", 0)
        if isinstance(error, Altered) or code & _CODE in _FAULTS or _is_short(error):
            self._failing(error)
            return error
        if code == sqlite3.SQLITE_INTERRUPT and watch.is_over:
            return TooLong(f"the statement took longer than {watch.limit:g} s")
        if watch.denied is None and (code == sqlite3.SQLITE_AUTH or _NOT_AUTHORIZED in str(error)):
            return KeyboardInterrupt()  # the authorizer was interrupted
        if "because it is a view" in str(error):
            watch.denied = _A_WRITE
        denied = None if watch.denied is None else _refusal(watch.denied)
        return _with_text(error, denied or self._explain(str(error), statement))

    # What would lift the guard

    def set_authorizer(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: the authorizer is what keeps statements from writing."""
        raise _refused("set_authorizer")

    def enable_load_extension(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: an extension can do anything."""
        raise _refused("enable_load_extension")

    def load_extension(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: an extension can do anything."""
        raise _refused("load_extension")

    def setconfig(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: some settings let statements write to the schema, or load code."""
        raise _refused("setconfig")

    def setlimit(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: the limits keep databases from being attached."""
        raise _refused("setlimit")

    def deserialize(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: it would put another database in the place of this one."""
        raise _refused("deserialize")

    def blobopen(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: it goes past the views."""
        raise _refused("blobopen")


class GuardedCursor(sqlite3.Cursor):
    """A cursor of a :class:`Guarded` connection."""

    @property
    def connection(self) -> Guarded:
        """The connection."""
        return cast("Guarded", super().connection)

    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        """Run one statement."""
        values = self.connection.adapted(parameters)
        self.connection.run(super().execute, sql, values, statement=sql)
        return self

    def executemany(self, sql: str, parameters: Any, /) -> Self:
        """Refuse, as SQLite does: no statement that reads is run many times."""
        self.connection.run(super().executemany, sql, parameters, statement=sql)
        return self

    def executescript(self, sql: str, /) -> Self:
        """Run statements, one after the other, of which no rows come."""
        self.connection.run(super().executescript, sql, statement=sql)
        return self

    def __next__(self) -> Any:
        return self.connection.run(super().__next__)

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return self.connection.run(super().fetchone)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return some more rows."""
        return self.connection.run(super().fetchmany, self.arraysize if size is None else size)

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        return self.connection.run(super().fetchall)


def guarded(
    file: ReplicaFile,
    views: Mapping[str, str],
    *,
    adapt: Callable[[Any], Any],
    explain: Callable[[str, str], str],
    failing: Callable[[sqlite3.Error], None],
) -> Guarded:
    """Open a guarded connection.

    Args:
        file: the replica's.
        views: what can be read: names, and the statement that each stands for.
        adapt: makes of parameters what SQLite takes.
        explain: says more of an error, by its text and the statement.
        failing: called with what says that the file fails.

    Raises:
        Disconnected: the file is to be removed, or gone.
        sqlite3.Error: it cannot be opened.
    """
    made = file.look_into(Guarded)
    try:
        made.guard(file, views, adapt, explain, failing)
    except BaseException:
        made.close()
        raise
    return made


def _primed(calls: Generator[Any, Any, None]) -> Generator[Any, Any, None]:
    next(calls)
    return calls


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _is_short(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHORT_READ


def _refused(method: str) -> sqlite3.NotSupportedError:
    return sqlite3.NotSupportedError(f"{method}() is not for a connection that only reads.")


def _refusal(denied: str) -> str:
    if denied == _READ:
        return "that table is discobase's own: read the tables of the database, by their names."
    if denied == _MATCH:
        return (
            "MATCH is not possible here: the tables are views, which have no index of words. "
            "User.search('...') looks for words."
        )
    return (
        f"{denied} is not possible here: db.sql() only reads, and so does the connection of "
        f"db.sqlite(). Records are written by save(), delete() and their like."
    )


def _with_text(error: sqlite3.Error, text: str) -> sqlite3.Error:
    """Return an error of the same class that says something else."""
    other = type(error)(text)
    for name in ("sqlite_errorcode", "sqlite_errorname"):
        if hasattr(error, name):
            setattr(other, name, getattr(error, name))
    return other
