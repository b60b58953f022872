"""When a wait ends before its future does, the error says what is known of the outcome."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discobase.errors import Disconnected, OutcomeUnknown, WaitTimeout
from discobase.portal import Portal


class Job:
    """A coroutine that says how far it came."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.cancelled = threading.Event()

    async def run(self) -> None:
        self.begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


async def block(begun: threading.Event, release: threading.Event) -> None:
    begun.set()
    release.wait(10)


def test_a_coroutine_that_takes_too_long_is_cancelled(portal: Portal) -> None:
    job = Job()
    with pytest.raises(WaitTimeout, match=r"the look-up did not end within 0\.05 s"):
        portal.call(job.run, timeout=0.05, what="the look-up")
    assert job.cancelled.is_set()


def test_a_write_that_takes_too_long_has_an_unknown_outcome(portal: Portal) -> None:
    job = Job()
    with pytest.raises(
        OutcomeUnknown, match=r"the set-up was under way when its 0\.05 s were over"
    ):
        portal.call(job.run, timeout=0.05, what="the set-up", writes=True)
    assert job.cancelled.is_set()


def test_a_coroutine_that_could_not_begin_is_withdrawn(portal: Portal) -> None:
    begun, release = threading.Event(), threading.Event()
    blocking = portal.submit(block, begun, release)
    assert begun.wait(5)
    job = Job()
    with pytest.raises(WaitTimeout, match="nothing was written"):
        portal.call(job.run, timeout=0.05, writes=True)
    forgotten = weakref.ref(future := portal.submit(job.run))
    assert future.cancel()
    del future
    release.set()
    blocking.result(5)
    portal.call(asyncio.sleep, 0)
    portal.call(asyncio.sleep, 0)
    assert not job.begun.is_set()
    assert forgotten() is None


def test_a_result_that_comes_while_the_coroutine_is_cancelled_is_returned(portal: Portal) -> None:
    async def finish_anyway() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "done"
        return "not cancelled"

    assert portal.call(finish_anyway, timeout=0.05) == "done"


def test_a_coroutine_that_does_not_heed_its_cancellation_is_not_waited_for_long(
    portal: Portal,
) -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    before = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        portal.call(stubborn, timeout=0.05, writes=True)
    assert 1 <= time.monotonic() - before < 3
    portal.loop.call_soon_threadsafe(release.set)


def test_the_coroutines_own_timeout_error_is_not_taken_for_the_waits(portal: Portal) -> None:
    async def time_out() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError) as caught:
        portal.call(time_out, timeout=5)
    assert type(caught.value) is TimeoutError


def test_no_time_at_all_still_gives_what_is_there_already(portal: Portal) -> None:
    future = portal.submit(asyncio.sleep, 0, "there")
    concurrent.futures.wait([future])
    assert portal.wait(future, timeout=0, what="it") == "there"


def test_cancelling_the_future_cancels_the_coroutine(portal: Portal) -> None:
    job = Job()
    future = portal.submit(job.run)
    assert job.begun.wait(5)
    assert future.cancel() is False
    assert isinstance(future.exception(5), concurrent.futures.CancelledError)
    assert job.cancelled.is_set()
    with pytest.raises(OutcomeUnknown, match="the save was under way when it was cancelled"):
        portal.wait(future, timeout=1, what="the save")


def test_a_coroutine_cancelled_on_the_loop_is_an_error_and_no_empty_result(portal: Portal) -> None:
    async def cancel_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(Disconnected, match="it was cancelled"):
        portal.call(cancel_itself, timeout=5)


def test_a_request_is_sent_inside_the_wait(portal: Portal) -> None:
    request: concurrent.futures.Future[str] = concurrent.futures.Future()

    def send() -> None:
        portal.loop.call_soon_threadsafe(request.set_result, "answered")

    assert portal.wait(request, timeout=5, what="the save", send=send) == "answered"


def test_a_waiting_request_is_withdrawn_when_its_time_is_over(portal: Portal) -> None:
    request: concurrent.futures.Future[None] = concurrent.futures.Future()
    with pytest.raises(WaitTimeout, match=r"the save did not begin within 0\.05 s; .* nothing was"):
        portal.wait(request, timeout=0.05, what="the save")
    assert request.cancelled()


def test_a_request_under_way_is_left_alone_when_its_time_is_over(portal: Portal) -> None:
    request: concurrent.futures.Future[str] = concurrent.futures.Future()
    request.set_running_or_notify_cancel()
    with pytest.raises(OutcomeUnknown, match="the save was under way"):
        portal.wait(request, timeout=0.05, what="the save")
    request.set_result("late")
    assert portal.wait(request, timeout=0, what="the save") == "late"


