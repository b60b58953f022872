"""A visitor's next request waits for what the last one has saved, by a cookie."""

from __future__ import annotations

import time

import pytest
from flask import Flask

import discobase
from discobase.contrib.flask import Discobase
from discobase.contrib.own_saves import COOKIE


@pytest.fixture
def make(new_database, discord):
    """Make an app of one database, each as another process has it."""
    name = new_database().name

    def make(seconds: float = 2.0, **options) -> tuple[Flask, discobase.Database]:
        database = new_database(name, **options)

        @database.table
        class Item(discobase.Table):
            name: str

        app = Flask("shop")
        app.config.update(
            DISCOBASE_TOKEN=discord.default_token,
            DISCOBASE_API_URL=discord.api_url,
            DISCOBASE_OWN_SAVES_SECONDS=seconds,
        )
        Discobase(database, app)

        @app.post("/<name>")
        def add(name):
            Item(name=name).save()
            return "", 204

        @app.get("/")
        def index():
            return [item.name for item in Item.find()]

        @app.get("/health")
        def health():
            return "well"

        return app, database

    return make


def test_what_one_process_saved_another_one_shows_at_once(make):
    deaf = {"gateway": False, "max_staleness": None}  # reads the log where it is to wait, alone
    (poster, _), (getter, _) = make(), make(**deaf)
    posts, gets = poster.test_client(), getter.test_client()
    assert gets.get("/").json == []
    posts.post("/hat")
    assert gets.get("/").json == []  # who has not saved it sees it when this process hears of it
    gets.set_cookie(COOKIE, posts.get_cookie(COOKIE).value)
    assert gets.get("/").json == ["hat"]


def test_reading_sets_no_cookie_and_neither_does_what_saves_nothing(make):
    app, _ = make()
    client = app.test_client()
    client.get("/")
    assert client.get("/").headers.getlist("Set-Cookie") == []
    assert client.post("/hat").headers.getlist("Set-Cookie") == [
        f"{COOKIE}=1; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"
    ]
    assert client.get("/").headers.getlist("Set-Cookie") == []


@pytest.mark.parametrize("made_up", ["x", "", "-1", "9" * 40, "1; x", "1.5", "²"])
def test_what_is_no_position_is_passed_over(make, made_up):
    app, database = make()
    cookie = {"Cookie": f"{COOKIE}={made_up}".encode().decode("latin-1")}
    assert app.test_client().get("/", headers=cookie).json == []
    assert database.head == 0


def test_a_position_that_never_comes_is_waited_for_once(make):
    app, _ = make(seconds=0.05)
    client = app.test_client()
    client.get("/")
    client.set_cookie(COOKIE, "1000")
    began = time.monotonic()
    assert client.get("/").json == []
    assert 0.05 <= time.monotonic() - began < 2
    assert client.get_cookie(COOKIE) is None


def test_a_page_that_needs_no_database_is_shown_without_one(make, discord):
    app, database = make()
    discord.reset_requests()
    assert app.test_client().get("/health").text == "well"
    assert (discord.requests.total, database.ready) == (0, False)


def test_without_seconds_there_is_no_cookie(make):
    app, _ = make(seconds=0)
    client = app.test_client()
    client.get("/")
    assert client.post("/hat").headers.getlist("Set-Cookie") == []
