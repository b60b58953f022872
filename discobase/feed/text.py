"""What a post says: changes as lines of a code block, in which nothing of what they say has an
effect.

Inside such a block Discord renders neither mentions nor links, and it ends at three back-ticks. So
no back-tick of a value or a name stands in it as such: like whatever cannot be seen, or turns the
direction of a text around, it is written as JSON escapes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from discobase.feed.gathering import Change, Gathered
from discobase.posted import cut, size

LONGEST_POST = 2_000
"""Characters of a message (message resource, "Create Message")."""

_LONGEST_VALUE = 80
"""Characters of a value, and of a name: a guess at what a person reads in passing."""

_LONGEST_LINE = 400
"""Characters of a change: a guess. Five of the longest fill a message."""

_OPEN, _CLOSE = "```\n", "```"

HIDDEN = "•••"
"""What stands for a value that is not to be shown."""

ShownFields = Callable[[Change], "frozenset[str] | None"]
"""Returns the names of the fields of a record whose values may be shown; None where none may, and
it is not said which there are."""


def post(gathered: Gathered, shown: ShownFields) -> str:
    """Return the text of a message: a line for each change that has room, and how many more there
    are.

    Args:
        gathered: the changes.
        shown: which fields of a record are shown.
    """
    text = f"{gathered.missed:,} earlier changes are not shown\n" if gathered.missed else ""
    left = len(gathered.held) + gathered.more
    for change in gathered.held:
        longer = f"{text}{line_of(change, shown(change))}\n"
        if size(_block(longer, left - 1)) > LONGEST_POST:
            break
        text, left = longer, left - 1
    return _block(text, left)


def _block(text: str, left: int) -> str:
    rest = f"and {left:,} more\n" if left else ""
    return f"{_OPEN}{text}{rest}{_CLOSE}"


def line_of(change: Change, shown: frozenset[str] | None) -> str:
    """Return the line of one change.

    Args:
        change: the change.
        shown: the names of the fields that may be shown; None for none.
    """
    what = f"#{change.position} {_name(change.table)} {change.pk}"
    if change.deleted:
        return f"{what} deleted"
    if change.data is None or shown is None:
        return f"{what} saved"
    try:
        fields = ", ".join(_fields(json.loads(change.data), shown))
    except RecursionError:  # what nests deeper than Python's parser goes can be stored
        fields = HIDDEN
    return cut(f"{what} saved: {fields}" if fields else f"{what} saved", _LONGEST_LINE)


def _fields(record: Mapping[str, Any], shown: frozenset[str]) -> Iterable[str]:
    for name, value in record.items():
        told = inert(json.dumps(value, ensure_ascii=False)) if name in shown else HIDDEN
        yield f"{_name(name)}={cut(told, _LONGEST_VALUE)}"


def _name(name: str) -> str:
    """Return a name as it is where it is one word, else as JSON has it."""
    plain = name if name.isidentifier() else json.dumps(name, ensure_ascii=False)
    return cut(inert(plain), _LONGEST_VALUE)


def inert(text: str) -> str:
    """Return a text with everything escaped, as JSON escapes it, that may end a code block or start
    a new line in it, cannot be seen, or turns the direction of what follows around.
    """
    return "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character == "`":
        return "\\u0060"
    return character if character.isprintable() else json.dumps(character)[1:-1]
