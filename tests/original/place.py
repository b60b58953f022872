"""A server with channels of an original database in it, as tests make it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field

from discobase import Database
from discobase.connected import Connected
from discobase.local import LocalDiscord
from tests.local.rest import Rest


@dataclass
class Place:
    """A server with one bot, and channels of an original database."""

    discord: LocalDiscord
    server: int
    token: str
    name: str
    made: dict[str, list[int]] = field(default_factory=dict)

    @property
    def rest(self) -> Rest:
        return Rest(self.discord.api_url, self.token)

    def conn(self, database: Database, token: str | None = None) -> Connected[Database]:
        return database.conn(token or self.token, api_url=self.discord.api_url, timeout=10)

    def channel(self, name: str, server: int | None = None) -> int:
        """Makes a channel, and returns its id."""
        path = f"/guilds/{server or self.server}/channels"
        made = int(self.rest("POST", path, {"name": name}).body["id"])
        self.made.setdefault(name, []).append(made)
        return made

    def say(self, channel: int, content: str) -> int:
        """Has the bot write a message, and returns its id."""
        return int(
            self.rest("POST", f"/channels/{channel}/messages", {"content": content}).body["id"]
        )

    def table(self, name: str, *records: object, keys: tuple[str, ...] = ("name", "age")) -> int:
        """Makes a table as 1.0.0 does, without its indexes, and returns the id of its channel."""
        if "_dbmetadata" not in self.made:
            self.channel("_dbmetadata")
        channel = self.channel(name)
        entry = {"name": name, "keys": keys, "table_channel": channel, "index_channels": {}}
        entry |= {"current_records": 0, "max_records": 4, "time_table": {}, "message_id": 0}
        self.say(self.made["_dbmetadata"][0], json.dumps(entry))
        for record in records:
            self.say(channel, packed(record))
        return channel

    def writes(self) -> int:
        """How many messages were posted since the requests were counted anew."""
        return self.discord.requests.count("POST", "*/messages", status=200)


def packed(record: object) -> str:
    """The text of a record's message."""
    text = record if isinstance(record, bytes) else json.dumps(record).encode()
    return json.dumps({"content": base64.urlsafe_b64encode(text).decode()})
