"""Values as HTML, as a notebook shows them: escaped, cut where they are long, and in the colours of
the notebook, whichever those are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, cast

from pydantic import BaseModel

from discobase.shown import in_full, looks_like_token

MOST_ROWS = 20
"""Rows of a table that is shown, so that it fits a screen: a guess."""

_MOST_COLUMNS = 30
"""Columns of a table that is shown: a guess at what anybody looks through."""

_LONGEST = 120
"""Characters of a value in a table: a guess, too."""

_LONGEST_ALONE = 2_000
"""Characters of a value in the table of one record."""

# A notebook's own style gives the colours; transparency makes of them what stands back.
_TABLE = "border-collapse:collapse;margin:.3em 0"
_CELL = (
    "text-align:left;vertical-align:top;padding:.15em .8em .15em 0;white-space:pre-wrap;"
    "overflow-wrap:anywhere;max-width:32em"
)
_NAME = f"{_CELL};white-space:nowrap;border-bottom:1px solid currentColor"
_BACK = "opacity:.65"

_WITH_OTHERS_INSIDE = (list, tuple, dict, set, frozenset, BaseModel)


def table(names: Sequence[str], rows: Sequence[Sequence[Any]], title: str, told: str = "") -> str:
    """Return a table of rows.

    Args:
        names: the names of its columns.
        rows: the values, of each row as many as there are names.
        title: what the table is of.
        told: what else is to be said of it, as how many rows there are.
    """
    shown = names[:_MOST_COLUMNS]
    more = len(names) - len(shown)
    left_out = f"{more} more columns" if more > 0 else ""
    head = "".join(f'<th style="{_NAME}">{_text(name, _LONGEST)}</th>' for name in shown)
    body = "".join(
        f"<tr>{''.join(_cell(value, _LONGEST) for value in row[: len(shown)])}</tr>" for row in rows
    )
    inside = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    said = ", ".join(filter(None, (told, left_out)))
    return block(title, said, f'<table style="{_TABLE}">{inside}</table>')


def facts(title: str, known: Iterable[tuple[str, Any]]) -> str:
    """Return a table of names, each with what it stands for.

    Args:
        title: what they are about.
        known: the names, with values.
    """
    rows = "".join(
        f'<tr><th style="{_CELL};{_BACK};font-weight:normal">{_text(name, _LONGEST)}</th>'
        f"{_cell(value, _LONGEST_ALONE)}</tr>"
        for name, value in known
    )
    return block(title, inside=f'<table style="{_TABLE}"><tbody>{rows}</tbody></table>')


def block(title: str, told: str = "", inside: str = "") -> str:
    """Return what stands by itself.

    Args:
        title: what it is.
        told: what is said of it, in a line below.
        inside: HTML of what it holds.
    """
    said = f'<div style="{_BACK}">{escape(told)}</div>' if told else ""
    return f"<div><code>{_text(title, _LONGEST_ALONE)}</code>{inside}{said}</div>"


def of_how_many(shown: int, all_: int, what: str) -> str:
    """Return how many of how many are shown, as in ``20 of 300 records``."""
    one = what.removesuffix("s")
    if shown == all_:
        return f"{all_:,} {one if all_ == 1 else what}"
    return f"{shown:,} of {all_:,} {what}"


def _cell(value: Any, longest: int) -> str:
    style = f"{_CELL};{_BACK}" if value is None else _CELL
    return f'<td style="{style}">{_text(value, longest)}</td>'


def _text(value: Any, longest: int) -> str:
    text = value if isinstance(value, str) else _told(value)
    if looks_like_token(text):
        text = "<hidden: it looks like a bot's token>"
    return escape(text if len(text) <= longest else f"{text[:longest]}\u2026")


def _told(value: Any) -> str:
    """Return a value as a table has it: what has an order, as its text; other things by ``repr``,
    which shows what strings and numbers are in them.
    """
    if isinstance(value, _WITH_OTHERS_INSIDE):
        return in_full(cast("object", value))
    try:
        return str(value)
    except (ValueError, RecursionError):  # an integer of too many digits
        return "a value"
