"""A shop whose database has commands, and people who use them."""

from __future__ import annotations

import datetime as dt
import decimal
from dataclasses import dataclass
from typing import Annotated

import pytest
from pydantic import BaseModel, SecretStr, field_validator

import discobase
from discobase.local import LocalDiscord, Person
from tests.database.shop import soon
from tests.local.rest import Rest

ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5
MANAGE_MESSAGES = 1 << 13

EVIL = "@everyone <@1> ``` `x` **b** [l](https://e.org)\u202e\n- end"
"""What would ping, break out of a block, and look like something else."""


@dataclass
class Stage:
    """A server, a database with commands, and two people: one may use them."""

    discord: LocalDiscord
    server: int
    channel: int
    database: discobase.Database
    user: type[discobase.Table]
    ada: Person
    eve: Person
    rest: Rest

    def commands(self) -> list[dict]:
        """The commands that the bot has in the server."""
        me = self.bot("GET", "/oauth2/applications/@me").body["id"]
        return self.bot("GET", f"/applications/{me}/guilds/{self.server}/commands").body

    @property
    def bot(self) -> Rest:
        """Requests of the database's bot."""
        return Rest(self.discord.api_url, self.discord.default_token)

    def give(self, person: Person, permissions: int) -> None:
        """Give a person a role with some permissions."""
        role = self.rest(
            "POST",
            f"/guilds/{self.server}/roles",
            {"name": "staff", "permissions": str(permissions)},
        ).body["id"]
        path = f"/guilds/{self.server}/members/{person.id}/roles/{role}"
        assert self.rest("PUT", path).status == 204


class Login(BaseModel):
    """A model with a secret in it."""

    user: str
    password: SecretStr


def shop(**options):
    """A database of users, with commands."""
    database = discobase.Database("shop", **({"commands": True} | options))

    @database.table
    class User(discobase.Table):
        name: Annotated[str, discobase.Unique()]
        age: int = 30
        city: str | None = None
        born: dt.date | None = None
        price: decimal.Decimal | None = None
        tags: list[str] = []  # noqa: RUF012 - pydantic copies it
        note: str = ""
        password: SecretStr = SecretStr("")

        @field_validator("age")
        @classmethod
        def _is_an_age(cls, value):
            if value > 150:
                raise ValueError("nobody is as old as that")
            return value

    @database.table
    class Note(discobase.Table):
        text: str

    @database.table
    class Account(discobase.Table):
        login: Login

    return database, User


@pytest.fixture(scope="module")
def stage():
    """One for the tests of a module: each leaves the table as it likes."""
    with LocalDiscord() as discord:
        server = discord.join("shop")
        yield from _stages(discord, server)


def _stages(discord, server):
    database, user = shop()
    with database.conn(discord.default_token, api_url=discord.api_url):
        admin = discord.create_bot("admin")
        discord.add_bot(admin, server, permissions=ADMINISTRATOR)
        ada, eve = discord.person("Ada", server), discord.person("Eve", server)
        rest = Rest(discord.api_url, admin)
        made = rest("POST", f"/guilds/{server}/channels", {"name": "staff", "type": 0})
        channel = int(made.body["id"])
        stage = Stage(discord, server, channel, database, user, ada, eve, rest)
        stage.give(ada, MANAGE_GUILD)
        database.tables["Note"](text="the first one").save()
        database.tables["Account"](login={"user": "root", "password": "x"}).save()
        soon(lambda: len(stage.commands()) > 0 and database.status().gateway == "live")
        yield stage


@pytest.fixture
def users(stage):
    """An empty table of users."""
    stage.user.find().delete()
    return stage.user


def shown(answer):
    """The title and the text of an answer."""
    (embed,) = answer.message["embeds"]
    return embed["title"], embed.get("description", "")


def buttons(answer):
    """The buttons of an answer that can be pressed, by their labels."""
    return {
        each["label"]: each["custom_id"]
        for row in answer.message["components"]
        for each in row["components"]
        if not each.get("disabled")
    }
