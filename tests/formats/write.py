r"""Writes a database with all that the code at hand can write, for later versions to open.

Once for each version of the format, before anything else of the format changes::

    python -m tests.formats.write tests/formats/VERSION
    python -m tests.formats.write tests/formats/VERSION-encrypted --key "a passphrase"
    python -m tests.formats.write tests/formats/VERSION-succeeded --succeeded
    python -m tests.formats.write tests/formats/VERSION-lifted --then vacuum --then lift
    python -m tests.formats.write tests/formats/VERSION-rekeyed --then rekey --then rekey
    python -m tests.formats.write tests/formats/VERSION-repaired --then repair
    python -m tests.formats.write tests/formats/VERSION-moved --then move
    python -m tests.formats.write tests/formats/VERSION-encrypted-succeeded-moved \
        --key "a passphrase" --succeeded --then move
    python -m tests.formats.write tests/formats/VERSION-deleted --then clean

A repair takes a minute. It leaves ``VERSION.sql``, the embedded server's file as SQL, and
``VERSION.json``: the head, the version of each record, and what it takes to read them where that is
not the token that a server makes by itself. What the records hold stands in
:mod:`tests.formats.specimens`, what becomes of the database in :mod:`tests.formats.steps`.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from discobase import Table
from discobase.local import LocalDiscord
from discobase.local.state import permissions
from tests.formats.program import Program
from tests.formats.specimens import (
    BULK,
    LONG,
    SERVER,
    SPECIMENS,
    earlier,
    later,
    line_text,
    raise_price,
)
from tests.formats.steps import STEPS
from tests.local.rest import Rest

LEFT_OUT = (2, 3)
"""Lines of large texts, which only those databases have whose lanes have all that they hold."""


def main() -> None:
    """Write the two files whose common name is given."""
    parser = argparse.ArgumentParser(prog="python -m tests.formats.write", description=main.__doc__)
    parser.add_argument("target", type=Path, help="as tests/formats/2.1", metavar="NAME")
    parser.add_argument("--key", help="encrypt it; 64 hexadecimal digits, or a passphrase")
    parser.add_argument("--succeeded", action="store_true", help="let a second bot take it over")
    parser.add_argument(
        "--then", choices=STEPS, action="append", default=[], help="what becomes of it, in order"
    )
    given = parser.parse_args()
    target = given.target
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "discord.sqlite"
        seen = write(path, given.key, succeeded=given.succeeded, then=given.then)
        with sqlite3.connect(path) as connection:
            dump = "\n".join(connection.iterdump())
    target.with_name(f"{target.name}.sql").write_text(f"{dump}\n", "utf-8")
    text = json.dumps(seen, indent=1, ensure_ascii=False)
    target.with_name(f"{target.name}.json").write_text(f"{text}\n", "utf-8")


def write(
    path: Path, key: str | None = None, *, succeeded: bool = False, then: Sequence[str] = ()
) -> dict[str, Any]:
    """Write the database into an embedded server's file; the head, and each record's version."""
    with LocalDiscord(path) as discord:
        server, left_out = discord.join(SERVER), LEFT_OUT if then else ()
        program = Program(discord, server, discord.default_token, key, left_out)
        _first_program(program)
        _two_programs(program)
        if succeeded:
            program = _succeed(program)
        _third_program(program)
        _what_others_leave(program)
        for step in then:
            program = STEPS[step](program)
        seen = {} if "clean" in then else _seen(program)
        return seen | program.told


def _succeed(before: Program) -> Program:
    """Let a second bot take the database over, and the first one write all the same where the
    second one goes on; the program as the second bot logs in.
    """
    discord, server = before.discord, before.server
    heir = discord.create_bot("heir", privileged_intents=True)
    discord.add_bot(heir, server, permissions=permissions.ADMINISTRATOR)
    old = int(discord.messages(before.catalog)[0]["author"]["id"])
    discord.remove_bot(before.token, server)
    program = replace(before, token=heir, successor_of=old)
    with program.connect(program.database()):
        pass
    discord.add_bot(before.token, server, permissions=permissions.ADMINISTRATOR)
    (author,) = program.superblock["authors"]
    lanes, seq = program.lanes, author["last"] + 1
    content = _frames(program)[-1]["content"]
    rest = Rest(discord.api_url, before.token)
    _post(rest, lanes[seq % 4], _with_fields(content, seq=seq, prev=author["chain"]))
    return replace(program, successor_of=None)


def _first_program(program: Program) -> None:
    db = program.database()
    tables = earlier(db)
    with program.connect(db):
        tables.author(name="Ada", born=date(1815, 12, 10)).save()
        tables.author(name="Grace").save()
        tables.author(name="deleted").save().delete()
        tables.book(title="Notes", isbn="1", price=Decimal("1.50")).save()
        tables.book(title="Without a number", price=Decimal(2)).save()
        tables.book(title="Without a number too", price=Decimal(2)).save()
        for specimen in SPECIMENS:
            tables.specimen(**specimen).save()
        for number in LONG.keys() - {*program.left_out}:
            tables.line(number=number, text=line_text(number)).save()
        tables.line.save_many(
            tables.line(number=number, text=line_text(number))
            for number in range(len(LONG) + 1, BULK + 1)
        )
        tables.small(value=1).save()
        tables.capital(value=2).save()


def _two_programs(program: Program) -> None:
    """The later version beside the earlier one, which declares its unique field once more."""
    old, new = program.database(), program.database()
    before, after = earlier(old), later(new)
    with program.connect(old), program.connect(new):
        after.author(name="Edsger", email="e@example.org").save()
        old.refresh()
        before.author(name="Barbara").save()
        new.refresh()
        raise_price(after.book, "Notes", "2.50")
        old.refresh()
        raise_price(before.book, "Notes", "3.50")


def _third_program(program: Program) -> None:
    db = program.database()
    tables = later(db)
    with program.connect(db):
        db.require_version("2.0")
        db.checkpoint()
        tables.book(title="Second edition", isbn="2", price=Decimal("1E+1"), pages=9).save()


def _what_others_leave(program: Program) -> None:
    """What a log can hold besides, which takes accidents, or a later version, to be written."""
    discord = program.discord
    rest = Rest(discord.api_url, program.token)
    catalog, lanes = program.catalog, program.lanes
    superblock, *_ = discord.messages(catalog)
    _post(rest, catalog, superblock["content"])  # twice, for want of an answer
    frames = _frames(program)
    first = frames[0]
    _post(rest, lanes[1], _with_fields(first["content"], writer="second0"))
    void = _seq(frames[-1]["content"]) + 1
    _post(
        rest,
        lanes[void % 4],
        _with_fields(first["content"], seq=void, prev="f" * 32, behind=1),
    )
    discord.post_message(lanes[0], "a person says hello")
    _post(rest, lanes[0], "the bot says hello")
    for channel in (lanes[2], catalog):
        assert rest("PATCH", f"/channels/{channel}", {"name": "renamed"}).status == 200


def _frames(program: Program) -> list[dict[str, Any]]:
    """The frames by position, of the lowest first."""
    found = (message for lane in program.lanes for message in program.discord.messages(lane))
    return sorted(found, key=lambda message: _seq(message["content"]))


def _seq(content: str) -> int:
    return int(json.loads(content.splitlines()[1])["seq"])


def _with_fields(content: str, **fields: object) -> str:
    fence, header, *rest = content.split("\n")
    changed = json.dumps(json.loads(header) | fields, separators=(",", ":"))
    return "\n".join([fence, changed, *rest])


def _post(rest: Rest, channel: int, content: str) -> None:
    assert rest("POST", f"/channels/{channel}/messages", {"content": content}).status == 200


def _seen(program: Program) -> dict[str, Any]:
    db = program.database()
    tables = later(db)
    with program.connect(db):
        versions = {name: _versions(table) for name, table in vars(tables).items()}
        return {"head": db.head, "versions": versions}


def _versions(table: type[Table]) -> dict[str, Any]:
    return {str(record.pk): record.version for record in table.find()}


if __name__ == "__main__":
    main()
