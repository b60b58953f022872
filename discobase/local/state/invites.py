"""Invites: ways for people into a server. Nobody follows one here; they are made, told and revoked.

Source: Discord's pages "Channel" and "Invite".
"""

from __future__ import annotations

import secrets
import string
import time
from dataclasses import asdict

from discobase.local.state.entities import Channel, Invite
from discobase.local.state.snowflakes import Snowflakes
from discobase.local.state.store import Store

MOST_IN_GUILD = 1000
"""Discord's list of codes, 30016."""

_LETTERS = string.ascii_letters + string.digits


class Invites:
    """All invites that are not over.

    Args:
        store: where they are kept.
        new_id: makes ids.
    """

    def __init__(self, store: Store, new_id: Snowflakes) -> None:
        self._store = store
        self._new_id = new_id
        invites = [Invite(**row) for row in store.objects("invite")]
        self._by_code = {invite.code: invite for invite in invites}

    def find(self, code: str) -> Invite | None:
        """Return the invite with this code, unless it is over."""
        invite = self._by_code.get(code)
        return None if invite is None or invite.ended(time.time()) else invite

    def of_guild(self, guild_id: int) -> list[Invite]:
        """Return a guild's invites, oldest first."""
        now = time.time()
        return [
            invite
            for invite in self._by_code.values()
            if invite.guild_id == guild_id and not invite.ended(now)
        ]

    def alike(
        self, channel: Channel, inviter_id: int, max_age: int, max_uses: int
    ) -> Invite | None:
        """Return an invite that somebody made with the same terms: Discord gives it out again."""
        for invite in self.of_guild(channel.guild_id):
            terms = (invite.channel_id, invite.inviter_id, invite.max_age, invite.max_uses)
            if terms == (channel.id, inviter_id, max_age, max_uses):
                return invite
        return None

    def create(
        self, channel: Channel, inviter_id: int, max_age: int, max_uses: int, *, temporary: bool
    ) -> Invite:
        """Make an invite.

        Args:
            channel: where it leads.
            inviter_id: who makes it.
            max_age: seconds until it is over, 0 for never.
            max_uses: how often it can be used, 0 for always.
            temporary: whether those who come stay members only while they are there.
        """
        invite = Invite(
            id=self._new_id(),
            code="".join(secrets.choice(_LETTERS) for _ in range(10)),
            guild_id=channel.guild_id,
            channel_id=channel.id,
            inviter_id=inviter_id,
            created=time.time(),
            max_age=max_age,
            max_uses=max_uses,
            temporary=temporary,
        )
        self._store.put_object("invite", invite.guild_id, invite.id, asdict(invite))
        self._by_code[invite.code] = invite
        return invite

    def delete(self, invite: Invite) -> None:
        """Revoke an invite."""
        self._store.remove_object("invite", invite.guild_id, invite.id)
        del self._by_code[invite.code]

    def delete_of_channel(self, channel: Channel) -> None:
        """Revoke the invites that lead to a channel, which goes."""
        for invite in list(self._by_code.values()):
            if invite.channel_id == channel.id:
                self.delete(invite)
