"""What a login that cannot succeed says, and what use at the wrong time does."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import traceback

import pydantic
import pytest

from discobase import Database, Table
from discobase.engine.log.frame import Limits
from discobase.engine.server.permissions import NEEDED
from discobase.errors import (
    AlreadyConnected,
    BadToken,
    ConnectError,
    Disconnected,
    MissingPermission,
    NotConnected,
    OutcomeUnknown,
    RecordTooLarge,
    ServerAmbiguous,
    ServerFull,
    ServerNotFound,
    TableError,
    UsageError,
    WaitTimeout,
)
from discobase.local.state.permissions import ATTACH_FILES, BOT_DEFAULT, EVERYONE_DEFAULT
from tests.database.shop import WRONG_TOKEN, in_thread, shop, soon, threads


@pytest.mark.parametrize("timeout", ["5", -1, float("nan"), float("inf"), True, b"1"])
def test_a_wait_that_is_none_is_refused_at_once(place, timeout):
    database, _ = shop()
    with pytest.raises(UsageError, match="seconds from 0 on, or None"):
        place.conn(database, timeout=timeout)
    with pytest.raises(UsageError, match="seconds from 0 on, or None"):
        Database("shop", timeout=timeout)
    with place.conn(database):
        with pytest.raises(UsageError, match="seconds from 0 on, or None"):
            database.wait_ready(timeout)
        database.wait_ready(0)


def test_no_time_is_a_look_wherever_it_is_given(place):
    place.discord.set(latency=0.1)
    database, item = shop(timeout=0)
    for options in ({}, {"timeout": 0}):
        with (
            pytest.raises(WaitTimeout),
            database.conn(place.token, api_url=place.api_url, **options),
        ):
            pass
    with place.conn(database, timeout=None):
        assert len(item.find()) == 0
        with pytest.raises(WaitTimeout):
            database.refresh()
        with pytest.raises((WaitTimeout, OutcomeUnknown)):
            item(name="hat").save()


class TestWaitReady:
    def fails(self, place, expected, database=None, token=None, within=2.0):
        """The error that wait_ready raises, after checking that every way to ask gives it."""
        database = database or shop()[0]
        began = time.perf_counter()
        task = database.login_task(token or place.token, api_url=place.api_url)
        with pytest.raises(expected) as caught:
            database.wait_ready(10)
        assert time.perf_counter() - began < within
        assert type(task.exception(1)) is expected
        with pytest.raises(expected):
            database.refresh()
        return caught.value

    def test_before_any_login(self):
        with pytest.raises(NotConnected, match=r"with db.conn\(token\)"):
            shop()[0].wait_ready(1)

    def test_a_timeout_says_so_and_the_login_goes_on(self, place):
        place.discord.set(latency=0.3)
        database, item = shop()
        database.login_thread(place.token, api_url=place.api_url)
        began = time.perf_counter()
        with pytest.raises(WaitTimeout, match="wait_ready"):
            database.wait_ready(0.1)
        assert time.perf_counter() - began < 0.6
        place.discord.set(latency=0.0)
        database.wait_ready(10)
        item(name="hat").save()
        database.close()

    def test_many_threads_may_wait_and_one_may_give_up(self, place):
        place.discord.set(latency=0.1)
        database, _ = shop()
        database.login_thread(place.token, api_url=place.api_url)
        outcomes: list[object] = []
        waiters = [
            threading.Thread(
                target=lambda seconds=seconds: outcomes.append(
                    in_thread(database.wait_ready, seconds)
                )
            )
            for seconds in (0.05, 10, 10, 10)
        ]
        for waiter in waiters:
            waiter.start()
        for waiter in waiters:
            waiter.join()
        assert [type(outcome) for outcome in outcomes] == [WaitTimeout] + [type(None)] * 3
        database.close()

    def test_many_who_are_told_why_do_not_make_its_traceback_longer(self, place):
        database, item = shop()
        database.login_task(WRONG_TOKEN, api_url=place.api_url).exception(5)
        depths: set[int] = set()
        for _ in range(5):
            with pytest.raises(BadToken) as caught:
                item.get(1)
            depths.add(len(traceback.extract_tb(caught.value.__traceback__)))
        assert len(depths) == 1

    def test_a_wrong_token(self, place):
        error = self.fails(place, BadToken, token=WRONG_TOKEN)
        assert "Copy it anew from the developer portal" in str(error)

    @pytest.mark.parametrize("token", ["with a space", "two\nlines", "schlüssel", "a\x00b"])
    def test_a_token_that_can_be_none(self, place, token):
        error = self.fails(place, BadToken, token=token)
        assert token not in str(error)

    def test_no_server_of_that_name_tells_which_there_are_and_how_to_invite(self, place):
        error = self.fails(place, ServerNotFound, Database("stop"))
        assert error.present == ["shop"]
        assert "'stop'" in str(error)
        assert "'shop'" in str(error)
        assert error.invite in str(error)
        assert f"permissions={NEEDED.value}" in error.invite
        assert "client_id=" in error.invite

    @pytest.mark.parametrize("server", [5, "5"])
    def test_an_id_that_is_none_of_the_bots_servers_is_told_as_an_id(self, place, server):
        error = self.fails(place, ServerNotFound, Database("shop", server=server))
        assert "no server with the id 5, or of that name (it is in: 'shop')" in str(error)
        assert "make a server" not in str(error)
        assert error.invite in str(error)

    def test_a_server_that_exists_but_that_the_bot_is_not_in(self, place):
        place.discord.create_server("store")
        assert self.fails(place, ServerNotFound, Database("store")).present == ["shop"]

    def test_a_bot_that_is_in_no_server(self, place):
        lonely = place.discord.create_bot("lonely")
        assert "none at all" in str(self.fails(place, ServerNotFound, token=lonely))

    def test_several_servers_of_that_name_can_be_told_apart_by_id(self, place):
        other = place.discord.create_server("shop")
        place.discord.add_bot(place.token, other)
        error = self.fails(place, ServerAmbiguous)
        assert str(other) in str(error)
        assert str(place.server) in str(error)
        database = Database("shop", server=other)
        with place.conn(database):
            assert "log-0" in place.discord.channels(other).values()
            assert place.discord.channels(place.server) == {}

    def test_another_server_name_can_be_given(self, place):
        with place.conn(Database("stock", server="shop")):
            assert "log-0" in place.discord.channels(place.server).values()

    def test_a_missing_permission_is_named(self, place):
        place.discord.set_permissions(place.server, EVERYONE_DEFAULT & ~ATTACH_FILES)
        place.discord.set_permissions(place.server, BOT_DEFAULT & ~ATTACH_FILES, token=place.token)
        error = self.fails(place, MissingPermission)
        assert error.missing == ["attach_files"]
        assert "attach_files" in str(error)
        assert f"guild_id={place.server}" in error.invite

    def test_missing_permissions_are_named_in_discords_words(self, place):
        # discord.py says read_messages for what Discord calls View Channel.
        for whose in ({}, {"token": place.token}):
            place.discord.set_permissions(place.server, 0, **whose)
        error = self.fails(place, MissingPermission)
        assert set(error.missing) == {
            "view_channel",
            "send_messages",
            "attach_files",
            "read_message_history",
            "manage_channels",
            "manage_roles",
        }

    def test_an_administrator_lacks_nothing(self, place):
        place.discord.set_permissions(place.server, 1 << 3, token=place.token)
        database, item = shop()
        with place.conn(database):
            assert item(name="hat").save().pk == 1

    def test_a_full_server(self, place):
        rest = place.discord
        fill(rest.api_url, place.token, place.server, 498)
        error = self.fails(place, ServerFull, within=5)
        assert "500 channels" in str(error)

    def test_an_address_where_nobody_answers(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        database, _ = shop()
        began = time.perf_counter()
        database.login_thread(WRONG_TOKEN, api_url=f"http://127.0.0.1:{port}/api/v10")
        with pytest.raises(ConnectError, match=f"127.0.0.1:{port}.* cannot be reached"):
            database.wait_ready(20)
        assert time.perf_counter() - began < 5


def fill(api_url: str, token: str, server: int, channels: int) -> None:
    """Make channels until a server has so many."""
    import aiohttp

    async def make() -> None:
        headers = {"Authorization": f"Bot {token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            for number in range(channels):
                url = f"{api_url}/guilds/{server}/channels"
                async with session.post(url, json={"name": f"c{number}"}) as answer:
                    assert answer.status == 201

    asyncio.run(make())


class TestMisuse:
    @pytest.mark.timeout(20)  # a login that is not refused blocks for ever
    def test_logging_in_twice(self, place):
        database, item = shop()
        with place.conn(database):
            for login in (database.login, database.login_task, database.login_thread):
                with pytest.raises(AlreadyConnected, match=r"close\(\) it before another login"):
                    login(place.token, api_url=place.api_url)
            with pytest.raises(AlreadyConnected), place.conn(database):
                pass
            item(name="the first login goes on").save()

    def test_a_table_before_login(self):
        _, item = shop()
        for use in (
            item(name="hat").save,
            lambda: item.get(1),
            lambda: len(item.find()),
            item.find_unique,
            lambda: item.save_many([item(name="hat")]),
        ):
            with pytest.raises(NotConnected, match="'shop' is not connected"):
                use()

    def test_a_table_after_close(self, place):
        database, item = shop()
        with place.conn(database):
            hat = item(name="hat").save()
        for use in (
            hat.save,
            hat.delete,
            hat.refresh,
            lambda: item.get(1),
            lambda: len(item.find()),
        ):
            with pytest.raises(NotConnected, match="closed: log in again"):
                use()

    def test_a_query_that_was_used_keeps_its_records_after_close(self, place):
        database, item = shop()
        with place.conn(database):
            item(name="hat").save()
            found = item.find()
            assert [each.name for each in found] == ["hat"]
        assert len(found) == 1
        assert found[0].name == "hat"

    def test_a_class_that_is_not_attached(self):
        class Item(Table):
            name: str

        for use in (Item(name="hat").save, Item.find, lambda: Item.get(1)):
            with pytest.raises(TableError, match=r"put @db\.table above"):
                use()

    def test_close_without_login_and_twice(self, place):
        database, _ = shop()
        database.close()
        with place.conn(database):
            assert len(threads()) == 1
            database.close()
            database.close()
            assert threads() == []

    def test_no_token(self):
        database, _ = shop()
        with pytest.raises(BadToken, match="DISCOBASE_TOKEN"):
            database.login()
        with pytest.raises(BadToken):
            database.login_thread("  ")

    @pytest.mark.parametrize("token", [5, b"local", ["local"]])
    def test_a_token_that_is_no_text(self, token):
        with pytest.raises(BadToken, match=f"a text, not {type(token).__name__}"):
            shop()[0].login_thread(token)

    @pytest.mark.parametrize("token", ["Local", "LOCAL", "locl", " Local:dev.db"])
    def test_a_misspelt_local_is_told_at_once(self, token):
        with pytest.raises(BadToken, match="did you mean 'local"):
            shop()[0].login_task(token)

    @pytest.mark.parametrize(
        "token",
        ["shop.db", "./shop", "local/shop.db", "C:\\shop", "sqlite:///a-secret", "a.sqlite3"],
    )
    def test_a_path_in_the_place_of_a_token_is_told_at_once(self, token):
        with pytest.raises(BadToken, match="write 'local:PATH'") as refused:
            shop()[0].login_task(token)
        assert token not in str(refused.value)

    def test_an_address_that_is_no_text(self):
        with pytest.raises(UsageError, match=r"^api_url=5: "):
            shop()[0].login_task(WRONG_TOKEN, api_url=5)

    @pytest.mark.parametrize("name", [5, "", None, b"shop"])
    def test_a_database_whose_name_is_none(self, name):
        with pytest.raises(UsageError, match=r"is no name for a database.*server="):
            Database(name)

    @pytest.mark.parametrize(
        "argument",
        [
            {"server": ""},
            {"server": 0},
            {"server": 1.5},
            {"timeout": False},
            {"timeout": -1},
            {"timeout": float("nan")},
            {"timeout": "60"},
            {"attachment_limit": 0},
            {"attachment_limit": -5},
            {"attachment_limit": True},
            {"attachment_limit": 1e6},
        ],
    )
    def test_an_argument_that_makes_no_sense_is_named(self, argument):
        with pytest.raises(UsageError, match=f"^{next(iter(argument))}="):
            Database("shop", **argument)

    @pytest.mark.parametrize("name", [5, "", "n" * 101])
    def test_a_table_name_that_is_none(self, name):
        class Item(Table):
            name: str

        database = Database("shop")
        with pytest.raises(TableError, match="is no name for a table"):
            database.table(name=name)(Item)
        database.table(name="n" * 100)(Item)
        assert database.tables == {"n" * 100: Item}

    def test_the_class_all_tables_derive_from_is_none_itself(self):
        with pytest.raises(TableError, match=r"derived from discobase\.Table"):
            Database("shop").table(Table)

    def test_a_saved_object_given_twice_to_one_save_many(self, place):
        database, item = shop()
        with place.conn(database):
            hat = item(name="hat").save()
            with pytest.raises(UsageError, match="the same object twice"):
                item.save_many([hat, item(name="cap"), hat])
            assert len(item.find()) == 1

    def test_reading_while_it_closes_says_so(self, place):
        database, item = shop()
        said: list[str] = []
        session = None
        with place.conn(database):
            item(name="hat").save()
            session = database._source.session()
            place.discord.set(latency=1.0)
            committer = session.engine("the test", 1)._engine._committer
            saver = threading.Thread(target=item(name="cap").save)
            saver.start()
            assert soon(lambda: committer._sent)
            session.ask_to_close()
            while not session.over:
                try:
                    item.get(1)
                except (Disconnected, NotConnected) as error:
                    said.append(str(error))
            saver.join()
        assert [words for words in said if "is being closed" in words]
        assert not [words for words in said if "written" in words]

    def test_closing_while_saving_tells_each_waiter_the_truth(self, place):
        database, item = shop()
        with place.conn(database):
            item(name="the schema is there").save()
        place.discord.set(latency=0.05)
        outcomes: list[object] = []
        with place.conn(database):
            savers = [
                threading.Thread(
                    target=lambda n=n: outcomes.append((n, in_thread(item(name=f"n{n}").save)))
                )
                for n in range(8)
            ]
            place.forget_calls()
            for saver in savers:
                saver.start()
            assert soon(lambda: place.sends > 0)
        for saver in savers:
            saver.join()
        outcomes.append((8, in_thread(item(name="n8").save)))
        place.discord.set(latency=0.0)
        with place.conn(database):
            there = {record.name for record in item.find()}
        saved = {number for number, outcome in outcomes if isinstance(outcome, Table)}
        refused = {number: outcome for number, outcome in outcomes if number not in saved}
        assert len(outcomes) == 9
        assert saved
        assert there == {"the schema is there", *(f"n{number}" for number in saved)}
        assert {type(error) for error in refused.values()} <= {Disconnected, NotConnected}
        assert type(refused[8]) is NotConnected


@pytest.mark.parametrize("flag", [1, 0, None, "no"])
def test_a_flag_that_is_no_bool_is_told_and_not_taken_for_one(place, flag):
    database, item = shop()
    with place.conn(database):
        saved = item(name="one").save()
        for name, call in {
            "strict": lambda: item.get(1, strict=flag),
            "fresh": lambda: item.get(1, fresh=flag),
            "strict ": lambda: item.find_unique(name="one", strict=flag),
            "fresh ": lambda: item.find(fresh=flag),
            " fresh": lambda: item.find().find(fresh=flag),
            "if_unchanged": lambda: saved.update(if_unchanged=flag),
            "if_unchanged ": lambda: saved.delete(if_unchanged=flag),
        }.items():
            with pytest.raises(UsageError, match=f"{name.strip()}={flag!r}: give True or False"):
                call()
        assert len(item.find()) == 1


@pytest.mark.parametrize("pk", [True, False])
def test_a_bool_is_no_primary_key(place, pk):
    database, item = shop()
    with place.conn(database):
        item(name="one").save()
        for call in (item.get, item.raw, item.discard, lambda pk: item.find(pk=pk)):
            with pytest.raises(pydantic.ValidationError, match="pk"):
                call(pk)
        assert len(item.find()) == 1


def test_a_class_that_is_attached_a_second_time_is_told_so_and_not_to_take_another_name():
    database, item = shop()
    with pytest.raises(TableError, match="already, and it is this very class: attach it once"):
        database.table(item)
    with pytest.raises(TableError, match="is attached already, as 'Item' of 'shop'"):
        database.table(name="other")(item)


def test_a_larger_attachment_limit_is_advised_only_where_it_helps():
    most = 24 * 1024 * 1024
    assert "raise attachment_limit" in str(RecordTooLarge(most + 1, 20 * 1024 * 1024))
    for limit in (Limits(attachment=most).payload, Limits(attachment=2 * most).payload):
        told = str(RecordTooLarge(most + 1, limit))
        assert "raise attachment_limit" not in told
        assert "Store less in one record" in told
