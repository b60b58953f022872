"""What somebody asks for, read from what the gateway tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

PREFIX = "discobase"
"""What the ids of our buttons and forms begin with."""


class Act(Enum):
    """What somebody has done, by the number that Discord has for it."""

    COMMAND = 2
    BUTTON = 3
    TYPING = 4
    FORM = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """One interaction.

    Attributes:
        id: its id.
        token: by which it is answered.
        kind: what was done.
        server: where.
        person: the id of who did it.
        permissions: what that one may do there.
        name: the command's name; of a button or form what it is for.
        parts: what else the id of a button or form says.
        options: the command's options, by name.
        typed: the name of the option that is being typed; empty where none is.
        fields: the texts of a form, by the ids of its inputs.
        limit: the bytes that a file of an answer may have.
    """

    id: int
    token: str = field(repr=False)
    kind: Act
    server: int
    person: int
    permissions: int
    name: str
    parts: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    typed: str = ""
    fields: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    limit: int = 10 << 20

    def text(self, option: str) -> str:
        """Return an option that is a text; empty where it was left out."""
        return str(self.options.get(option, ""))

    def number(self, option: str, default: int = 0) -> int:
        """Return an option that is a whole number."""
        return int(self.options.get(option, default))


def asked(raw: Mapping[str, Any]) -> Asked | None:
    """Return what the data of an event asks for; None where it is nothing of ours: of another
    program of the same bot, outside of servers, or of a kind that there was not when this was
    written.

    Raises:
        LookupError, TypeError, ValueError: it is not in the form of Discord's.
    """
    kinds = {kind.value: kind for kind in Act}
    if raw.get("type") not in kinds or "guild_id" not in raw:
        return None
    kind, data = kinds[raw["type"]], raw["data"]
    known: dict[str, Any] = {
        "id": int(raw["id"]),
        "token": str(raw["token"]),
        "kind": kind,
        "server": int(raw["guild_id"]),
        "person": int(raw["member"]["user"]["id"]),
        "permissions": int(raw["member"]["permissions"]),
        "limit": int(raw.get("attachment_size_limit", Asked.__dataclass_fields__["limit"].default)),
    }
    if kind in {Act.COMMAND, Act.TYPING}:
        if data.get("type", 1) != 1:
            return None
        options = data.get("options", ())
        return Asked(
            **known,
            name=str(data["name"]),
            options={each["name"]: each.get("value") for each in options},
            typed=next((str(each["name"]) for each in options if each.get("focused")), ""),
        )
    prefix, _, rest = str(data["custom_id"]).partition(":")
    name, *parts = rest.split(":")
    if prefix != PREFIX:
        return None
    fields = dict(_texts(data.get("components", ())))
    return Asked(**known, name=name, parts=tuple(parts), fields=fields)


def _texts(components: Any) -> Iterator[tuple[str, str]]:
    """Yield the texts of a form: each stands in a label, or in a row."""
    for each in components:
        for inner in (*each.get("components", ()), *filter(None, [each.get("component")])):
            yield str(inner["custom_id"]), str(inner.get("value", ""))
