"""The real columns of an export as a SQLite file."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from pydantic import SecretStr

from discobase import Table, Unique
from discobase.transfer.destination import APPLICATION_ID
from discobase.transfer.exporting import export_all
from discobase.transfer.importing import import_all
from tests.transfer.exports import Host, attach, exported


def read(path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


VALUES = {
    "number": [
        (0, 0),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        (2**63, str(2**63)),
        (10**30, str(10**30)),
    ],
    "weight": [(1.5, 1.5), (math.inf, math.inf), (-math.inf, -math.inf), (math.nan, None)],
    "price": [("0.10", "0.10"), ("1E+3", "1E+3")],
    "when": [(datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z")],
    "took": [("PT1H", "PT1H")],
    "blob": [(b"\xff\x00`", b"\xff\x00`"), (b"", b"")],
    "is_on": [(True, 1), (False, 0)],
    "secret": [(SecretStr("seen by all"), "seen by all")],
    "tags": [(("a", "b"), '["a","b"]')],
    "maker": [({"city": "Rome"}, '{"city":"Rome"}'), (None, None)],
    "either": [(7, 7), ("7", "7"), (None, None)],
    "code": [("back`tick \0 'quoted'", "back`tick \0 'quoted'"), ("é\U0001f600", "é\U0001f600")],
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_stands_there_as_the_page_says(name, tmp_path):
    for given, expected in VALUES[name]:
        exported(tmp_path, "a.sqlite", **{name: given})
        ((cell,),) = read(tmp_path / "a.sqlite", f'SELECT "{name}" FROM Thing WHERE pk = 2')
        assert (cell, type(cell)) == (expected, type(expected))


def test_it_says_what_it_is_and_is_sound(tmp_path):
    exported(tmp_path, "a.sqlite")
    path = tmp_path / "a.sqlite"
    assert read(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert read(path, "PRAGMA integrity_check") == [("ok",)]
    assert read(path, "SELECT strict FROM pragma_table_list WHERE name = 'Thing'") == [(1,)]
    unique = read(
        path,
        "SELECT group_concat(info.name) FROM pragma_index_list('Thing') AS list, "
        'pragma_index_info(list.name) AS info WHERE list."unique" GROUP BY list.name ORDER BY 1',
    )
    assert unique == [("code",), ("code,number",)]
    others = read(path, "SELECT count(*) FROM pragma_index_list('Thing') WHERE \"unique\" = 0")
    assert others == [(1,)]


def test_names_that_sql_takes_for_one_are_told_apart(tmp_path):
    host = Host()
    for name in ("User", "user", "select", 'a"b', "sqlite_master", "discobase_export", "user_2"):
        made = type("Made", (Table,), {"__annotations__": {"PK": int, "pK": int, "order": str}})
        attach(host, made, name)(PK=1, pK=2, order=name).save()
    export_all(host, tmp_path / "a.sqlite")
    names = dict(read(tmp_path / "a.sqlite", "SELECT name, sql_name FROM discobase_tables"))
    assert len({each.lower() for each in names.values()}) == 7
    for name, sql_name in names.items():
        quoted = sql_name.replace('"', '""')
        assert read(tmp_path / "a.sqlite", f'SELECT * FROM "{quoted}"')[0][0] == 1
        columns = [row[1] for row in read(tmp_path / "a.sqlite", f'PRAGMA table_info("{quoted}")')]
        assert columns == ["pk", "version", "PK_2", "pK_3", "order"]
        assert read(tmp_path / "a.sqlite", f'SELECT "order" FROM "{quoted}"') == [(name,)]
    other = Host()
    content = export_all(host, tmp_path / "a.jsonl").content
    assert import_all(other, tmp_path / "a.sqlite").content == content


def test_what_is_unique_to_a_class_and_not_to_sql_has_a_plain_index(tmp_path):
    host = Host()

    class Thing(Table):
        n: int
        code: Annotated[str, Unique()] = "same"

    thing = attach(host, Thing, "Thing")
    thing(n=1, code="x").save()
    # To a version of the class that is gone the two were different.
    host.state._writer.execute('UPDATE "records_5468696e67" SET data = \'{"n":1,"code":"y"}\'')
    thing(n=2, code="y").save()
    export_all(host, tmp_path / "a.sqlite")
    found = read(tmp_path / "a.sqlite", "SELECT \"unique\" FROM pragma_index_list('Thing')")
    assert found == [(0,)]


def test_records_of_classes_that_say_different_things_of_a_field_stand_side_by_side(tmp_path):
    host = Host()
    older = type("Thing", (Table,), {"__annotations__": {"x": int, "gone": str}})
    newer = type(
        "Thing", (Table,), {"__annotations__": {"x": str, "made": int | None}, "made": None}
    )
    attach(host, older, "Thing")(x=7, gone="g").save()
    attach(host, newer, "Thing")(x="seven").save()
    export_all(host, tmp_path / "a.sqlite")
    rows = read(tmp_path / "a.sqlite", "SELECT pk, version, x, made FROM Thing ORDER BY pk")
    assert rows == [(1, 1, 7, None), (2, 2, "seven", None)]


def test_a_database_without_tables_is_exported_and_imported(tmp_path):
    for name in ("a.jsonl", "a.sqlite"):
        report = export_all(Host(), tmp_path / name)
        assert (report.tables, report.records) == (0, 0)
        assert import_all(Host(), tmp_path / name).commits == 0


def test_a_table_whose_records_are_all_gone_keeps_its_next_key(tmp_path):
    host = Host()
    made = type("Thing", (Table,), {"__annotations__": {"x": int}, "__module__": __name__})
    thing = attach(host, made, "Thing")
    thing.save_many([thing(x=1), thing(x=2)])
    for record in [*thing.find()]:
        record.delete()
    content = export_all(host, tmp_path / "a.jsonl").content
    other = Host()
    import_all(other, tmp_path / "a.jsonl")
    assert export_all(other, tmp_path / "b.jsonl").content == content
    again = attach(other, type("Thing", (made,), {"__module__": __name__}), "Thing")
    assert again(x=3).save().pk == 3
