"""What a database's commands are to be: for whom."""

from __future__ import annotations

from dataclasses import dataclass

from discobase.errors import UsageError
from discobase.shown import shortened

ADMINISTRATOR = 1 << 3
"""Who has it may do all."""

PERMISSIONS = {
    "administrator": ADMINISTRATOR,
    "manage_guild": 1 << 5,
    "manage_channels": 1 << 4,
    "manage_roles": 1 << 28,
    "manage_messages": 1 << 13,
    "moderate_members": 1 << 40,
    "view_audit_log": 1 << 7,
    "kick_members": 1 << 1,
    "ban_members": 1 << 2,
    "send_messages": 1 << 11,
}
"""Those that may be asked for, by the names that Discord's documentation has for them, and their
bits ("Permissions", "Bitwise Permission Flags")."""


@dataclass(frozen=True, slots=True)
class Commands:
    """For whom a database has commands in Discord.

    Args:
        permission: what people need, in the channel in which they run one: a name as Discord's
            documentation has it, in small letters. Whoever has it reads all tables, and changes
            them.

    Raises:
        UsageError: there is no such permission, or it is none that could be asked for.
    """

    permission: str = "manage_guild"

    def __post_init__(self) -> None:
        if self.permission not in PERMISSIONS:
            raise UsageError(
                f"permission={shortened(self.permission)} is none that commands can ask for: it "
                f"has to be one of {', '.join(map(repr, PERMISSIONS))}."
            )

    @property
    def bit(self) -> int:
        """The bit of the permission."""
        return PERMISSIONS[self.permission]

    def allow(self, permissions: int) -> bool:
        """Return whether somebody with these permissions may use the commands."""
        return bool(permissions & (self.bit | ADMINISTRATOR))

    @property
    def shown(self) -> str:
        """The permission as Discord's settings have it, more or less."""
        words = self.permission.replace("guild", "server").split("_")
        return " ".join(word.capitalize() for word in words)
