"""Names of tables and fields that are kept on the disk between commands: a shell is told them.

Nothing else is kept: no values, no token. A note may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import discobase
from discobase.typed.places import places_of

Names = Mapping[str, Sequence[str]]
"""For each table the places in its records that have a name, as in ``home`` and ``home.city``."""

_log = logging.getLogger(__name__)


class Note:
    """What is kept of one database: a file in the user's folder for caches.

    Args:
        server: the server's name, or id, as it is given.
        token: with what is connected. The bot's id is taken of it, which is no secret; of the
            embedded server, the file.
        api_url: of another server that speaks Discord's API.
    """

    def __init__(self, server: str, token: str, api_url: str | None) -> None:
        is_local = token.startswith("local:")
        who = str(_file_of(token)) if is_local else token.partition(".")[0]
        told = json.dumps([server, who, api_url])
        self._name = hashlib.sha256(told.encode()).hexdigest()[:32]

    def read(self) -> Names | None:
        """Return the names that are kept; None where there is no note."""
        try:
            return _as_names(json.loads(self._path().read_text("utf-8")))
        except (OSError, ValueError):
            return None

    def age(self) -> float:
        """Return for how many seconds it has been kept; without an end where it is not."""
        try:
            return time.time() - self._path().stat().st_mtime
        except OSError:
            return float("inf")

    def write(self, names: Names) -> bool:
        """Keep names, which only their owner may read; return whether that went well. Where it does
        not a shell is told none, which nobody needs to hear of while a command does its work.
        """
        text = json.dumps({name: [*places] for name, places in names.items()}, ensure_ascii=False)
        draft: Path | None = None
        try:
            path = self._path()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}")  # of two at once each has its own
            draft.write_text(text, "utf-8")
            draft.replace(path)
        except OSError as error:
            _log.debug("names for completion are not kept: %s", error)
            with suppress(OSError):
                if draft is not None:
                    draft.unlink()
            return False
        return True

    def forget(self) -> None:
        """Keep nothing any more."""
        with suppress(OSError):
            self._path().unlink()

    def _path(self) -> Path:
        """Return where it is.

        Raises:
            OSError: the user has no folder for it.
        """
        return _folder() / f"{self._name}.json"


def names_of(tables: Iterable[discobase.StoredTable]) -> Names:
    """Return the names in tables as they are stored."""
    return {table.name: [*places_of(table.fields, table.json_schema)] for table in tables}


def is_there(token: str) -> bool:
    """Return whether there is something to connect to: asking for names creates no file."""
    return not token.startswith("local") or (
        token.startswith("local:") and _file_of(token).is_file()
    )


def _file_of(token: str) -> Path:
    return Path(token.removeprefix("local:")).expanduser().absolute()


def _folder() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    else:
        base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "discobase" / "names"
    except RuntimeError as error:  # what Path.home() raises where there is none
        raise FileNotFoundError("nobody knows the user's home") from error


def _as_names(read: Any) -> Names:
    """Return what was read, if it is names: others may have written to the disk.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(read, dict):
        tables = cast("dict[str, Any]", read)
        if all(isinstance(places, list) for places in tables.values()):
            return {
                name: [str(each) for each in cast("list[Any]", places)]
                for name, places in tables.items()
            }
    raise ValueError("these are no names of tables and fields")
