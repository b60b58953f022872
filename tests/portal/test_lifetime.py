"""A portal starts once, stops for good, and is stopped when nobody holds it any more."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import inspect
import selectors
import threading
import time
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import pytest

from discobase.errors import ConnectError, Disconnected, NotConnected, OutcomeUnknown
from discobase.portal import Portal


def test_a_thousand_starts_at_once_make_one_loop() -> None:
    portal = Portal("thousand")
    loops: set[asyncio.AbstractEventLoop] = set()
    gate = threading.Barrier(8)

    def start() -> None:
        gate.wait(5)
        for _ in range(125):
            portal.start()
            loops.add(portal.loop)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(loops) == 1
    assert [t.name for t in threading.enumerate()].count("thousand") == 1
    portal.stop()


def test_the_thread_is_a_daemon_with_the_portals_name(portal: Portal) -> None:
    assert portal.thread.daemon
    assert portal.thread.name == "discobase"
    assert portal.alive
    assert not portal.forked
    assert repr(portal) == "<Portal 'discobase': alive>"


def test_stop_ends_the_thread_and_closes_the_loop_however_often_it_is_called() -> None:
    portal = Portal()
    portal.start()
    threads = [threading.Thread(target=portal.stop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    portal.stop()
    assert not portal.alive
    assert not portal.thread.is_alive()
    assert portal.loop.is_closed()
    assert repr(portal) == "<Portal 'discobase': not running>"


def test_a_stopped_portal_can_be_started_again() -> None:
    portal = Portal()
    portal.start()
    first = portal.thread
    portal.stop()
    portal.start()
    assert portal.thread is not first
    assert portal.call(asyncio.sleep, 0, "again") == "again"
    portal.stop()


def test_stop_closes_async_generators_and_lets_coroutines_clean_up() -> None:
    closed: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            closed.append("generator")

    async def clean_up() -> None:
        await asyncio.sleep(0.05)
        closed.append("task made while stopping")

    abandoned = numbers()

    async def hold() -> None:
        await anext(abandoned)
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.create_task(clean_up())
            closed.append("coroutine")

    portal = Portal()
    portal.start()
    portal.submit(hold)
    portal.call(asyncio.sleep, 0.01)
    portal.stop()
    assert closed == ["task made while stopping", "coroutine", "generator"]


def test_a_task_that_is_made_while_the_portal_stops_is_cancelled_too() -> None:
    portal = Portal()
    portal.start()
    made: list[asyncio.Task[None]] = []

    async def leave_another() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            made.append(asyncio.create_task(asyncio.sleep(60)))
            raise

    portal.submit(leave_another)
    portal.call(asyncio.sleep, 0)
    portal.stop()
    assert [task.cancelled() for task in made] == [True]


def test_stop_on_the_loop_thread_does_not_wait_for_itself() -> None:
    portal = Portal()
    portal.start()

    async def stop() -> str:
        portal.stop()
        return "returned"

    future = portal.submit(stop)
    assert future.result(5) == "returned"
    portal.thread.join(5)
    assert not portal.thread.is_alive()


def test_stop_does_not_wait_longer_than_it_may(caplog: pytest.LogCaptureFixture) -> None:
    portal = Portal()
    portal.start()
    begun, release = threading.Event(), threading.Event()

    async def block() -> None:
        begun.set()
        release.wait(10)

    portal.submit(block)
    assert begun.wait(5)
    before = time.monotonic()
    portal.stop(timeout=0.3)
    assert 0.3 <= time.monotonic() - before < 2
    assert "did not end within 0.3 s; it is at:" in caplog.text
    assert "release.wait(10)" in caplog.text
    release.set()
    portal.thread.join(5)
    assert not portal.thread.is_alive()


def test_what_does_not_heed_its_cancellation_is_left_behind_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard = 0

    async def stubborn() -> None:
        nonlocal heard
        while heard < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                heard += 1

    portal = Portal()
    portal.start()
    future = portal.submit(stubborn)
    portal.call(asyncio.sleep, 0)
    portal.stop(timeout=0.5)
    portal.thread.join(5)
    assert "'discobase' is closed, although these did not end: ['test_" in caplog.text
    assert "stubborn()']" in caplog.text
    assert isinstance(future.exception(5), concurrent.futures.CancelledError)
    with pytest.raises(OutcomeUnknown):
        portal.wait(future, timeout=1, what="it")


def test_what_has_not_begun_when_the_portal_is_stopped_never_begins() -> None:
    portal = Portal()
    portal.start()
    begun, release = threading.Event(), threading.Event()
    ran: list[str] = []

    async def block() -> None:
        begun.set()
        release.wait(10)

    async def run() -> None:
        ran.append("ran")

    portal.submit(block)
    assert begun.wait(5)
    future = portal.submit(run)
    portal.stop(timeout=0)
    release.set()
    assert concurrent.futures.wait([future], 5).done == {future}
    with pytest.raises(Disconnected, match="had not begun when 'discobase' was closed; nothing"):
        portal.wait(future, timeout=5, what="it")
    assert ran == []


def test_a_loop_that_fails_before_it_runs_is_the_starters_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class DeafSelector(selectors.SelectSelector):
        def select(self, timeout: float | None = None) -> NoReturn:
            raise OSError("deaf")

    portal = Portal("deaf")
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", lambda: asyncio.SelectorEventLoop(DeafSelector()))
        with pytest.raises(ConnectError, match="'deaf' could not be started: OSError: deaf"):
            portal.start()
    assert not portal.alive
    portal.start()
    assert portal.call(asyncio.sleep, 0, "heard") == "heard"
    portal.stop()


def test_calls_racing_a_stop_all_end() -> None:
    portal = Portal()
    portal.start()
    outcomes: list[str] = []

    def call() -> None:
        while True:
            try:
                outcomes.append(portal.call(asyncio.sleep, 0, "done", timeout=5))
            except Disconnected:
                outcomes.append("cut short")
            except NotConnected:
                return

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(outcomes) < 100:
        time.sleep(0.001)
    portal.stop()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert set(outcomes) <= {"done", "cut short"}


def test_a_forgotten_portal_is_stopped_with_a_warning_that_names_its_line() -> None:
    portal = Portal("forgotten")
    portal.start()
    line = inspect.currentframe().f_lineno - 1  # type: ignore[union-attr]
    thread, future = portal.thread, portal.submit(asyncio.sleep, 60)
    with pytest.warns(ResourceWarning) as warned:
        del portal
    thread.join(5)
    assert not thread.is_alive()
    assert future.done()
    [warning] = warned
    assert (Path(warning.filename).name, warning.lineno) == (Path(__file__).name, line)
    assert str(warning.message).startswith(
        f"'forgotten' was never closed; it was opened at {__file__}:{line}."
    )


def test_an_owner_that_is_collected_can_abandon_its_portal() -> None:
    portal = Portal("abandoned")
    portal.start()
    with pytest.warns(ResourceWarning, match="'abandoned' was never closed"):
        portal.abandon()
    portal.thread.join(5)
    assert not portal.thread.is_alive()
    assert portal.failure is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        portal.abandon()
        del portal


def test_a_stopped_portal_is_forgotten_in_silence() -> None:
    portal = Portal()
    portal.start()
    portal.stop()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del portal
        gc.collect()


def test_a_portal_may_be_collected_on_its_own_loop_thread() -> None:
    portal = Portal()
    portal.start()
    thread = portal.thread
    box = [portal]
    go = threading.Event()

    async def forget() -> None:
        await asyncio.to_thread(go.wait, 5)
        box.clear()

    portal.submit(forget)
    del portal
    go.set()
    with pytest.warns(ResourceWarning):
        thread.join(5)
    assert not thread.is_alive()
