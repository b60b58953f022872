"""What the program hears of trouble: on which thread, in which order, and what it may do there."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading

import pytest

import discobase
from discobase import Database, Trouble
from discobase.callback import WAITING, Callback
from discobase.errors import UsageError
from tests.database.shop import shop, soon
from tests.database.test_lost import post_as_the_bot


def break_commits(place, count: int) -> None:
    """Have so many commits found that do not count, as if Discord had forgotten a nonce."""
    first = place.frames()[0]
    for _ in range(count):
        post_as_the_bot(place, first["channel_id"], first["content"])


def callback_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "discobase on_trouble"]


def test_it_is_called_in_order_on_a_thread_of_its_own_which_ends_with_the_session(place):
    told: list[tuple[Trouble, str]] = []
    database, item = shop(
        on_trouble=lambda trouble: told.append((trouble, threading.current_thread().name))
    )
    with place.conn(database):
        item(name="hat").save()
        assert callback_threads() == []
        break_commits(place, 3)
        assert soon(lambda: len(told) == 3)
        lost = [commit.message for commit in database.lost()]
    assert isinstance(told[0][0], discobase.Trouble)
    assert [trouble.message for trouble, _ in told] == lost
    assert {name for _, name in told} == {"discobase on_trouble"}
    assert soon(lambda: callback_threads() == [])


def test_it_may_use_the_database_and_close_it(place):
    seen: list[object] = []
    closed = threading.Event()

    def act(trouble: Trouble) -> None:
        seen.extend([item(name="scarf").save().pk, len(database.lost())])
        database.close()
        closed.set()

    database, item = shop(on_trouble=act)
    with place.conn(database):
        item(name="hat").save()
        break_commits(place, 1)
        assert closed.wait(10)
    assert seen == [2, 1]


def test_what_it_raises_is_logged_and_does_no_harm(place, caplog):
    told: list[Trouble] = []

    def fail(trouble: Trouble) -> None:
        told.append(trouble)
        raise SystemExit("no mail server")

    database, item = shop(on_trouble=fail)
    with place.conn(database):
        item(name="hat").save()
        break_commits(place, 2)
        assert soon(lambda: len(told) == 2)
        assert item(name="scarf").save().pk == 2
    assert soon(lambda: "no mail server" in caplog.text)


def test_a_slow_one_holds_up_nothing_not_even_the_close(place):
    go_on, told = threading.Event(), []

    def wait(trouble: Trouble) -> None:
        told.append(trouble)
        go_on.wait(20)

    database, item = shop(on_trouble=wait)
    with place.conn(database):
        item(name="hat").save()
        break_commits(place, 3)
        assert soon(lambda: len(database.lost()) == 3)
        assert item(name="scarf").save().pk == 2
    assert len(told) == 1
    go_on.set()
    # What was found before the close is told all the same.
    assert soon(lambda: len(told) == 3)
    assert soon(lambda: callback_threads() == [])


def test_the_end_of_a_connection_that_nobody_waits_for_is_told(place):
    told: list[Trouble] = []
    database, item = shop(on_trouble=told.append)
    database.login_thread(place.token, api_url=place.api_url)
    database.wait_ready(10)
    item(name="hat").save()
    place.discord._run(place.discord._platform.state._bots_by_token.clear)
    place.discord.drop_gateways(resumable=False)
    assert soon(lambda: told)
    assert (told[-1].kind, told[-1].writes_blocked) == ("ended", True)
    assert soon(lambda: callback_threads() == [])


def test_what_comes_too_fast_is_dropped_and_counted():
    go_on, begun = threading.Event(), threading.Event()
    told: list[tuple[int, int]] = []

    def wait(number: int, dropped: int) -> None:
        begun.set()
        go_on.wait(20)
        told.append((number, dropped))

    callback: Callback[int] = Callback("slow", wait)
    callback.call(0)
    assert begun.wait(10)
    for number in range(1, WAITING + 8):
        callback.call(number)
    go_on.set()
    assert soon(lambda: len(told) == WAITING + 1)
    callback.call(-1)
    callback.end()
    callback.end()
    callback.join(10)
    assert told == [*((number, 0) for number in range(WAITING + 1)), (-1, 7)]


def test_where_no_thread_is_to_be_had_nothing_is_called_and_nothing_fails(monkeypatch, caplog):
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    callback: Callback[int] = Callback("on_trouble", lambda *_: None)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    callback.call(1)
    callback.end()
    callback.join(1)
    assert "on_trouble cannot be called: can't start new thread" in caplog.text


BLOCKED = """
import sys, threading
from discobase.callback import Callback

def tell(word, dropped):
    print(word, flush=True)
    if word == "stop":
        threading.Event().wait()

callback = Callback("on_trouble", tell)
for word in sys.argv[1:]:
    callback.call(word)
"""


@pytest.mark.parametrize(
    ("words", "shown"),
    [(["one", "two"], ["one", "two"]), (["one", "stop", "three"], ["one", "stop"])],
    ids=["what is left is told", "one that never returns is left behind"],
)
def test_the_end_of_the_interpreter_waits_a_second_at_the_most(words, shown):
    ended = subprocess.run(
        [sys.executable, "-c", BLOCKED, *words],
        check=True,
        timeout=30,
        capture_output=True,
        text=True,
    )
    assert (ended.stdout.split(), ended.stderr) == (shown, "")


async def coroutine_function(trouble: Trouble) -> None:
    """No function to be called on a thread."""


@pytest.mark.parametrize("given", ["log", 3, coroutine_function])
def test_what_cannot_be_called_is_refused(given):
    with pytest.raises(UsageError, match="on_trouble="):
        Database("shop", on_trouble=given)


def test_a_trouble_can_be_pickled_and_shows_its_text():
    trouble = Trouble("lost", "a commit does not count", position=3)
    assert pickle.loads(pickle.dumps(trouble)) == trouble
    assert str(trouble) == "a commit does not count"
