"""Application commands: which each application has registered, globally and by guild.

They are held as the JSON that is sent, in memory and in the file. Source: Discord's page
"Application Commands".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from discobase.local import refusals
from discobase.local.state.snowflakes import Snowflakes
from discobase.local.state.store import Store

Json = dict[str, Any]

CHAT_INPUT, ON_USER, ON_MESSAGE = 1, 2, 3
"""Types of commands: one that is typed, and those of the menus of a user and a message."""

SUB_COMMAND, SUB_COMMAND_GROUP, STRING, INTEGER, BOOLEAN = 1, 2, 3, 4, 5
USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = 6, 7, 8, 9, 10, 11
"""Types of options."""

MOST = {CHAT_INPUT: 100, ON_USER: 15, ON_MESSAGE: 15}
"""How many of a type an application has globally, and in each guild besides (that page)."""

_KIND = "command"
"""What they are called in the file."""


class Commands:
    """The commands of all applications.

    Args:
        store: where they are kept.
        new_id: makes ids.
    """

    def __init__(self, store: Store, new_id: Snowflakes) -> None:
        self._store = store
        self._new_id = new_id
        self._by_id: dict[int, Json] = {int(row["id"]): row for row in store.objects(_KIND)}

    def of(self, application_id: int, guild_id: int | None) -> list[Json]:
        """Return an application's commands in a guild, or its global ones, by age."""
        place = None if guild_id is None else str(guild_id)
        return [
            command
            for command in self._by_id.values()
            if command["application_id"] == str(application_id) and command.get("guild_id") == place
        ]

    def command(self, application_id: int, guild_id: int | None, command_id: int) -> Json:
        """Return one of an application's commands.

        Raises:
            Refusal: 10063, there is none.
        """
        found = self._by_id.get(command_id)
        if found is None or found not in self.of(application_id, guild_id):
            raise refusals.unknown_command()
        return found

    def named(self, application_id: int, guild_id: int | None, name: str, kind: int) -> Json | None:
        """Return an application's command of this name and type in this place."""
        for command in self.of(application_id, guild_id):
            if (command["name"], command["type"]) == (name, kind):
                return command
        return None

    def save(self, application_id: int, guild_id: int | None, fields: Json) -> tuple[Json, bool]:
        """Write a command over the one of its name and type; return whether there was none.

        Raises:
            Refusal: 30032, there are as many as there may be.
        """
        old = self.named(application_id, guild_id, fields["name"], fields["type"])
        if old is None:
            self._check_room([*self.of(application_id, guild_id), fields])
        return self._put(application_id, guild_id, old, fields), old is None

    def change(self, command: Json, fields: Json) -> Json:
        """Write some of a command's fields anew."""
        changed = {**command, **fields, "version": str(self._new_id())}
        return self._keep(changed)

    def replace_all(
        self, application_id: int, guild_id: int | None, wanted: Iterable[Json]
    ) -> list[Json]:
        """Make these an application's only commands in a place; those of a name keep their ids.

        Raises:
            Refusal: 30032, there are more than there may be; nothing was changed.
        """
        wanted = list(wanted)
        self._check_room(wanted)
        before = {
            (command["name"], command["type"]): command
            for command in self.of(application_id, guild_id)
        }
        with self._store.transaction():
            for command in before.values():
                self.delete(command)
            return [
                self._put(
                    application_id, guild_id, before.get((fields["name"], fields["type"])), fields
                )
                for fields in wanted
            ]

    def delete(self, command: Json) -> None:
        """Remove a command."""
        self._store.remove_object(_KIND, int(command["application_id"]), int(command["id"]))
        del self._by_id[int(command["id"])]

    def _put(
        self, application_id: int, guild_id: int | None, old: Json | None, fields: Json
    ) -> Json:
        head: Json = {
            "id": str(self._new_id()) if old is None else old["id"],
            "application_id": str(application_id),
            "version": str(self._new_id()),
        }
        if guild_id is not None:
            head["guild_id"] = str(guild_id)
        return self._keep({**head, **fields})

    def _keep(self, command: Json) -> Json:
        id_ = int(command["id"])
        self._store.put_object(_KIND, int(command["application_id"]), id_, command)
        self._by_id[id_] = command
        return command

    def _check_room(self, commands: list[Json]) -> None:
        for kind, most in MOST.items():
            if sum(command["type"] == kind for command in commands) > most:
                raise refusals.too_many_commands(most)
