"""Records, fields and counts as text that people read in Discord.

Rows stand in a block of code, whose lines are cut to what a window shows without folding them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError

from discobase.posted import apart, code, cut, plain, size
from discobase.typed.rows import Cells, text_of

ROWS = 10
"""Records on a page."""

_WIDTH = 76
"""Columns of a block of code that a window of usual width shows. A guess."""

_COLUMN = 24
"""Columns that one field has at the most: three of them fit beside a key."""

_NAMED = 8
"""Fields that are named for which there is no room. A guess."""

_VALUE = 900
"""Characters of a value where one record is shown."""

_TEXT = 3_800
"""Characters of a record: an embed has 4,096, of which some are for what stands around it."""

_FENCE = "```"


def table(rows: Sequence[Cells], columns: Sequence[str]) -> str:
    """Return rows as a table. Fields for which there is no room are named below it.

    Args:
        rows: the rows.
        columns: the names of the columns, in order.
    """
    texts = [[_cell(name), *(_cell(text_of(row.get(name))) for row in rows)] for name in columns]
    widths = [min(max(map(_width, column)), _COLUMN) for column in texts]
    shown = _fitting(widths)
    lines = [
        "  ".join(
            _padded(column[number], width)
            for column, width in zip(texts[:shown], widths, strict=False)
        ).rstrip()
        for number in range(len(rows) + 1)
    ]
    lines.insert(1, "  ".join("─" * width for width in widths[:shown]))
    left = columns[shown:]
    return f"{_block(lines)}{names('and ', left, ': `/get` shows a record whole')}"


def names(before: str, fields: Sequence[str], after: str = "") -> str:
    """Return a line that names some fields, the first of many; nothing where there are none."""
    if not fields:
        return ""
    more = f" and {len(fields) - _NAMED} more" if len(fields) > _NAMED else ""
    named = ", ".join(code(cut(name, _COLUMN)) for name in fields[:_NAMED])
    return f"\n{before}{named}{more}{after}"


def record(cells: Cells) -> tuple[str, bool]:
    """Return a record, a line for each of its fields, and whether that is all of it."""
    lines: list[str] = []
    room, is_whole = _TEXT, True
    width = min(max((_width(_cell(name)) for name in cells), default=0), _COLUMN)
    for name, value in cells.items():
        text = text_of(value) if value is not None else "-"
        shown = cut(text, min(_VALUE, max(room, 1)))
        is_whole = is_whole and shown == text
        line = (
            f"{_padded(_cell(name), width)}  {shown.replace(chr(10), chr(10) + ' ' * (width + 2))}"
        )
        room -= size(apart(line)) + 1
        if room < 0:
            return _block([*lines, "…"]), False
        lines.append(line)
    return _block(lines), is_whole


def counts(values: Iterable[tuple[object, int]]) -> str:
    """Return values with how often each occurs."""
    pairs = [(f"{number:,}", text) for text, number in values]
    width = max((len(number) for number, _ in pairs), default=0)
    return _block([f"{number:>{width}}  {_shown(text)}" for number, text in pairs])


def facts(known: Mapping[str, object]) -> str:
    """Return what is known, a line for each."""
    width = max(map(len, known), default=0)
    return _block([f"{name:<{width}}  {_line(str(value))}" for name, value in known.items()])


def mistakes(error: ValidationError) -> str:
    """Return what is wrong with values, a line for each of them, and nothing of the values."""
    lines: list[str] = []
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(map(str, each["loc"]))
        said = each["msg"].removeprefix("Value error, ")
        lines.append(f"- **{plain(where)}**: {plain(said)}" if where else f"- {plain(said)}")
    return cut("\n".join(lines), _TEXT)


def _block(lines: Sequence[str]) -> str:
    """Return lines as a block of code, as many as there is room for."""
    kept: list[str] = []
    room = _TEXT
    for line in map(apart, lines):
        room -= size(line) + 1
        if room < 0:
            kept.append("…")
            break
        kept.append(line)
    return f"{_FENCE}\n" + "\n".join(kept) + f"\n{_FENCE}"


def _fitting(widths: Sequence[int]) -> int:
    """Return how many columns there is room for: one at the least."""
    room = _WIDTH
    for number, width in enumerate(widths):
        room -= width + 2
        if room < 0 and number:
            return number
    return len(widths)


def _shown(value: object) -> str:
    return "-" if value is None else cut(_line(text_of(value)[: _WIDTH * 8]), _WIDTH)


def _cell(text: str) -> str:
    """Return a text as it stands in a column: no more of it than that takes, for the width of each
    character is looked at.
    """
    return cut(_line(text[: _COLUMN * 8]), _COLUMN + 1)


def _line(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split()) if text.strip() else ""


def _padded(text: str, width: int) -> str:
    while _width(text) > width:
        text = f"{text[: -2 if text.endswith('…') else -1]}…"
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Return how many columns a text takes, in a font whose letters are alike."""
    return sum(_columns(each) for each in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
