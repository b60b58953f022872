"""Values under keys, each until a time: the table in which caches and sessions are kept."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from discobase import Database, Expression, Index, Table, Unique, col, in_
from discobase.errors import ConflictError, RecordNotFound, Unavailable, UniqueViolation

_TRIES = 20
"""How often a write is tried where others write the same key meanwhile: a guess at what no real
load reaches."""

_ASKED_AT_ONCE = 500
"""Keys in one condition: SQLite takes 32,766 arguments, and a statement of some hundred is read
quickly."""


class Entry(Table):
    """A value under a key.

    Attributes:
        key: the key.
        value: the value, made bytes by whoever keeps it.
        expires: when it is no longer there, in seconds since 1970; None for never.
    """

    key: Annotated[str, Unique()]
    value: bytes
    expires: Annotated[float | None, Index()] = None


class Entries:
    """The entries of one table. All methods may be called from any thread.

    Reading costs no API call. Each method that writes blocks, and costs one, shared with what other
    threads write at the same time; none where there is nothing to write. An entry that has expired
    is as if it were not there, and stays in the table until it is written anew or pruned.

    Args:
        database: where the table is.
        table: its name; no other class may be attached under it.
    """

    def __init__(self, database: Database, table: str) -> None:
        self.database = database
        self.table = table
        self._model = _attached(database, table)

    def get(self, key: str) -> Entry | None:
        """Return what is under a key, or None."""
        held = self.find(key)
        return held if held is not None and _is_live(held) else None

    def find(self, key: str) -> Entry | None:
        """Return what is under a key, whether it has expired or not, or None."""
        return self._model.find_unique(key=key, strict=False)

    def get_many(self, keys: Iterable[str]) -> dict[str, Entry]:
        """Return what is under some keys."""
        found = ((key, self.get(key)) for key in keys)
        return {key: held for key, held in found if held is not None}

    def put(self, values: Mapping[str, bytes], expires: float | None) -> None:
        """Write values under their keys, whatever is there: all or none of them, as far as one
        commit holds them.

        Args:
            values: the values by their keys.
            expires: when they are no longer there, in seconds since 1970; None for never.
        """
        if values:
            made = (self._made(key, value, expires) for key, value in values.items())
            self._model.save_many(made, on_conflict="update")

    def add(self, key: str, value: bytes, expires: float | None) -> bool:
        """Write a value where there is none, and return whether there was none. Of any number of
        processes that add the same key at the same time one does.
        """
        for _ in range(_TRIES):
            held = self.find(key)
            if held is not None and _is_live(held):
                return False
            try:
                if held is None:
                    self._made(key, value, expires).save()
                else:
                    self._write(held, value, expires)
            except (UniqueViolation, ConflictError, RecordNotFound):
                continue
            return True
        raise self._contended("add", key)

    def overwrite(self, held: Entry, value: bytes, expires: float | None) -> bool:
        """Write another value over an entry, whoever has written it since, and return whether it
        was still there: what somebody has deleted is not made again.
        """
        held.value, held.expires = value, expires
        try:
            held.update()
        except RecordNotFound:
            return False
        return True

    def replace(self, held: Entry, value: bytes, expires: float | None) -> bool:
        """Write another value over an entry, and return whether nobody else had written it since it
        was read.
        """
        try:
            self._write(held, value, expires)
        except (ConflictError, RecordNotFound):
            return False
        return True

    def touch(self, key: str, expires: float | None) -> bool:
        """Have an entry expire at another time, and return whether it is there."""
        for _ in range(_TRIES):
            held = self.get(key)
            if held is None:
                return False
            if self.replace(held, held.value, expires):
                return True
        raise self._contended("touch", key)

    def delete(self, keys: Iterable[str]) -> list[str]:
        """Delete what is under keys, and return those under which something was."""
        found = {key: held for key in keys if (held := self.find(key)) is not None}
        for some in _pieces(list(found)):
            self._model.find(self._among(some)).delete()
        return [key for key, held in found.items() if _is_live(held)]

    def clear(self) -> None:
        """Delete all entries."""
        self._model.find().delete()

    def prune(self) -> int:
        """Delete the entries that have expired, and return how many there were."""
        return self._model.find(self._expired()).delete().records

    def cull(self, most: int, share: int) -> None:
        """Where there are as many entries as there may be, delete those that have expired; and if
        that is not enough, those that were first made.

        Args:
            most: how many there may be.
            share: one in so many is deleted then; all of them for 0.
        """
        if len(self._model.find()) < most:
            return
        self.prune()
        left = len(self._model.find())
        if left >= most:
            self._model.find().limit(left // share if share else left).delete()

    def _made(self, key: str, value: bytes, expires: float | None) -> Entry:
        return self._model(key=key, value=value, expires=expires)

    @staticmethod
    def _write(held: Entry, value: bytes, expires: float | None) -> None:
        held.value, held.expires = value, expires
        held.update(if_unchanged=True)

    def _contended(self, what: str, key: str) -> Unavailable:
        return Unavailable(
            f"{what}() of {key!r} in {self.table!r}: others wrote it each time, {_TRIES} times; "
            f"nothing was written."
        )

    def _among(self, keys: list[str]) -> Expression:
        return in_(self._model.key, keys)

    def _expired(self) -> bool:
        return col(self._model.expires) <= time.time()


def _is_live(entry: Entry) -> bool:
    return entry.expires is None or entry.expires > time.time()


def _pieces(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _ASKED_AT_ONCE):
        yield keys[start : start + _ASKED_AT_ONCE]


def _attached(database: Database, table: str) -> type[Entry]:
    """Return the class of a table of entries, attached now if it is not yet.

    Raises:
        TableError: another class is attached under that name, or it can be none.
    """
    held = database.tables.get(table)
    if held is not None and issubclass(held, Entry):
        return held

    # Two threads may come here at once: a class of the same place takes the place of the other.
    class KeptEntry(Entry):
        """A class of its own for each table."""

    return database.table(name=table)(KeptEntry)
