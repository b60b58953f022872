"""Where an export is written: a path at which nothing is lost, and which has the old file or the
new one, whole, whatever comes between.

What is written goes to a temporary file in the same folder, which takes the place of what is there
in one step, once it is on the disk. It is locked while its writer lives: what killed writers have
left is known by that, and removed by the next export into the folder.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from discobase.errors import ExportFailed, PathRefused
from discobase.shown import shortened
from discobase.transfer.pieces import MARK

APPLICATION_ID = int.from_bytes(b"dcbx", "big")
"""What an export in SQLite's format has as ``application_id`` in its header: chosen at random among
those that sqlite.org lists for nobody (magic.txt)."""

SQLITE_MAGIC = b"SQLite format 3\0"

_ID = slice(68, 72)
"""Where the id stands (sqlite.org/fileformat.html, "The Database Header")."""

_OWN_FILES = {
    int.from_bytes(b"dcbr", "big"): "a kept replica",
    int.from_bytes(b"dscb", "big"): "the state of an embedded server",
}
"""Ids of other files of this package, which are never replaced, whatever is asked for."""

_BESIDE = ("-wal", "-journal", "-shm")
"""What SQLite has beside a file that is open, or was left by a killed process."""

_TEMPORARY = (".discobase-export-", ".tmp")

_TRIES = 5
"""How often the temporary file is made, where others sweep in the folder at the same moment: a
guess."""

if sys.platform == "win32":

    def _hold(descriptor: int) -> bool:  # noqa: ARG001 - the file is held as long as it is open
        return True

    def _remove_left(path: Path) -> None:
        """Remove a file that nobody has open: of another one that fails there."""
        path.unlink()

else:
    import fcntl

    def _hold(descriptor: int) -> bool:
        """Lock a file for as long as it is open; return whether nobody else has."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # somebody has; or the file system knows no locks
            return False
        return True

    def _remove_left(path: Path) -> None:
        """Remove a file that nobody has locked."""
        descriptor = os.open(path, os.O_RDWR)
        try:
            if _hold(descriptor):
                path.unlink()
        finally:
            os.close(descriptor)


def checked_path(path: object) -> Path:
    """Return a path in full. What a symbolic link leads to is meant.

    Raises:
        PathRefused: it is none, or leads nowhere.
    """
    shown = shortened(path)
    if not isinstance(path, str | os.PathLike):
        raise PathRefused(f"{shown} is no path: give that of a file, as a text.")
    given = cast("object", os.fspath(cast("str | os.PathLike[str]", path)))
    if not isinstance(given, str):
        raise PathRefused(f"{shown}: give the path as a text, not as bytes.")
    if not given or given.endswith(("/", os.sep)):
        raise PathRefused(f"{shown} names no file: give the path of a file.")
    try:
        return Path(given).expanduser().resolve()
    # A NUL character; links in a circle; this process's folder is gone; a user without a home.
    except (OSError, ValueError, RuntimeError) as error:
        raise PathRefused(f"{shown} leads nowhere: {error}") from error


class Destination:
    """Where an export is to be written.

    Args:
        path: where, as :func:`checked_path` returns it.
        overwrite: whether a file that is no export may be replaced.

    Raises:
        PathRefused: nothing is written there.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self._path = path
        self._overwrite = overwrite
        self._refuse_what_is_no_place()

    @contextmanager
    def writing(self) -> Generator[Path]:
        """Give the path of an empty temporary file for the length of a block, and have it take its
        place at the block's end. Where the block raises, nothing is left of it.

        Raises:
            ExportFailed: it cannot be made, or written.
            PathRefused: something has come to stand there that is not replaced.
        """
        with self.failing():
            self._sweep()
            temporary, held = self._made()
        try:
            yield temporary
            self._refuse_what_is_no_place()
            with self.failing():
                os.fsync(held.fileno())
                if os.name == "nt":  # where what is open cannot be renamed
                    held.close()
                temporary.replace(self._path)
                _sync_folder(self._path.parent)
        finally:
            held.close()
            for each in (temporary, *_beside(temporary)):
                each.unlink(missing_ok=True)

    @contextmanager
    def failing(self) -> Generator[None]:
        """Say of what fails in a block, which writes, that the export has failed.

        Raises:
            ExportFailed: it has.
        """
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise ExportFailed(
                f"the export to {str(self._path)!r} could not be written: {error}. What was there "
                f"before is as it was; make room, or name another place."
            ) from error

    def _refuse_what_is_no_place(self) -> None:
        """See that nothing is lost where the export takes its place."""
        if beside := [each.name for each in _beside(self._path) if os.path.lexists(each)]:
            raise self._refused(
                f"has {beside[0]!r} beside it: a database that is open in a program, or was left "
                f"in the midst of a write. Name another place"
            )
        try:
            found = self._path.lstat()
        except FileNotFoundError:
            self._require_folder()
            return
        except (OSError, ValueError) as error:  # such as a name that is too long
            raise self._refused(f"cannot be written ({error}): name another place") from error
        if not stat.S_ISREG(found.st_mode):
            raise self._refused("is no file: give the path of one, which may be new")
        try:
            with self._path.open("rb") as file:
                begin = file.read(max(_ID.stop, len(MARK)))
        except OSError as error:
            raise self._refused(f"cannot be read ({error}): name another place") from error
        self._refuse_to_lose(begin)

    def _refuse_to_lose(self, begin: bytes) -> None:
        number = int.from_bytes(begin[_ID], "big") if begin.startswith(SQLITE_MAGIC) else None
        if number in _OWN_FILES:
            raise self._refused(
                f"is {_OWN_FILES[number]}, which is never overwritten: name another place"
            )
        if not (self._overwrite or begin.startswith(MARK) or number == APPLICATION_ID):
            raise self._refused(
                "is there, and is no export: name another place, or say overwrite=True"
            )

    def _require_folder(self) -> None:
        if not self._path.parent.is_dir():
            raise self._refused(f"has no folder: make {str(self._path.parent)!r} first")

    def _refused(self, why: str) -> PathRefused:
        return PathRefused(f"{str(self._path)!r} {why}. Nothing was touched.")

    def _made(self) -> tuple[Path, BinaryIO]:
        """Make the temporary file, and hold it. One that somebody sweeps away between the two is
        made again.
        """
        tries = _TRIES
        while True:
            temporary = self._path.with_name(secrets.token_hex(8).join(_TEMPORARY))
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            held = os.fdopen(descriptor, "r+b")
            tries -= 1
            # Without locks, as on some file systems, nobody sweeps.
            if (_hold(descriptor) and temporary.exists()) or not tries:
                return temporary, held
            held.close()
            temporary.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what killed writers have left in the folder."""
        begin, end = _TEMPORARY
        for each in self._path.parent.glob(f"{begin}*{end}"):
            with contextlib.suppress(OSError):  # it is being written, or is gone by now
                _remove_left(each)


def _beside(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}{suffix}") for suffix in _BESIDE]


def _sync_folder(folder: Path) -> None:
    """Have the file's new name survive a power failure, where a folder can be opened at all."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
