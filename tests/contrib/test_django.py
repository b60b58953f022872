"""discobase in Django, in this process: settings, checks, commands, cache, sessions, middleware."""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.core import checks
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings

import discobase
from discobase.contrib.django import database
from discobase.contrib.django.checks import check_settings
from discobase.contrib.django.middleware import OwnSavesMiddleware
from discobase.contrib.django.sessions import SessionStore
from discobase.contrib.own_saves import COOKIE
from discobase.errors import DiscobaseError, UsageError
from tests.contrib.django_site import IS_SET_UP

pytestmark = pytest.mark.skipif(not IS_SET_UP, reason="Django has other settings")


@pytest.fixture
def place(new_database, discord):
    """The settings of a database of this test."""
    return {
        "NAME": new_database().name,
        "TOKEN": discord.default_token,
        "API_URL": discord.api_url,
    }


@pytest.fixture
def configured(place):
    with override_settings(DISCOBASE=place):
        yield


def complaints(**given) -> list[str]:
    with override_settings(**given):
        return [each.id for each in check_settings(app_configs=None, databases=None)]


class TestSettings:
    def test_there_is_one_database_which_connects_when_it_is_used(self, configured, discord):
        discord.reset_requests()
        with ThreadPoolExecutor(8) as pool:
            made = set(pool.map(lambda _: database(), range(8)))
        assert made == {database()}
        assert (discord.requests.total, database().ready) == (0, False)
        assert database().head == 0

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (None, "DISCOBASE is not set"),
            ({}, r"DISCOBASE\[\"NAME\"\] is missing"),
            ({"NAME": "x", "TOKNE": "y"}, "has a key 'TOKNE' that there is not"),
            ({"NAME": "x", "SESSION_REWRITE_AFTER": -1}, "is -1: give seconds"),
            ("Guestbook", "DISCOBASE is of the type str, and no dict: give it as"),
            ({"NAME": "x", "OPTIONS": ["timeout"]}, r"\[\"OPTIONS\"\] is no dict"),
            ({"NAME": "x", "OPTIONS": {"cach": 1}}, "has a key 'cach' that .* timeout, "),
            ({"NAME": "x", "OPTIONS": {"name": "y"}}, "has a key 'name' that there is not"),
        ],
    )
    def test_what_makes_no_sense_is_said_by_checks_and_at_the_use(self, given, said):
        with override_settings(DISCOBASE=given), pytest.raises(UsageError, match=said):
            database()
        assert complaints(DISCOBASE=given) == ["discobase.E001"]

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"OPTIONS": {"timeout": "x"}}, "timeout"),
            ({"TOKEN": "shop.db"}, "write 'local:PATH'"),
            ({"TOKEN": "local:"}, "there is no path behind 'local:'"),
            ({"CACHE": 5}, "cache"),
        ],
    )
    def test_values_that_no_database_takes_are_said_likewise(self, given, said):
        wrong = {"NAME": "x", "TOKEN": "y", **given}
        with override_settings(DISCOBASE=wrong):
            with pytest.raises(DiscobaseError, match=said):
                database()
            (error,) = check_settings(app_configs=None, databases=None)
        assert error.id == "discobase.E002"
        assert re.search(said, error.msg)

    def test_a_token_of_the_environment_is_checked_too(self, monkeypatch):
        monkeypatch.setenv("DISCOBASE_TOKEN", "shop.db")
        assert complaints(DISCOBASE={"NAME": "x"}, MIDDLEWARE=[])[0] == "discobase.E002"

    def test_checks_say_what_will_fail_before_anything_connects(self, monkeypatch):
        quiet = {"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"}
        assert complaints(DISCOBASE={"NAME": "x"}, **quiet) == ["discobase.W001"]
        given = {"NAME": "x", "TOKEN": "y"}
        assert complaints(DISCOBASE=given, **quiet) == []
        monkeypatch.setenv("DISCOBASE_TOKEN", "y")
        assert complaints(DISCOBASE={"NAME": "x"}, **quiet) == []
        ours = ["discobase.contrib.django.middleware.OwnSavesMiddleware"]
        assert complaints(DISCOBASE=given, MIDDLEWARE=[]) == ["discobase.W003"]
        assert complaints(DISCOBASE=given, MIDDLEWARE=ours) == []
        eager = {"DISCOBASE": {**given, "SESSION_REWRITE_AFTER": 0}, "MIDDLEWARE": ours}
        assert complaints(**eager) == []
        assert complaints(**eager, SESSION_SAVE_EVERY_REQUEST=True) == ["discobase.W002"]

    def test_the_app_has_the_checks_run(self, configured):
        with override_settings(DISCOBASE={}):
            assert [each.id for each in checks.run_checks()] == ["discobase.E001"]

    def test_the_token_is_in_no_repr(self, configured, place):
        from discobase.contrib.django.configuration import configuration

        assert place["TOKEN"] not in repr(configuration())


