"""Whose an SQLite file is: one of this server's carries a mark, and any other is left alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import struct
import tempfile
from contextlib import closing
from os import PathLike, fspath
from pathlib import Path

from discobase.errors import ConnectError, UsageError

APPLICATION_ID = int.from_bytes(b"dscb")
"""What stands as ``application_id`` in the header of a server's file."""

VERSION = 1
"""What stands there as ``user_version``: larger where this version cannot read the file."""

_SQLITE = b"SQLite format 3\0"
"""What every SQLite file but an empty one begins with."""

_HEADER = struct.Struct(">60x i 4x i")
"""The header up to ``application_id``, with ``user_version`` (SQLite's page "Database File Format",
section 1.3)."""

_TABLES_OF_0_1 = {
    "attachments": ("id", "channel_id", "message_id", "name", "type", "content"),
    "messages": ("id", "channel_id", "author_id", "head", "files"),
    "meta": ("name", "value"),
    "nonces": ("author_id", "channel_id", "nonce", "message_id", "sent"),
    "objects": ("kind", "owner", "id", "data"),
    "pins": ("message_id", "channel_id", "pinned"),
}
"""The columns by which a file is known that was written before there was a mark."""

_BESIDE = ("-wal", "-shm", "-journal", "-lock")
"""What SQLite, and the claim to serve a file, keep beside it."""

_PRIVATE = stat.S_IRUSR | stat.S_IWUSR

_FOREIGN = "the file belongs to another program; name another one, which may be new"


def absolute(path: str | PathLike[str]) -> str:
    """Return the path of a server's file, in full, so that a change of this process's folder makes
    no second file.

    Raises:
        UsageError: it is empty, or leads nowhere.
    """
    if not fspath(path):
        raise UsageError("the path of the server's file is empty: name a file, or leave it out.")
    try:
        return str(Path(path).resolve())
    except (OSError, ValueError) as error:  # this process's own folder is gone; a NUL character
        raise UsageError(f"the path {fspath(path)!r} leads nowhere: {error}") from error


def require_usable(path: str) -> None:
    """Refuse what cannot be a server's file; change nothing.

    Args:
        path: of the file, which need not be there yet.

    Raises:
        ConnectError: it says what is in the way, and what to do.
    """
    if obstacle := _obstacle(Path(path)):
        raise ConnectError(f"the embedded server cannot keep its state in {path!r}: {obstacle}.")


def make_private(path: str) -> None:
    """Let nobody but the owner read or write a file that is, or becomes, a server's: bots' tokens
    stand in it. What stands beside it too; SQLite makes such files as the first one is.
    """
    if os.name != "posix":
        return
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE))
    for end in ("", *_BESIDE):
        with contextlib.suppress(FileNotFoundError, PermissionError):  # PermissionError: not ours
            _tighten(Path(f"{path}{end}"))


def _tighten(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~_PRIVATE:
        path.chmod(mode & _PRIVATE)


def _obstacle(path: Path) -> str | None:
    folder = path.parent
    try:
        if path.is_dir():
            return "that is a folder; name a file in it"
        if not folder.is_dir():
            return f"there is no folder {str(folder)!r}; make it first"
        if not os.access(folder, os.W_OK | os.X_OK):
            return f"the folder {str(folder)!r} is not writable; choose another one"
        if not path.exists():
            return None
        if not path.is_file():
            return "that is no ordinary file"
        if not os.access(path, os.R_OK | os.W_OK):
            return "the file is not writable"
        return _foreign(path)
    except OSError as error:
        return error.strerror or str(error)


def _foreign(path: Path) -> str | None:
    """Return why a file is none of a server's. Read only, and never as SQLite reads: that would
    finish, or undo, what another program has begun.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
    if not header:
        return None
    if len(header) < _HEADER.size or not header.startswith(_SQLITE):
        return "the file is no SQLite database; name another one, which may be new"
    version, application = _HEADER.unpack(header)
    if application == APPLICATION_ID:
        return _later(version)
    if application or version or _has_content(path, "-journal"):
        return _FOREIGN
    try:
        return _foreign_by_tables(path)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the second where SQLite quotes no text
        return f"the file cannot be read as an SQLite database ({error}); name another one"


def _foreign_by_tables(path: Path) -> str | None:
    """Return why a file without a mark is none of a server's."""
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as connection:
        found = _tables(connection)
    if found or not _has_content(path, "-wal"):
        return None if _is_of_0_1(found) else _FOREIGN
    # Whoever made its tables was killed before they got from the write-ahead log into the file,
    # which is as good as empty.
    with tempfile.TemporaryDirectory(prefix="discobase-") as folder:
        for end in ("", "-wal"):
            shutil.copyfile(f"{path}{end}", Path(folder, f"copy{end}"))
        with closing(sqlite3.connect(Path(folder, "copy"))) as connection:
            return _foreign_after_all(connection)


def _foreign_after_all(connection: sqlite3.Connection) -> str | None:
    (application,) = connection.execute("pragma application_id").fetchone()
    (version,) = connection.execute("pragma user_version").fetchone()
    if application == APPLICATION_ID:
        return _later(version)
    if application or version:
        return _FOREIGN
    return None if _is_of_0_1(_tables(connection)) else _FOREIGN


def _later(version: int) -> str | None:
    if version <= VERSION:
        return None
    return (
        f"a later version of discobase wrote the file, in format {version}, and this one knows "
        f"formats up to {VERSION}; upgrade it, or name another file"
    )


def _is_of_0_1(found: dict[str, tuple[str, ...]]) -> bool:
    """Return whether a file without a mark has a server's tables, or none at all.

    There may be others besides: once a server was put into any file.
    """
    return not found or found.items() >= _TABLES_OF_0_1.items()


def _tables(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """Return all tables and views; with their columns, in order, where the name is one of ours."""
    rows = connection.execute(
        "select name from sqlite_master where type in ('table', 'view')"
        " and name not like 'sqlite\\_%' escape '\\'"
    ).fetchall()
    return {name: _columns(connection, name) if name in _TABLES_OF_0_1 else () for (name,) in rows}


def _columns(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    rows = connection.execute("select name from pragma_table_info(?) order by cid", (table,))
    return tuple(name for (name,) in rows)


def _has_content(path: Path, end: str) -> bool:
    """Return whether there is something in a file that SQLite keeps beside another one."""
    beside = Path(f"{path}{end}")
    return beside.exists() and beside.stat().st_size > 0
