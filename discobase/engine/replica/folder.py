"""The temporary folder of a replica: made, removed, and swept where a killed process left it."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from discobase.at_exit import removes
from discobase.claim import Claim
from discobase.errors import ConnectError, Disconnected

_PREFIX = "discobase-"

_REMOVED = "-removed"

_OWNER = "owner"

_SWEPT = 16
"""Folders that are removed at one login at the most: a guess, some milliseconds for small ones."""

_LOOKED_AT = 256
"""Folders that are looked at for that: a guess, more than the processes of one host."""

_AGE_SECONDS = 60.0
"""Below which a folder is left alone: its owner may be about to claim it. A guess, far above what
that takes."""

_claims: dict[str, tuple[int, Claim]] = {}
"""Folders that are to be removed, the process that each belongs to, and its claim."""

ended = threading.Event()
"""Set when the program is at its end: what were made then would be left behind."""


def gone() -> Disconnected:
    """Return the error of whoever reads what is not there any more."""
    return Disconnected("the connection has ended, and its records with it: log in again.")


def make_folder() -> str:
    """Make a folder that only this user can read (:func:`tempfile.mkdtemp`); remove some of those
    that killed processes have left beside it.

    Raises:
        ConnectError: it cannot be made.
        Disconnected: the program is at its end.
    """
    if ended.is_set():
        raise gone()
    try:
        folder = tempfile.mkdtemp(prefix=_PREFIX)
    except OSError as error:
        raise ConnectError(
            f"the database's records need a temporary folder, and none can be made: {error}. Set "
            f"TMPDIR to a folder that is writable."
        ) from error
    claim = _claim_of(folder)
    _claims[folder] = os.getpid(), claim
    with contextlib.suppress(OSError):  # there is no room: unclaimed, it is not swept either
        claim.take(0)
    if ended.is_set():  # meanwhile: nobody else removes it now
        remove_folder(folder)
        raise gone()
    with contextlib.suppress(OSError):
        for left in islice(_left_beside(folder), _SWEPT):
            _sweep(left)
    return folder


def remove_folder(folder: str) -> None:
    """Remove a folder: at its replica's close, when that is collected unclosed, or at exit; never
    in a forked child, for it is the parent's.
    """
    owner, claim = _claims.get(folder, (0, None))
    if claim is None or owner != os.getpid():
        return
    claim.release()
    _remove(folder)
    _claims.pop(folder, None)


def _remove(folder: str) -> None:
    """Remove a folder. It is renamed first: what SQLite makes beside its file at any time, it makes
    by the old name.
    """
    removed = f"{folder.removesuffix(_REMOVED)}{_REMOVED}"
    with contextlib.suppress(OSError):
        Path(folder).rename(removed)
    for path in (removed, folder):  # the old one where it could not be renamed
        shutil.rmtree(path, ignore_errors=True)


def _claim_of(folder: str) -> Claim:
    return Claim(str(Path(folder) / _OWNER))


def _left_beside(folder: str) -> Iterator[str]:
    """Yield folders of this user that may have been left, of the first that are found."""
    before = time.time() - _AGE_SECONDS
    with os.scandir(Path(folder).parent) as entries:
        named = (entry for entry in entries if entry.name.startswith(_PREFIX))
        for entry in islice(named, _LOOKED_AT):
            with contextlib.suppress(OSError):
                if _is_own(entry.stat(follow_symlinks=False), before) and _is_replica(entry.path):
                    yield entry.path


def _is_own(status: os.stat_result, before: float) -> bool:
    own = not hasattr(os, "getuid") or status.st_uid == os.getuid()
    return own and stat.S_ISDIR(status.st_mode) and status.st_mtime < before


def _is_replica(folder: str) -> bool:
    """Return whether a folder was made here, and not by another program or an older version, which
    claim nothing.
    """
    return folder.endswith(_REMOVED) or (Path(folder) / f"{_OWNER}-lock").exists()


def _sweep(folder: str) -> None:
    """Remove a folder, unless a living process has the claim to it."""
    claim = _claim_of(folder)
    with contextlib.suppress(OSError):  # another process was faster
        if claim.take(0):
            try:
                _remove(folder)
            finally:
                claim.release()


@removes
def _remove_all() -> None:
    """At interpreter exit, remove what is left, also what a daemon thread is just removing: such a
    one would not come to its end.
    """
    ended.set()
    for folder in tuple(_claims):
        remove_folder(folder)
