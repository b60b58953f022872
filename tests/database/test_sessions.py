"""Sessions of one process: one after another, each with an end of its own, none of a parent."""

from __future__ import annotations

import types

import pytest

from discobase import session_source
from discobase.errors import BadToken, Disconnected, WouldDeadlock
from tests.database.shop import in_thread, shop, soon


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
