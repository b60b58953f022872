"""A call gives what its coroutine gives, to whoever asks, and refuses where it cannot."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import gc
import threading
import weakref
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discobase.errors import NotConnected, WouldDeadlock
from discobase.portal import Portal
from tests.naming import without_address

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="none")


async def echo(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    await asyncio.sleep(0)
    return args, kwargs


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def test_a_call_returns_what_the_coroutine_returns(portal: Portal) -> None:
    assert portal.call(echo, 1, None) == ((1, None), {})


def test_submit_passes_arguments_by_name(portal: Portal) -> None:
    assert portal.submit(echo, 1, timeout=2).result(5) == ((1,), {"timeout": 2})


def test_the_coroutine_runs_on_the_portals_thread_and_loop(portal: Portal) -> None:
    async def where() -> tuple[threading.Thread, asyncio.AbstractEventLoop]:
        return threading.current_thread(), asyncio.get_running_loop()

    assert portal.call(where) == (portal.thread, portal.loop)


def test_the_callers_context_reaches_the_coroutine_and_no_other(portal: Portal) -> None:
    async def read() -> str:
        seen = request_id.get()
        request_id.set("set by the coroutine")
        return seen

    request_id.set("seven")
    assert portal.call(read) == "seven"
    assert request_id.get() == "seven"
    assert contextvars.Context().run(portal.call, read) == "none"


class Peculiar(Exception):
    def __init__(self, one: int, *, two: int) -> None:
        super().__init__("peculiar")
        self.one, self.two = one, two


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        TimeoutError("the coroutine's own"),
        Peculiar(1, two=2),
        KeyboardInterrupt(),
        SystemExit(3),
        GeneratorExit(),
        ExceptionGroup("several", [OSError(5, "five")]),
    ],
    ids=without_address,
)
def test_the_caller_gets_what_the_coroutine_raises_and_the_loop_goes_on(
    portal: Portal, error: BaseException
) -> None:
    with pytest.raises(type(error)) as caught:
        portal.call(fail, error, timeout=5)
    assert caught.value is error
    assert portal.call(echo) == ((), {})


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)], ids=without_address)
def test_a_task_that_raises_such_an_error_does_not_end_the_loop_either(
    portal: Portal, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def in_a_task_of_its_own() -> BaseException | None:
        task = asyncio.create_task(fail(error))
        await asyncio.wait([task])
        return task.exception()

    assert portal.call(in_a_task_of_its_own, timeout=5) is error
    assert portal.call(echo) == ((), {})
    assert [record.message for record in caplog.records] == [
        "a task of 'discobase' would have ended its thread"
    ]


def test_a_coroutine_that_stops_the_loop_does_not_end_it(portal: Portal) -> None:
    async def stop_the_loop() -> None:
        asyncio.get_running_loop().stop()

    portal.call(stop_the_loop, timeout=5)
    assert portal.call(echo, timeout=5) == ((), {})


def test_a_function_that_is_no_coroutine_function_is_an_error_of_the_call(portal: Portal) -> None:
    with pytest.raises(TypeError, match="await"):
        portal.call(len, "abc", timeout=5)  # type: ignore[arg-type]


@given(st.lists(st.one_of(st.integers(), st.text(max_size=3)), max_size=8))
def test_many_calls_at_once_each_get_their_own_answer(values: list[int | str]) -> None:
    portal = Portal()
    portal.start()
    try:
        futures = [portal.submit(echo, value) for value in values]
        assert [future.result(5)[0][0] for future in futures] == values
    finally:
        portal.stop()


def test_a_call_on_the_loop_thread_is_refused_at_once(portal: Portal) -> None:
    async def call_itself() -> None:
        portal.call(echo)

    async def wait_itself() -> None:
        portal.wait(concurrent.futures.Future[None](), timeout=None, what="the save")

    told = r"echo\(\) waits for the thread 'discobase', and was called on that very thread"
    with pytest.raises(WouldDeadlock, match=told):
        portal.call(call_itself, timeout=5)
    with pytest.raises(WouldDeadlock, match="the save waits"):
        portal.call(wait_itself, timeout=5)


def test_the_loop_thread_may_submit(portal: Portal) -> None:
    async def submit_itself() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return await asyncio.wrap_future(portal.submit(echo, 1))

    assert portal.call(submit_itself, timeout=5) == ((1,), {})


def test_a_portal_that_was_not_started_or_is_stopped_says_so() -> None:
    portal = Portal("shop")
    for attempt in (
        lambda: portal.call(echo),
        lambda: portal.submit(echo),
        lambda: portal.thread,
        lambda: portal.loop,
        lambda: portal.wait(concurrent.futures.Future[None](), timeout=1, what="it"),
    ):
        with pytest.raises(NotConnected, match="'shop' was never opened"):
            attempt()
    portal.stop()
    portal.start()
    portal.stop()
    for attempt in (lambda: portal.call(echo), lambda: portal.submit(echo)):
        with pytest.raises(NotConnected, match="'shop' was closed"):
            attempt()


def test_calls_leave_nothing_behind_that_only_the_collector_can_free(portal: Portal) -> None:
    class Payload:
        pass

    class Failure(Exception):
        pass

    left: list[weakref.ref[Any]] = []

    async def fail_afresh() -> None:
        failure = Failure()
        left.append(weakref.ref(failure))
        try:
            raise failure
        finally:
            del failure  # Its traceback holds this frame.

    def pass_something() -> None:
        payload = Payload()
        left.append(weakref.ref(payload))
        portal.call(echo, payload)

    gc.disable()
    try:
        pass_something()
        with suppress(Failure):
            portal.call(fail_afresh)
        with suppress(Failure):
            portal.wait(portal.submit(fail_afresh), timeout=None, what="it")
        portal.call(echo)  # The loop has let go of the calls before this one by now.
        assert [reference() for reference in left] == [None] * 3
    finally:
        gc.enable()
