"""One server for several databases and processes, and who serves it when its host goes."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time

import pytest

from discobase.errors import ConnectError
from discobase.local import join
from tests.local.processes import JOIN, SERVE, running
from tests.local.rest import Rest


def guilds(place) -> list[str]:
    api_url, token = (
        (place["api_url"], place["token"])
        if isinstance(place, dict)
        else (place.api_url, place.token)
    )
    return [guild["name"] for guild in Rest(api_url, token)("GET", "/users/@me/guilds").body]


def wait_until_answered(place: dict[str, str], seconds: float = 10.0) -> float:
    """How long it took until the server answered again."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        try:
            guilds(place)
        except OSError:
            time.sleep(0.01)
        else:
            return time.monotonic() - started
    raise AssertionError(f"no answer from {place['api_url']} for {seconds} s")


def test_a_process_has_one_server_that_outlives_its_users():
    one = join(None, "first")
    other = join(None, "second")
    assert (one.api_url, one.token) == (other.api_url, other.token)
    assert {"first", "second"} <= set(guilds(one))
    one.close()
    other.close()
    again = join(None, "first")
    assert (again.api_url, again.token) == (one.api_url, one.token)
    assert guilds(again).count("first") == 1


def test_joining_a_name_twice_makes_one_server_also_at_once(tmp_path):
    joined = []
    threads = [
        threading.Thread(target=lambda: joined.append(join(str(tmp_path / "dev.db"), "same")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({place.api_url for place in joined}) == 1
    assert guilds(joined[0]) == ["same"]
    for place in joined:
        place.close()


def test_the_last_to_leave_a_file_ends_its_serving(tmp_path):
    path = str(tmp_path / "dev.db")
    one, other = join(path, "test"), join(path, "test")
    token = one.token
    one.close()
    one.close()
    assert guilds(other) == ["test"]
    other.close()
    with pytest.raises(OSError, match="refused"):
        guilds(other)
    again = join(path, "test")
    assert again.token == token
    again.close()


def test_the_same_file_by_another_name_is_the_same_server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, other = join("dev.db", "test"), join(str(tmp_path / "dev.db"), "test")
    assert one.api_url == other.api_url
    one.close()
    other.close()


def test_a_second_process_joins_the_first(tmp_path):
    path = tmp_path / "dev.db"
    with running(JOIN, path) as first:
        joined = join(str(path), "mine")
        assert (joined.api_url, joined.token) == (first.place["api_url"], first.place["token"])
        assert guilds(first.place) == ["test", "mine"]
        joined.close()


def test_a_process_joins_what_serve_runs(tmp_path):
    with running(SERVE, tmp_path / "dev.db", 0) as server:
        joined = join(str(tmp_path / "dev.db"), "test")
        assert (joined.api_url, joined.token) == (server.place["api_url"], server.place["token"])
        joined.close()


def test_another_takes_over_on_the_same_port_when_the_host_is_killed(tmp_path):
    path = tmp_path / "dev.db"
    with running(JOIN, path) as host, running(JOIN, path) as one, running(JOIN, path) as other:
        assert one.place == other.place == host.place
        rest = Rest(host.place["api_url"], host.place["token"])
        guild = rest("GET", "/users/@me/guilds").body[0]["id"]
        channel = rest("POST", f"/guilds/{guild}/channels", {"name": "x"}).body["id"]
        body = {"content": "kept", "nonce": "n", "enforce_nonce": True}
        sent = rest("POST", f"/channels/{channel}/messages", body).body
        host.kill()
        assert wait_until_answered(host.place) < 5
        assert rest("POST", f"/channels/{channel}/messages", body).body["id"] == sent["id"]


def test_another_takes_over_when_the_host_leaves(tmp_path):
    path = tmp_path / "dev.db"
    with running(JOIN, path) as host, running(JOIN, path):
        assert host.tell() == "closed"
        assert wait_until_answered(host.place) < 5


def test_the_processes_take_over_one_after_another(tmp_path):
    path = tmp_path / "dev.db"
    with running(JOIN, path) as one, running(JOIN, path) as two, running(JOIN, path) as three:
        place = one.place
        for host in (one, two):
            host.kill()
            assert wait_until_answered(place) < 5
        assert three.place == place
        with running(JOIN, path) as newcomer:
            assert newcomer.place == place


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_child_uses_its_parents_server():
    parent = join(None, "shared")

    def child():
        joined = join(None, "from the child")
        return joined.api_url == parent.api_url and "shared" in guilds(joined)

    assert in_child(child)
    assert "from the child" in guilds(parent)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_child_joins_the_file_its_parent_serves(tmp_path):
    path = str(tmp_path / "dev.db")
    parent = join(path, "test")

    def child():
        parent.close()
        joined = join(path, "test")
        gc.collect()
        return joined.api_url == parent.api_url and guilds(joined) == ["test"]

    assert in_child(child)
    assert guilds(parent) == ["test"]
    parent.close()


FORKING_HOST = """
import os, sys, time
from discobase.local import join
joined = join(sys.argv[1], "test")
if os.fork() == 0:
    for descriptor in range(3):
        os.close(descriptor)
    time.sleep(10)
    os._exit(0)
import json
print(json.dumps({"api_url": joined.api_url, "token": joined.token}), flush=True)
time.sleep(10)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_child_does_not_keep_the_port_of_a_killed_parent(tmp_path):
    path = tmp_path / "dev.db"
    with running(FORKING_HOST, path) as host, running(JOIN, path) as other:
        host.kill()
        assert other.place == host.place
        assert wait_until_answered(host.place) < 5


def in_child(question) -> bool:
    """Asks in a forked child."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if question() else 1
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == 0


def test_a_file_that_somebody_holds_without_serving_is_an_error(tmp_path, monkeypatch):
    from discobase.claim import Claim
    from discobase.local.process import file_server

    monkeypatch.setattr(file_server, "_ANSWER_SECONDS", 0.2)
    claim = Claim(str(tmp_path / "dev.db"))
    assert claim.take(0)
    with pytest.raises(ConnectError, match=r"dev\.db"):
        join(str(tmp_path / "dev.db"), "test")
    claim.release()


LEAVE_OPEN = """
import sys
from discobase.local import join
joined = join(sys.argv[1] or None, "test")
"""


@pytest.mark.parametrize("name", ["", "dev.db"])
def test_a_process_that_leaves_without_closing_ends_at_once(tmp_path, name):
    path = str(tmp_path / name) if name else ""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", LEAVE_OPEN, path],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - started < 10
