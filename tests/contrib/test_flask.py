"""The extension for Flask, in a test client: settings, lookups, pages, commands, the shell."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from flask import Flask, jsonify
from werkzeug.exceptions import NotFound

import discobase
from discobase.contrib.flask import (
    Discobase,
    first_or_404,
    get_or_404,
    one_or_404,
    paginate,
)
from discobase.errors import NotConnected, SeveralRecords, UsageError


@pytest.fixture
def shop(new_database):
    """A database, and its one table."""
    database = new_database()

    @database.table
    class Item(discobase.Table):
        name: str

    return database, Item


def app_with(place, **settings) -> Flask:
    app = Flask("shop")
    app.config.update(place, **settings)
    return app


@pytest.fixture
def app(shop, place) -> Flask:
    app, (database, item) = app_with(place), shop
    Discobase(database, app)

    @app.post("/<name>")
    def add(name):
        return {"pk": item(name=name).save().pk}

    @app.get("/<pk>")
    def show(pk):
        return get_or_404(item, pk, "there is no such item").model_dump()

    @app.get("/first/<name>")
    def first(name):
        return first_or_404(item.find(name=name)).model_dump()

    @app.get("/one/<name>")
    def one(name):
        return one_or_404(item.find(name=name)).model_dump()

    @app.get("/")
    def index():
        page = paginate(item.find().order_by("-name"), largest=5)
        return jsonify(
            names=[each.name for each in page],
            page=[page.number, page.pages, page.total],
            around=[page.previous, page.next],
        )

    return app


class TestConnecting:
    def test_nothing_connects_before_the_first_use_and_then_all_requests_share_it(
        self, app, shop, discord
    ):
        discord.reset_requests()
        client = app.test_client()
        assert client.get("/nowhere/at/all").status_code == 404
        assert (discord.requests.total, shop[0].ready) == (0, False)
        assert client.post("/hat").json == {"pk": 1}
        assert client.get("/1").json == {"name": "hat"}
        assert shop[0].ready

    def test_several_apps_share_a_database_where_their_settings_agree(self, shop, place):
        database, item = shop
        extension = Discobase(database, app_with(place))
        assert item.find().count() == 0
        extension.init_app(app_with(place))
        with pytest.raises(UsageError, match="another app's settings"):
            extension.init_app(app_with(place, DISCOBASE_LABEL="web 2"))
        assert item.find().count() == 0
        database.close()
        extension.init_app(app_with(place, DISCOBASE_LABEL="web 2"))
        assert item.find().count() == 0

    def test_the_database_comes_first(self, app, new_database):
        for given in ((app,), (app, new_database())):
            with pytest.raises(UsageError, match=r"as in Discobase\(db, app\)"):
                Discobase(*given)

    def test_an_app_has_one_database(self, app, new_database):
        with pytest.raises(UsageError, match="'shop' has a database already"):
            Discobase(new_database(), app)

    def test_settings_lead_to_another_server(self, shop, place, discord):
        discord.join("staging")
        Discobase(shop[0], app_with(place, DISCOBASE_SERVER="staging"))
        assert shop[1].find().count() == 0
        assert shop[0].status().server == "staging"

    def test_an_app_that_logs_in_by_itself_says_so(self, shop, place):
        Discobase(shop[0], app_with(place, DISCOBASE_CONNECT=False))
        with pytest.raises(NotConnected):
            shop[1].find().count()

    @pytest.mark.parametrize("seconds", [-1, "2", True])
    def test_a_setting_that_makes_no_sense_is_refused(self, shop, place, seconds):
        with pytest.raises(UsageError, match="DISCOBASE_OWN_SAVES_SECONDS"):
            Discobase(shop[0], app_with(place, DISCOBASE_OWN_SAVES_SECONDS=seconds))

    def test_the_token_is_in_no_repr(self, shop, place):
        extension = Discobase(shop[0], app_with(place))
        assert place["DISCOBASE_TOKEN"] not in repr(vars(extension))


class TestLookups:
    def test_what_is_not_there_is_answered_404(self, app):
        client = app.test_client()
        missing = client.get("/7")
        assert (missing.status_code, "there is no such item" in missing.text) == (404, True)
        for pk in ("x", "0", "-1", "1.5", "9" * 30):
            assert client.get(f"/{pk}").status_code == 404, pk
        assert client.get("/first/hat").status_code == 404
        assert client.get("/one/hat").status_code == 404

    def test_what_is_there_is_given_and_several_are_a_mistake_of_the_program(self, app, shop):
        client = app.test_client()
        client.post("/hat")
        assert client.get("/first/hat").json == {"name": "hat"}
        assert client.get("/one/hat").json == {"name": "hat"}
        client.post("/hat")
        assert client.get("/first/hat").json == {"name": "hat"}
        with pytest.raises(SeveralRecords), app.app_context():
            one_or_404(shop[1].find(name="hat"))


class TestPages:
    def test_addresses_ask_for_pages(self, app, shop):
        with app.app_context():
            shop[1].save_many([shop[1](name=f"n{number:02}") for number in range(12)])
        client = app.test_client()
        first = client.get("/?per_page=5").json
        assert first["names"] == ["n11", "n10", "n09", "n08", "n07"]
        assert (first["page"], first["around"]) == ([1, 3, 12], [None, 2])
        last = client.get("/?per_page=5&page=3").json
        assert (last["names"], last["around"]) == (["n01", "n00"], [2, None])
        assert client.get("/?per_page=100").json["page"] == [1, 3, 12]  # no more than the largest

    @pytest.mark.parametrize("asked", ["page=2", "page=0", "page=x", "page=-1", "per_page=0"])
    def test_a_page_that_there_is_not_is_answered_404(self, app, asked):
        client = app.test_client()
        assert client.get("/").json["page"] == [1, 1, 0]
        assert client.get(f"/?{asked}").status_code == 404
        assert client.get(f"/?page={'9' * 30}").status_code == 404

    def test_a_program_may_say_the_page_itself(self, app, shop):
        with app.test_request_context("/?page=7&per_page=3"):
            shop[1].save_many([shop[1](name=f"n{number}") for number in range(5)])
            page = paginate(shop[1].find(), page=2, per_page=2)
            assert ([each.name for each in page], len(page)) == (["n2", "n3"], 2)
            with pytest.raises(NotFound):
                paginate(shop[1].find(), page=4, per_page=2)
            with pytest.raises(UsageError, match="per_page=0"):
                paginate(shop[1].find(), per_page=0)

    def test_the_numbers_of_links_leave_out_what_is_far(self, app, shop):
        with app.test_request_context("/"):
            shop[1].save_many([shop[1](name=str(number)) for number in range(20)])
            page = paginate(shop[1].find(), page=10, per_page=1)
            assert list(page.numbers()) == [1, 2, None, 8, 9, 10, 11, 12, None, 19, 20]
            assert list(page.numbers(edge=0, around=1)) == [None, 9, 10, 11]


class TestCommands:
    def test_status_and_tables(self, app, shop):
        runner = app.test_cli_runner()
        with app.app_context():
            shop[1](name="hat").save()
        assert runner.invoke(args=["discobase", "tables"]).output == "Item: 1\n"
        assert not shop[0].ready  # a command closes what it has used
        Discobase(shop[0], app_with(app.config))  # connects when it is used, again
        told = runner.invoke(args=["discobase", "status", "--json"])
        assert json.loads(told.output)["head"] == 1
        Discobase(shop[0], app_with(app.config))
        assert "\nhead: 1\n" in runner.invoke(args=["discobase", "status"]).output

    def test_checkpoint_and_verify(self, app, shop):
        runner = app.test_cli_runner()
        with app.app_context():
            shop[1](name="hat").save()
        written = runner.invoke(args=["discobase", "checkpoint"])
        assert (written.exit_code, written.output[:21]) == (0, "position 1: 1 record,")
        Discobase(shop[0], app_with(app.config))
        verified = runner.invoke(args=["discobase", "verify"])
        assert verified.exit_code == 0, verified.output

    def test_an_error_is_told_in_a_line(self, shop, place):
        app = app_with(place, DISCOBASE_SERVER="nowhere")
        Discobase(shop[0], app)
        failed = app.test_cli_runner().invoke(args=["discobase", "status"])
        assert failed.exit_code == 1
        assert failed.output.startswith("Error: the bot is in no server named 'nowhere'")

    def test_the_shell_has_the_database_and_its_tables(self, app, shop):
        context = app.make_shell_context()
        assert (context["db"], context["Item"]) == shop


WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None  # as where it is not installed
try:
    import discobase.contrib.flask
except ImportError as error:
    print(type(error).__name__, error.package, "discobase[flask]" in str(error))
"""


@pytest.mark.parametrize("package", ["flask", "cachelib"])
def test_where_a_package_is_missing_it_says_which_extra_brings_it(package):
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, package], capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == (f"PackageMissing {package} True\n", "")
