"""Write what a database holds at one moment into a file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal, cast, get_args

from discobase.arguments import checked_choice, checked_flag, checked_progress
from discobase.engine.replica import Snapshot
from discobase.engine.replica.file import ReplicaFile
from discobase.errors import Unavailable, UsageError
from discobase.progress import Progress
from discobase.progress_bar import callback_for
from discobase.source import Source
from discobase.transfer.destination import Destination, checked_path
from discobase.transfer.lines_file import LinesWriter
from discobase.transfer.pieces import (
    Header,
    KeyPiece,
    Piece,
    RecordPiece,
    SchemaPiece,
    TableBegins,
    UniquePiece,
)
from discobase.transfer.seal import Seal
from discobase.transfer.sqlite_file import SqliteWriter

ExportFormat = Literal["jsonl", "sqlite"]
"""How an export is written."""

_SUFFIXES: dict[str, ExportFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".db": "sqlite",
}

_WRITERS: dict[ExportFormat, type[LinesWriter | SqliteWriter]] = {
    "jsonl": LinesWriter,
    "sqlite": SqliteWriter,
}

_TOLD_EACH = 4_096
"""Records between two tellings of progress: some 20 ms."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What :meth:`Database.export <discobase.Database.export>` has written.

    Attributes:
        path: the file, in full.
        format: how: ``"jsonl"`` or ``"sqlite"``.
        position: the position of the last commit that is in it.
        state: the hash of the state there, as :attr:`Report.state <discobase.Report.state>` is.
        content: the hash of what the database holds, without versions and positions: equal for two
            databases that hold the same, as one that was imported.
        tables: how many tables.
        records: how many records.
        size: the bytes of the file.
    """

    path: Path
    format: ExportFormat
    position: int
    state: str
    content: str
    tables: int
    records: int
    size: int


def export_all(
    source: Source,
    path: object,
    *,
    format: object = None,  # noqa: A002 - the name that people know
    overwrite: object = False,
    fresh: object = False,
    progress: object = None,
) -> ExportReport:
    """Write what a database holds into a file. See :meth:`discobase.Database.export`."""
    is_fresh = checked_flag("fresh", fresh)
    target = checked_path(path)
    # By the name that was given: what a link leads to may have another one.
    written_as = _format_of(PurePath(cast("str | os.PathLike[str]", path)), format)
    destination = Destination(target, overwrite=checked_flag("overwrite", overwrite))
    with callback_for(checked_progress(progress)) as told:
        source.freshen(fresh=is_fresh)

        def write(file: ReplicaFile) -> ExportReport:
            with closing(Snapshot(file)) as snapshot, destination.writing() as temporary:
                exporting = _Exporting(source.name, snapshot, told)
                exporting.write(temporary, written_as, destination)
                return exporting.report(target, written_as, temporary.stat().st_size)

        try:
            # Where the file of the replica fails, it is written again from the one in its place.
            return source.replica("the export").with_file(write)
        except sqlite3.Error as error:
            raise Unavailable(
                f"the export of {source.name!r} was given up: the file that has the records in "
                f"this process fails ({error}). Nothing was written; try again."
            ) from error


def _format_of(path: PurePath, given: object) -> ExportFormat:
    if given is not None:
        return checked_choice("format", given, get_args(ExportFormat))
    if found := _SUFFIXES.get(path.suffix.lower()):
        return found
    raise UsageError(
        f"{path.name!r} does not say how it is to be written: end it with "
        f"{', '.join(_SUFFIXES)}, or give format='jsonl' or format='sqlite'."
    )


class _Exporting:
    """One export.

    Args:
        database: the database's name.
        snapshot: the moment that is exported.
        told: is told of progress.
    """

    def __init__(
        self, database: str, snapshot: Snapshot, told: Callable[[Progress], object] | None
    ) -> None:
        self._seal = Seal()
        self._contents = snapshot.contents()
        self._tables = self._contents.tables()
        self._told = told
        for _ in snapshot.lines():  # by which the state's hash and the number of records are known
            pass
        self._header = Header(
            database,
            snapshot.head.seq,
            snapshot.head.chain,
            snapshot.hash,
            snapshot.records,
            len(self._tables),
        )

    def write(self, path: Path, written_as: ExportFormat, destination: Destination) -> None:
        """Write all of it into an empty file.

        Raises:
            ExportFailed: the file takes no more.
        """
        writer = _WRITERS[written_as](path, destination)
        try:
            for piece in self._pieces():
                writer.write(self._seal.line(piece), piece)
            writer.write(self._seal.end(), None)
            writer.finish()
        except BaseException:
            writer.abandon()
            raise

    def report(self, path: Path, written_as: ExportFormat, size: int) -> ExportReport:
        """Return what was written.

        Args:
            path: where to.
            written_as: how.
            size: the bytes of the file.
        """
        header = self._header
        return ExportReport(
            path,
            written_as,
            header.position,
            header.state,
            self._seal.content,
            header.tables,
            header.records,
            size,
        )

    def _pieces(self) -> Iterator[Piece]:
        done = 0
        yield self._header
        self._tell(done)
        for table, following in self._tables:
            yield from self._declared(table, following)
            for pk, seq, schema, data in self._contents.records(table):
                yield RecordPiece(table, pk, schema, data, seq)
                done += 1
                if done % _TOLD_EACH == 0:
                    self._tell(done)
            for field, number, pk, key in self._contents.keys(table):
                yield KeyPiece(table, field, number, pk, key)
        self._tell(done)

    def _declared(self, table: str, following: int) -> Iterator[Piece]:
        yield TableBegins(table, following, self._contents.count(table))
        for number, says in self._contents.schemas(table):
            yield SchemaPiece(table, number, says)
        for field, number in self._contents.unique(table):
            yield UniquePiece(table, field, number)

    def _tell(self, done: int) -> None:
        if self._told is not None:
            self._told(Progress("exporting", done, self._header.records, "records"))
