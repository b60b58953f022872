"""The guest book: in a test client, under gunicorn, and under the server of the developers."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import sys

import pytest

from discobase.local import LocalDiscord
from tests.examples.browser import Browser
from tests.examples.conftest import EXAMPLES

FOLDER = EXAMPLES / "guestbook"
GUNICORNS_OWN = "ignore:unclosed <socket:ResourceWarning:gunicorn.arbiter"
DISCORDS_OWN = "ignore:'audioop' is deprecated:DeprecationWarning"


@pytest.fixture(scope="module")
def discord():
    with LocalDiscord() as running:
        running.join("Guestbook")
        yield running


@pytest.fixture(scope="module")
def place(discord):
    return {"DISCOBASE_TOKEN": discord.default_token, "DISCOBASE_API_URL": discord.api_url}


@pytest.fixture
def guestbook(place):
    """The module, and a client of its app."""
    spec = importlib.util.spec_from_file_location("guestbook_example", FOLDER / "app.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module, module.create_app(**place).test_client()
    module.db.close()
    del sys.modules[spec.name]


def test_visitors_sign_and_what_they_say_is_shown_as_text(guestbook):
    module, client = guestbook
    assert "Nobody has signed yet." in client.get("/").text
    form = {"author": " Ada ", "text": "<script>alert(1)</script>"}
    page = client.post("/", data=form, follow_redirects=True).text
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert ">Ada, " in page
    (entry,) = module.Entry.find(author="Ada")
    assert entry.text in client.get(f"/{entry.pk}").text.replace("&lt;", "<").replace("&gt;", ">")
    assert client.get("/7777").status_code == 404
    refused = client.post("/", data={"author": " ", "text": "x"})
    assert (refused.status_code, "author: String should have" in refused.text) == (422, True)
    entry.delete()


def test_many_entries_come_in_pages(guestbook):
    module, client = guestbook
    saved = [module.Entry(author=f"n{number}", text="x") for number in range(25)]
    module.Entry.save_many(saved)
    assert client.get("/").text.count("<article>") == 20
    assert client.get("/?page=2").text.count("<article>") == 5
    assert client.get("/?page=3").status_code == 404
    module.Entry.find().delete()


def test_where_the_server_is_not_there_visitors_are_told(guestbook, place):
    module, _ = guestbook
    client = module.create_app(**place, DISCOBASE_SERVER="elsewhere").test_client()
    page = client.get("/")
    assert (page.status_code, "try again in a minute" in page.text) == (503, True)


def in_process(spawn, *command: str, folder=FOLDER, environment=(), **options):
    """A server in a process of its own, with whatever it complains of on its standard error."""
    warnings = ("-X", "faulthandler", "-W", "default", "-W", DISCORDS_OWN, "-W", GUNICORNS_OWN)
    # Not the scripts of other tests, among which Flask would find one called wsgi.py.
    environment = {"PYTHONPATH": str(EXAMPLES.parents[1]), **dict(environment)}
    return spawn(*warnings, *command, cwd=folder, environment=environment, **options)


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork, which Windows has not")
@pytest.mark.parametrize("preload", [False, True])
def test_workers_and_threads_of_gunicorn_serve_it(spawn, temp, preload):
    with LocalDiscord() as discord, socket.create_server(("127.0.0.1", 0)) as listener:
        discord.join("Guestbook")
        child = in_process(
            spawn,
            *("-m", "gunicorn", "app:create_app()", "--workers", "2", "--threads", "4"),
            *("--bind", f"fd://{listener.fileno()}", "--worker-tmp-dir", str(temp)),
            *("--access-logfile", "-", "--access-logformat", "%(p)s", "--log-level", "warning"),
            *(["--preload"] if preload else []),
            environment={
                "DISCOBASE_TOKEN": discord.default_token,
                "DISCOBASE_API_URL": discord.api_url,
            },
            pass_fds=[listener.fileno()],
        )
        visitor, workers, number = Browser(*listener.getsockname()), set(), 0
        while number < 20 or len(workers) < 2:
            page = visitor.post(author="Ada", text=f"words {number}.")
            assert f"words {number}." in page
            number += 1
            workers |= {child.line(), child.line()}  # of the post, and of where it leads
            assert number < 500, "one worker answers everything"
        assert discord.requests.count("GET", "*/users/@me") == 2
        child.signal(signal.SIGTERM)
        ended = child.end()
    assert (ended.complaints, ended.code) == ("", 0)


def test_the_server_of_developers_reloads_it(spawn, tmp_path):
    """One command starts it, and what was saved is there after a reload."""
    folder = shutil.copytree(FOLDER, tmp_path / "guestbook")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    child = in_process(
        spawn,
        *("-m", "flask", "run", "--debug", "--port", str(port)),
        folder=folder,
        environment={"DISCOBASE_TOKEN": "local:guestbook.db"},
    )
    visitor = Browser("127.0.0.1", port)
    assert "Nobody has signed yet." in visitor.get_when_there()
    assert ">Ada, " in visitor.post(author="Ada", text="Hello")
    source = folder / "app.py"
    source.write_text(source.read_text().replace('"guestbook.html", page=page)', '"new.html")'))
    (folder / "templates/new.html").write_text("Reloaded")
    os.utime(source, (2e9, 2e9))  # whatever the file system takes for the same moment
    visitor.get_when_there(shows="Reloaded")
    assert "Hello" in visitor.get("/1")
    child.put_away()
