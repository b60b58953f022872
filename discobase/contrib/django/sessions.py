"""A session engine that keeps sessions in the database of the settings: ``SESSION_ENGINE =
"discobase.contrib.django.sessions"``.
"""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError

from discobase.contrib.django.configuration import configuration
from discobase.contrib.django.connection import database
from discobase.contrib.entries import Entries, Entry


class SessionStore(SessionBase):
    """A visitor's session.

    Loading costs no API call. Saving blocks, and is a commit, of which some four a second go
    through: a session in which nothing has changed is written again only when it would live longer
    by ``DISCOBASE["SESSION_REWRITE_AFTER"]`` seconds. The asynchronous methods do the same on
    threads of their own, so that a save holds up no other request.
    """

    def exists(self, session_key: str | None) -> bool:
        """Return whether there is a session of a key. No API call."""
        return session_key is not None and _entries().find(session_key) is not None

    async def aexists(self, session_key: str | None) -> bool:
        """Do as :meth:`exists`."""
        return await sync_to_async(self.exists, thread_sensitive=False)(session_key)

    def create(self) -> None:
        """Make a new session under a new key, empty. Block; one API call."""
        while True:
            self._session_key = self._base._get_new_session_key()
            try:
                self.save(must_create=True)
            except CreateError:  # somebody else's: as likely as a lost key
                continue
            self.modified = True
            return

    async def acreate(self) -> None:
        """Do as :meth:`create`."""
        await sync_to_async(self.create, thread_sensitive=False)()

    def save(self, must_create: bool = False) -> None:
        """Write the session. Block; one API call, and none where nothing has changed.

        Args:
            must_create: whether it has to be a new one.

        Raises:
            CreateError: it has to be a new one, and is none.
            UpdateError: it was deleted meanwhile, as by a logout in another tab.
            DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`.
        """
        if self.session_key is None:
            return self.create()
        data: dict[str, Any] = self._base._get_session(no_load=must_create)
        value, expires = self.encode(data).encode(), self.get_expiry_date().timestamp()
        if must_create:
            if not _entries().add(self.session_key, value, expires):
                raise CreateError
            return None
        held = _entries().find(self.session_key)
        if held is None:
            raise UpdateError
        if not self._is_kept(held, data, expires) and not _entries().overwrite(
            held, value, expires
        ):
            raise UpdateError
        return None

    async def asave(self, must_create: bool = False) -> None:
        """Do as :meth:`save`."""
        await sync_to_async(self.save, thread_sensitive=False)(must_create)

    def load(self) -> dict[str, Any]:
        """Return what the session holds; nothing, and no key, where there is none. No API call."""
        held = None if self.session_key is None else _entries().get(self.session_key)
        if held is None:
            self._session_key = None
            return {}
        return self.decode(held.value.decode())

    async def aload(self) -> dict[str, Any]:
        """Do as :meth:`load`."""
        return await sync_to_async(self.load, thread_sensitive=False)()

    def delete(self, session_key: str | None = None) -> None:
        """Delete a session: this one, unless another one's key is given. Block; one API call, and
        none where there is none.
        """
        key = self.session_key if session_key is None else session_key
        if key is not None:
            _entries().delete([key])

    async def adelete(self, session_key: str | None = None) -> None:
        """Do as :meth:`delete`."""
        await sync_to_async(self.delete, thread_sensitive=False)(session_key)

    @classmethod
    def clear_expired(cls) -> None:
        """Delete all sessions that have expired, as the command ``clearsessions`` does. Block; one
        API call for each commit.
        """
        _entries().prune()

    @classmethod
    async def aclear_expired(cls) -> None:
        """Do as :meth:`clear_expired`."""
        await sync_to_async(cls.clear_expired, thread_sensitive=False)()

    @property
    def _base(self) -> Any:
        """This session, with what Django's own engines use and its types do not have."""
        return self

    def _is_kept(self, held: Entry, data: dict[str, Any], expires: float) -> bool:
        """Return whether the same was written a moment ago. What is stored is signed with a time,
        so that its bytes always differ.
        """
        gained = expires - (held.expires or expires)
        within = 0 <= gained < configuration().session_rewrite_after
        return within and self.decode(held.value.decode()) == data


def _entries() -> Entries:
    return Entries(database(), configuration().session_table)
