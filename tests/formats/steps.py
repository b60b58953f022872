"""What becomes of a database when it has been written: other generations, a move, its end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from discobase.errors import Unavailable
from discobase.local.state import permissions
from tests.format.decrypting import key_of
from tests.formats.program import Program
from tests.formats.specimens import Tables, later, raise_price
from tests.local.rest import Rest

NEW_SERVER = "Annex"
"""Where a database moves to."""


def _write_on(tables: Tables) -> None:
    """Commits with and without a file, of which no record is left."""
    table = tables.capital
    table.save_many([table(value=number) for number in range(3, 300)])
    table.find(table.value > 2).delete()
    table(value=3).save().delete()


def vacuum(program: Program) -> Program:
    """Begin a generation with another number of lanes."""
    db = program.database()
    tables = later(db)
    with program.connect(db):
        db.vacuum(lanes=3)
        _write_on(tables)
    return program


def lift(program: Program) -> Program:
    """Begin a generation whose superblock is refused behind its seal, which is lifted then."""
    db = program.database()
    tables = later(db)
    with program.connect(db):
        program.discord.fault(
            method="POST",
            route="/channels/{channel_id}/messages",
            containing='{\\"superblock\\":',
            status=403,
        )
        with contextlib.suppress(Unavailable):
            db.vacuum()
        _write_on(tables)
    return program


def rekey(program: Program) -> Program:
    """Change the key, or encrypt what was not."""
    changed = "a passphrase" if program.key is None else bytes(range(16, 48)).hex()
    following = replace(program, key=changed)
    db = program.database()
    tables = later(db)
    with program.connect(db):
        db.vacuum(key=key_of(changed))
        _write_on(tables)
    return following


def move(program: Program) -> Program:
    """Go on in another server."""
    server = program.discord.join(NEW_SERVER)
    if program.token != program.discord.default_token:
        program.discord.add_bot(program.token, server, permissions=permissions.ADMINISTRATOR)
    db = program.database()
    tables = later(db)
    with program.connect(db):
        db.move(NEW_SERVER)
        _write_on(tables)
    return replace(program, server=server)


def repair(program: Program) -> Program:
    """Lose a commit, and begin anew with the rest."""
    db = program.database()
    tables = later(db)
    with program.connect(db):
        raise_price(tables.book, "Notes", "99")
        lost = db.head
        tables.capital(value=3).save().delete()
    lane = program.lanes[lost % len(program.lanes)]
    newest = program.discord.messages(lane)[-1]
    rest = Rest(program.discord.api_url, program.token)
    assert rest("DELETE", f"/channels/{lane}/messages/{newest['id']}").status == 204
    db = program.database()
    tables = later(db)
    told = db.repair(**program.login)
    assert [loss.position for loss in told.lost] == [lost]
    db.repair(confirm=told.confirm, **program.login)
    with program.connect(db):
        _write_on(tables)
    return program


def clean(program: Program) -> Program:
    """Delete it, but for a channel that cannot be deleted, and the catalog."""
    kept = program.lanes[2]
    program.discord.fault(
        method="DELETE", route="/channels/{channel_id}", channel=kept, count=None, status=403
    )
    with contextlib.suppress(Unavailable):
        program.database().clean(program.database().name, **program.login)
    program.discord.clear_faults()
    return program


STEPS: dict[str, Callable[[Program], Program]] = {
    "vacuum": vacuum,
    "lift": lift,
    "rekey": rekey,
    "move": move,
    "repair": repair,
    "clean": clean,
}
