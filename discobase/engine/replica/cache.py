"""The folder in which a replica outlives its process: whose it is, and which file in it counts.

The files are ``replica-<n>.sqlite``, of which the one with the highest number counts. One process
at a time has the claim to the folder. A file that is open is never replaced, nor opened in a forked
child of the process that has it open: SQLite keeps one account of a file for a whole process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path

from discobase.at_exit import removes
from discobase.claim import Claim
from discobase.engine.replica.checksums import Altered, add_row_sum, row_sum
from discobase.engine.replica.file import ReplicaFile, remove_file
from discobase.engine.replica.ownership import is_own
from discobase.engine.replica.text_index import seal
from discobase.errors import ConnectError

_log = logging.getLogger(__name__)

FORMAT = 6
"""Of what stands in a kept file: to be raised with every change of a replica's tables, of what
stands in them, or of how keys are made. A file of another format is begun anew."""

LAYOUT = """
CREATE TABLE kept (
    only INTEGER PRIMARY KEY CHECK (only = 1), format INTEGER NOT NULL, superblock TEXT NOT NULL,
    clean INTEGER NOT NULL, sure INTEGER NOT NULL, laid_out INTEGER NOT NULL
);
"""
"""What a kept file has beside what every replica has: whose it is, whether it was closed cleanly,
whether the head was known to be the right one then, and the checksum of how its tables are laid
out."""

_NAME = re.compile(r"replica-([0-9]{1,15})\.sqlite(-wal|-shm)?")

_open: dict[Path, int] = {}
"""Files that are open, and the process that each belongs to."""


class Cache:
    """A folder that this process has the claim to. Made by :meth:`claimed`.

    Args:
        folder: the folder.
        superblock: of the database, its text.
        claim: the claim to it.
    """

    def __init__(self, folder: Path, superblock: str, claim: Claim) -> None:
        self.folder = folder
        self._superblock = superblock
        self._claim = claim
        self._last = 0

    @classmethod
    def claimed(cls, folder: Path, superblock: str) -> Cache | None:
        """Take the claim to a folder, which is made where there is none; None where another process
        has it, or another database of this one: that is warned of.

        Raises:
            ConnectError: the folder cannot be made, or not be written to, or a file of somebody
                else's has the name of one of this one's.
        """
        try:
            _make_folder(folder)
            claim = Claim(str(folder / "replica"))
            if claim.take(0):
                cache = cls(folder, superblock, claim)
                cache._require_own()
                return cache
            reason = "is in use by another connection"
        except (PermissionError, FileExistsError, NotADirectoryError, FileNotFoundError) as error:
            raise ConnectError(
                f"the records cannot be kept in {str(folder)!r}: {error}. Give cache= a folder "
                f"that this user may write to."
            ) from error
        except OSError as error:  # a disk that is full, a file system without locks
            reason = f"cannot be used ({error})"
        _log.warning(
            "the cache %s %s: this connection has its records in a temporary file", folder, reason
        )
        return None

    # Files

    def _require_own(self) -> None:
        """See that nothing is in the way that is not a replica: it would be replaced. The claim is
        given up where it is not.

        Raises:
            ConnectError: a file has a replica's name, and is none.
            OSError: the folder, or a file, cannot be read.
        """
        try:
            self._refuse_foreign()
        except (OSError, ConnectError):
            self._claim.release()
            raise

    def _refuse_foreign(self) -> None:
        foreign = _foreign(self._files())
        if foreign:
            raise ConnectError(
                f"the records cannot be kept in {str(self.folder)!r}: {foreign[min(foreign)].name} "
                f"in it was not made by discobase, and would be replaced. Move that file away, or "
                f"give cache= another folder."
            )

    def newest(self) -> ReplicaFile | None:
        """Return the file that counts; None where there is none that may be opened.

        Raises:
            OSError: the folder cannot be read.
        """
        paths = {number: path for number, path in self._files() if path.suffix == ".sqlite"}
        if not paths:
            return None
        path = paths[max(paths)]
        if _open.get(path, os.getpid()) != os.getpid():
            return None  # the parent of this process had it open when this one was forked
        _open[path] = os.getpid()
        self._last = max(paths)
        return ReplicaFile.kept(path)

    def make(self) -> ReplicaFile:
        """Make an empty file, which counts from now on, and which only this user can read.

        Raises:
            OSError: it cannot be made.
        """
        if not self._claim.holds:
            self._claim_again()
        # A number that was used is not used again, though somebody may have removed its file.
        self._last = max([self._last, *(number for number, _ in self._files())]) + 1
        path = self.folder / f"replica-{self._last}.sqlite"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _open[path] = os.getpid()
        return ReplicaFile.kept(path)

    def _claim_again(self) -> None:
        """Take the claim anew: the folder was removed."""
        self._claim.release()
        _make_folder(self.folder)
        if not self._claim.take(0):
            raise BlockingIOError(f"another process has {str(self.folder)!r} now")

    def remove_older(self) -> None:
        """Remove all files but the one that counts, and what is not a replica."""
        with contextlib.suppress(OSError):
            found = self._files()
            foreign = _foreign(found)
            newest = max((number for number, _ in found), default=0)
            for number, path in found:
                if number < newest and number not in foreign:
                    remove_file(path)

    def remove_of(self, databases: Collection[str]) -> None:
        """Remove all files that are of one of these databases, or of none that can be told."""
        with contextlib.suppress(OSError):
            found = self._files()
            foreign = _foreign(found)
            others = {number for number, path in found if _is_of_another(path, databases)}
            for number, path in found:
                if number not in foreign and number not in others:
                    remove_file(path)

    def _files(self) -> list[tuple[int, Path]]:
        named = ((_NAME.fullmatch(path.name), path) for path in self.folder.iterdir())
        return [(int(match[1]), path) for match, path in named if match]

    def release(self) -> None:
        """Give the claim up."""
        for path, pid in [*_open.items()]:
            if path.parent == self.folder and pid == os.getpid():
                del _open[path]
        self._claim.release()

    # What a file says of itself

    def begin(self, writer: sqlite3.Connection) -> None:
        """Have a file say whose it is, once its tables are laid out."""
        writer.execute("INSERT INTO kept VALUES (1, ?, ?, 0, 0, 0)", (FORMAT, self._superblock))
        note_layout(writer)

    def move_to(self, superblock: str) -> None:
        """Have files that are begun from now on say that they are of another generation.

        Args:
            superblock: the text of its superblock.
        """
        self._superblock = superblock

    def take_over(self, writer: sqlite3.Connection) -> None:
        """Have a file say so that was begun before.

        Raises:
            sqlite3.Error: it cannot be written.
        """
        writer.execute("UPDATE kept SET superblock = ?", (self._superblock,))

    def fits(self, writer: sqlite3.Connection) -> bool:
        """Return whether a file is of this format and of this generation of this database.

        Raises:
            sqlite3.Error: it cannot be read.
        """
        row = writer.execute("SELECT format, superblock FROM kept").fetchone()
        return bool(row == (FORMAT, self._superblock))


def _foreign(files: Sequence[tuple[int, Path]]) -> dict[int, Path]:
    """Return those files, by number, that have a replica's name, and are none."""
    return {number: path for number, path in files if path.suffix == ".sqlite" and not is_own(path)}


