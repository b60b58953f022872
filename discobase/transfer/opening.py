"""Open a file that is to be imported, for what it is by its content."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from discobase.errors import ExportDamaged, PathRefused
from discobase.transfer.destination import APPLICATION_ID, SQLITE_MAGIC
from discobase.transfer.lines_file import LinesFile, is_lines
from discobase.transfer.sqlite_file import SqliteExport

_HEADER = 72
"""Bytes up to the end of the ``application_id`` in a SQLite file."""


class ExportFile(Protocol):
    """An export that is there. Used by one thread at a time, and read by one pass at a time."""

    def lines(self) -> Iterator[str]:
        """Yield its lines, from the first one on.

        Raises:
            NoLine: what stands next is none.
            ExportDamaged: they cannot be read.
        """
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def opened(path: Path) -> ExportFile:
    """Open an export.

    Raises:
        PathRefused: there is no file, or it cannot be read.
        ExportDamaged: it is no export.
    """
    shown = repr(str(path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a FIFO would be waited for
            raise PathRefused(f"{shown} is no file: give the path of an export.")
        file = path.open("rb")
    except OSError as error:
        raise PathRefused(
            f"{shown} cannot be read: {error}. Give the path of an export."
        ) from error
    begin = file.read(_HEADER)
    if is_lines(begin):
        return LinesFile(file)
    file.close()
    if begin.startswith(SQLITE_MAGIC) and begin[68:] == APPLICATION_ID.to_bytes(4, "big"):
        return SqliteExport(path, shown)
    found = f"begins with {begin[:20]!r}" if begin else "is empty"
    raise ExportDamaged(
        f"{shown} is no export of discobase: it {found}. Give a file that db.export() has written.",
        line=0,
    )
