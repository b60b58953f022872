"""What the window of `discobase serve` shows of the databases on the server, over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from http.client import HTTPException

import pytest

from discobase.cli.exhibition import Exhibition
from discobase.engine.log.formats import FENCE_OPEN
from discobase.local import LocalDiscord
from discobase.local.state.permissions import VIEW_CHANNEL
from tests.cli.exhibited import EVIL, Seen, Shop, exhibiting
from tests.database.conftest import Place
from tests.database.shop import soon
from tests.database.test_permissions import Administrator
from tests.local.rest import Rest


@pytest.fixture(scope="module")
def served():
    with exhibiting() as (discord, exhibition):
        discord.join("Shop")
        shop = Shop()
        with shop.database.conn(discord.default_token, api_url=discord.api_url):
            shop.fill()
            yield discord, shop, exhibition


@pytest.fixture
def shop(served):
    return served[1]


@pytest.fixture
def seen(served):
    return Seen(served[0])


# Tables and records


def test_tables_are_shown_with_their_columns_and_how_many_records_they_have(seen, shop):
    shown = seen.database()
    assert shown["trouble"] is None
    assert shown["server"] == str(shop.database.status().server_id)
    counts = {table["name"]: table["records"] for table in shown["tables"]}
    assert counts == {"Customer": 120, "Order": 0, "Reading": 1}
    columns = {each["name"]: each for each in shown["tables"][0]["columns"]}
    assert [*columns] == ["pk", "name", "email", "age", "balance", "since", "password", "tags"]
    assert columns["since"]["type"] == "date"
    unique = [name for name, column in columns.items() if column["is_unique"]]
    assert unique == ["pk", "email"]


def test_records_come_in_pages_and_secrets_are_masked(seen):
    page = seen.rows()
    assert (page["total"], page["limit"], len(page["rows"])) == (120, 50, 50)
    first = {
        column["name"]: cell
        for column, cell in zip(page["table"]["columns"], page["rows"][0]["cells"], strict=True)
    }
    assert {name: cell["text"] for name, cell in first.items()} == {
        "pk": "1",
        "name": EVIL,
        "email": "c1@example.org",
        "age": "1",
        "balance": "12.50",
        "since": "2020-01-01",
        "password": "**********",
        "tags": '["a", "b"]',
    }
    assert [first[name]["kind"] for name in ("name", "age", "balance", "tags")] == [
        "text",
        "number",
        "number",
        "json",
    ]
    assert seen.keys(offset=50) == [*range(51, 101)]
    assert seen.keys(offset=100) == [*range(101, 121)]
    assert seen.keys(offset=200) == []


def test_a_record_is_shown_whole_and_long_values_are_cut_among_others(seen, shop):
    text = "word " * 100
    order = shop.orders(what=text)
    order.save()
    try:
        ((_, what),) = (row["cells"] for row in seen.rows("Order")["rows"])
        assert what["is_cut"]
        assert text.startswith(what["text"])
        place = {"database": seen.database()["id"], "table": "Order", "key": order.pk}
        record = seen("record", **place)
        assert [cell["text"] for cell in record["cells"]] == [str(order.pk), text]
        assert (record["position"], record["key"]) == (order.version, str(order.pk))
    finally:
        order.delete()
    assert "no record" in seen.refusal("record", **place)


# Search and order


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("age<3", [1, 2]),
        ("age>118 age!=119", [120]),
        ("customer age<4", [2, 3]),
        ("CUSTOMER c11@", [11]),
        ('"customer 12" age<100', [12]),
        ('name="Customer 7"', [7]),
        ('name~"mer 77"', [77]),
        ("tags~a", [1]),
        ("balance=12.50", [1]),
        ("pk=5", [5]),
        ("nobody", []),
        ('"', []),
    ],
)
def test_what_is_typed_are_conditions_and_words_and_all_have_to_be_true(seen, search, found):
    page = seen.rows(search=search)
    assert [int(row["key"]) for row in page["rows"]] == found
    assert page["total"] == len(found)
    assert page["table"]["records"] == 120


@pytest.mark.parametrize(
    ("search", "why"),
    [
        ("agee>3", "did you mean 'age'"),
        ("age>three", "age"),
        ("since>yesterday", "since"),
    ],
)
def test_what_makes_no_sense_is_said(seen, search, why):
    assert why in seen.refusal(
        "rows", database=seen.database()["id"], table="Customer", search=search
    )


def test_a_table_without_texts_says_that_there_is_none_for_a_word(seen):
    place = {"database": seen.database()["id"], "table": "Reading"}
    assert "no texts" in seen.refusal("rows", search="word", **place)


def test_records_are_sorted_by_any_column_in_either_direction(seen):
    assert seen.keys(order="-age")[:3] == [120, 119, 118]
    assert seen.keys(order="age")[:3] == [1, 2, 3]
    assert seen.keys(order="-balance")[0] == 1
    assert seen.keys(order="-pk", offset=50)[0] == 70
    assert seen.keys(order="-name")[0] == 99
    assert seen.keys(order="-age", search="age<50")[:2] == [49, 48]
    assert "nothing" in seen.refusal(
        "rows", database=seen.database()["id"], table="Customer", order="nothing"
    )


# History


def test_the_history_tells_in_order_what_was_written_by_whom(served):
    discord, shop, _ = served
    seen = Seen(discord)
    order = shop.orders(what="<b>a book</b>")
    order.save()
    key = str(order.pk)
    order.what = "two books"
    order.update()
    order.delete()
    place = seen.database()["id"]
    history = seen("history", database=place)
    deleted, updated, saved = history["commits"][:3]
    assert [each["position"] for each in history["commits"]] == [*range(shop.database.head, 0, -1)]
    assert {each["writer"] for each in history["commits"]} == {"the shop"}
    assert history["is_over"]
    (change,) = saved["changes"]
    assert (change["table"], change["key"]) == ("Order", key)
    assert [(name, cell["text"]) for name, cell in change["values"]] == [("what", "<b>a book</b>")]
    assert updated["changes"][0]["values"][0][1]["text"] == "two books"
    assert deleted["changes"][0]["values"] is None
    many = history["commits"][-1]
    assert (many["changed"], len(many["changes"])) == (120, 20)
    assert [cell["text"] for name, cell in many["changes"][0]["values"] if name == "password"] == [
        "**********"
    ]
    earlier = seen("history", database=place, before=saved["position"])
    assert earlier["commits"] == history["commits"][3:]
    assert int(saved["channel"]) in discord.channels(discord.join("Shop"))


# Who looks is not seen


def test_looking_is_counted_nowhere_and_no_limit_or_fault_takes_it(served):
    discord, shop, exhibition = served
    seen = Seen(discord)
    shop.database.refresh()
    discord.reset_requests()
    discord.set(latency=5.0)
    discord.fault(status=500, count=100)
    changes = discord._platform.store.changes
    members = [*discord._platform.state.guilds[discord.join("Shop")].members]
    try:
        with closing(Exhibition(discord)) as another:
            discord.show(another)
            assert len(seen.values()) == 50
    finally:
        discord.show(exhibition)
        left = discord.faults_left
        discord.clear_faults()
        discord.set(latency=0.0)
    requests = discord.requests
    assert (requests.total, requests.downloads, requests.identifies, left) == (0, 0, 0, 100)
    assert discord._platform.store.changes == changes
    assert [*discord._platform.state.guilds[discord.join("Shop")].members] == members


def test_an_onlookers_token_changes_nothing(seen):
    discord = seen.discord
    server = discord.join("Shop")
    (token,) = discord.onlookers(server).values()
    look = Rest(discord.api_url, token)
    assert look("GET", f"/guilds/{server}/channels").status == 200
    assert look("POST", f"/guilds/{server}/channels", {"name": "x"}).status == 403
    assert "x" not in discord.channels(server).values()


# Databases come and go


def test_servers_and_databases_appear_and_vanish(tmp_path):
    with exhibiting() as (discord, _):
        seen = Seen(discord)
        assert seen("databases") == {"shown": True, "databases": []}
        discord.join("Shop")
        assert [each["tables"] for each in seen("databases")["databases"]] == []
        shop = Shop()
        with shop.database.conn(discord.default_token, api_url=discord.api_url):
            shop.readings(value=1.0).save()
            assert soon(lambda: [t["name"] for t in seen.database()["tables"]] == ["Reading"])
            other = Shop("Other")
            discord.join("Other")
            with other.database.conn(discord.default_token, api_url=discord.api_url):
                other.orders(what="a book").save()
                assert soon(lambda: [t["name"] for t in seen.database(1)["tables"]] == ["Order"])
                other.database.clean("Other")
                assert soon(
                    lambda: (
                        [each["tables"] != [] for each in seen("databases")["databases"]] == [True]
                    )
                )


def test_a_database_that_has_moved_is_shown_where_it_is():
    with exhibiting() as (discord, _):
        discord.join("Shop")
        shop = Shop()
        with shop.database.conn(discord.default_token, api_url=discord.api_url):
            shop.readings(value=1.0).save()
            seen = Seen(discord)
            assert seen.values("Reading") == [["1", "1.0"]]
            there = discord.join("Other")
            shop.database.move("Other")
            shop.readings(value=2.0).save()

            def shown():
                known = seen("databases")["databases"]
                return {each["server"] for each in known if each["tables"]} == {str(there)}

            assert soon(shown)


def test_an_encrypted_database_says_so_and_is_shown_with_its_key(monkeypatch):
    key = "correct horse battery"
    with exhibiting() as (discord, _):
        discord.join("Shop")
        shop = Shop(key=key)
        with shop.database.conn(discord.default_token, api_url=discord.api_url):
            shop.readings(value=1.0).save()
            seen = Seen(discord)
            assert "DISCOBASE_KEY" in seen.database()["trouble"]
            for given, shown in [("another passphrase", "another key"), (key, None)]:
                with closing(Exhibition(discord, given)) as exhibition:
                    discord.show(exhibition)
                    trouble = seen.database()["trouble"]
                    assert (trouble is None) if shown is None else (shown in trouble)
            discord.show(None)
            assert seen("databases") == {"shown": False, "databases": []}


def test_one_key_does_not_keep_databases_without_one_from_being_shown():
    with exhibiting("some passphrase") as (discord, _):
        discord.join("Shop")
        shop = Shop()
        with shop.database.conn(discord.default_token, api_url=discord.api_url):
            shop.readings(value=1.0).save()
            assert Seen(discord).values("Reading") == [["1", "1.0"]]


def test_a_database_that_is_hidden_from_the_bot_says_what_is_missing():
    with exhibiting() as (discord, _):
        place = Place(discord, discord.join("Shop"), discord.default_token)
        shop = Shop()
        with shop.database.conn(discord.default_token, api_url=discord.api_url):
            shop.readings(value=1.0).save()
        seen = Seen(discord)
        assert seen.values("Reading") == [["1", "1.0"]]
        administrator = Administrator(place)
        for name in administrator.own():
            administrator.deny_bot(name, VIEW_CHANNEL)
        # Before the administrator's own bot: it has none.
        assert soon(lambda: "view_channel" in (seen.database()["trouble"] or ""))
        for name in administrator.own():
            administrator.deny_bot(name, 0)
        assert soon(lambda: seen.database()["trouble"] is None)


def test_a_database_of_a_later_format_says_which_version_it_needs():
    with exhibiting() as (discord, _):
        server = discord.join("Shop")
        shop = Shop()
        with shop.database.conn(discord.default_token, api_url=discord.api_url):
            shop.readings(value=1.0).save()
        catalog = next(id_ for id_, name in discord.channels(server).items() if name == "catalog")
        message = discord.messages(catalog)[0]
        later = message["content"].replace('"superblock":1', '"superblock":99')
        assert later.startswith(FENCE_OPEN)
        assert later != message["content"]
        discord.edit_message(catalog, int(message["id"]), later)
        assert "needs a later discobase" in Seen(discord).database()["trouble"]


def test_without_an_exhibit_there_is_none():
    with LocalDiscord() as discord:
        seen = Seen(discord)
        assert seen("databases") == {"shown": False, "databases": []}
        assert seen.raw("rows", database="x", table="y")[0] == 404


def look_until_the_end(seen):
    with contextlib.suppress(OSError, HTTPException):
        while True:
            seen.raw("databases")


def test_serve_shows_what_is_there_and_ends_while_somebody_looks(tmp_path):
    environment = {**os.environ, "DISCOBASE_KEY": ""}
    command = [sys.executable, "-m", "discobase", "serve", "--json", "--server", "Shop"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        place = json.loads(process.stdout.readline())
        shop = Shop()
        with shop.database.conn(place["token"], api_url=place["api_url"]):
            shop.readings(value=1.0).save()

            class There:
                origin = place["api_url"].removesuffix("/api/v10")

            seen = Seen(There)
            assert soon(lambda: [t["name"] for t in seen.database()["tables"]] == ["Reading"])
            assert seen.values("Reading") == [["1", "1.0"]]
        looking = threading.Thread(target=look_until_the_end, args=(seen,))
        looking.start()
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=10)
        looking.join(10)
    assert (process.returncode, out, errors) == (0, "", "")
