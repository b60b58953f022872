"""What the ids in an interaction stand for, as a bot is told it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discobase.errors import UsageError
from discobase.local.state import payloads
from discobase.local.state.commands import CHANNEL, MENTIONABLE, ROLE, USER
from discobase.local.state.drafts import NewFile
from discobase.local.state.entities import Guild
from discobase.local.state.permissions import in_channel, in_guild
from discobase.local.state.state import State

Json = dict[str, Any]


class Resolved:
    """What ids in an interaction stand for.

    Args:
        state: who and what there is.
        guild: where.
        member_id: the person.
        keep: uploads a file; returns it as it is sent.
    """

    def __init__(
        self, state: State, guild: Guild, member_id: int, keep: Callable[[NewFile], Json]
    ) -> None:
        self._state = state
        self._guild = guild
        self._member_id = member_id
        self._keep = keep
        self.fields: dict[str, Json] = {}

    def add(self, kind: int, value: object) -> str:
        """Take up the id of a user, role or channel; return it as it is sent.

        Raises:
            UsageError: the guild has no such thing.
        """
        id_ = _as_id(value)
        added = (
            (kind in {USER, MENTIONABLE} and self._add_user(id_))
            or (kind in {ROLE, MENTIONABLE} and self._add_role(id_))
            or (kind == CHANNEL and self._add_channel(id_))
        )
        if not added:
            raise UsageError(f"there is nothing here with the id {value!r} that fits.")
        return str(id_)

    def message(self, message: Json) -> None:
        """Take up a message."""
        self.fields.setdefault("messages", {})[message["id"]] = message

    def file(self, file: NewFile) -> str:
        """Take up a file; return its id as it is sent."""
        kept = self._keep(file)
        self.fields.setdefault("attachments", {})[kept["id"]] = kept
        return str(kept["id"])

    def _add_user(self, id_: int) -> bool:
        user, member = self._state.users.get(id_), self._guild.members.get(id_)
        if user is None or member is None:
            return False
        self.fields.setdefault("users", {})[str(id_)] = payloads.user(user)
        fields = payloads.member_fields(member)
        fields["permissions"] = str(in_guild(self._guild, member))
        self.fields.setdefault("members", {})[str(id_)] = fields
        return True

    def _add_role(self, id_: int) -> bool:
        role = self._guild.roles.get(id_)
        if role is None:
            return False
        self.fields.setdefault("roles", {})[str(id_)] = payloads.role(role)
        return True

    def _add_channel(self, id_: int) -> bool:
        channel = self._guild.channels.get(id_)
        if channel is None:
            return False
        allowed = in_channel(self._guild, channel, self._guild.members[self._member_id])
        fields = {**payloads.channel(channel), "permissions": str(allowed)}
        self.fields.setdefault("channels", {})[str(id_)] = fields
        return True


def _as_id(value: object) -> int:
    """Return an id, given as such or as a thing that has one."""
    found = getattr(value, "id", value)
    if isinstance(found, int | str) and str(found).isdecimal():
        return int(found)
    raise UsageError(f"an id is a number, not {value!r}.")
