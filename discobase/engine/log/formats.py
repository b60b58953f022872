"""What every format of frames and superblocks keeps, so that older versions can say what they lack.

However a later version of discobase writes its frames and superblocks: the text of the message
begins with a fenced block, whose first line begins with what it is and with the number of its
format, and it names the version that is needed to read it::

    {"discobase":2,"needs":"2.4", ...

Whoever meets a number that it does not know can neither apply what is there nor write behind it
without being in danger of writing over it: it stops, and says so (:class:`LaterFormat`). The same
goes for an operation that it does not know, unless its name says that it may be skipped
(:func:`discobase.engine.operations.from_line`). Fields that a format does not need in order to be
understood may be added to it at any time: they are not looked at.
"""

from __future__ import annotations

import re
from typing import Literal

from discobase.engine.operations import LaterFormat
from discobase.engine.server.seam import Message
from discobase.errors import UpgradeNeeded

FENCE_OPEN, FENCE_CLOSE = "```json\n", "\n```"
"""What stands before and after the JSON in a message."""

MessageKind = Literal[
    "discobase", "superblock", "checkpoint", "part", "bundle", "piece", "succession"
]
"""What a message is: ``discobase`` is a frame, ``part`` one of a checkpoint, ``piece`` one of a
bundle."""

_NAMES = {
    "discobase": "a frame",
    "superblock": "a superblock",
    "checkpoint": "a checkpoint",
    "part": "a part of a checkpoint",
    "succession": "the claim of a successor",
    "bundle": "a bundle of commits",
    "piece": "a piece of a bundle",
}

_NUMBER = re.compile(r"[0-9]{1,9}(?![0-9])")
"""A format's number: a longer one is none, and Python reads none of 5,000 digits."""

_NEEDS = re.compile(r'"needs":"([\w.+!-]{1,40})"')


def mark(kind: MessageKind) -> str:
    """Return what the text of a message of this kind begins with, in every format."""
    return f'{FENCE_OPEN}{{"{kind}":'


def refuse_later(content: str, kind: MessageKind, known: int) -> None:
    """Refuse a message of this kind in a format above the known one.

    Args:
        content: the text of the message, which begins with the kind's :func:`mark`.
        kind: what it is.
        known: the number of the format that this version writes.

    Raises:
        LaterFormat: its format is a later one.
    """
    number = _NUMBER.match(content, len(mark(kind)))
    if number is not None and int(number[0]) > known:
        raise LaterFormat(f"{_NAMES[kind]} of format {number[0]}", needed_by(content))


def needed_by(content: str) -> str | None:
    """Return the version of discobase that a message says is needed to read it, if it does."""
    found = _NEEDS.search(content.removeprefix(FENCE_OPEN).partition("\n")[0])
    return found and found[1]


def upgrade_needed(
    later: LaterFormat, message: Message, position: int | None = None
) -> UpgradeNeeded:
    """Return the error for what a message holds of a later format.

    Args:
        later: what is of a later format.
        message: the message.
        position: the position in the log, where it is known.
    """
    return UpgradeNeeded(
        later.what,
        later.needs,
        position=position,
        channel=message.channel,
        message=message.id,
    )