def test_what_others_wait_for_too_is_left_alone_when_one_gives_up(portal: Portal) -> None:
    connection: concurrent.futures.Future[str] = concurrent.futures.Future()
    with pytest.raises(WaitTimeout, match=r"the connection is still to come after 0\.05 s"):
        portal.wait_shared(connection, timeout=0.05, what="the connection")
    assert not connection.cancelled()
    connection.set_result("there")
    assert portal.wait_shared(connection, timeout=0, what="the connection") == "there"


def test_what_others_wait_for_too_does_not_come_from_a_thread_that_has_ended(
    portal: Portal,
) -> None:
    connection: concurrent.futures.Future[str] = concurrent.futures.Future()
    portal.stop()
    with pytest.raises(Disconnected, match="the connection was under way when 'discobase' was"):
        portal.wait_shared(connection, timeout=None, what="the connection")


def test_stopping_tells_those_who_wait(portal: Portal) -> None:
    reading, writing = Job(), Job()
    errors: list[BaseException] = []

    def wait_for(job: Job, writes: bool) -> None:
        with pytest.raises((Disconnected, OutcomeUnknown)) as caught:
            portal.call(job.run, what="it", writes=writes)
        errors.append(caught.value)

    threads = [
        threading.Thread(target=wait_for, args=(reading, False)),
        threading.Thread(target=wait_for, args=(writing, True)),
    ]
    for thread in threads:
        thread.start()
    assert reading.begun.wait(5)
    assert writing.begun.wait(5)
    portal.stop()
    for thread in threads:
        thread.join(5)
    assert sorted(f"{type(error).__name__}: {error}" for error in errors) == [
        "Disconnected: it was under way when 'discobase' was closed.",
        (
            "OutcomeUnknown: it was under way when 'discobase' was closed; "
            "repeat it with the same object, which does it once, or look whether it happened."
        ),
    ]


@pytest.mark.timeout(15)  # it takes no time, or for ever
def test_requests_that_nobody_settles_any_more_do_not_hang_their_waiters(portal: Portal) -> None:
    waiting: concurrent.futures.Future[None] = concurrent.futures.Future()
    running: concurrent.futures.Future[None] = concurrent.futures.Future()
    running.set_running_or_notify_cancel()
    portal.stop()
    with pytest.raises(Disconnected, match="had not begun when 'discobase' was closed; nothing"):
        portal.wait(waiting, timeout=None, what="the save")
    with pytest.raises(OutcomeUnknown, match="was under way when 'discobase' was closed"):
        portal.wait(running, timeout=None, what="the save")


@settings(max_examples=40, deadline=None)
@given(
    takes=st.floats(0, 0.02),
    timeout=st.floats(-0.01, 0.02),
    writes=st.booleans(),
)
def test_whatever_the_timing_the_answer_fits_what_happened(
    takes: float, timeout: float, writes: bool
) -> None:
    portal = _shared_portal()
    history: list[str] = []

    async def work() -> str:
        history.append("begun")
        await asyncio.sleep(takes)
        history.append("done")
        return "result"

    answer: object
    try:
        answer = portal.call(work, timeout=timeout, writes=writes)
    except (WaitTimeout, OutcomeUnknown) as error:
        answer = error
    portal.call(asyncio.sleep, 0)
    if not history:
        assert isinstance(answer, WaitTimeout)
        assert "nothing was written" in str(answer)
    elif history == ["begun"]:
        assert isinstance(answer, OutcomeUnknown if writes else WaitTimeout)
        assert "nothing was written" not in str(answer)
    else:
        assert answer == "result"


_portals: list[Portal] = []


def _shared_portal() -> Portal:
    if not _portals:
        _portals.append(Portal("shared"))
        _portals[0].start()
    return _portals[0]


@pytest.fixture(autouse=True, scope="module")
def _stop_the_shared_portal():
    yield
    for portal in _portals:
        portal.stop()
    _portals.clear()


def test_a_blocked_loop_is_logged_once_with_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    portal = Portal(blocked_after=0.3)
    portal.start()
    begun, release = threading.Event(), threading.Event()
    blocking = portal.submit(block, begun, release)
    assert begun.wait(5)
    with pytest.raises(WaitTimeout):
        portal.call(asyncio.sleep, 0, timeout=1)
    release.set()
    blocking.result(5)
    portal.stop()
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.message.startswith("the loop of 'discobase' has been blocked for 0.")
    assert "release.wait(10)" in record.message


def test_a_slow_coroutine_on_a_healthy_loop_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    portal = Portal(blocked_after=0.2)
    portal.start()
    portal.call(asyncio.sleep, 0.7)
    portal.stop()
    assert caplog.records == []
