"""An export as a file of lines: JSON Lines, one piece a line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from discobase.transfer.destination import Destination
from discobase.transfer.pieces import MARK, NoLine, Piece

_BUFFER = 1 << 20
"""Bytes that are written, and read, at a time: a guess."""


class LinesWriter:
    """Writes an export as lines.

    Args:
        path: of an empty file.
        destination: says of a failure what it means.
    """

    def __init__(self, path: Path, destination: Destination) -> None:
        self._destination = destination
        with destination.failing():
            self._file = path.open("wb", buffering=_BUFFER)

    def write(self, line: str, piece: Piece | None) -> None:
        """Write a line.

        Args:
            line: the line.
            piece: what it holds; None at the end.
        """
        del piece  # a line says all of it
        with self._destination.failing():
            self._file.write(line.encode("ascii") + b"\n")

    def finish(self) -> None:
        """Write what is still to be written."""
        with self._destination.failing():
            self._file.close()

    def abandon(self) -> None:
        """Let go of the file, whatever state it is in."""
        with suppress(OSError):  # on a full disk, what is still to be written fails once more
            self._file.close()


class LinesFile:
    """An export that is there as lines.

    Args:
        file: it, open.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def lines(self) -> Iterator[str]:
        """Yield its lines, from the first one on.

        Raises:
            NoLine: what stands next is not ended as each line is.
        """
        self._file.seek(0)
        for line in self._file:
            if not line.endswith(b"\n"):
                raise NoLine
            yield line[:-1].decode("ascii", errors="surrogateescape")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def is_lines(begin: bytes) -> bool:
    """Return whether a file that begins so is an export as lines."""
    return begin.startswith(MARK)
