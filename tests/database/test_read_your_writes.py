"""Reading what another process has just been told is saved: `fresh=True`, and positions."""

from __future__ import annotations

import gc
import logging
import signal
import threading
import time
from contextlib import ExitStack

import pytest

from discobase import Database
from discobase.errors import (
    Disconnected,
    LogDamaged,
    NotConnected,
    Unavailable,
    UsageError,
    WaitTimeout,
    WouldDeadlock,
)
from tests.database.shop import in_thread, shop, soon

READ = {"method": "GET", "route": "/channels/{channel_id}/messages"}
LOST = {"action": "drop", "event": "MESSAGE_CREATE"}


@pytest.fixture
def two(place):
    """Two writers of one database: each a database and its table."""
    with ExitStack() as stack:
        made = [shop(), shop()]
        for database, _ in made:
            stack.enter_context(place.conn(database))
        yield made


# Fresh reads


@pytest.mark.parametrize(
    "read",
    [
        lambda item, saved: item.find(name=saved.name, fresh=True).one(),
        lambda item, saved: item.find(fresh=True).find(name=saved.name)[0],
        lambda item, saved: item.find(name=saved.name).find(fresh=True)[0],
        lambda item, saved: item.find_unique(name=saved.name, fresh=True),
        lambda item, saved: item.find_unique(name=saved.name, strict=False, fresh=True),
        lambda item, saved: item.get(saved.pk, fresh=True),
    ],
)
def test_a_fresh_read_sees_what_was_saved_before_it_and_costs_one_call(place, two, read):
    (_, mine), (_, other) = two
    mine(name="first").save()
    place.discord.event_fault(**LOST, count=100)
    for number in range(5):
        saved = mine(name=f"hat {number}").save()
        place.forget_calls()
        assert read(other, saved).name == saved.name
        assert place.calls <= 2  # one more, where the head may be known by an event alone
    place.forget_calls()
    read(other, saved)
    assert place.calls == 1


def test_a_fresh_query_reads_nothing_before_it_is_used_and_once_then(place, two):
    (_, mine), (_, other) = two
    query = other.find(fresh=True)
    place.forget_calls()
    assert repr(query) == "<Item.find(fresh=True)>"
    assert repr(query.find(name="hat")) == "<Item.find(name='hat', fresh=True)>"
    assert place.calls == 0
    place.discord.event_fault(**LOST, count=1)
    mine(name="hat").save()
    place.forget_calls()
    assert [found.name for found in query] == ["hat"]
    calls = place.calls
    assert (len(query), query.first().name, query.exists()) == (1, "hat", True)
    assert place.calls == calls


def test_a_fresh_read_says_that_discord_could_not_be_read(place, two):
    (_, mine), (_, other) = two
    mine(name="hat").save()
    place.discord.fault(**READ, status=403)
    with pytest.raises(Unavailable):
        other.get(1, fresh=True)


# Positions


def test_a_version_is_a_position_and_so_is_the_head(two):
    (database, mine), _ = two
    assert database.head == 0
    database.wait_for(0)
    hat = mine(name="hat").save()
    assert database.head == hat.version == 1
    hat.delete()
    assert database.head == 2


def test_waiting_for_what_is_known_costs_no_call(place, two):
    (database, mine), _ = two
    hat = mine(name="hat").save()
    place.forget_calls()
    for timeout in (0, 1, None):
        database.wait_for(hat.version, timeout=timeout)
    database.wait_for(hat.version)
    assert place.calls == 0


def test_an_event_ends_the_wait_at_no_cost_and_soon(place, two):
    (_, mine), (other, theirs) = two
    mine(name="first").save()
    for number in range(20):
        place.forget_calls()
        saved = mine(name=str(number)).save()
        began = time.monotonic()
        other.wait_for(saved.version)
        assert time.monotonic() - began < 0.9
        assert theirs.get(saved.pk).name == saved.name
        assert place.calls == 1  # the save


def test_a_lost_event_is_no_trouble(place, two):
    (_, mine), (other, theirs) = two
    mine(name="first").save()
    place.discord.event_fault(**LOST, count=1)
    saved = mine(name="hat").save()
    place.forget_calls()
    other.wait_for(saved.version, timeout=10)
    assert theirs.get(saved.pk).name == saved.name
    assert 1 <= place.calls <= 2


def test_many_who_wait_share_a_look(place, two):
    (_, mine), (other, _) = two
    mine(name="first").save()
    place.discord.event_fault(**LOST, count=3)
    last = [mine(name=str(number)).save() for number in range(3)][-1]
    place.forget_calls()
    came: list[int] = []

    def wait(position: int) -> None:
        other.wait_for(position, timeout=10)
        came.append(position)

    waiters = [threading.Thread(target=wait, args=(1 + n % last.version,)) for n in range(40)]
    for waiter in waiters:
        waiter.start()
    for waiter in waiters:
        waiter.join(20)
    assert len(came) == 40
    assert place.calls <= 4


def test_a_wait_before_the_commit_ends_with_it_and_each_at_its_own_position(two):
    (_, mine), (other, theirs) = two
    mine(name="first").save()
    other.wait_for(1)
    seen: dict[int, int] = {}

    def wait(position: int) -> None:
        other.wait_for(position, timeout=20)
        seen[position] = len(theirs.find())

    waiters = [threading.Thread(target=wait, args=(position,)) for position in (4, 2, 3, 2)]
    for waiter in waiters:
        waiter.start()
    for position in (2, 3, 4):
        assert position not in seen
        mine(name=str(position)).save()
        assert soon(lambda position=position: position in seen)
        assert seen[position] >= position
    for waiter in waiters:
        waiter.join(20)


