"""Who waits for an opening that takes long is told how far it has come."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import sys
import threading

import pytest

from discobase import Progress
from discobase.errors import UsageError
from tests.database.shop import shop


@pytest.fixture
def impatient(monkeypatch):
    """Who waits is told at once, not after two seconds."""
    monkeypatch.setattr("discobase.progress_bar.PATIENCE", 0.0)


@pytest.fixture
def slow(place):
    """A database with nine commits, on a server that takes a quarter of a second for each call."""
    database, item = shop()
    with place.conn(database):
        for number in range(9):
            item(name=str(number)).save()
    place.discord.set(latency=0.25)
    return place


class Terminal(io.StringIO):
    """What shows a bar."""

    def isatty(self):
        return True


def test_each_step_of_a_long_opening_is_told_on_the_thread_that_waits(slow, impatient):
    told: list[Progress] = []
    threads = set()

    def tell(progress):
        threads.add(threading.get_ident())
        told.append(progress)

    database, item = shop()
    with database.conn(slow.token, api_url=slow.api_url, progress=tell):
        assert len(item.find()) == 9
    assert threads == {threading.get_ident()}
    steps = list(dict.fromkeys(progress.doing for progress in told))
    assert steps[:3] == ["logging in", "looking for the database", "reading the log"]
    assert len(told) == len(set(told)), "the same was told again"
    with pytest.raises(dataclasses.FrozenInstanceError):
        told[0].done = 7


def test_how_much_has_been_read_is_told_and_how_much_there_is(place, impatient, monkeypatch):
    monkeypatch.setattr("discobase.engine.reading._SHORT_SECONDS", 0.0)
    monkeypatch.setattr("discobase.engine.checkpoints.keeper.is_due", lambda *_: False)
    database, item = shop()
    with place.conn(database):
        for number in range(450):
            item(name=str(number)).save()
    place.discord.set(latency=0.5)
    told: list[Progress] = []
    database, _ = shop()
    with database.conn(place.token, api_url=place.api_url, progress=told.append):
        pass
    read = [each for each in told if each.doing == "reading the log" and each.total]
    assert {each.total for each in read} == {450}
    assert {each.unit for each in read} == {"commits"}
    assert any(0 < each.done < 450 for each in read)


def test_an_opening_of_less_than_two_seconds_is_not_told_of(slow):
    slow.discord.set(latency=0.05)
    told: list[Progress] = []
    database, _ = shop()
    database.login_thread(slow.token, api_url=slow.api_url)
    try:
        database.wait_ready(progress=told.append)
    finally:
        database.close()
    assert told == []


def test_what_the_callback_raises_reaches_the_caller_and_the_login_goes_on(slow, impatient):
    def refuse(progress):
        raise KeyError(progress.doing)

    database, item = shop()
    database.login_thread(slow.token, api_url=slow.api_url)
    with pytest.raises(KeyError, match="logging in"):
        database.wait_ready(progress=refuse)
    database.wait_ready(10)
    assert len(item.find()) == 9
    database.close()


def test_what_the_callback_raises_closes_what_conn_has_opened(slow, impatient):
    def refuse(progress):
        raise KeyError(progress.doing)

    database, _ = shop()
    with (
        pytest.raises(KeyError),
        database.conn(slow.token, api_url=slow.api_url, progress=refuse),
    ):
        pytest.fail("the callback raised")
    assert "not connected" in repr(database)


def test_in_a_coroutine_the_loop_goes_on_meanwhile(slow, impatient):
    threads = set()

    async def open_it():
        database, item = shop()
        tell = lambda progress: threads.add(threading.get_ident())  # noqa: E731
        async with database.conn(slow.token, api_url=slow.api_url, progress=tell):
            return len(item.find())

    assert asyncio.run(open_it()) == 9
    assert threads
    assert threading.get_ident() not in threads


def test_true_shows_a_bar_where_there_is_a_terminal_and_takes_it_away(slow, impatient, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    database, _ = shop()
    with database.conn(slow.token, api_url=slow.api_url, progress=True):
        shown = terminal.getvalue()
    for step in ("logging in", "looking for the database", "reading the log"):
        assert step in shown
    assert not shown.rpartition("\r")[2].strip()


@pytest.mark.parametrize("lacks", ["terminal", "tqdm", "stderr"])
def test_true_shows_nothing_where_there_is_no_terminal_or_no_tqdm(
    slow, impatient, monkeypatch, lacks
):
    output = io.StringIO() if lacks == "terminal" else Terminal()
    monkeypatch.setattr(sys, "stderr", None if lacks == "stderr" else output)
    if lacks == "tqdm":
        monkeypatch.setitem(sys.modules, "tqdm", None)
    database, item = shop()
    with database.conn(slow.token, api_url=slow.api_url, progress=True):
        assert len(item.find()) == 9
    assert output.getvalue() == ""


@pytest.mark.parametrize("progress", [1, "yes", object()])
def test_what_cannot_be_told_of_progress_is_refused(progress):
    database, _ = shop()
    with pytest.raises(UsageError, match="progress="):
        database.conn("a.b.c", progress=progress)
