"""`login_lazily`: a database that connects when it is first used."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from discobase.errors import BadToken, NotConnected, ServerNotFound, UsageError
from tests.database.shop import WRONG_TOKEN, shop, threads


def test_nothing_is_connected_until_it_is_used_and_then_once_for_all_threads(place):
    database, item = shop()
    database.login_lazily(place.token, api_url=place.api_url)
    assert not database.ready
    assert (place.calls, threads()) == (0, [])
    with ThreadPoolExecutor(8) as pool:
        found = [pool.submit(item.find().count) for _ in range(8)]
        assert [each.result() for each in found] == [0] * 8
    assert len(threads()) == 1
    assert database.ready
    database.close()
    assert not database.ready


def test_after_close_nothing_connects_by_itself(place):
    database, item = shop()
    database.login_lazily(place.token, api_url=place.api_url)
    database.close()
    with pytest.raises(NotConnected):
        item.find().count()
    database.login_lazily(place.token, api_url=place.api_url)
    assert item.find().count() == 0
    database.close()
    with pytest.raises(NotConnected, match="was closed"):
        item.find().count()
    assert threads() == []


def test_where_it_is_connected_another_way_it_stays_so(place):
    database, item = shop()
    with place.conn(database):
        database.login_lazily(WRONG_TOKEN)
        assert item.find().count() == 0
    with pytest.raises(NotConnected, match="was closed"):
        item.find().count()
    database.login_lazily(WRONG_TOKEN)
    with place.conn(database):
        assert item.find().count() == 0
    with pytest.raises(NotConnected, match="was closed"):
        item.find().count()


def test_the_token_is_looked_up_at_the_first_use(place, monkeypatch):
    database, item = shop()
    database.login_lazily()
    with pytest.raises(BadToken, match="set DISCOBASE_TOKEN"):
        item.find().count()
    monkeypatch.setenv("DISCOBASE_TOKEN", place.token)
    monkeypatch.setenv("DISCOBASE_API_URL", place.api_url)
    assert item.find().count() == 0
    database.close()


def test_settings_take_the_place_of_what_the_database_was_made_with(place, tmp_path):
    place.discord.join("staging")
    database, item = shop()
    database.login_lazily(
        place.token, api_url=place.api_url, server="staging", cache=tmp_path / "kept", label="web 1"
    )
    item(name="hat").save()
    assert database.status().server == "staging"
    assert any((tmp_path / "kept").iterdir())
    database.close()


@pytest.mark.parametrize(
    "wrong", [{"server": 0}, {"cache": ""}, {"label": "a\nb"}, {"allow_unsafe": 1}]
)
def test_what_makes_no_sense_is_said_at_once(wrong):
    database, _ = shop()
    with pytest.raises(UsageError, match=next(iter(wrong))):
        database.login_lazily("local", **wrong)


def test_a_token_that_can_be_none_is_said_at_once_and_changes_nothing():
    database, item = shop()
    with pytest.raises(BadToken, match="write 'local:PATH'"):
        database.login_lazily("shop.db")
    with pytest.raises(NotConnected, match="is not connected"):
        item.find().count()


def test_a_login_that_failed_by_what_may_pass_is_made_anew_but_not_at_once(place, monkeypatch):
    database, item = shop()
    database.login_lazily(place.token, api_url=place.api_url, server="elsewhere")
    with pytest.raises(ServerNotFound):
        item.find().count()
    place.forget_calls()
    place.discord.join("elsewhere")
    with pytest.raises(ServerNotFound):
        item.find().count()
    assert place.calls == 0
    monkeypatch.setattr("discobase.session_source._RETRY_SECONDS", 0.0)
    assert item.find().count() == 0
    database.close()


def test_a_token_that_was_refused_is_not_tried_again(place, monkeypatch):
    monkeypatch.setattr("discobase.session_source._RETRY_SECONDS", 0.0)
    database, item = shop()
    database.login_lazily(WRONG_TOKEN, api_url=place.api_url)
    with pytest.raises(BadToken):
        item.find().count()
    place.forget_calls()
    with pytest.raises(BadToken):
        item.find().count()
    assert place.calls == 0


AT_EXIT = """
import sys, discobase
database = discobase.Database("shop")
database.login_lazily(sys.argv[1], api_url=sys.argv[2])
print(database.head)
"""


def test_the_end_of_the_interpreter_closes_it_without_a_warning(place):
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", AT_EXIT]
    ran = subprocess.run(
        [*command, place.token, place.api_url], capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("0\n", "", 0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_connects_for_itself_without_a_warning(place):
    database, item = shop()
    database.login_lazily(place.token, api_url=place.api_url)
    if (child := os.fork()) == 0:
        try:
            item(name="hat").save()  # a warning is an error here
            database.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert threads() == []
    assert [each.name for each in item.find()] == ["hat"]
    database.close()
