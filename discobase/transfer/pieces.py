"""The pieces of an export, and each as the text of its line.

They come in this order: a header; then each table by name: the table, its schemas by number, what
is unique in it, its records by primary key, the keys of records that stand in no record; then the
end. A text is canonical: the same piece has one text, and what has another one is no piece.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

FORMAT = 1

MARK = b'{"discobase":"export",'
"""What each export begins with, of whatever format."""


class NoPiece(ValueError):
    """A text is that of no piece."""


class NoLine(Exception):
    """What stands where the next line would is none, as where a file was cut, or continued."""


class LaterExport(Exception):
    """An export is of a format that only a later version of discobase knows."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is exported.

    Attributes:
        database: the database's name.
        position: the position at which it was.
        chain: the hash of the log up to there.
        state: the hash of the state, as ``db.verify()`` tells it.
        records: how many records follow.
        tables: how many tables.
    """

    database: str
    position: int
    chain: str
    state: str
    records: int
    tables: int

    @property
    def text(self) -> str:
        """Its line, but for the end that seals it."""
        return _opened(
            {
                "discobase": "export",
                "format": FORMAT,
                "database": self.database,
                "position": self.position,
                "chain": self.chain,
                "state": self.state,
                "records": self.records,
                "tables": self.tables,
            }
        )


@dataclass(frozen=True, slots=True)
class TableBegins:
    """A table: its name, the primary key that its next record gets, and how many records it has."""

    table: str
    next: int
    records: int

    @property
    def text(self) -> str:
        """Its line, but for the end that seals it."""
        return _opened({"table": self.table, "next": self.next, "records": self.records})


@dataclass(frozen=True, slots=True)
class SchemaPiece:
    """A schema of a table, under its number; what it says is a JSON object, as text."""

    table: str
    number: int
    says: str

    @property
    def text(self) -> str:
        """Its line, but for the end that seals it."""
        return f'{_opened({"schema": self.number, "table": self.table})},"says":{self.says}'


@dataclass(frozen=True, slots=True)
class UniquePiece:
    """A field of a table that is unique, as classes with the schema of this number load it."""

    table: str
    field: str
    schema: int

    @property
    def text(self) -> str:
        """Its line, but for the end that seals it."""
        return _opened({"unique": self.field, "table": self.table, "schema": self.schema})


class RecordPiece(NamedTuple):
    """A record: its primary key, the number of the schema under which it was written, what is
    stored (a JSON object, as text), and its version.
    """

    table: str
    pk: int
    schema: int
    data: str
    version: int

    @property
    def text(self) -> str:
        """Its line, but for the end that seals it."""
        return (
            f'{{"pk":{self.pk},"table":{json.dumps(self.table)},"schema":{self.schema},'
            f'"record":{self.data},"version":{self.version}'
        )


@dataclass(frozen=True, slots=True)
class KeyPiece:
    """The key that a record has in a field, for classes with the schema of this number, where the
    record was written by another class.
    """

    table: str
    field: str
    schema: int
    pk: int
    key: str

    @property
    def text(self) -> str:
        """Its line, but for the end that seals it."""
        return _opened(
            {
                "key": self.key,
                "table": self.table,
                "field": self.field,
                "schema": self.schema,
                "pk": self.pk,
            }
        )


Piece = Header | TableBegins | SchemaPiece | UniquePiece | RecordPiece | KeyPiece

_VERSION = ',"version":'

_RECORD = re.compile(
    r'\{"pk":([1-9][0-9]{0,18}),"table":("(?:[^"\\]|\\.)*"),"schema":([0-9]{1,18}),'
    r'"record":(\{.*\}),"version":([1-9][0-9]{0,18})'
)


def refuse_later(line: str) -> None:
    """Refuse a first line that says of a later format than this version knows: its seal, too, may
    be another one.

    Raises:
        LaterExport: it does.
    """
    found = re.match(rf"{re.escape(MARK.decode())}\"format\":([0-9]{{1,9}}),", line)
    if found and int(found[1]) > FORMAT:
        raise LaterExport(f"format {found[1]}")


def content_of(text: str) -> str:
    """Return what of a piece's text is the content of a database, which it keeps when it is brought
    into another one: all but the versions of records.
    """
    return text.rpartition(_VERSION)[0] if text.startswith('{"pk":') else text


def piece_of(text: str) -> Piece:
    """Return the piece that has a text.

    Raises:
        NoPiece: none has.
    """
    try:
        if found := _RECORD.fullmatch(text):
            pk, table, schema, data, version = found.groups()
            return RecordPiece(json.loads(table), int(pk), int(schema), data, int(version))
        found_piece = _parsed(text)
    except (AttributeError, KeyError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise NoPiece(text[:80]) from error
    if found_piece.text != text:
        raise NoPiece(text[:80])
    return found_piece


def _parsed(text: str) -> Piece:
    stored: dict[str, Any] = json.loads(f"{text}}}")
    kind = next(iter(stored))
    if kind == "schema":
        says = text.split(',"says":', 1)[1]
        return SchemaPiece(_text(stored["table"]), _number(stored["schema"]), says)
    return _KINDS[kind](stored)


def _header(stored: dict[str, Any]) -> Header:
    if stored["format"] != FORMAT:
        raise ValueError(stored["format"])
    texts = [_text(stored[name]) for name in ("database", "chain", "state")]
    numbers = [_number(stored[name]) for name in ("position", "records", "tables")]
    return Header(texts[0], numbers[0], texts[1], texts[2], numbers[1], numbers[2])


def _table(stored: dict[str, Any]) -> TableBegins:
    return TableBegins(_text(stored["table"]), _number(stored["next"]), _number(stored["records"]))


def _unique(stored: dict[str, Any]) -> UniquePiece:
    return UniquePiece(_text(stored["table"]), _text(stored["unique"]), _number(stored["schema"]))


def _key(stored: dict[str, Any]) -> KeyPiece:
    return KeyPiece(
        _text(stored["table"]),
        _text(stored["field"]),
        _number(stored["schema"]),
        _number(stored["pk"]),
        _text(stored["key"]),
    )


_KINDS: dict[str, Callable[[dict[str, Any]], Piece]] = {
    "discobase": _header,
    "table": _table,
    "unique": _unique,
    "key": _key,
}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(value)
    return value


def _opened(fields: dict[str, Any]) -> str:
    """Return a JSON object without the brace at its end, for what seals it comes there."""
    return json.dumps(fields, separators=(",", ":"))[:-1]
