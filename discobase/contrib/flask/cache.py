"""A back end of cachelib that keeps its values in a database: for Flask-Caching, Flask-Session, and
whatever else takes one.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, Protocol

from cachelib import BaseCache
from cachelib.serializers import BaseSerializer
from flask import Flask

from discobase import Database
from discobase.contrib.entries import Entries, Entry
from discobase.contrib.flask.extension import database_of
from discobase.errors import Unavailable, UsageError

_TRIES = 20
"""How often a number is counted on where others count on it, too: a guess at what no real load
reaches."""


class Serializer(Protocol):
    """What makes values bytes, as :mod:`cachelib.serializers` has them."""

    def dumps(self, value: Any) -> bytes | None:
        """Return the bytes of a value; None where it cannot be kept."""
        ...

    def loads(self, bvalue: bytes) -> Any:
        """Return the value of bytes; None where it cannot be had of them."""
        ...


class DiscobaseCache(BaseCache):
    """A cache whose values all processes share, and which outlives them.

    Reading costs no API call: it sees what this process knows, as every search does. Each call that
    writes is a commit, and so one API call, of which some four a second go through: keep what is
    expensive to make and rarely changes. `set_many` and `delete_many` are one commit, too. Nothing
    is evicted; what has expired stays in the table until :meth:`prune`, and what was ever written
    stays in the log until a vacuum.

    Args:
        database: where the values are kept. Nothing connects when the cache is made.
        table: the name of the table that they are in.
        default_timeout: seconds that a value is kept where `set` does not say; 0 for ever.
        rewrite_after: seconds for which a value that is there is not written again by a `set` of
            the same one. What it was to be kept for counts from the older write then. Sessions that
            are set at each request become one commit in so many seconds.
        serializer: what makes values bytes; pickle by default. Whoever has the bot's token can
            write to the log, and what unpickles it runs what they say: take
            ``cachelib.serializers.JSONSerializer()`` where values allow it.
        ignore_delete_many_errors: as for cachelib's; a key that is not there is no error.
    """

    def __init__(
        self,
        database: Database,
        table: str = "cache",
        *,
        default_timeout: int | timedelta = 300,
        rewrite_after: float = 0.0,
        serializer: Serializer | None = None,
        ignore_delete_many_errors: bool = True,
    ) -> None:
        super().__init__(default_timeout, ignore_delete_many_errors)
        if not rewrite_after >= 0:
            raise UsageError(f"rewrite_after={rewrite_after}: give seconds from 0 on.")
        self.serializer: Serializer = BaseSerializer() if serializer is None else serializer
        self._rewrite_after = rewrite_after
        self._entries = Entries(database, table)

    # Reading

    def get(self, key: str) -> Any:
        """Return the value under a key, or None. No API call."""
        return self._value(self._entries.get(key))

    def has(self, key: str) -> bool:
        """Return whether there is a value under a key. No API call."""
        return self._entries.get(key) is not None

    # Writing

    def set(self, key: str, value: Any, timeout: int | timedelta | None = None) -> bool:
        """Write a value under a key. Block; one API call, and none where the same value is younger
        than `rewrite_after`.

        Returns:
            True; False where the serializer does not take the value.

        Raises:
            RecordTooLarge: the value is more than a message of Discord carries.
            DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`.
        """
        return bool(self.set_many({key: value}, timeout))

    def set_many(
        self, mapping: dict[str, Any], timeout: int | timedelta | None = None
    ) -> list[Any]:
        """Write values under keys, in one commit as far as one holds them. Block; one API call.

        Returns:
            The keys whose values the serializer takes.

        Raises:
            DiscobaseError: as for :meth:`set`.
        """
        made = {key: self.serializer.dumps(value) for key, value in mapping.items()}
        taken = {key: value for key, value in made.items() if value is not None}
        expires = self._expires(timeout)
        wanted = {k: v for k, v in taken.items() if not self._is_kept(k, v, expires)}
        self._entries.put(wanted, expires)
        return list(taken)

    def add(self, key: str, value: Any, timeout: int | timedelta | None = None) -> bool:
        """Write a value where there is none. Block; one API call, and none where there is one. Of
        any number of processes that add the same key at the same time one does.

        Returns:
            Whether it was written.

        Raises:
            DiscobaseError: as for :meth:`set`.
        """
        made = self.serializer.dumps(value)
        return made is not None and self._entries.add(key, made, self._expires(timeout))

    def delete(self, key: str) -> bool:
        """Delete the value under a key. Block; one API call, and none where there is no value.

        Returns:
            Whether there was one.

        Raises:
            DiscobaseError: as for :meth:`set`.
        """
        return bool(self._entries.delete([key]))

    def delete_many(self, *keys: str) -> list[Any]:
        """Delete the values under keys, in one commit as far as one holds them. Block; one API
        call.

        Returns:
            The keys, under none of which there is a value any more.

        Raises:
            DiscobaseError: as for :meth:`set`.
        """
        self._entries.delete(keys)
        return list(keys)

    def clear(self) -> bool:
        """Delete all values of this cache's table. Block; one API call for each commit. Returns
        True.

        Raises:
            DiscobaseError: as for :meth:`set`.
        """
        self._entries.clear()
        return True

    def inc(self, key: str, delta: int = 1) -> int:
        """Add to the number under a key, or begin with `delta`. Block; one API call, and another
        one each time that somebody else has written it in between. No count is lost. It is kept for
        the default time from here on.

        Returns:
            The number.

        Raises:
            TypeError: what is there is no number.
            DiscobaseError: as for :meth:`set`.
        """
        for _ in range(_TRIES):
            held = self._entries.get(key)
            number = delta if held is None else self._value(held) + delta
            made = self.serializer.dumps(number)
            assert made is not None  # a number can be kept
            expires = self._expires(None)
            if held is None and self._entries.add(key, made, expires):
                return int(number)
            if held is not None and self._entries.replace(held, made, expires):
                return int(number)
        raise Unavailable(f"inc({key!r}): others counted each time; nothing was written.")

    def dec(self, key: str, delta: int = 1) -> int:
        """Subtract from the number under a key: :meth:`inc` the other way."""
        return self.inc(key, -delta)

    def prune(self) -> int:
        """Delete the values that have expired, and return how many there were. Block; one API call
        for each commit, and none where there are none. For a schedule.

        Raises:
            DiscobaseError: as for :meth:`set`.
        """
        return self._entries.prune()

    def _value(self, held: Entry | None) -> Any:
        return None if held is None else self.serializer.loads(held.value)

    def _expires(self, timeout: int | timedelta | None) -> float | None:
        seconds = self._normalize_timeout(timeout)
        return None if seconds == 0 else time.time() + seconds

    def _is_kept(self, key: str, value: bytes, expires: float | None) -> bool:
        """Return whether the same value was written a moment ago."""
        held = self._entries.get(key) if self._rewrite_after else None
        if held is None or held.value != value:
            return False
        if held.expires is None or expires is None:
            return held.expires is expires
        return 0 <= expires - held.expires < self._rewrite_after


def caching_backend(
    app: Flask, config: dict[str, Any], args: list[Any], kwargs: dict[str, Any]
) -> DiscobaseCache:
    """Make the cache of Flask-Caching: its ``CACHE_TYPE`` is
    ``"discobase.contrib.flask.caching_backend"``.

    Args:
        app: where :class:`~discobase.contrib.flask.Discobase` was initialized before.
        config: the settings of Flask-Caching; ``CACHE_DEFAULT_TIMEOUT`` counts.
        args: ``CACHE_ARGS``: the name of the table, if anything.
        kwargs: ``CACHE_OPTIONS``: the keyword arguments of :class:`DiscobaseCache`.

    Raises:
        UsageError: the extension is not initialized on this app yet.
    """
    del config  # what counts of it is in `kwargs`
    return DiscobaseCache(database_of(app), *args, **kwargs)
