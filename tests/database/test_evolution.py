"""How a table changes, as ``docs/schemas.md`` tells it: two programs in this process and one in a
process of its own, on one file, each with a class of its own version.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from discobase import Database, Table, schema
from discobase.errors import DuplicatesFound, RecordOutdated, SchemaConflict, UniqueViolation
from tests.database.clubs import member
from tests.database.shop import soon
from tests.processes.conftest import SCRIPTS, launch


class Program:
    """A program in a process of its own, with a version of the table's class.

    Args:
        file: the server's.
        version: which one.
    """

    def __init__(self, file: Path, version: str) -> None:
        script = str(SCRIPTS / "of_version.py")
        self.child = launch([sys.executable, "-X", "faulthandler", script, str(file), version], {})

    def ready(self) -> Program:
        assert self.child.line() == "ready"
        return self

    def say(self, command: str, **values: Any) -> None:
        self.child.say(json.dumps({"command": command, **values}))

    def came(self) -> Any:
        return json.loads(self.child.line())

    def ask(self, command: str, **values: Any) -> Any:
        self.say(command, **values)
        return self.came()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "discord.db"


@pytest.fixture
def here(file: Path) -> Iterator[Callable[[str], tuple[Database, type[Any]]]]:
    """Connect a program of a version, in this process."""
    with contextlib.ExitStack() as stack:

        def connect(version: str) -> tuple[Database, type[Table]]:
            db, model = member(version)
            stack.enter_context(db.conn(f"local:{file}"))
            return db, model

        yield connect


@pytest.fixture
def elsewhere(file: Path) -> Iterator[Callable[[str], Program]]:
    """Start a program of a version, in a process of its own; it may still be on its way."""
    with contextlib.ExitStack() as stack:

        def start(version: str) -> Program:
            program = Program(file, version)
            stack.callback(program.child.put_away)
            return program

        yield start


def layout(db: Database) -> Any:
    return db._source.replica().layouts["Member"]


def indexed(db: Database, model: type[Any], **wanted: Any) -> list[int]:
    """What a search gives the first time and later, which must be the same."""
    first, later = ([record.pk for record in model.find(**wanted)] for _ in range(2))
    assert first == later
    return first


def test_a_type_changes_and_all_programs_go_on(here, elsewhere):
    _, old = here("TextNumber")
    old.save_many([old(number=text) for text in ("007", "7", "8", "none")])
    new_db, new = here("IntNumber")
    program = elsewhere("IntNumber").ready()
    assert indexed(new_db, new, number=7) == program.ask("find", number=7) == [1, 2]
    assert program.ask("save", number=7) == 5
    new_db.refresh()
    assert indexed(new_db, new, number=7) == program.ask("find", number=7) == [1, 2, 5]
    assert old(number="07").save().pk == 6
    new_db.refresh()
    assert indexed(new_db, new, number=7) == program.ask("find", number=7) == [1, 2, 5, 6]
    assert [record.pk for record in old.find(number="7")] == [2]
    with pytest.raises(RecordOutdated):
        new.find()[3]


def test_a_validator_comes_to_a_unique_field_and_its_values_count(here, elsewhere):
    old_db, old = here("Mail")
    old.save_many([old(email="Ada@X"), old(email="bob@x")])
    new_db, new = here("LowerMail")
    program = elsewhere("LowerMail").ready()
    assert new.find(email="ada@x").one().pk == 1
    assert program.ask("save", email="ADA@x") == "UniqueViolation"
    with pytest.raises(UniqueViolation):
        new(email="ada@x").save()
    assert program.ask("save", email="Eve@X") == 3
    new_db.refresh()
    assert indexed(new_db, new, email="eve@x") == program.ask("find", email="EVE@X") == [3]
    old_db.refresh()
    ada = old.get(1)
    ada.note = "was here"
    ada.save()
    ada.email = "ada@y"
    with pytest.raises(SchemaConflict):
        ada.save()
    with pytest.raises(SchemaConflict):
        old(email="new@x").save()
    old.get(2).delete()
    assert program.ask("find", note="was here") == program.ask("find", email="ada@x") == [1]
    assert program.ask("save", email="Bob@X") == 4


def test_old_records_share_a_default_that_is_to_be_unique(here, elsewhere):
    old_db, old = here("Nothing")
    old.save_many([old(note=name) for name in "abc"])
    db, new = here("MailWithDefault")
    with pytest.raises(DuplicatesFound) as caught:
        new(email="new@x").save()
    assert (caught.value.value, caught.value.groups) == (None, [(1, 2, 3)])
    program = elsewhere("MailWithDefault").ready()
    assert program.ask("save", email="new@x") == "DuplicatesFound"
    assert program.ask("change", pk=1, note="still here") == 1
    assert program.ask("delete", pk=3) is None
    db.refresh()
    assert layout(db).unique_column("email") is None
    first = new.get(1)
    first.email = "first@x"
    first.save()
    assert layout(db).unique_column("email") is not None
    assert program.ask("save", email="first@x") == "UniqueViolation"
    old_db.refresh()
    with pytest.raises(UniqueViolation):
        old(note="has the default, too").save()


def test_none_is_a_default_that_any_number_may_share(here, elsewhere):
    _, old = here("Nothing")
    old.save_many([old(note=name) for name in "abc"])
    _, new = here("MailOrNone")
    new(email="ada@x").save()
    program = elsewhere("MailOrNone").ready()
    assert program.ask("save") == 5
    assert program.ask("save", email="ada@x") == "UniqueViolation"
    assert program.ask("find", email=None) == [1, 2, 3, 5]
    assert old(note="d").save().pk == 6


def test_a_class_without_the_mark_stands_beside_one_with_it(here, elsewhere):
    db, marked = here("Mail")
    marked(email="ada@x").save()
    other_db, unmarked = here("UnmarkedMail")
    program = elsewhere("UnmarkedMail").ready()
    assert program.ask("save", email="ada@x") == "UniqueViolation"
    assert program.ask("save", email="bob@x") == 2
    other_db.refresh()
    with pytest.raises(UniqueViolation):
        unmarked(email="bob@x").save()
    unmarked.get(2).delete()
    db.refresh()
    assert marked(email="bob@x").save().pk == 3


def test_a_field_of_decimals_that_is_unique_is_not_weakened_by_texts(here, elsewhere):
    db, decimals = here("UniquePrice")
    decimals(price=Decimal("1.0")).save()
    program = elsewhere("UniqueTextPrice").ready()
    assert program.ask("save", price="1.00") == "SchemaConflict"
    assert program.ask("save", price="2.00") == "SchemaConflict"
    _, texts = here("TextPrice")
    with pytest.raises(SchemaConflict):
        texts(price="1.00").save()
    assert program.ask("change", pk=1, note="dear") == 1
    db.refresh()
    with pytest.raises(UniqueViolation):
        decimals(price=Decimal("1.000")).save()
    assert decimals(price=Decimal("2.00")).save().note == ""
    assert indexed(db, decimals, price=Decimal(1)) == [1]


def test_a_field_of_texts_that_is_unique_is_taken_over_by_decimals(here, elsewhere):
    db, texts = here("UniqueTextPrice")
    texts(price="1.0").save()
    program = elsewhere("UniquePrice").ready()
    assert program.ask("save", price="1.00") == "UniqueViolation"
    assert program.ask("save", price="2.0") == 2
    db.refresh()
    with pytest.raises(SchemaConflict):
        texts(price="2.00").save()
    assert program.ask("find", price="1.000") == [1]


def test_what_is_unique_is_dropped_for_all_and_asked_for_again(here, elsewhere):
    _, marked = here("Mail")
    marked(email="ada@x").save()
    db, unmarked = here("UnmarkedMail")
    program = elsewhere("Mail").ready()
    db.drop_unique("Member", "email")
    assert unmarked(email="ada@x").save().pk == 2
    assert program.ask("save", email="bob@x") == "DuplicatesFound"
    assert program.ask("delete", pk=2) is None
    assert program.ask("save", email="bob@x") == 3
    db.refresh()
    with pytest.raises(UniqueViolation):
        unmarked(email="ada@x").save()


@pytest.mark.parametrize("versions", [("Mail", "Mail"), ("Mail", "LowerMail")])
def test_two_processes_declare_at_once(here, elsewhere, versions):
    db, old = here("UnmarkedMail")
    old(email="Ada@X").save()
    programs = [elsewhere(version) for version in versions]
    for program in programs:
        program.ready()
    for number, program in enumerate(programs):
        program.say("save", email=f"{number}@x")
    assert sorted(program.came() for program in programs) == [2, 3]
    db.refresh()
    # One after the other, whichever came first; the last one has it as it loads it.
    assert layout(db).number == len(layout(db).numbers) == 1 + len({*versions})
    held = layout(db).unique_column("email").fingerprint
    for version, program in zip(versions, programs, strict=True):
        is_held = member(version)[1]._bound().schema.fields["email"].fingerprint == held
        expected = "UniqueViolation" if is_held else "SchemaConflict"
        assert [program.ask("save", email=f"{n}@x") for n in (0, 1)] == [expected] * 2


def test_very_many_records_are_keyed_in_steps_while_another_program_saves(here, elsewhere):
    many, meanwhile = 25_000, 60
    assert many > 2 * schema._AT_A_TIME
    old_db, old = here("TextNumber")
    old.save_many([old(number=f"{n:06}") for n in range(many)])
    program = elsewhere("TextNumber").ready()
    db, new = here("IndexedNumber")
    program.say("save on", pk=meanwhile, number="007")
    assert new(number=-1).save().pk > many
    saved = program.came()
    db.refresh()
    assert [record.pk for record in new.find(number=7)] == [8, *saved]
    assert soon(lambda: len(layout(db).columns) == 1, 30)
    for _ in range(2):
        assert [record.pk for record in new.find(number=7)] == [8, *saved]
    assert new.find(number=24_999).one().pk == many
    assert new.find(number=-1).one().number == -1
    assert not new.find(number=many).exists()
    old_db.refresh()
    assert len(old.find()) == many + meanwhile + 1
