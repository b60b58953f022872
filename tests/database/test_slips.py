"""Arguments that make no sense: an error of discobase, and nothing is taken for something else."""

from __future__ import annotations

import re
import sqlite3

import pytest

from discobase import Database, in_
from discobase.errors import BadToken, Disconnected, UsageError, WrongOperand
from tests.database.shop import shop

NO_BOOL = ("no", 1, None)


@pytest.mark.parametrize("given", NO_BOOL)
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("fresh", lambda db, item, it: db.sql("SELECT 1", fresh=it)),
        ("fresh", lambda db, item, it: db.sqlite(fresh=it)),
        ("fresh", lambda db, item, it: db.open_table("Item", fresh=it)),
        ("distinct", lambda db, item, it: item.find().values("name", distinct=it)),
        ("distinct", lambda db, item, it: item.find().values_list("name", distinct=it)),
        ("flat", lambda db, item, it: item.find().values_list("name", flat=it)),
    ],
)
def test_what_is_no_bool_is_none(name, call, given):
    with pytest.raises(UsageError, match=f"{name}=.*: give True or False"):
        call(*shop(), given)


@pytest.mark.parametrize("names", [(None,), ("name", None), ("name", 5)])
def test_a_field_that_is_no_text_is_no_field(names):
    database, item = shop()
    with pytest.raises(UsageError, match="takes the names of fields"):
        database.drop_unique(item, *names)


@pytest.mark.parametrize("given", [1, "hat", None])
def test_what_is_deleted_is_a_record(given):
    _, item = shop()
    with pytest.raises(UsageError, match=r"delete\(\) is called on a record, and not with"):
        item.delete(given)


def test_what_people_look_for_at_the_database_is_named():
    database, _ = shop()
    for name, where in (("connect", "conn()"), ("find", "User.find()"), ("save", "saves itself")):
        with pytest.raises(AttributeError, match=re.escape(where)):
            getattr(database, name)
    with pytest.raises(AttributeError, match=r"no attribute 'frobnicate'$"):
        database.frobnicate  # noqa: B018
    assert not hasattr(database, "frobnicate")
    with pytest.raises(KeyError, match="no table 'Itm' is attached: there are Item"):
        database.tables["Itm"]
    assert database.tables.get("Itm") is None


def test_a_class_is_no_list_of_values():
    _, item = shop()
    for ask in (item.name.in_, item.name.not_in, lambda it: in_(item.name, it)):
        with pytest.raises(WrongOperand, match="a list of values is expected"):
            ask(item)


def test_a_name_that_is_no_unicode_is_none():
    with pytest.raises(UsageError, match="not valid Unicode"):
        Database("\ud800")


def test_a_folder_whose_name_is_too_long_is_none():
    with pytest.raises(UsageError, match="can be no folder"):
        Database("shop", cache="a" * 300)
    with pytest.raises(UsageError, match="can be no folder"):
        Database("shop").login_lazily("local", cache="a" * 300)


@pytest.mark.parametrize("token", [0, [], {}, False])
def test_what_is_no_token_does_not_stand_for_that_of_the_environment(place, monkeypatch, token):
    monkeypatch.setenv("DISCOBASE_TOKEN", place.token)
    monkeypatch.setenv("DISCOBASE_API_URL", place.api_url)
    database, _ = shop()
    with pytest.raises(BadToken, match="a bot token is a text"):
        database.login_thread(token)
    with pytest.raises(BadToken, match="a bot token is a text"):
        database.repair(token=token)
    with pytest.raises(BadToken, match="a bot token is a text"):
        database.clean("shop", token=token)
    with database.conn(""):
        assert database.ready


def test_a_statement_under_which_the_database_is_closed_is_no_wrong_statement(place):
    database, item = shop()

    class Closing(int):
        def __int__(self) -> int:
            database.close()
            return 1

    with place.conn(database):
        item(name="hat").save()
        with pytest.raises(Disconnected):
            database.sql("SELECT ?", [Closing()])


def test_a_statement_goes_on_in_the_file_that_has_come_meanwhile(place):
    database, item = shop()

    class Renewing(int):
        times = 0

        def __int__(self) -> int:
            Renewing.times += 1
            if Renewing.times == 1:
                database._source.replica()._renew(sqlite3.OperationalError("gone"))
            return 7

    with place.conn(database):
        item(name="hat").save()
        assert database.sql("SELECT ?, count(*) FROM Item", [Renewing()]) == [(7, 1)]
    assert Renewing.times == 2