class TestCommands:
    def run(self, name: str, **options) -> str:
        out = io.StringIO()
        call_command(name, stdout=out, **options)
        return out.getvalue()

    @pytest.fixture(autouse=True)
    def _filled(self, place, configured, discord):
        other = discobase.Database(place["NAME"])

        @other.table
        class Item(discobase.Table):
            name: str

        with other.conn(place["TOKEN"], api_url=place["API_URL"]):
            Item(name="hat").save()

    def test_status_tells_how_the_connection_is_and_closes_it(self):
        assert json.loads(self.run("discobase_status", json=True))["head"] == 1
        assert not database().ready

    def test_status_is_for_people_unless_json_is_asked_for(self):
        assert "\nhead: 1\n" in self.run("discobase_status")

    def test_checkpoint_writes_one(self):
        assert self.run("discobase_checkpoint").startswith("position 1: 1 record, ")

    def test_verify_reports(self):
        assert self.run("discobase_verify")

    def test_an_error_is_told_as_commands_tell_them(self, place):
        with (
            override_settings(DISCOBASE={**place, "SERVER": "nowhere"}),
            pytest.raises(CommandError, match="no server named 'nowhere'"),
        ):
            self.run("discobase_status")


@pytest.mark.usefixtures("configured")
class TestCache:
    def test_each_thread_has_a_handle_on_the_same_values(self):
        caches["default"].set("key", {"a": 1})
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(lambda: caches["default"].get("key")).result() == {"a": 1}
        caches["default"].close()
        assert caches["default"].get("key") == {"a": 1}

    def test_many_values_are_one_commit(self):
        cache = caches["default"]
        cache.set_many({f"k{number}": number for number in range(50)})
        assert (database().head, cache.get("k7")) == (1, 7)
        cache.delete_many(["k1", "k2"])
        assert (database().head, cache.get_many(["k1", "k3"])) == (2, {"k3": 3})

    def test_of_many_that_add_one_does_and_no_count_is_lost(self):
        with ThreadPoolExecutor(4) as pool:
            added = list(pool.map(lambda _: caches["default"].add("count", 0), range(4)))
            list(pool.map(lambda _: caches["default"].incr("count"), range(4)))
        assert sorted(added) == [False, False, False, True]
        assert caches["default"].get("count") == 4

    def test_more_than_there_may_be_are_culled(self):
        for number in range(6):
            caches["small"].set(f"k{number}", number)
        held = caches["small"].get_many([f"k{number}" for number in range(6)])
        assert sorted(held) == ["k2", "k3", "k4", "k5"]


