"""The cart in Django: who logs in and fills a cart finds it after a restart of the server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error

import pytest

from discobase.local import LocalDiscord
from tests.examples.browser import Browser
from tests.examples.conftest import EXAMPLES

pytestmark = pytest.mark.one_python

FOLDER = EXAMPLES / "cart"
DISCORDS_OWN = "ignore:'audioop' is deprecated:DeprecationWarning"

SERVERS = {
    "gunicorn": ("gunicorn", "shop.wsgi", "--workers", "2", "--threads", "4", "--bind", "fd://{}"),
    "gunicorn with preload": (
        *("gunicorn", "shop.wsgi", "--workers", "2", "--threads", "4"),
        *("--bind", "fd://{}", "--preload"),
    ),
    "uvicorn": ("uvicorn", "shop.asgi:application", "--fd", "{}"),
}


@pytest.fixture(scope="module")
def discord():
    with LocalDiscord() as running:
        running.join("Cart")
        yield running


@pytest.fixture(scope="module")
def staff(tmp_path_factory):
    """Django's own database, with one who may use the admin, made as the page on Django says."""
    path = tmp_path_factory.mktemp("staff") / "staff.sqlite3"
    environment = os.environ | {
        "PYTHONPATH": str(EXAMPLES.parents[1]),
        "STAFF": str(path),
        "DJANGO_SUPERUSER_PASSWORD": "for the staff",
    }
    made = ("createsuperuser", "--noinput", "--username", "boss", "--email", "boss@example.com")
    for command in (("migrate", "--verbosity", "0"), made):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=FOLDER,
            env=environment,
            check=True,
            capture_output=True,
        )
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork, which Windows has not")
@pytest.mark.parametrize(
    "server", ["gunicorn", pytest.param("gunicorn with preload", marks=pytest.mark.soak), "uvicorn"]
)
def test_a_cart_is_there_after_a_restart_of_the_server(spawn, discord, staff, server):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def start():
            command = [each.format(listener.fileno()) for each in SERVERS[server]]
            return spawn(
                *("-X", "faulthandler", "-W", DISCORDS_OWN, "-m", *command),
                *("--log-level", "warning"),
                cwd=FOLDER,
                environment={
                    "PYTHONPATH": str(EXAMPLES.parents[1]),
                    "DISCOBASE_TOKEN": discord.default_token,
                    "DISCOBASE_API_URL": discord.api_url,
                    "SECRET_KEY": "of the test",
                    "STAFF": str(staff),
                },
                pass_fds=[listener.fileno()],
            )

        def end(child):
            child.signal(signal.SIGTERM)
            ended = child.end()
            assert ended.complaints == ""
            assert ended.code in {0, -signal.SIGTERM}

        name, visitor = f"Ada of {server}", Browser(*listener.getsockname())
        child = start()
        visitor.post("/put", thing="hat", csrfmiddlewaretoken=visitor.token(visitor.get()))
        page = visitor.get()
        page = visitor.post(
            "/log-in", name=name, password="x", csrfmiddlewaretoken=visitor.token(page)
        )
        assert f"You are {name}." in page
        assert "<p>hat</p>" in page
        end(child)
        child = start()
        page = visitor.get()
        assert (f"You are {name}." in page, "<p>hat</p>" in page) == (True, True)
        page = visitor.post("/put", thing="cap", csrfmiddlewaretoken=visitor.token(page))
        assert "<p>hat, cap</p>" in page
        stranger = Browser(*listener.getsockname())
        form = {"name": name, "password": "y"}
        with pytest.raises(urllib.error.HTTPError, match="403"):
            stranger.post("/log-in", **form, csrfmiddlewaretoken=stranger.token(stranger.get()))
        assert 'name="username"' in stranger.get("/admin/discobase/table/Customer/")
        boss = Browser(*listener.getsockname())
        shown = boss.post(
            "/admin/login/?next=/admin/discobase/table/Customer/",
            username="boss",
            password="for the staff",
            csrfmiddlewaretoken=boss.token(boss.get("/admin/")),
        )
        assert f"<td>{name}</td>" in shown
        assert "pbkdf2" not in shown
        assert "sessions" not in boss.get("/admin/discobase/table/")
        page = visitor.post("/log-out", csrfmiddlewaretoken=visitor.token(page))
        assert "Nothing yet." in page
        assert "You are" not in page
        end(child)
