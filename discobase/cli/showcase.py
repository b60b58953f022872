"""One database in the window: opened to be read when somebody looks, and again where it has ended.

It looks with a token of its own and without the gateway, so that nothing of it is counted, and what
is tried on the server does not change because somebody watches.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from typing import Any

from discobase import Database, Table
from discobase.cli.cells import commit_of, record_of, row_of, row_that_does_not_fit, table_of
from discobase.errors import (
    DatabaseNotFound,
    DiscobaseError,
    KeyNeeded,
    NotEncrypted,
    RecordNotFound,
    RecordOutdated,
    TableNotFound,
    Unavailable,
    UsageError,
    WrongKey,
)
from discobase.local import (
    ShownDatabase,
    ShownHistory,
    ShownRecord,
    ShownRow,
    ShownRows,
    ShownTable,
)
from discobase.typed.search_box import searched
from discobase.typed.values import ordered

Place = tuple[int, str, str, str]
"""Server, bot, token and API URL."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a database that could not be opened is tried again, ever longer: a guess. Where
the channels have changed, it is tried at once."""

_TIMEOUT = 60.0
"""Seconds that an answer may take: a guess, as for any database."""

_LARGEST_COMMIT = 200_000
"""Bytes of a commit whose changes are shown: more than a hundred records. A guess."""


class Showcase:
    """One database, as a bot has it in a server. Its methods may be called on any thread.

    Args:
        place: where it is.
        key: what it may be encrypted by; None for no key.
    """

    def __init__(self, place: Place, key: bytes | str | None) -> None:
        self._server, self._bot, self._token, self._api_url = place
        self._key = key
        self._opening = threading.Lock()
        self._is_closed = False
        self._database: Database | None = None
        self._failure: DiscobaseError | None = None
        self._failed_with: Collection[int] = ()
        self._next_try = 0.0
        self._pause = _FIRST_PAUSE

    @property
    def id(self) -> str:
        """By which it is asked for."""
        return f"{self._server}-{self._bot}"

    def shown(self, channels: Collection[int]) -> ShownDatabase:
        """Return it with its tables; without any where there is none yet.

        Args:
            channels: those that the server has now.
        """
        try:
            database = self._current(channels)
            if database.status().server_id != self._server:
                return ShownDatabase(self.id, self._server)  # it has moved, and is shown there
            tables = tuple(self._tables(database).values())
        except DatabaseNotFound:
            return ShownDatabase(self.id, self._server, is_coming=True)
        except DiscobaseError as error:
            return ShownDatabase(self.id, self._server, trouble=_told(error), is_coming=True)
        return ShownDatabase(self.id, self._server, tables)

    def rows(self, table: str, *, search: str, order: str, offset: int, limit: int) -> ShownRows:
        """Return a page of a table's records, as :meth:`Exhibit.rows
        <discobase.local.Exhibit.rows>` has it.
        """
        database = self._current()
        shown, model = self._table(database, table)
        found = searched(model, search)
        page = ordered(found, model, order).offset(offset).limit(limit).pks()
        rows = [row for pk in page if (row := _row(model, pk)) is not None]
        return ShownRows(shown, rows, found.count(), order)

    def record(self, table: str, pk: int) -> ShownRecord:
        """Return one record, whole."""
        shown, model = self._table(self._current(), table)
        return record_of(model.get(pk), shown)

    def history(self, *, before: int | None, limit: int) -> ShownHistory:
        """Return what was written, the newest first."""
        known = self._current().history(before=before, limit=limit, largest=_LARGEST_COMMIT)
        return ShownHistory([commit_of(each) for each in known], is_over=len(known) < limit)

    def close(self) -> None:
        """End its connection. What is asked for after that is refused."""
        self._is_closed = True
        self._end()

    # How it is opened

    def _current(self, channels: Collection[int] = ()) -> Database:
        """Return the database, connected, with all that was saved before the call."""
        database = self._opened(channels)
        database.refresh()
        return database

    def _opened(self, channels: Collection[int]) -> Database:
        with self._opening:
            self._require_open()
            if self._database is not None and self._database.ready:
                return self._database
            self._end()
            if self._failure is not None and not self._is_to_be_tried(channels):
                raise self._failure.with_traceback(None)
            self._failed_with = channels
            try:
                return self._open()
            except DiscobaseError as error:
                self._end()
                self._failure = error
                self._next_try = time.monotonic() + self._pause
                self._pause = min(_LONGEST_PAUSE, 2 * self._pause)
                raise

    def _require_open(self) -> None:
        if self._is_closed:
            raise UsageError("the server is ending.")

    def _end(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _is_to_be_tried(self, channels: Collection[int]) -> bool:
        has_changed = bool(channels) and channels != self._failed_with
        if has_changed:
            self._pause = _FIRST_PAUSE
        return has_changed or time.monotonic() >= self._next_try

    def _open(self) -> Database:
        try:
            return self._connected(self._key)
        except NotEncrypted:  # the key is of another one
            return self._connected(None)

    def _connected(self, key: bytes | str | None) -> Database:
        options: dict[str, Any] = {} if key is None else {"key": key}
        database = Database(
            f"server {self._server}",
            server=self._server,
            gateway=False,
            max_staleness=None,
            read_only=True,
            timeout=_TIMEOUT,
            **options,
        )
        self._database = database
        self._require_open()  # a close before this line has not seen it
        database.login_thread(self._token, api_url=self._api_url)
        database.wait_ready()
        self._failure, self._pause = None, _FIRST_PAUSE
        return database

    # What is in it

    @staticmethod
    def _tables(database: Database) -> dict[str, ShownTable]:
        stored = database.stored_tables()
        return {each.name: table_of(each, database.open_table(each.name)) for each in stored}

    def _table(self, database: Database, name: str) -> tuple[ShownTable, type[Table]]:
        tables = {each.name: each for each in database.stored_tables()}
        if name not in tables:
            raise TableNotFound(database.name, name, tables)
        model = database.open_table(name)
        return table_of(tables[name], model), model


def _row(model: type[Table], pk: int) -> ShownRow | None:
    """Return a record as a row; None where it has been deleted meanwhile."""
    try:
        return row_of(model.get(pk))
    except RecordNotFound:
        return None
    except RecordOutdated:
        return row_that_does_not_fit(pk, model)


def _told(error: DiscobaseError) -> str:
    """Return what is wrong, for whoever looks at the page."""
    match error:
        case KeyNeeded():
            return (
                "It is encrypted. To see its records, start discobase serve with its key in "
                "DISCOBASE_KEY."
            )
        case WrongKey():
            return "It is encrypted by another key than that in DISCOBASE_KEY."
        case Unavailable():
            return f"It cannot be read just now: {error}"
        case _:
            return str(error)