@pytest.mark.usefixtures("configured")
class TestSessions:
    def test_one_that_was_saved_is_there_for_another_process(self, place):
        session = SessionStore()
        session["cart"] = ["hat"]
        session.save()
        with override_settings(DISCOBASE=place):  # as where a process begins
            assert SessionStore(session.session_key)["cart"] == ["hat"]

    def test_one_in_which_nothing_has_changed_is_not_written_again(self):
        session = SessionStore()
        session["cart"] = ["hat"]
        session.save()
        head = database().head
        again = SessionStore(session.session_key)
        assert again["cart"] == ["hat"]
        again.save()
        assert database().head == head
        again["cart"] = ["hat", "cap"]
        again.save()
        assert database().head == head + 1
        again.set_expiry(7)
        again.save()
        assert database().head == head + 2

    def test_one_that_would_live_longer_by_minutes_is_written(self, place):
        with override_settings(DISCOBASE={**place, "SESSION_REWRITE_AFTER": 0}):
            session = SessionStore()
            session.save()
            head = database().head
            session.save()
            assert database().head == head + 1

    def test_one_that_was_deleted_elsewhere_is_not_made_again(self):
        session = SessionStore()
        session.save()
        SessionStore().delete(session.session_key)
        with pytest.raises(UpdateError):
            session.save()
        assert not session.exists(session.session_key)

    def test_asynchronous_methods_do_the_same(self):
        async def visit() -> list[str]:
            session = SessionStore()
            await session.aset("cart", ["hat"])
            await session.asave()
            again = SessionStore(session.session_key)
            cart = await again.aget("cart")
            assert await again.aexists(again.session_key)
            await again.adelete()
            assert not await again.aexists(session.session_key)
            await SessionStore.aclear_expired()
            return cart

        assert asyncio.run(visit()) == ["hat"]

    def test_what_has_expired_is_cleared(self):
        session = SessionStore()
        session.set_expiry(-1)
        session.save()
        assert SessionStore(session.session_key).load() == {}
        assert session.exists(session.session_key)
        SessionStore.clear_expired()
        assert not session.exists(session.session_key)


@pytest.mark.usefixtures("configured")
class TestMiddleware:
    def saves(self, request) -> HttpResponse:
        caches["default"].set("key", 1)
        return HttpResponse()

    def test_what_saves_leaves_its_position_and_what_reads_does_not(self):
        database().head  # noqa: B018 - connects
        answer = OwnSavesMiddleware(self.saves)
        assert answer(RequestFactory().post("/")).cookies[COOKIE].value == "1"
        assert COOKIE not in answer(RequestFactory().get("/")).cookies
        reading = OwnSavesMiddleware(lambda request: HttpResponse())
        assert COOKIE not in reading(RequestFactory().post("/")).cookies

    def test_a_position_is_waited_for_and_one_that_never_comes_given_up(self, place):
        with override_settings(DISCOBASE={**place, "OWN_SAVES_SECONDS": 0.05}):
            answer = OwnSavesMiddleware(lambda request: HttpResponse())
            request = RequestFactory().get("/")
            database().head  # noqa: B018 - connects
            request.COOKIES[COOKIE] = "1000"
            assert answer(request).cookies[COOKIE]["max-age"] == 0
            request.COOKIES[COOKIE] = "x"
            assert COOKIE not in answer(request).cookies

    def test_it_is_asynchronous_where_what_answers_is(self):
        async def saves(request):
            await caches["default"].aset("key", 1)
            return HttpResponse()

        async def visit():
            answer = OwnSavesMiddleware(saves)
            first = await answer(AsyncRequestFactory().post("/"))
            request = AsyncRequestFactory().get("/")
            request.COOKIES[COOKIE] = first.cookies[COOKIE].value
            return first, await answer(request)

        first, second = asyncio.run(visit())
        assert first.cookies[COOKIE].value == "1"
        assert COOKIE not in second.cookies


WITHOUT = """
import sys
sys.modules["django"] = None  # as where it is not installed
try:
    import discobase.contrib.django
except ImportError as error:
    print(type(error).__name__, error.package, "discobase[django]" in str(error))
"""


def test_where_django_is_missing_it_says_which_extra_brings_it():
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("PackageMissing django True\n", "")
