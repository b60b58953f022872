"""The databases of an embedded server, as its window shows them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from pydantic import ValidationError

from discobase.cli.showcase import Showcase
from discobase.errors import UsageError
from discobase.local import LocalDiscord, ShownDatabase, ShownHistory, ShownRecord, ShownRows


class Exhibition:
    """What the window shows beside the channels: each bot's database in each server, from when it
    is there. Its methods may be called on any thread.

    Args:
        discord: the server.
        key: what the databases may be encrypted by; None for no key.
    """

    def __init__(self, discord: LocalDiscord, key: bytes | str | None = None) -> None:
        self._discord = discord
        self._key = key
        self._lock = threading.Lock()
        self._cases: dict[str, Showcase] = {}
        self._is_closed = False

    def databases(self) -> Sequence[ShownDatabase]:
        """Return what there is to be seen. Blocks while a database is opened."""
        found: list[ShownDatabase] = []
        present: set[str] = set()
        for server in self._discord.servers():
            channels = frozenset(self._discord.channels(server))
            for bot, token in self._discord.onlookers(server).items():
                case = self._case((server, bot, token, self._discord.api_url))
                present.add(case.id)
                if channels:
                    found.append(case.shown(channels))
        self._close(but=present)
        return found

    def rows(
        self, database: str, table: str, *, search: str, order: str, offset: int, limit: int
    ) -> ShownRows:
        """Return a page of a table's records, as :meth:`Exhibit.rows
        <discobase.local.Exhibit.rows>` has it.

        Raises:
            UsageError: what was typed makes no sense.
        """
        case = self._of(database)
        try:
            return case.rows(table, search=search, order=order, offset=offset, limit=limit)
        except ValidationError as error:
            raise UsageError(_told(error)) from error

    def record(self, database: str, table: str, key: int) -> ShownRecord:
        """Return one record, whole."""
        return self._of(database).record(table, key)

    def history(self, database: str, *, before: int | None, limit: int) -> ShownHistory:
        """Return what was written to a database, the newest first."""
        return self._of(database).history(before=before, limit=limit)

    def close(self) -> None:
        """End all connections. What is asked for after that is refused."""
        with self._lock:
            self._is_closed = True
        self._close(but=set())

    def _close(self, *, but: set[str]) -> None:
        with self._lock:
            gone = [self._cases.pop(each) for each in self._cases.keys() - but]
        for case in gone:
            case.close()

    def _case(self, place: tuple[int, str, str, str]) -> Showcase:
        with self._lock:
            if self._is_closed:
                raise UsageError("the server is ending.")
            case = Showcase(place, self._key)
            return self._cases.setdefault(case.id, case)

    def _of(self, database: str) -> Showcase:
        with self._lock:
            if database not in self._cases:
                raise UsageError("there is no such database any more.")
            return self._cases[database]


def _told(error: ValidationError) -> str:
    """Return what is wrong with the values that somebody has typed."""
    return "; ".join(
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
        for each in error.errors(include_url=False)
    )
