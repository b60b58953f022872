"""How what a command has found is written: a table for people, JSON Lines and CSV for programs.

Standard output has that and nothing else, so that it can be piped; what is said about it goes to
standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from discobase.typed.rows import Cells, text_of, write_csv, write_lines

AT_A_GLANCE = 100
"""Rows that a table on a terminal has, where nobody has said how many: a guess at what is read."""


_UNBOUND = 100_000
"""Characters of a line that is not written to a terminal."""


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"


def chosen(given: Format | None) -> Format:
    """Return the format that was asked for; a table for a terminal, else JSON Lines."""
    return given or (Format.TABLE if sys.stdout.isatty() else Format.JSONL)


def write_rows(
    rows: Iterable[Cells],
    columns: Sequence[str],
    how: Format,
    *,
    to: TextIO | None = None,
    are_cut: bool = True,
) -> int:
    """Write rows, and return how many there were.

    Args:
        rows: the rows.
        columns: the names of their columns, in order.
        how: the format.
        to: where to; standard output where it is left out.
        are_cut: whether a table on a terminal has its values cut to the room there is; if not,
            they go on in the next line.
    """
    stream = sys.stdout if to is None else to
    if how is Format.JSONL:
        return write_lines(rows, stream)
    if how is Format.CSV:
        return write_csv(rows, columns, stream)
    return _write_table(rows, columns, stream, are_cut=are_cut)


def write_record(row: Cells, how: Format) -> None:
    """Write one row: as a table with a line for each of its columns, or as one of several."""
    if how is Format.TABLE:
        _write_table(
            ({"field": name, "value": value} for name, value in row.items()),
            ("field", "value"),
            sys.stdout,
            are_cut=False,
        )
    else:
        write_rows([row], [*row], how)


def say(text: str) -> None:
    """Say something about what a command does, on standard error."""
    Console(stderr=True, highlight=False).print(Text(text), soft_wrap=True)


def _write_table(
    rows: Iterable[Cells], columns: Sequence[str], to: TextIO, *, are_cut: bool
) -> int:
    """Write a table: on a terminal with values cut to the room there is, or folded; else whole."""
    table = RichTable(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for name in columns:
        table.add_column(Text(name), overflow="ellipsis" if are_cut else "fold", no_wrap=are_cut)
    count = 0
    for row in rows:
        table.add_row(*(_shown(row.get(name)) for name in columns))
        count += 1
    Console(file=to, highlight=False, width=None if to.isatty() else _UNBOUND).print(table)
    return count


def _shown(value: Any) -> Text:
    """Return a value as a table has it. Control characters would do what they say on a terminal."""
    if value is None:
        return Text("-", style="dim")
    text = text_of(value)
    return Text("".join(each if each.isprintable() else _escaped(each) for each in text))


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1] if ord(character) < 0x80 else f"\\u{ord(character):04x}"
