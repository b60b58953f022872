"""The nonces of messages, each remembered for a while."""

from __future__ import annotations

import time
from math import inf

from discobase.local.behaviour.settings import Settings
from discobase.local.state.store import NonceRow, Store

_SWEEP_AFTER = 512
"""New nonces after which the old ones are removed: a guess, so that few pay for a sweep."""


class Nonces:
    """The nonces that were used within the window of the settings.

    Args:
        store: where they are kept.
        settings: their window.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._rows = {row[:3]: row for row in store.nonces(self._oldest())}
        self._sweep_at = _SWEEP_AFTER

    def first_message(
        self, author_id: int, channel_id: int, nonce: str | int, *, looked: float = inf
    ) -> int | None:
        """Return the message, deleted or not, that the author sent here with this nonce.

        Discord's documentation says that the nonce is unique by author; unofficial documentation
        says by author and channel, which is what is done here.

        Args:
            author_id: the author.
            channel_id: the channel.
            nonce: the nonce.
            looked: when it was looked for (Unix seconds); later uses are not seen.
        """
        used = self._rows.get((author_id, channel_id, str(nonce)))
        if used is None or used.sent > looked:
            return None
        return None if self._forgotten(used) else used.message_id

    def _forgotten(self, used: NonceRow) -> bool:
        return time.time() - used.sent > self._settings.nonce_window

    def remember(self, author_id: int, channel_id: int, nonce: str | int, message_id: int) -> None:
        """Keep that a nonce was used, over an earlier use of the same."""
        row = NonceRow(author_id, channel_id, str(nonce), message_id, time.time())
        self._store.insert_nonce(row)
        self._rows[row[:3]] = row
        if len(self._rows) >= self._sweep_at:
            self._sweep()

    def _sweep(self) -> None:
        oldest = self._oldest()
        self._store.forget_nonces(oldest)
        self._rows = {key: row for key, row in self._rows.items() if row.sent >= oldest}
        self._sweep_at = 2 * len(self._rows) + _SWEEP_AFTER

    def _oldest(self) -> float:
        return time.time() - self._settings.nonce_window
