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
from tests.format.reader import superblock_said
from tests.formats.specimens import BULK, SERVER, Tables

FOLDER = Path(__file__).parent
LATER = ("lifted", "moved", "rekeyed", "repaired")
"""What those end with that have gone on in another generation."""
DELETED = "2.0-deleted"
"""One whose deletion was begun, so that it is none any more."""
WRITTEN = sorted({path.stem for path in FOLDER.glob("*.sql")} - {DELETED})
FIRST = [version for version in WRITTEN if not version.endswith(LATER)]
"""Those whose lanes hold all that was ever written."""

scrypt_once = functools.cache(hashlib.scrypt)
"""What passphrases cost, once for each of the databases and not at each login."""


@dataclass
class Kept:
    """A database of an earlier version, on a running server.

    Attributes:
        discord: the server.
        seen: what its writer has seen in it, and how it is reached: its head, the version of each
            record, the lines that it lacks, and the token and the key that it takes.
    """

    discord: LocalDiscord
    seen: dict[str, Any]

    @property
    def lines(self) -> list[int]:
        """The numbers of the lines that it has."""
        return [line for line in range(1, BULK + 1) if line not in self.seen.get("left_out", ())]

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

    def superblocks(self) -> list[dict[str, Any]]:
        """What calls itself a superblock in any channel, and says where a database is."""
        said = [
            superblock_said(message["content"])
            for server in self.discord.servers()
            for channel in self.discord.channels(server)
            for message in self.discord.messages(channel)
        ]
        return [each for each in said if each is not None and "lanes" in each["is"]]


@contextlib.contextmanager
def kept_by(version: str, path: Path) -> Iterator[Kept]:
    """Serve what a version has written, from a file that is made at a path."""
    with sqlite3.connect(path) as connection:
        connection.executescript((FOLDER / f"{version}.sql").read_text("utf-8"))
    connection.close()
    seen = json.loads((FOLDER / f"{version}.json").read_text("utf-8"))
    with LocalDiscord(path) as discord:
        yield Kept(discord, seen)
