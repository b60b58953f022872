"""Each way to log in, and to log out."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
import traceback
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

import pytest

import discobase
from discobase import Database
from discobase.errors import (
    BadToken,
    Disconnected,
    NotConnected,
    WaitTimeout,
)
from tests.database.shop import WRONG_TOKEN, in_thread, shop, soon, threads


class TestConn:
    def test_it_connects_saves_finds_and_closes(self, place):
        database, item = shop()
        with place.conn(database) as given:
            assert given is database
            item(name="hat").save()
            assert item.find_unique(name="hat").pk == 1
        assert threads() == []
        with pytest.raises(NotConnected, match="was closed: log in again"):
            item.find_unique(name="hat")

    def test_it_is_ready_in_well_under_a_second_without_waiting_for_the_guild_timer(self, place):
        database, _ = shop()
        for _ in ("the database is created", "the database is there"):
            began = time.perf_counter()
            with place.conn(database):
                assert time.perf_counter() - began < 1.5

    def test_it_waits_as_long_as_the_database_does_and_without_limit_for_none(self, place):
        place.discord.set(latency=0.02)
        database = Database("shop", timeout=0.01)
        connected = database.conn(place.token, api_url=place.api_url)
        with pytest.raises(WaitTimeout, match=r"after 0\.01 s"), connected:
            pass
        with database.conn(place.token, api_url=place.api_url, timeout=None):
            assert database.head == 0

    def test_what_was_saved_is_there_after_another_login(self, place):
        database, item = shop()
        with place.conn(database):
            saved = item(name="hat").save()
        with place.conn(database):
            assert item.get(saved.pk) == saved
            assert item(name="cap").save().pk == 2

    def test_it_works_on_another_thread(self, place):
        database, item = shop()

        def work() -> str:
            with place.conn(database):
                item(name="hat").save()
                return item.find_unique().name

        assert in_thread(work) == "hat"

    def test_async_with_works_and_leaves_the_loop_free(self, place):
        database, item = shop()

        async def work() -> int:
            async with place.conn(database):
                await asyncio.to_thread(item(name="hat").save)
                return len(item.find())

        assert asyncio.run(work()) == 1
        assert threads() == []

    def test_async_with_that_is_cancelled_while_it_connects_closes_what_it_began(self, place):
        place.discord.set(latency=0.5)
        database, item = shop()

        async def work() -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2), place.conn(database):
                    raise AssertionError("it cannot be connected yet")
            assert threads() == []
            place.discord.set(latency=0.0)
            async with place.conn(database):
                await asyncio.to_thread(item(name="hat").save)

        asyncio.run(work())
        assert threads() == []

    def test_async_with_that_is_cancelled_while_it_closes_closes_all_the_same(self, place):
        database, _ = shop()
        left = asyncio.Event()

        async def work() -> None:
            async with place.conn(database):
                left.set()

        async def cancelled() -> None:
            task = asyncio.create_task(work())
            await left.wait()
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert threads() == []

        asyncio.run(cancelled())

    def test_an_error_inside_closes_and_comes_out(self, place):
        database, _ = shop()
        with pytest.raises(ZeroDivisionError), place.conn(database):
            1 / 0  # noqa: B018
        assert threads() == []

    def test_a_failed_login_leaves_no_thread_and_can_be_tried_again(self, place):
        database, item = shop()
        with pytest.raises(BadToken), database.conn(WRONG_TOKEN, api_url=place.api_url):
            pass
        assert threads() == []
        with place.conn(database):
            item(name="hat").save()


class TestLogin:
    def test_it_blocks_until_the_database_is_closed_elsewhere(self, place):
        database, item = shop()
        ended = threading.Event()

        def live() -> None:
            database.login(place.token, api_url=place.api_url)
            ended.set()

        thread = threading.Thread(target=live)
        thread.start()
        assert soon(lambda: "connected, " in repr(database) and "not" not in repr(database))
        database.wait_ready(10)
        item(name="hat").save()
        assert not ended.is_set()
        database.close()
        assert ended.wait(5)
        thread.join()

    def test_on_the_main_thread_it_ends_when_another_one_closes(self, place):
        database, item = shop()
        seen: list[str] = []

        def close() -> None:
            assert soon(lambda: "not connected" not in repr(database))
            database.wait_ready(10)
            seen.append(item(name="hat").save().name)
            database.close()

        thread = threading.Thread(target=close)
        thread.start()
        database.login(place.token, api_url=place.api_url)
        thread.join()
        assert seen == ["hat"]

    def test_it_raises_why_it_cannot_connect(self, place):
        database, _ = shop()
        with pytest.raises(BadToken, match="Reset Token"):
            database.login(WRONG_TOKEN, api_url=place.api_url)


class TestLoginTask:
    def test_it_returns_at_once_and_finishes_when_the_database_is_closed(self, place):
        place.discord.set(latency=0.2)
        database, item = shop()
        began = time.perf_counter()
        task = database.login_task(place.token, api_url=place.api_url)
        assert time.perf_counter() - began < 0.2
        assert not task.done()
        place.discord.set(latency=0.0)
        database.wait_ready(10)
        item(name="hat").save()
        assert task.running()
        with pytest.raises(FutureTimeout):
            task.result(0.01)
        database.close()
        assert task.done()
        assert task.result(0) is None

    def test_cancel_closes_the_connection(self, place):
        database, item = shop()
        task = database.login_task(place.token, api_url=place.api_url)
        database.wait_ready(10)
        assert task.cancel() is True
        assert task.result(5) is None
        assert task.cancel() is False
        with pytest.raises(NotConnected):
            item(name="hat").save()
        assert soon(lambda: threads() == [])

    def test_cancel_while_connecting_ends_it_and_tells_those_who_wait(self, place):
        place.discord.set(latency=0.5)
        database, _ = shop()
        task = database.login_task(place.token, api_url=place.api_url)
        task.cancel()
        with pytest.raises(Disconnected, match="closed"):
            database.wait_ready(5)
        assert task.result(5) is None

    def test_it_can_be_awaited_in_any_loop(self, place):
        database, _ = shop()

        async def work() -> None:
            task = database.login_task(place.token, api_url=place.api_url)
            await asyncio.to_thread(database.wait_ready, 10)
            closing = asyncio.create_task(asyncio.to_thread(database.close))
            await asyncio.wait_for(task, 5)
            await closing

        asyncio.run(work())

    def test_it_lives_on_when_nobody_holds_the_handle(self, place):
        database, item = shop()
        database.login_task(place.token, api_url=place.api_url)
        for _ in range(3):
            gc.collect()
        database.wait_ready(10)
        gc.collect()
        item(name="hat").save()
        database.close()

    def test_it_finishes_when_its_database_was_collected(self):
        for wait in (False, True):
            database = Database("nobody keeps it")
            task = database.login_task("local")
            if wait:
                database.wait_ready(10)
            with pytest.warns(ResourceWarning, match="nobody keeps it"):
                database = gc.collect()
            assert task.result(10) is None

    def test_it_fails_with_the_reason(self, place):
        database, _ = shop()
        task = database.login_task(WRONG_TOKEN, api_url=place.api_url)
        with pytest.raises(BadToken):
            task.result(5)
        assert isinstance(task.exception(), BadToken)

    def test_callbacks_are_told_of_the_end(self, place):
        database, _ = shop()
        told = threading.Event()
        task = database.login_task(place.token, api_url=place.api_url)
        task.add_done_callback(lambda _: told.set())
        database.wait_ready(10)
        database.close()
        assert told.wait(5)


class TestLoginThread:
    def test_it_returns_the_dedicated_daemon_thread_which_ends_on_close(self, place):
        database, item = shop()
        thread = database.login_thread(place.token, api_url=place.api_url)
        assert isinstance(thread, threading.Thread)
        assert thread.is_alive()
        assert thread.daemon
        database.wait_ready(10)
        item(name="hat").save()
        database.close()
        thread.join(5)
        assert not thread.is_alive()

    def test_it_ends_when_the_login_fails(self, place):
        database, _ = shop()
        thread = database.login_thread(WRONG_TOKEN, api_url=place.api_url)
        thread.join(5)
        assert not thread.is_alive()
        with pytest.raises(BadToken):
            database.wait_ready(1)

    def test_from_another_thread_it_serves_all_threads(self, place):
        database, item = shop()
        thread = in_thread(lambda: database.login_thread(place.token, api_url=place.api_url))
        database.wait_ready(10)
        assert in_thread(lambda: item(name="hat").save().pk) == 1
        assert item.get(1).name == "hat"
        database.close()
        assert not thread.is_alive()

    def test_the_first_save_waits_until_the_login_is_done(self, place):
        database, item = shop()
        database.login_thread(place.token, api_url=place.api_url)
        assert item(name="hat").save().pk == 1
        assert item.find_unique().name == "hat"
        database.close()

    def test_a_call_at_the_moment_of_readiness_is_not_told_of_a_close(self, place, monkeypatch):
        database, item = shop()
        with place.conn(database):
            session = database._source.session()
            engine, opened = session._engine, session._opened

            class Opened:
                @property
                def settled(self) -> bool:
                    session._engine = engine
                    return opened.settled

            session._engine = None
            monkeypatch.setattr(session, "_opened", Opened())
            assert list(item.find()) == []


class TestAFailedLogin:
    def test_it_is_raised_without_being_logged_as_an_error_too(self, place, caplog):
        caplog.set_level(logging.INFO, logger="discobase")
        database, _ = shop()
        with pytest.raises(BadToken), database.conn(WRONG_TOKEN, api_url=place.api_url):
            pass
        with pytest.raises(BadToken):
            database.login(WRONG_TOKEN, api_url=place.api_url)
        ends = [record for record in caplog.records if "has ended" in record.getMessage()]
        assert [record.levelname for record in ends] == ["INFO", "INFO"]

    def test_it_is_logged_as_an_error_where_nobody_waits_for_it(self, place, caplog):
        database, _ = shop()
        database.login_thread(WRONG_TOKEN, api_url=place.api_url).join(5)
        (end,) = (record for record in caplog.records if "has ended" in record.getMessage())
        assert end.levelname == "ERROR"
        assert "portal" in end.getMessage()

    def test_its_traceback_ends_where_the_caller_waited(self, place, monkeypatch):
        monkeypatch.delenv("DISCOBASE_TRACEBACK", raising=False)
        deepest: list[str] = []
        for _ in ("short", "full"):
            with (
                pytest.raises(BadToken) as caught,
                shop()[0].conn(WRONG_TOKEN, api_url=place.api_url),
            ):
                pass
            lines = traceback.extract_tb(caught.value.__traceback__)
            inside = Path(lines[-1].filename).relative_to(Path(discobase.__file__).parent)
            deepest.append(inside.parts[0])
            assert lines[0].filename == __file__
            monkeypatch.setenv("DISCOBASE_TRACEBACK", "full")
        assert deepest == ["portal", "engine"]
