"""Databases that earlier versions have written: each is opened, read whole, and written on."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from discobase.errors import UniqueViolation
from discobase.records.sameness import difference
from tests.format.reader import Damaged
from tests.formats.kept import DELETED, FIRST, WRITTEN, kept_by, scrypt_once
from tests.formats.specimens import SPECIMENS, earlier, later, line_text

pytestmark = pytest.mark.one_python


def test_the_version_that_comes_first_is_kept():
    assert WRITTEN[0] == "0.1"


LATER_FACTS = {"encryption", "authors", "former", "server", "base", "made"}


@pytest.mark.parametrize(
    ("version", "number", "facts"),
    [
        ("2.0-before-seals", 1, set()),
        ("2.0-before-seals-encrypted", 2, {"encryption"}),
        ("2.0-before-seals-succeeded", 3, {"authors"}),
        ("2.0-before-seals-encrypted-succeeded", 3, {"encryption", "authors"}),
        ("2.0-lifted", 3, {"made", "base"}),
        ("2.0-repaired", 3, {"made", "base"}),
        ("2.0-rekeyed", 3, {"made", "base", "encryption", "former"}),
        ("2.0-moved", 4, {"made", "base", "server"}),
        (
            "2.0-encrypted-succeeded-moved",
            4,
            {"made", "base", "server", "encryption", "authors"},
        ),
    ],
)
def test_a_database_of_each_format_of_superblocks_is_kept(version, number, facts, tmp_path):
    with kept_by(version, tmp_path / "discord.sqlite") as kept:
        blocks = kept.superblocks()
    newest = max(blocks, key=lambda block: (block["is"]["generation"], block["superblock"]))
    assert max(block["superblock"] for block in blocks) == newest["superblock"] == number
    assert newest["is"].keys() & LATER_FACTS == facts
    if version == "2.0-lifted":
        assert newest["is"]["made"] < newest["is"]["generation"]
    if version == "2.0-repaired":
        assert newest["is"]["base"]["bundle"] == "0"


def test_a_deletion_that_was_begun_is_finished_before_another_database_is_there(tmp_path):
    with kept_by(DELETED, tmp_path / "discord.sqlite") as kept:
        (server,) = kept.discord.servers()
        left = kept.discord.channels(server).keys()
        assert any(kept.discord.messages(channel) for channel in left)
        with pytest.raises(Damaged, match="there is no database"):
            kept.read()
        database, tables, connected = kept.open(later)
        with connected:
            assert database.head == 0
            assert not tables.author.find().exists()
        assert not left & kept.discord.channels(server).keys()


@pytest.fixture(params=WRITTEN)
def kept(request, tmp_path, monkeypatch):
    monkeypatch.setattr(hashlib, "scrypt", scrypt_once)
    with kept_by(request.param, tmp_path / "discord.sqlite") as served:
        yield served


def held(table) -> dict[int, dict[str, Any]]:
    return {record.pk: record.model_dump() for record in table.find()}


def test_every_record_is_there_as_it_was_written(kept):
    database, tables, connected = kept.open(later)
    with connected:
        assert database.head == kept.seen["head"]
        versions = {
            name: {str(record.pk): record.version for record in table.find()}
            for name, table in vars(tables).items()
        }
        assert versions == kept.seen["versions"]
        assert held(tables.author) == {
            1: {"name": "Ada", "email": None, "born": date(1815, 12, 10)},
            2: {"name": "Grace", "email": None, "born": None},
            4: {"name": "Edsger", "email": "e@example.org", "born": None},
            5: {"name": "Barbara", "email": None, "born": None},
        }
        none = {"title": "Without a number", "isbn": None, "price": Decimal(2), "pages": 0}
        assert held(tables.book) == {
            1: {"title": "Notes", "isbn": "1", "price": Decimal("3.50"), "pages": 0},
            2: none,
            3: none | {"title": "Without a number too"},
            4: {"title": "Second edition", "isbn": "2", "price": Decimal(10), "pages": 9},
        }
        texts = {number: line_text(number) for number in kept.lines}
        assert {record.number: record.text for record in tables.line.find()} == texts
        assert held(tables.small) == {1: {"value": 1}}
        assert held(tables.capital) == {1: {"value": 2}}


@pytest.mark.parametrize("kept", FIRST, indirect=True)
def test_every_kind_of_value_comes_back_exactly_and_is_found(kept):
    _, tables, connected = kept.open(later)
    with connected:
        for pk, given in enumerate(SPECIMENS, 1):
            record = tables.specimen.get(pk)
            assert difference(tables.specimen(**given), record) is None
            for name in tables.specimen.model_fields:
                value = given.get(name)
                if value == value:  # NaN equals nothing
                    found = [each.pk for each in tables.specimen.find(**{name: value})]
                    assert pk in found, (name, value)


@pytest.mark.parametrize(
    ("kept", "declared"),
    [*((version, later) for version in WRITTEN), *((version, earlier) for version in FIRST)],
    indirect=["kept"],
)
def test_unique_values_are_still_taken_and_new_ones_are_written_on(kept, declared):
    database, tables, connected = kept.open(declared)
    with connected:
        for taken in (
            tables.author(name="Ada"),
            tables.author(
                name="Edsger", **({"email": "e@example.org"} if declared is later else {})
            ),
            tables.book(title="x", isbn="2", price=0),
            tables.specimen(**SPECIMENS[0]),
        ):
            with pytest.raises(UniqueViolation):
                taken.save()
        assert database.head == kept.seen["head"]
        ada = tables.author.get(1)
        ada.born = date(1816, 1, 1)
        assert ada.update(if_unchanged=True).version == kept.seen["head"] + 1
        assert tables.author(name="new").save().pk == 6
        assert tables.line(number=0, text="").save().pk == len(kept.lines) + 1
    _, tables, connected = kept.open(declared)
    with connected:
        assert tables.author.get(1).born == date(1816, 1, 1)
        assert tables.author.get(6).name == "new"
