"""The program whose databases are kept here: how it logs in, and by which key it writes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from discobase import Database
from discobase.connected import Connected
from discobase.local import LocalDiscord
from tests.format.decrypting import key_of
from tests.format.reader import superblock_said
from tests.formats.specimens import SERVER, SMALL_FILES


@dataclass(frozen=True)
class Program:
    """A program at one moment of its life, on a running server.

    Attributes:
        discord: the server that Discord is.
        server: the id of the one that the database is in.
        token: that of its bot.
        key: the key that its database is encrypted by, as it is typed; None for none.
        left_out: the lines that it does not write.
        successor_of: the id of the bot that its own is to succeed.
    """

    discord: LocalDiscord
    server: int
    token: str
    key: str | None = None
    left_out: Collection[int] = ()
    successor_of: int | None = None

    def database(self) -> Database:
        key = {} if self.key is None else {"key": key_of(self.key)}
        return Database(SERVER, attachment_limit=SMALL_FILES, label="library", **key)

    def connect(self, database: Database) -> Connected[Database]:
        return database.conn(
            self.token, api_url=self.discord.api_url, successor_of=self.successor_of
        )

    @property
    def login(self) -> dict[str, Any]:
        """What a call takes that logs in by itself."""
        return {"token": self.token, "api_url": self.discord.api_url}

    @property
    def told(self) -> dict[str, Any]:
        """What whoever opens the database has to know beside what is in it."""
        told: dict[str, Any] = {}
        if self.token != self.discord.default_token:
            told["token"] = self.token
        if self.key is not None:
            told["key"] = self.key
        if self.left_out:
            told["left_out"] = [*self.left_out]
        return told

    @property
    def superblock(self) -> dict[str, Any]:
        """What the superblock of the last generation says: of two bots that of the last one."""
        found = [
            (said["is"]["generation"], int(message["id"]), said["is"])
            for channel in self.discord.channels(self.server)
            for message in self.discord.messages(channel)
            if (said := superblock_said(message["content"])) and "generation" in said["is"]
        ]
        return max(found, key=lambda each: each[:2])[2]

    @property
    def catalog(self) -> int:
        return int(self.superblock["catalog"])

    @property
    def lanes(self) -> list[int]:
        """The lanes, in order."""
        return [int(lane) for lane in self.superblock["lanes"]]
