"""What is shown to who has asked, as Discord's JSON.

Limits: 4,096 characters in an embed, 25 choices, 5 inputs in a form, 45 characters of a label, 100
of a placeholder or a description, 4,000 of a text ("Message", "Component Reference").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from discobase.commands.asked import PREFIX
from discobase.engine.server.interactions import Json, SentFile
from discobase.posted import cut, size, visible

EMBED = 4096
"""Characters of the text of an answer."""

INPUTS = 5
"""Inputs of a form."""

LONGEST_INPUT = 4000
"""Characters of a text that is typed into a form."""

CHOICES = 25
"""Choices that complete what is typed."""

LONGEST_NAME = 100
"""Characters of the id of an input."""

LONGEST_CHOICE = 100
"""Characters of one of them."""

_EPHEMERAL = 1 << 6
_MESSAGE, _DEFERRED, _DEFERRED_UPDATE, _COMPLETION, _FORM = 4, 5, 6, 8, 9
_NO_MENTIONS: Json = {"parse": []}
_FENCE, _CUT = "```", "…\n```"
_LONGEST_LABEL, _LONGEST_ID, _LONGEST_NOTE, _LONGEST_TITLE = 45, 100, 100, 45


@dataclass(frozen=True, slots=True)
class Button:
    """A button.

    Attributes:
        label: what stands on it.
        does: what it is for, and what that is about.
        style: 1 for the usual one, 2 for one of several, 4 for what cannot be undone.
        works: whether it can be pressed.
    """

    label: str
    does: tuple[str, ...]
    style: int = 2
    works: bool = True

    def to_json(self) -> Json:
        """Return it as Discord's JSON."""
        return {
            "type": 2,
            "style": self.style,
            "label": cut(self.label, 80),
            "custom_id": id_of(*self.does),
            "disabled": not self.works,
        }


@dataclass(frozen=True, slots=True)
class Reply:
    """A message, seen by who has asked and nobody else.

    Attributes:
        title: what it is about, in a line; plain text.
        text: what it says, as Discord's markup; values in it are escaped.
        buttons: what can be done next.
        files: what comes with it.
        is_error: whether what was asked for could not be done.
    """

    title: str
    text: str = ""
    buttons: Sequence[Button] = ()
    files: Sequence[SentFile] = ()
    is_error: bool = False

    def to_json(self) -> Json:
        """Return the message as Discord's JSON."""
        embed: Json = {"title": cut(visible(self.title, breaks=False), 256)}
        embed["color"] = 0xDA373C if self.is_error else 0x5865F2
        if self.text:
            embed["description"] = _fitted(self.text)
        rows = [{"type": 1, "components": [each.to_json() for each in self.buttons]}]
        return {
            "content": "",
            "embeds": [embed],
            "components": rows if self.buttons else [],
            "allowed_mentions": _NO_MENTIONS,
        }


@dataclass(frozen=True, slots=True)
class Input:
    """A text that is typed into a form.

    Attributes:
        name: by which it is known.
        label: what is asked for.
        note: more of that.
        value: what stands there already.
        is_needed: whether something has to be typed.
        is_long: whether it has lines.
    """

    name: str
    label: str
    note: str = ""
    value: str = ""
    is_needed: bool = False
    is_long: bool = False

    def to_json(self) -> Json:
        """Return it as Discord's JSON, in its label."""
        inner: Json = {
            "type": 4,
            "custom_id": self.name,
            "style": 2 if self.is_long else 1,
            "required": self.is_needed,
            "max_length": LONGEST_INPUT,
        }
        if self.value:
            inner["value"] = self.value
        label: Json = {"type": 18, "label": cut(self.label, _LONGEST_LABEL), "component": inner}
        if self.note:
            label["description"] = cut(self.note, _LONGEST_NOTE)
        return label


@dataclass(frozen=True, slots=True)
class Form:
    """A form that is opened.

    Attributes:
        title: what it is about.
        does: what it is for, and what that is about.
        inputs: five at the most.
    """

    title: str
    does: tuple[str, ...]
    inputs: Sequence[Input]

    def to_json(self) -> Json:
        """Return it as Discord's JSON."""
        return {
            "title": cut(visible(self.title, breaks=False), _LONGEST_TITLE),
            "custom_id": id_of(*self.does),
            "components": [each.to_json() for each in self.inputs],
        }


Shown = Reply | Form
"""What a command comes to."""


def _fitted(text: str) -> str:
    """Return a text that fits into an answer: of one that does not the beginning, and the end of
    the block in which it stops.
    """
    if size(text) <= EMBED:
        return text
    kept = text[: EMBED - len(_CUT)]
    while size(kept) > EMBED - len(_CUT):
        kept = kept[:-1]
    return kept + (_CUT if kept.count(_FENCE) % 2 else "…")


def id_of(*parts: str) -> str:
    """Return the id of a button or a form."""
    text = ":".join((PREFIX, *parts))
    assert len(text) <= _LONGEST_ID, text
    return text


def at_once(shown: Shown) -> Json:
    """Return the answer that shows something at once."""
    if isinstance(shown, Form):
        return {"type": _FORM, "data": shown.to_json()}
    return {"type": _MESSAGE, "data": {**shown.to_json(), "flags": _EPHEMERAL}}


def later(*, changes: bool) -> Json:
    """Return the answer that something will be shown.

    Args:
        changes: whether that changes the message whose button was pressed.
    """
    if changes:
        return {"type": _DEFERRED_UPDATE}
    return {"type": _DEFERRED, "data": {"flags": _EPHEMERAL}}


def completions(choices: Sequence[str | int]) -> Json:
    """Return the answer that completes what is typed: each choice as it is to be taken; what is too
    long to be one is left out.
    """
    fitting = [each for each in choices if 0 < size(str(each)) <= LONGEST_CHOICE][:CHOICES]
    named: list[dict[str, Any]] = [
        {"name": visible(str(each), breaks=False)[:LONGEST_CHOICE], "value": each}
        for each in fitting
    ]
    return {"type": _COMPLETION, "data": {"choices": named}}
