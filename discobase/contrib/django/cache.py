"""A cache back end that keeps its values in the database of the settings."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from discobase.contrib.django.connection import database
from discobase.contrib.entries import Entries
from discobase.errors import Unavailable

_TRIES = 20
"""How often a number is counted on where others count on it, too: a guess at what no real load
reaches."""


class DiscobaseCache(BaseCache):
    """A cache whose values all processes share, and which outlives them.

    ``LOCATION`` is the name of its table. Reading costs no API call. Each call that writes blocks,
    and is a commit, of which some four a second go through; `set_many` and `delete_many` are one.
    Above ``MAX_ENTRIES`` the entries that were first made go, as of ``CULL_FREQUENCY``. The object
    is a thin handle: Django makes one for each thread.

    Values are pickled, as in Django's other back ends: whoever has the bot's token can write what
    is unpickled.

    Args:
        location: the name of the table; "cache" where it is empty.
        params: the other settings of the cache.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._table = location or "cache"

    def add(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        """Write a value where there is none, and return whether there was none. Of any number of
        processes that add the same key at the same time one does.
        """
        made, expires = pickle.dumps(value), self.get_backend_timeout(timeout)
        key = self.make_and_validate_key(key, version)
        if _is_over(expires):
            return self._entries.get(key) is None
        self._cull()
        return self._entries.add(key, made, expires)

    def get(self, key: Any, default: Any | None = None, version: int | None = None) -> Any:
        """Return the value under a key, or the default. No API call."""
        held = self._entries.get(self.make_and_validate_key(key, version))
        return default if held is None else pickle.loads(held.value)  # noqa: S301 - see the class

    def set(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        """Write a value under a key."""
        self.set_many({key: value}, timeout, version)

    def set_many(
        self,
        data: dict[Any, Any],
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> list[Any]:
        """Write values under keys, in one commit as far as one holds them. Returns the keys that
        were not written: none, for what cannot be written raises.
        """
        made = {self.make_and_validate_key(k, version): pickle.dumps(v) for k, v in data.items()}
        expires = self.get_backend_timeout(timeout)
        if _is_over(expires):
            self._entries.delete(made)
            return []
        self._cull()
        self._entries.put(made, expires)
        return []

    def touch(
        self, key: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Have a value expire at another time, and return whether there is one."""
        key, expires = self.make_and_validate_key(key, version), self.get_backend_timeout(timeout)
        if _is_over(expires):
            return bool(self._entries.delete([key]))
        return self._entries.touch(key, expires)

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Delete the value under a key, and return whether there was one."""
        return bool(self._entries.delete([self.make_and_validate_key(key, version)]))

    def delete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        """Delete the values under keys, in one commit as far as one holds them."""
        self._entries.delete([self.make_and_validate_key(key, version) for key in keys])

    def has_key(self, key: Any, version: int | None = None) -> bool:
        """Return whether there is a value under a key. No API call."""
        return self._entries.get(self.make_and_validate_key(key, version)) is not None

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Add to the number under a key. No count is lost, and it expires when it would have.

        Raises:
            ValueError: there is nothing under the key.
        """
        made = self.make_and_validate_key(key, version)
        for _ in range(_TRIES):
            held = self._entries.get(made)
            if held is None:
                raise ValueError(f"Key {key!r} not found")
            number: int = pickle.loads(held.value) + delta  # noqa: S301 - see the class
            if self._entries.replace(held, pickle.dumps(number), held.expires):
                return number
        raise Unavailable(f"incr({key!r}): others counted each time; nothing was written.")

    def clear(self) -> None:
        """Delete all values of this cache's table."""
        self._entries.clear()

    @property
    def _entries(self) -> Entries:
        # Asked for each time: the settings of a test may name another database.
        return Entries(database(), self._table)

    def _cull(self) -> None:
        self._entries.cull(self._max_entries, self._cull_frequency)


def _is_over(expires: float | None) -> bool:
    return expires is not None and expires <= time.time()