def _is_of_another(path: Path, databases: Collection[str]) -> bool:
    """Return whether a file says that it is of a database that is none of these."""
    if path.suffix != ".sqlite":
        return False
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as reader:
            (superblock,) = reader.execute("SELECT superblock FROM kept").fetchone()
    except (sqlite3.Error, TypeError, ValueError):
        return False
    return not any(f'"database":"{identity}"' in superblock for identity in databases)


def was_closed(writer: sqlite3.Connection) -> bool:
    """Return whether a file was closed cleanly."""
    return bool(writer.execute("SELECT clean FROM kept").fetchone() == (1,))


def was_sure(writer: sqlite3.Connection) -> bool:
    """Return whether the head of a file was known to be the right one when it was closed."""
    return bool(writer.execute("SELECT sure FROM kept").fetchone() == (1,))


def mark(writer: sqlite3.Connection, *, clean: bool, sure: bool = False) -> None:
    """Have a file say whether it is closed, and whether its head is the right one for certain."""
    writer.execute("UPDATE kept SET clean = ?, sure = ?", (clean, sure))


def note_layout(writer: sqlite3.Connection) -> None:
    """Have a file say how its tables are laid out."""
    writer.execute("UPDATE kept SET laid_out = ?", (_layout_sum(writer),))


def require_layout(connection: sqlite3.Connection) -> None:
    """See that a file's tables are laid out as it says.

    Raises:
        Altered: they are not.
    """
    connection.execute("BEGIN")
    try:
        said = connection.execute("SELECT laid_out FROM kept").fetchone()
        if said != (_layout_sum(connection),):
            raise Altered("the tables are not laid out as they were")
    finally:
        connection.execute("ROLLBACK")


def _layout_sum(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid")
    return row_sum(*found.fetchall())


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError("it may not be written to")


@removes
def _close_all() -> None:
    """At interpreter exit, have what nobody has closed say that it is: the threads have ended."""
    for path, pid in [*_open.items()]:
        if pid == os.getpid() and path.exists():
            with contextlib.suppress(sqlite3.Error):  # a commit is still under way
                _close_at_exit(path)


def _close_at_exit(path: Path) -> None:
    uri = f"{path.as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)) as own:
        add_row_sum(own)
        seal(own)
        mark(own, clean=True)
