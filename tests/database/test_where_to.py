"""Which server a login goes to, and what of the token can be seen."""

from __future__ import annotations

import logging
import re
import socket
import sqlite3
import sys
import threading
import traceback
from contextlib import closing

import pytest
from discord.http import Route

from discobase import Database, Table
from discobase.claim import Claim
from discobase.errors import (
    BadToken,
    ConnectError,
    DatabaseNotFound,
    UsageError,
)
from discobase.local import LocalDiscord
from tests.database.shop import WRONG_TOKEN, shop, threads


class TestWhereTo:
    def test_token_and_address_come_from_the_environment(self, place, monkeypatch):
        monkeypatch.setenv("DISCOBASE_TOKEN", f" {place.token}\n")
        monkeypatch.setenv("DISCOBASE_API_URL", place.api_url + "/")
        database, item = shop()
        with database.conn():
            item(name="hat").save()
        assert len(place.frames()) == 1

    def test_arguments_go_before_the_environment(self, place, monkeypatch):
        monkeypatch.setenv("DISCOBASE_TOKEN", WRONG_TOKEN)
        monkeypatch.setenv("DISCOBASE_API_URL", "http://127.0.0.1:9/api/v10")
        with place.conn(shop()[0]):
            assert "log-0" in place.discord.channels(place.server).values()

    def test_an_id_may_be_given_as_text_as_environment_variables_do(self, place):
        with place.conn(Database("stock", server=str(place.server))):
            assert "log-0" in place.discord.channels(place.server).values()

    def test_a_name_of_digits_goes_before_an_id(self, place):
        digits = place.discord.create_server(str(place.server))
        place.discord.add_bot(place.token, digits)
        with place.conn(Database("stock", server=str(place.server))):
            assert "log-0" in place.discord.channels(digits).values()
            assert place.discord.channels(place.server) == {}

    def test_an_id_that_is_a_number_is_never_a_name(self, place):
        digits = place.discord.create_server(str(place.server))
        place.discord.add_bot(place.token, digits)
        with place.conn(Database("stock", server=place.server)):
            assert "log-0" in place.discord.channels(place.server).values()
            assert place.discord.channels(digits) == {}

    @pytest.mark.parametrize(
        "address",
        [
            "http://ada:a-secret@127.0.0.1:9/api/v10",
            "https://a-secret@discord.example",
            "https://:a-secret@discord.example/api",
            "https://ada:a-secret@",
            "//ada:a-secret@discord.example/api",
            "ada:a-secret@discord.example/api",
        ],
    )
    @pytest.mark.parametrize("way", ["argument", "environment"])
    def test_a_password_in_the_address_is_refused_and_not_repeated(
        self, monkeypatch, caplog, address, way
    ):
        caplog.set_level(logging.DEBUG)
        if way == "environment":
            monkeypatch.setenv("DISCOBASE_API_URL", address)
        options = {"api_url": address} if way == "argument" else {}
        with pytest.raises(UsageError, match="name or a password") as refused:
            shop()[0].login_task(WRONG_TOKEN, **options)
        told = "".join(traceback.format_exception(refused.value))
        assert "a-secret" not in told + caplog.text
        assert threads() == []

    @pytest.mark.parametrize("path", ["/api/@me", "/@", "/api?mail=ada@example.org"])
    def test_an_at_sign_behind_the_host_is_no_password(self, path):
        with pytest.raises(ConnectError):
            shop()[0].conn(WRONG_TOKEN, api_url=f"http://127.0.0.1:9{path}").__enter__()

    def test_local_makes_the_server_that_is_named(self):
        database = Database("a server nobody made")

        @database.table
        class Item(Table):
            name: str

        with database.conn("local"):
            Item(name="hat").save()
        with database.conn("local"):
            assert Item.find_unique().name == "hat"

    def test_local_from_the_environment(self, monkeypatch):
        monkeypatch.setenv("DISCOBASE_TOKEN", "local")
        with Database("from the environment").conn() as database:
            assert database.head == 0

    def test_local_with_a_path_keeps_the_data_in_that_file(self, tmp_path):
        path = tmp_path / "dev.db"
        for expected in (0, 1, 2):
            database, item = shop()
            with database.conn(f"local:{path}"):
                assert len(item.find()) == expected
                item(name="hat").save()
        assert path.stat().st_size > 0
        assert threads() == []

    def test_an_error_names_the_embedded_server_as_it_was_asked_for(self, tmp_path):
        token = f"local:{tmp_path}/dev.db"
        there = re.escape(f"the server 'shop' at {token!r} holds no database")
        with pytest.raises(DatabaseNotFound, match=there):
            shop()[0].clean("shop", token=token)
        with pytest.raises(DatabaseNotFound, match=there):
            shop(read_only=True)[0].conn(token).__enter__()
        with pytest.raises(DatabaseNotFound, match="'shop' at 'local' holds no database"):
            shop()[0].clean("shop", token="local")
        with pytest.raises(DatabaseNotFound, match=there):
            shop()[0].repair(token=token)

    def test_two_databases_share_one_local_file(self, tmp_path):
        (one, first), (two, second) = shop(), shop()
        with one.conn(f"local:{tmp_path}/dev.db"), two.conn(f"local:{tmp_path}/dev.db"):
            first(name="hat").save()
            two.refresh()
            assert second.find_unique().name == "hat"

    def test_a_local_file_that_is_none_is_an_error(self, tmp_path):
        path = tmp_path / "letter.txt"
        path.write_text("dear reader, this is no database at all. " * 50)
        with pytest.raises(ConnectError, match=r"letter\.txt"), shop()[0].conn(f"local:{path}"):
            pass
        assert path.read_text().startswith("dear reader")
        assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]
        path.unlink()
        with shop()[0].conn(f"local:{path}"):
            pass

    def test_a_local_file_whose_layout_is_no_text_is_an_error(self, tmp_path):
        """SQLite's error quotes it then, and Python cannot read the quotation."""
        path = tmp_path / "dev.db"
        LocalDiscord(path).start().close()
        path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE T\xa8BLE", 1))
        with (
            pytest.raises(ConnectError, match=r"cannot keep its state in .*dev\.db"),
            shop()[0].conn(f"local:{path}"),
        ):
            pass

    @pytest.mark.parametrize(
        ("path", "why"), [(".", "that is a folder"), ("missing/x.db", "missing'; make it first")]
    )
    def test_a_local_path_that_can_be_none_is_told_and_leaves_nothing(self, tmp_path, path, why):
        home = tmp_path / "home"
        home.mkdir()
        with pytest.raises(ConnectError, match=why), shop()[0].conn(f"local:{home / path}"):
            pass
        assert [file.name for file in tmp_path.rglob("*")] == ["home"]

    def test_a_temporary_folder_that_cannot_be_written_is_named(self, place, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
        with pytest.raises(ConnectError, match="TMPDIR"), place.conn(shop()[0]):
            pass

    def test_two_servers_at_once_with_two_tokens_do_not_leak_into_each_other(self, place):
        before = Route.BASE
        with LocalDiscord() as elsewhere:
            elsewhere.create_server("shop")
            token = elsewhere.create_bot("other")
            other_server = next(iter(elsewhere.servers()))
            elsewhere.add_bot(token, other_server)
            (one, here), (two, there) = shop(), shop()
            with place.conn(one), two.conn(token, api_url=elsewhere.api_url):
                assert before == Route.BASE
                workers = [
                    threading.Thread(target=lambda t=t, n=n: t(name=n).save())
                    for n in map(str, range(10))
                    for t in (here, there)
                ]
                for worker in workers:
                    worker.start()
                for worker in workers:
                    worker.join()
                here(name="only here").save()
                one.refresh()
                two.refresh()
                assert len(here.find()) == 11
                assert len(there.find()) == 10
                assert place.discord.requests.count(status=401) == 0
                assert elsewhere.requests.count(status=401) == 0
        assert before == Route.BASE

    def test_a_bot_of_ones_own_beside_it_is_left_alone(self, place):
        with place.conn(shop()[0]):
            assert Route("GET", "/users/@me").url == "https://discord.com/api/v10/users/@me"


class TestTheToken:
    def test_it_is_in_no_log_line_no_repr_and_no_traceback(self, place, caplog):
        caplog.set_level(logging.DEBUG)
        shown: list[str] = []
        database, item = shop()
        for token in (place.token, WRONG_TOKEN):
            try:
                with database.conn(token, api_url=place.api_url):
                    item(name="hat").save()
                    session = database._source.session()
                    shown += [repr(database), repr(session.target), str(vars(database))]
                    shown += [str(vars(database._source)), str(vars(session))]
                    place.discord.drop_gateways(resumable=False)
                    item(name="cap").save()
                    database.refresh()
            except BadToken as error:
                shown += traceback.format_exception(error)
        shown += [record.getMessage() + (record.exc_text or "") for record in caplog.records]
        assert len(shown) > 50
        for token in (place.token, WRONG_TOKEN):
            assert not [line for line in shown if token in line or token[-20:] in line]


def test_a_server_that_cannot_start_leaves_the_claim_on_its_file_to_who_holds_it(tmp_path):
    path = str(tmp_path / "dev.db")
    claim, rival = Claim(path), Claim(path)
    assert claim.take(0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            LocalDiscord(path, port=taken.getsockname()[1]).start(claim=claim)
    assert not rival.take(0)
    server = LocalDiscord(path).start(claim=claim)
    assert not rival.take(0)
    server.close()
    assert rival.take(0)
    rival.release()


class TestTheFolderOfARelativePath:
    """It is that of the moment of the login, whatever becomes of the process's own afterwards."""

    @pytest.fixture
    def folders(self, tmp_path, monkeypatch):
        here, there = tmp_path / "here", tmp_path / "there"
        here.mkdir()
        there.mkdir()
        monkeypatch.chdir(here)
        return here, there

    def test_it_stays_when_the_folder_changes_while_the_login_is_under_way(
        self, folders, monkeypatch
    ):
        here, there = folders
        database, item = shop()
        database.login_thread("local:dev.db")
        monkeypatch.chdir(there)
        database.wait_ready()
        item(name="hat").save()
        database.close()
        assert (here / "dev.db").exists()
        assert list(there.iterdir()) == []

    @pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be removed there")
    def test_a_folder_that_is_gone_is_told(self, tmp_path, monkeypatch):
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        with pytest.raises(UsageError, match=r"dev\.db"):
            shop()[0].login_thread("local:dev.db")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no HOME")
def test_a_path_in_the_home_folder_is_taken_from_there(tmp_path, monkeypatch):
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    with shop()[0].conn("local:~/dev.db"):
        assert (home / "dev.db").exists()
    assert list(here.iterdir()) == []
    with pytest.raises(UsageError, match="~nobody-of-that-name"):
        shop()[0].login_thread("local:~nobody-of-that-name/dev.db")


@pytest.mark.parametrize("slashes", ["//", "///"])
def test_a_path_that_looks_like_a_url_is_an_error_that_shows_both_paths(slashes):
    with pytest.raises(UsageError, match=r"'local:data/x\.db' .* or 'local:/data/x\.db'"):
        shop()[0].login_thread(f"local:{slashes}data/x.db")
    with pytest.raises(UsageError, match=r"looks like a URL"):
        shop()[0].login_thread(f"local:{slashes}")


@pytest.mark.parametrize("token", ["local:", " local: \n"])
def test_a_local_path_that_is_empty_is_an_error(token, monkeypatch):
    with pytest.raises(BadToken, match="no path"):
        shop()[0].login_thread(token)
    monkeypatch.setenv("DISCOBASE_TOKEN", token)
    with pytest.raises(BadToken, match="no path"):
        shop()[0].login_thread()


def test_the_database_of_another_program_is_refused_and_stays_as_it_is(tmp_path):
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table auth_user (id integer primary key, username text)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(ConnectError, match="another program"), shop()[0].conn(f"local:{path}"):
        pass
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["db.sqlite3"]
