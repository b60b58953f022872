"""The databases that are kept here, each on a server of its own, as whoever has its token and key
opens it: by discobase, or by the reader that follows the page on the format.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from discobase import Database
from discobase.connected import Connected
from discobase.local import LocalDiscord
from tests.format import decrypting, reader
from tests.formats.specimens import SERVER, Tables

FOLDER = Path(__file__).parent
WRITTEN = sorted(path.stem for path in FOLDER.glob("*.sql"))

scrypt_once = functools.cache(hashlib.scrypt)
"""What passphrases cost, once for each of the databases and not at each login."""


@dataclass
class Kept:
    """A database of an earlier version, on a running server.

    Attributes:
        discord: the server.
        seen: what its writer has seen in it, and how it is reached: its head, the version of each
            record, and the token and the key that it takes.
    """

    discord: LocalDiscord
    seen: dict[str, Any]

    @property
    def token(self) -> str:
        """The token of the bot whose database it is."""
        return self.seen.get("token", self.discord.default_token)

    def open(
        self, declared: Callable[[Database], Tables]
    ) -> tuple[Database, Tables, Connected[Database]]:
        """The database with its tables, and what connects it."""
        key = {"key": decrypting.key_of(self.seen["key"])} if "key" in self.seen else {}
        database = Database(SERVER, **key)
        tables = declared(database)
        return database, tables, database.conn(self.token, api_url=self.discord.api_url)

    def read(self, *, whole: bool = False) -> reader.State:
        """The state that the reader comes to."""
        source = reader.DiscordApi(self.discord.api_url, self.token, SERVER)
        if "key" not in self.seen:
            return reader.open_database(source, whole=whole)
        key = decrypting.key_of(self.seen["key"])
        return decrypting.open_database(source, key, whole=whole)


@contextlib.contextmanager
def kept_by(version: str, path: Path) -> Iterator[Kept]:
    """Serve what a version has written, from a file that is made at a path."""
    with sqlite3.connect(path) as connection:
        connection.executescript((FOLDER / f"{version}.sql").read_text("utf-8"))
    connection.close()
    seen = json.loads((FOLDER / f"{version}.json").read_text("utf-8"))
    with LocalDiscord(path) as discord:
        yield Kept(discord, seen)
