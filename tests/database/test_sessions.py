"""Sessions of one process: one after another, each with an end of its own, none of a parent."""

from __future__ import annotations

import types

import pytest

from discobase import session, session_source
from discobase.errors import BadToken, ConnectError, Disconnected, WouldDeadlock
from tests.database.shop import in_thread, shop, soon, threads


def test_the_first_failure_is_the_reason(place):
    database, item = shop()
    with place.conn(database):
        session = database._source.session()

        def fail_twice() -> None:
            session._fail(BadToken("the first"))
            session._fail(Disconnected("what follows from it"))

        session.portal.loop.call_soon_threadsafe(fail_twice)
        assert soon(lambda: session.over)
        with pytest.raises(BadToken, match="the first"):
            item(name="hat").save()


def test_a_close_in_a_forked_process_leaves_the_session_of_the_parent_alone(place, monkeypatch):
    database, item = shop()
    with place.conn(database):
        session = database._source.session()
        with monkeypatch.context() as child:
            child.setattr(session, "_pid", 0)
            session.close()
        assert item(name="hat").save().pk == 1


def test_the_session_of_the_parent_is_kept_in_a_forked_process(place, monkeypatch):
    database, item = shop()
    with place.conn(database):
        session = database._source.session()
        with monkeypatch.context() as child:
            child.setattr(session, "_pid", 0)
            with pytest.warns(RuntimeWarning, match="connecting again"):
                assert item(name="hat").save().pk == 1
            assert database._source.session() is not session
            # To collect it would close what the parent uses.
            assert any(kept is session for kept in session_source._inherited)
            session_source._inherited.remove(session)
        session.close()


def test_a_database_that_logs_in_again_uses_its_own_session_from_the_beginning(place):
    (old, item), (new, _) = shop(), shop()
    with place.conn(new):
        with place.conn(old):
            old._source.give_way(new._source)
            assert old._source.session() is new._source.session()
        place.discord.set(latency=0.02)
        old.login_thread(place.token, api_url=place.api_url)
        assert old._source.session() is not new._source.session()
        assert item(name="hat").save().pk == 1
        old.close()


def test_the_wait_for_a_position_and_that_for_the_login_have_one_limit(place, monkeypatch):
    database, _ = shop()
    with place.conn(database):
        source, limits = database._source, []
        portal = source.session().portal
        monkeypatch.setattr(portal, "call", lambda *_, timeout, what: limits.append(timeout))
        times = iter([100.0, 103.0])  # when it is asked for, and when the login is done
        clock = types.SimpleNamespace(monotonic=lambda: next(times))
        monkeypatch.setattr(session_source, "time", clock)
        source.wait_for(5, 10.0)
        monkeypatch.undo()
    assert limits == [7.0]


def test_what_interrupts_a_login_on_its_own_thread_is_refused(place):
    database, item = shop()
    source = database._source
    with source._alone():
        for call in (database.close, lambda: database.login_thread(place.token)):
            with pytest.raises(WouldDeadlock, match="is just being made on this thread"):
                call()
    with place.conn(database):
        assert in_thread(item(name="hat").save).pk == 1


class Fault(Exception):
    """What a bug of ours might raise."""


def failing(*args, **kwargs):
    raise Fault("a bug")


async def failing_at_once(*args, **kwargs):
    raise Fault("a bug")


def is_ours(error, kind, words):
    assert type(error) is kind
    assert words in str(error)
    assert isinstance(error.__cause__, Fault)
    return True


@pytest.mark.parametrize(
    "step", ["Connection.open", "LastingEngine.open", "_join", "Connection.__init__"]
)
def test_a_fault_of_ours_in_a_login_is_an_error_of_ours_with_its_cause(
    place, monkeypatch, caplog, step
):
    database, item = shop()
    with monkeypatch.context() as faulty:
        # What is awaited fails in the await; the others in the call.
        fault = failing_at_once if step.endswith(".open") else failing
        faulty.setattr(f"discobase.session.{step}", fault)
        token = "local" if step == "_join" else place.token
        address = {} if step == "_join" else {"api_url": place.api_url}
        task = database.login_task(token, **address)
        with pytest.raises(ConnectError) as refused:
            database.wait_ready(10)
        for error in (refused.value, task.exception(10), in_thread(item(name="hat").save)):
            assert is_ours(error, ConnectError, "by a fault of discobase: Fault('a bug')")
    assert "in failing" in caplog.text  # where it happened
    assert soon(lambda: threads() == [])
    with place.conn(database):
        assert item(name="hat").save().pk == 1


@pytest.mark.parametrize("step", ["Connection.close", "LastingEngine.close"])
def test_a_fault_of_ours_at_the_end_is_told_and_everything_is_closed(place, monkeypatch, step):
    database, item = shop()
    owner, method = getattr(session, step.split(".")[0]), step.split(".")[1]
    close = getattr(owner, method)

    async def close_and_fail(self, *args):
        await close(self, *args)
        raise Fault("a bug")

    monkeypatch.setattr(owner, method, close_and_fail)
    task = database.login_task(place.token, api_url=place.api_url)
    assert item(name="hat").save().pk == 1
    database.close()
    assert is_ours(task.exception(0), ConnectError, "by a fault of discobase: Fault('a bug')")
    assert threads() == []


@pytest.mark.parametrize(
    ("part", "kind", "words"),
    [
        ("discobase.engine.follower.Follower.follow", Disconnected, "the engine has failed"),
        ("discobase.engine.committer.Committer.run", Disconnected, "the engine has failed"),
        ("discobase.engine.engine.keep_fresh", Disconnected, "the engine has failed"),
        (
            "discobase.engine.server.discordpy.client.GatewayClient.run_gateway",
            ConnectError,
            "the gateway loop has failed",
        ),
    ],
)
def test_a_fault_of_ours_while_connected_ends_it_with_an_error_of_ours_and_its_cause(
    place, monkeypatch, part, kind, words
):
    monkeypatch.setattr(part, failing_at_once)
    database, item = shop()
    task = database.login_task(place.token, api_url=place.api_url)
    for error in (task.exception(10), in_thread(item(name="hat").save)):
        assert is_ours(error, kind, words)
    database.close()
    assert threads() == []
