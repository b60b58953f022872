"""The cachelib back end: its own promises, and under Flask-Caching and Flask-Session."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import flask
import pytest
from cachelib.serializers import JSONSerializer
from flask import Flask
from flask_caching import Cache
from flask_session import Session

import discobase
from discobase.contrib.flask import Discobase, DiscobaseCache
from discobase.errors import TableError, UsageError


@pytest.fixture
def database(new_database, discord):
    made = new_database()
    made.login_lazily(discord.default_token, api_url=discord.api_url)
    return made


@pytest.fixture
def cache(database):
    return DiscobaseCache(database)


@pytest.fixture
def later(monkeypatch):
    """Have it be some seconds later."""

    def go(seconds: float) -> None:
        now = time.time() + seconds
        monkeypatch.setattr("time.time", lambda: now)

    return go


class TestValues:
    def test_what_is_set_is_there_for_another_process_too(self, cache, database, discord):
        value = {"a": [1, None, b"\x00\xff"], "é": 1.5}
        assert cache.set("key", value)
        assert cache.get("key") == value
        other = discobase.Database(database.name)
        with other.conn(discord.default_token, api_url=discord.api_url):
            assert DiscobaseCache(other).get("key") == value

    def test_it_is_gone_when_its_time_is_over(self, cache, later):
        cache.set("default", 1)
        cache.set("short", 1, timeout=10)
        cache.set("delta", 1, timeout=timedelta(seconds=20))
        cache.set("ever", 1, timeout=0)
        later(15)
        assert cache.get_many("default", "short", "delta", "ever") == [1, None, 1, 1]
        assert not cache.has("short")
        later(301)
        assert cache.get_dict("default", "ever") == {"default": None, "ever": 1}
        assert (cache.prune(), cache.prune()) == (3, 0)
        assert cache.get("ever") == 1

    def test_add_writes_where_there_is_nothing_and_over_what_has_expired(self, cache, later):
        assert cache.add("key", 1, timeout=10)
        assert not cache.add("key", 2)
        assert cache.get("key") == 1
        later(11)
        assert cache.add("key", 2)
        assert cache.get("key") == 2

    def test_of_many_that_add_one_does(self, cache, database):
        caches = [DiscobaseCache(database) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            added = list(pool.map(lambda each: each.add("lock", 1), caches))
        assert sorted(added) == [False] * 7 + [True]

    def test_no_count_is_lost(self, cache):
        assert (cache.inc("hits", 5), cache.dec("hits", 2)) == (5, 3)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: cache.inc("hits"), range(8)))
        assert cache.get("hits") == 11

    def test_many_are_set_and_deleted_by_one_commit_each(self, cache, database):
        cache.get("any")  # connects
        before = database.head
        keys = [f"k{number}" for number in range(700)]
        assert cache.set_many({key: key for key in keys}) == keys
        assert database.head == before + 1
        assert cache.delete_many("k1", "k2", "none") == ["k1", "k2", "none"]
        assert database.head == before + 2
        assert cache.get_many("k0", "k1", "k2") == ["k0", None, None]
        assert (cache.delete("k0"), cache.delete("k0")) == (True, False)
        assert cache.clear()
        assert cache.get("k5") is None

    def test_nothing_is_sent_where_nothing_changes(self, cache, database):
        cache.set_many({})
        assert not cache.delete("none")
        assert cache.get("none") is None
        assert database.head == 0

    def test_caches_of_several_tables_share_a_database_but_no_keys(self, cache, database):
        other = DiscobaseCache(database, "other")
        cache.set("key", 1)
        assert other.get("key") is None
        assert DiscobaseCache(database).get("key") == 1

    def test_a_table_of_another_class_is_refused(self, database):
        @database.table(name="cache")
        class Mine(discobase.Table):
            name: str

        with pytest.raises(TableError, match="has a table 'cache' already"):
            DiscobaseCache(database)

    def test_another_serializer_keeps_what_it_can(self, database):
        cache = DiscobaseCache(database, serializer=JSONSerializer())
        assert cache.set("key", {"a": 1})
        assert cache.get("key") == {"a": 1}
        assert not cache.set("key", b"bytes")
        assert not cache.add("other", b"bytes")
        assert cache.get("key") == {"a": 1}


class TestRewriting:
    def test_the_same_value_is_written_once_in_so_many_seconds(self, database, later):
        cache = DiscobaseCache(database, rewrite_after=60)
        cache.set("key", 1, timeout=1000)
        cache.set("key", 1, timeout=1000)
        assert database.head == 1
        cache.set("key", 2, timeout=1000)
        assert (database.head, cache.get("key")) == (2, 2)
        later(30)
        cache.set("key", 2, timeout=1000)
        assert database.head == 2
        later(61)
        cache.set("key", 2, timeout=1000)
        assert database.head == 3

    def test_another_time_to_live_is_written(self, database):
        cache = DiscobaseCache(database, rewrite_after=60)
        cache.set("key", 1, timeout=0)
        cache.set("key", 1, timeout=0)
        assert database.head == 1
        cache.set("key", 1, timeout=1000)
        cache.set("key", 1, timeout=10)
        assert database.head == 3

    def test_seconds_below_0_are_refused(self, database):
        with pytest.raises(UsageError, match="rewrite_after=-1"):
            DiscobaseCache(database, rewrite_after=-1)


class TestFlaskCaching:
    def app(self, database, discord, **settings) -> Flask:
        app = Flask("shop")
        app.config.update(
            DISCOBASE_TOKEN=discord.default_token,
            DISCOBASE_API_URL=discord.api_url,
            CACHE_TYPE="discobase.contrib.flask.caching_backend",
            **settings,
        )
        return app

    def test_views_and_functions_are_cached_for_all_apps_of_the_database(
        self, new_database, discord
    ):
        database, ran = new_database(), []
        apps = [self.app(database, discord) for _ in range(2)]
        extension, clients = Discobase(database), []
        for app in apps:
            extension.init_app(app)
            cache = Cache(app)

            @app.get("/")
            @cache.cached(timeout=50)
            def index(app=app):
                ran.append("view")
                return "page"

            @cache.memoize(50)
            def double(number):
                ran.append(number)
                return number * 2

            with app.app_context():
                assert double(4) == 8
                assert double(4) == 8
            clients.append(app.test_client())
        assert [client.get("/").text for client in [*clients, *clients]] == ["page"] * 4
        assert ran == [4, "view"]
        with apps[1].app_context():
            cache.delete_memoized(double)
            assert (double(4), double(4)) == (8, 8)
            cache.clear()
        assert clients[0].get("/").text == "page"
        assert ran == [4, "view", 4, "view"]

    def test_options_name_table_and_times(self, new_database, discord):
        database = new_database()
        app = self.app(database, discord, CACHE_OPTIONS={"table": "pages", "rewrite_after": 5})
        with pytest.raises(UsageError, match=r"call Discobase\.init_app"):
            Cache(app)
        Discobase(database, app)
        cache = Cache(app, config={"CACHE_DEFAULT_TIMEOUT": 77})
        assert (list(database.tables), cache.cache.default_timeout) == (["pages"], 77)


class TestFlaskSession:
    @pytest.fixture
    def make(self, new_database, discord):
        """Make an app of one database, as a process that starts does."""
        name = new_database().name

        def make(**settings) -> tuple[Flask, discobase.Database]:
            database = new_database(name)
            app = Flask("shop")
            app.config.update(
                DISCOBASE_TOKEN=discord.default_token,
                DISCOBASE_API_URL=discord.api_url,
                SESSION_TYPE="cachelib",
                SESSION_CACHELIB=DiscobaseCache(database, "sessions", rewrite_after=300),
                **settings,
            )
            Discobase(database, app)
            Session(app)

            @app.post("/<thing>")
            def put(thing):
                flask.session.setdefault("cart", []).append(thing)
                flask.session.modified = True
                return "", 204

            @app.get("/")
            def show():
                return flask.session.get("cart", [])

            @app.delete("/")
            def leave():
                flask.session.clear()
                return "", 204

            return app, database

        return make

    def test_a_cart_is_there_after_a_restart_and_gone_after_a_logout(self, make):
        app, database = make()
        client = app.test_client()
        client.post("/hat")
        client.post("/cap")
        cookie = client.get_cookie("session").value
        database.close()
        again, _ = make()
        client = again.test_client()
        client.set_cookie("session", cookie)
        assert client.get("/").json == ["hat", "cap"]
        client.delete("/")
        client.set_cookie("session", cookie)
        assert client.get("/").json == []

    def test_requests_that_only_look_write_nothing(self, make):
        app, database = make()
        client = app.test_client()
        client.post("/hat")
        head = database.head
        for _ in range(5):
            assert client.get("/").json == ["hat"]
        assert database.head == head
