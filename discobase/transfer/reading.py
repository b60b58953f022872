"""Read an export piece by piece, and refuse what is not as it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from discobase._version import __version__
from discobase.errors import ExportDamaged
from discobase.transfer.pieces import (
    Header,
    KeyPiece,
    LaterExport,
    NoLine,
    NoPiece,
    Piece,
    RecordPiece,
    SchemaPiece,
    TableBegins,
    UniquePiece,
    piece_of,
    refuse_later,
)
from discobase.transfer.seal import Seal

_ORDER: tuple[type[Piece], ...] = (TableBegins, SchemaPiece, UniquePiece, RecordPiece, KeyPiece)
"""In which the pieces of a table come."""


class ExportReading:
    """One pass through an export.

    Args:
        lines: its lines, without what ends them; raises NoLine where what stands next is none.
        shown: the file, as errors show it.

    Attributes:
        seal: the hash of what has been read.
        line: the number of the line that was read last.
    """

    def __init__(self, lines: Iterable[str], shown: str) -> None:
        self.seal = Seal()
        self.line = 0
        self._lines = iter(lines)
        self._shown = shown
        self._table: TableBegins | None = None
        self._stage = 0
        self._records = self._in_table = self._tables = 0
        self._last_pk = 0

    def pieces(self) -> Iterator[Piece]:
        """Yield the pieces, the header first. What was yielded before is believed only where this
        comes to its end: the whole is known to be whole there.

        Raises:
            ExportDamaged: a line is not as it was written, or lines are missing.
                Or a later version of discobase has written them.
        """
        header: Header | None = None
        for line in self._whole_lines():
            self.line += 1
            try:
                if self.seal.is_end(line):
                    self._require_whole(header)
                    self._require_nothing_behind()
                    return
                if header is None:
                    refuse_later(line)
                piece = piece_of(self.seal.opened(line))
                header = self._placed(piece, header)
            except LaterExport as error:
                raise ExportDamaged(
                    f"{self._shown} is an export of {error}, which needs a later discobase than "
                    f"this, {__version__}: upgrade it.",
                    line=0,
                ) from None
            except (NoPiece, UnicodeError) as error:
                was = f"is not as it was written: {str(error)!r}"
                if line.endswith("\r"):
                    was = "ends with CR LF and was written with LF, as where git converts texts"
                raise self._damaged(was, self.line) from None
            yield piece
        raise self._damaged("is missing: the file ends before it, and is cut", self.line + 1)

    def _placed(self, piece: Piece, header: Header | None) -> Header:
        """See that a piece may stand where it does, and return the header."""
        if isinstance(piece, Header) or header is None:
            if not isinstance(piece, Header) or header is not None:
                raise NoPiece(piece.text[:80])
            return piece
        stage = _ORDER.index(type(piece))
        if isinstance(piece, TableBegins):
            self._begin(piece)
        elif self._table is None or piece.table != self._table.table or stage < self._stage:
            raise NoPiece(piece.text[:80])
        if isinstance(piece, RecordPiece):
            self._count(piece)
        self._stage = stage
        return header

    def _begin(self, table: TableBegins) -> None:
        self._end_table()
        if self._table is not None and table.table <= self._table.table:
            raise NoPiece(table.text[:80])
        self._table, self._in_table, self._last_pk = table, 0, 0
        self._tables += 1

    def _count(self, record: RecordPiece) -> None:
        assert self._table is not None
        if not self._last_pk < record.pk < self._table.next:
            raise NoPiece(record.text[:80])
        self._last_pk = record.pk
        self._in_table += 1
        self._records += 1

    def _end_table(self) -> None:
        if self._table is not None and self._in_table != self._table.records:
            raise NoPiece(f"{self._in_table} records of {self._table.table!r}")

    def _require_whole(self, header: Header | None) -> None:
        self._end_table()
        if header is None or (self._records, self._tables) != (header.records, header.tables):
            raise NoPiece(f"{self._records} records in {self._tables} tables")

    def _whole_lines(self) -> Iterator[str]:
        """Yield lines until there is none where one would stand."""
        with suppress(NoLine):
            yield from self._lines

    def _require_nothing_behind(self) -> None:
        try:
            is_end = next(self._lines, None) is None
        except NoLine:
            is_end = False
        if not is_end:
            raise self._damaged("stands behind the end", self.line + 1)

    def _damaged(self, what: str, line: int) -> ExportDamaged:
        return ExportDamaged(
            f"line {line} of {self._shown} {what}. Nothing of this file is trusted: take another "
            f"export.",
            line=line,
        )
