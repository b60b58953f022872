"""Writes a database with all that the code at hand can write, for later versions to open.

Once for each version of the format, before anything else of the format changes::

    python -m tests.formats.write tests/formats/VERSION

It leaves ``VERSION.sql``, the embedded server's file as SQL, and ``VERSION.json``: the head and the
version of each record. What the records hold stands in :mod:`tests.formats.library`.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from discobase import Database, Table
from discobase.local import LocalDiscord
from tests.formats.library import (
    BULK,
    LONG,
    SERVER,
    SMALL_FILES,
    SPECIMENS,
    earlier,
    later,
    line_text,
)
from tests.local.rest import Rest


def main() -> None:
    """Write the two files whose common name is given."""
    parser = argparse.ArgumentParser(prog="python -m tests.formats.write", description=main.__doc__)
    parser.add_argument("target", type=Path, help="as tests/formats/2.1", metavar="NAME")
    target = parser.parse_args().target
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "discord.sqlite"
        seen = write(path)
        with sqlite3.connect(path) as connection:
            dump = "\n".join(connection.iterdump())
    target.with_name(f"{target.name}.sql").write_text(f"{dump}\n", "utf-8")
    text = json.dumps(seen, indent=1, ensure_ascii=False)
    target.with_name(f"{target.name}.json").write_text(f"{text}\n", "utf-8")


def write(path: Path) -> dict[str, Any]:
    """Write the database into an embedded server's file; the head, and each record's version."""
    with LocalDiscord(path) as discord:
        server = discord.join(SERVER)
        login = {"token": discord.default_token, "api_url": discord.api_url}
        _first_program(login)
        _two_programs(login)
        _third_program(login)
        _what_others_leave(discord, server)
        return _seen(login)


def _database() -> Database:
    return Database(SERVER, attachment_limit=SMALL_FILES, label="library")


def _first_program(login: dict[str, str]) -> None:
    db = _database()
    tables = earlier(db)
    with db.conn(**login):
        tables.author(name="Ada", born=date(1815, 12, 10)).save()
        tables.author(name="Grace").save()
        tables.author(name="deleted").save().delete()
        tables.book(title="Notes", isbn="1", price=Decimal("1.50")).save()
        tables.book(title="Without a number", price=Decimal(2)).save()
        tables.book(title="Without a number too", price=Decimal(2)).save()
        for specimen in SPECIMENS:
            tables.specimen(**specimen).save()
        for number in LONG:
            tables.line(number=number, text=line_text(number)).save()
        tables.line.save_many(
            tables.line(number=number, text=line_text(number))
            for number in range(len(LONG) + 1, BULK + 1)
        )
        tables.small(value=1).save()
        tables.capital(value=2).save()


def _two_programs(login: dict[str, str]) -> None:
    """The later version beside the earlier one, which declares its unique field once more."""
    old, new = _database(), _database()
    before, after = earlier(old), later(new)
    with old.conn(**login), new.conn(**login):
        after.author(name="Edsger", email="e@example.org").save()
        old.refresh()
        before.author(name="Barbara").save()
        new.refresh()
        _raise_price(after.book, "Notes", "2.50")
        old.refresh()
        _raise_price(before.book, "Notes", "3.50")


def _raise_price(book: type[Any], title: str, price: str) -> None:
    found = book.find_unique(title=title)
    found.price = Decimal(price)
    found.update(if_unchanged=True)


def _third_program(login: dict[str, str]) -> None:
    db = _database()
    tables = later(db)
    with db.conn(**login):
        db.require_version("2.0")
        db.checkpoint()
        tables.book(title="Second edition", isbn="2", price=Decimal("1E+1"), pages=9).save()


def _what_others_leave(discord: LocalDiscord, server: int) -> None:
    """What a log can hold besides, which takes accidents, or a later version, to be written."""
    rest = Rest(discord.api_url, discord.default_token)
    channels = {name: channel for channel, name in discord.channels(server).items()}
    lanes = [channels[f"log-{number}"] for number in range(4)]
    superblock, *_ = discord.messages(channels["catalog"])
    _post(rest, channels["catalog"], superblock["content"])  # twice, for want of an answer
    frames = sorted(
        (message for lane in lanes for message in discord.messages(lane)),
        key=lambda message: json.loads(message["content"].splitlines()[1])["seq"],
    )
    first = frames[0]
    _post(rest, lanes[1], _with_fields(first["content"], writer="second0"))
    void = len(frames) + 1
    _post(
        rest,
        lanes[void % 4],
        _with_fields(first["content"], seq=void, prev="f" * 32, behind=1),
    )
    discord.post_message(lanes[0], "a person says hello")
    _post(rest, lanes[0], "the bot says hello")
    for channel in (lanes[2], channels["catalog"]):
        assert rest("PATCH", f"/channels/{channel}", {"name": "renamed"}).status == 200


def _with_fields(content: str, **fields: object) -> str:
    fence, header, *rest = content.split("\n")
    changed = json.dumps(json.loads(header) | fields, separators=(",", ":"))
    return "\n".join([fence, changed, *rest])


def _post(rest: Rest, channel: int, content: str) -> None:
    assert rest("POST", f"/channels/{channel}/messages", {"content": content}).status == 200


def _seen(login: dict[str, str]) -> dict[str, Any]:
    db = _database()
    tables = later(db)
    with db.conn(**login):
        versions = {name: _versions(table) for name, table in vars(tables).items()}
        return {"head": db.head, "versions": versions}


def _versions(table: type[Table]) -> dict[str, Any]:
    return {str(record.pk): record.version for record in table.find()}


if __name__ == "__main__":
    main()
