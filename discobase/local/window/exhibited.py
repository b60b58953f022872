"""What a program shows beside the channels, as JSON, asked for on threads: it may take long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from discobase.errors import DiscobaseError
from discobase.local.window.exhibit import Exhibit, ShownCommit, ShownDatabase

PAGE = 50
"""Rows that are shown at once: as many as messages."""

_THREADS = 4
"""Questions that are answered at once: one that takes long holds up no other page. A guess."""

_LARGEST = (1 << 63) - 1

Query = Mapping[str, str]


class NotShown(Exception):
    """It cannot be shown; the text says why.

    Args:
        text: for whoever looks at the page.
        status: of HTTP.
    """

    def __init__(self, text: str, status: int = 422) -> None:
        super().__init__(text)
        self.status = status


class Exhibited:
    """What the page shows of an exhibit. Used on the loop alone.

    Attributes:
        exhibit: what a program shows; None where none shows anything.
    """

    def __init__(self) -> None:
        self.exhibit: Exhibit | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._is_closed = False

    @staticmethod
    def has(name: str) -> bool:
        """Return whether something of this name can be asked for."""
        return name in _ANSWERS

    async def answer(self, name: str, query: Query) -> object:
        """Return what is asked for, as JSON has it.

        Raises:
            NotShown: it cannot be shown.
        """
        exhibit = self.exhibit
        if self._is_closed:
            raise NotShown("the server is ending", 503)
        if exhibit is None:
            if name == "databases":
                return {"shown": False, "databases": []}
            raise NotShown("nothing is shown here but channels", 404)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, "discobase-window")
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, _ANSWERS[name], exhibit, query)
        except DiscobaseError as error:
            raise NotShown(str(error)) from error

    def close(self) -> None:
        """Begin nothing more. What is under way ends by itself."""
        self._is_closed = True
        if self._threads is not None:
            self._threads.shutdown(wait=False)


def _databases(exhibit: Exhibit, _query: Query) -> object:
    return {"shown": True, "databases": [_database(each) for each in exhibit.databases()]}


def _database(shown: ShownDatabase) -> dict[str, Any]:
    return {**asdict(shown), "server": str(shown.server)}


def _rows(exhibit: Exhibit, query: Query) -> object:
    place = query.get("database", ""), query.get("table", "")
    search, order = query.get("search", ""), query.get("order", "")
    offset = _number(query, "offset")
    shown = exhibit.rows(*place, search=search, order=order, offset=offset, limit=PAGE)
    # Keys as texts: a browser has no whole numbers of that size.
    rows = [{**asdict(row), "key": str(row.key)} for row in shown.rows]
    return {**asdict(shown), "rows": rows, "offset": offset, "limit": PAGE}


def _record(exhibit: Exhibit, query: Query) -> object:
    place = query.get("database", ""), query.get("table", "")
    shown = exhibit.record(*place, _number(query, "key"))
    return {**asdict(shown), "key": str(shown.key)}


def _history(exhibit: Exhibit, query: Query) -> object:
    before = _number(query, "before") or None
    shown = exhibit.history(query.get("database", ""), before=before, limit=PAGE)
    return {**asdict(shown), "commits": [_commit(each) for each in shown.commits]}


def _commit(shown: ShownCommit) -> dict[str, Any]:
    changes = [{**asdict(each), "key": str(each.key)} for each in shown.changes]
    return {**asdict(shown), "channel": str(shown.channel), "changes": changes}


def _number(query: Query, name: str) -> int:
    text = query.get(name, "") or "0"
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(_LARGEST)):
        raise NotShown(f"{name} is no number", 400)
    return min(int(text), _LARGEST)


_ANSWERS: Mapping[str, Callable[[Exhibit, Query], object]] = {
    "databases": _databases,
    "rows": _rows,
    "record": _record,
    "history": _history,
}