def test_ones_own_save_on_another_thread_ends_the_wait(two):
    (database, mine), _ = two
    waiting = threading.Thread(target=database.wait_for, args=(1,), kwargs={"timeout": 20})
    waiting.start()
    mine(name="hat").save()
    waiting.join(5)
    assert not waiting.is_alive()


@pytest.mark.parametrize("timeout", [0, 0.3])
def test_a_position_that_does_not_come_is_named_with_the_one_that_is_here(two, timeout):
    (database, mine), _ = two
    mine(name="hat").save()
    with pytest.raises(WaitTimeout, match=rf"position 7 .* {timeout:g} s: 'shop' is at 1 here"):
        database.wait_for(7, timeout=timeout)


@pytest.mark.parametrize("nonsense", [None, -1, 1.0, True, False, "1", object()])
def test_what_is_no_position_is_refused(two, nonsense):
    (database, _), _ = two
    with pytest.raises(UsageError, match="is no position"):
        database.wait_for(nonsense)


@pytest.mark.parametrize("nonsense", [-1, float("nan"), "1", True])
def test_a_timeout_that_is_none_is_refused(two, nonsense):
    (database, _), _ = two
    with pytest.raises(UsageError, match="timeout"):
        database.wait_for(1, timeout=nonsense)


def test_without_a_connection_there_is_nothing_to_wait_for():
    with pytest.raises(NotConnected):
        Database("shop").wait_for(1)


def test_a_wait_begun_while_it_connects_goes_on_when_it_has(place):
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
    database.login_thread(place.token, api_url=place.api_url)
    try:
        database.wait_for(1, timeout=10)
        assert item.get(1).name == "hat"
    finally:
        database.close()


def test_a_wait_ends_when_the_database_is_closed(place):
    database, _ = shop()
    with place.conn(database):
        raised: list[BaseException] = []

        def wait() -> None:
            try:
                database.wait_for(5, timeout=None)
            except Disconnected as error:
                raised.append(error)

        waiters = [threading.Thread(target=wait) for _ in range(5)]
        for waiter in waiters:
            waiter.start()
        time.sleep(0.1)
    for waiter in waiters:
        waiter.join(5)
    assert len(raised) == 5


def test_a_wait_goes_on_while_discord_cannot_be_read(place, two):
    (_, mine), (other, _) = two
    mine(name="first").save()
    place.discord.event_fault(**LOST, count=1)
    saved = mine(name="hat").save()
    place.discord.fault(**READ, status=403)
    other.wait_for(saved.version, timeout=20)


def test_a_wait_ends_when_the_log_is_damaged(place, two, hasty):
    (one, mine), (other, _) = two
    mine(name="first").save()
    other.wait_for(1)
    place.discord.event_fault(**LOST, count=2)
    mine(name="second").save()
    second = place.frames()[-1]
    mine(name="third").save()
    one.close()  # it would heal it
    place.discord.delete_message(int(second["channel_id"]), int(second["id"]))
    with pytest.raises(LogDamaged):
        other.wait_for(3, timeout=30)


def test_a_signal_handler_may_wait_while_what_it_interrupts_does(two):
    (_, mine), (other, _) = two
    mine(name="first").save()
    seen: list[int] = []

    def handle(*_: object) -> None:
        other.wait_for(2, timeout=10)
        seen.append(other.head)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        saving = threading.Timer(0.6, lambda: mine(name="second").save())
        saving.start()
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        other.wait_for(2, timeout=10)
        saving.join()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert seen == [2]


def test_on_the_databases_own_thread_it_refuses_to_wait_for_itself(two, monkeypatch):
    (database, mine), _ = two
    refused: list[BaseException] = []

    class Waits(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if threading.current_thread().name.startswith("discobase") and not refused:
                try:
                    database.wait_for(9, timeout=5)
                except WouldDeadlock as error:
                    refused.append(error)

    logger = logging.getLogger("discobase")
    handler = Waits()
    logger.addHandler(handler)
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    try:
        place_of_log = logging.getLogger("discobase.engine.engine")
        database._source.session().portal.loop.call_soon_threadsafe(place_of_log.error, "a word")
        assert soon(lambda: refused)
    finally:
        logger.removeHandler(handler)
    assert mine(name="hat").save().pk == 1


def test_what_gives_up_leaves_nothing_behind(two):
    (database, _), _ = two
    awaited = database._source.session().engine("the test", 1)._engine._follower.awaited
    own = {400, database.head + 1}  # of whoever keeps checkpoints, and whoever looks for a seal
    assert soon(lambda: set(awaited._waiting.values()) == own)
    for _ in range(20):
        with pytest.raises(WaitTimeout):
            database.wait_for(9, timeout=0.01)
    assert soon(lambda: set(awaited._waiting.values()) == own)
    gc.collect()


def test_from_any_thread(two):
    (_, mine), (other, _) = two
    saved = mine(name="hat").save()
    assert in_thread(lambda: other.wait_for(saved.version, timeout=10)) is None
