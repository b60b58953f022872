"""The window: what a person sees in a browser, and who else is turned away."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from discobase.local.window.exhibited import Exhibited, NotShown
from discobase.local.window.view import preview
from tests.local.browser import CHROMIUM, DRIVER, browsing

pytestmark = pytest.mark.one_python

needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="chromium and chromedriver are not installed (CONTRIBUTING.md names the packages)",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("profile")) as running:
        yield running


def get(place, path, **headers):
    connection = HTTPConnection(urlsplit(place.server.origin).netloc, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


TEXTS = "return [...document.querySelectorAll('.message .text')].map((e) => e.textContent)"
LINKS = "return [...document.querySelectorAll('nav a')].map((e) => e.textContent)"
TITLE = "return document.querySelector('h1').textContent"


@needs_browser
def test_the_page_shows_what_is_there_and_what_comes(place, browser):
    place.send("before")
    browser.open(place.server.window_url)
    browser.until(TEXTS, ["before"])
    assert browser.run(LINKS) == ["lane"]
    sent = place.send("live")["id"]
    browser.until(TEXTS, ["before", "live"])
    place.rest("PATCH", f"{place.messages}/{sent}", {"content": "changed"})
    browser.until(TEXTS, ["before", "changed (edited)"])
    place.rest("DELETE", f"{place.messages}/{sent}")
    browser.until(TEXTS, ["before"])
    place.rest("POST", f"/guilds/{place.guild}/channels", {"name": "new", "topic": "of it"})
    browser.until(LINKS, ["lane", "new"])
    browser.run("document.querySelectorAll('nav a')[1].click()")
    browser.until(TITLE, "# new")
    browser.until(TEXTS, [])
    assert browser.run("return document.getElementById('topic').textContent") == "of it"
    assert browser.complaints(place.server.window_url) == []


@needs_browser
def test_text_is_shown_as_discord_shows_it_and_never_run(place, browser):
    evil = "<img src=x onerror='document.title=1'> **bold** `code`"
    place.send(evil)
    place.send('```json\n{"a": "<b>"}\n```after')
    lines = b"".join(b'{"row":%d}\n' % number for number in range(100))
    files = {
        0: ("rows.jsonl", lines),
        1: ("c7.jsonl.gz", gzip.compress(lines)),
        2: ("raw.bin", b"\x00\x01"),
    }
    place.rest("POST", place.messages, {"content": "files"}, files=files)
    browser.open(place.server.window_url)
    browser.until(TEXTS, [evil.replace("*", "").replace("`", ""), '{"a": "<b>"}after', "files"])
    assert browser.run("return document.querySelectorAll('#messages img').length") == 0
    assert browser.run("return document.querySelector('.text pre code').textContent") == (
        '{"a": "<b>"}'
    )
    shown = browser.run("return [...document.querySelectorAll('.file')].map((e) => e.innerText)")
    assert [text.split()[0] for text in shown] == ["rows.jsonl", "c7.jsonl.gz", "raw.bin"]
    assert ['{"row":0}' in text for text in shown] == [True, True, False]
    assert '{"row":8}' not in shown[0]
    assert browser.complaints(place.server.window_url) == []


@needs_browser
def test_older_messages_are_shown_when_asked_for(place, browser):
    for number in range(70):
        place.send(str(number))
    browser.open(place.server.window_url)
    browser.until(f"{TEXTS}.length", 50)
    browser.run("document.getElementById('older').click()")
    browser.until(TEXTS, [str(number) for number in range(70)])
    place.send("70")
    browser.until(TEXTS, [str(number) for number in range(71)])
    assert browser.run("return document.getElementById('older').checkVisibility()") is False


@needs_browser
def test_the_page_says_when_the_server_is_gone(place, browser):
    browser.open(place.server.window_url)
    state = "return document.getElementById('state').textContent"
    browser.until(state, "Live")
    place.server.close()
    browser.until(state, "Not connected: trying again")


@pytest.mark.parametrize(
    "path", ["servers", "messages", "changes", "databases", "rows", "record", "history"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_pages_of_others_learn_nothing(place, path, headers):
    status, _, text = get(place, f"/_window/{path}?channel={place.channel}", **headers)
    assert (status, "only" in text) == (403, True)


@pytest.mark.parametrize(
    "path", ["/", "/_window/window.js", "/_window/tables.js", "/_window/window.css"]
)
def test_the_page_needs_nothing_from_elsewhere_and_is_framed_by_nobody(place, path):
    status, headers, text = get(place, path)
    assert status == 200
    assert "http://" not in text
    assert "https://" not in text
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert get(place, path, Host="evil.example")[0] == 403


def test_a_window_that_is_closed_begins_nothing_more():
    exhibited = Exhibited()
    exhibited.exhibit = object()
    exhibited.close()
    with pytest.raises(NotShown, match="ending"):
        asyncio.run(exhibited.answer("databases", {}))


def test_the_window_only_reads(place):
    assert place.rest._send("POST", "/_local/../", b"{}", {}).status != 200
    connection = HTTPConnection(urlsplit(place.server.origin).netloc, timeout=10)
    connection.request("POST", "/_window/servers", b"{}")
    assert connection.getresponse().status == 405
    connection.close()
    assert get(place, "/_window/nothing")[0] == 404
    assert get(place, "/_window/messages?channel=1")[0] == 404


def test_a_file_that_is_a_web_page_does_not_act_as_one_of_ours(place):
    files = {0: ("evil.html", b"<script>fetch('/_local')</script>")}
    sent = place.rest("POST", place.messages, {}, files=files).body
    url = urlsplit(sent["attachments"][0]["url"])
    _, headers, _ = get(place, f"{url.path}?{url.query}")
    assert headers["Content-Security-Policy"] == "sandbox"


def test_changes_are_told_as_they_come_and_a_closed_page_is_let_go(place):
    host = urlsplit(place.server.origin).netloc
    with socket.create_connection(host.split(":"), timeout=10) as page:
        page.sendall(f"GET /_window/changes HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        stream = page.makefile("rb")
        first = next(line for line in stream if line.startswith(b"data: "))
        place.send("x")
        assert next(line for line in stream if line.startswith(b"data: ")) != first
    began = time.monotonic()
    place.server.close()
    assert time.monotonic() - began < 2


def test_categories_keep_their_channels(place):
    path = f"/guilds/{place.guild}/channels"
    parent = place.rest("POST", path, {"name": "Shop", "type": 4}).body["id"]
    place.rest("POST", path, {"name": "inside", "parent_id": parent})
    (server,) = json.loads(get(place, "/_window/servers")[2])
    assert server["name"] == "test"
    names = [(g["name"], [c["name"] for c in g["channels"]]) for g in server["groups"]]
    assert names == [(None, ["lane"]), ("Shop", ["inside"])]


def test_a_preview_is_the_first_lines_of_what_is_text():
    assert preview("a.txt", b"one\ntwo") == {"text": "one\ntwo", "more": False}
    assert preview("a.JSONL", b"1\n" * 9) == {"text": "\n".join("1" * 8), "more": True}
    assert preview("a.png", b"text") is None
    assert preview("a.txt.gz", b"no gzip") is None
    assert preview("a.csv.gz", gzip.compress(b"1,2")) == {"text": "1,2", "more": False}
    bomb = preview("a.txt.gz", gzip.compress(b"0" * 50_000_000))
    assert len(bomb["text"]) < 500
    assert bomb["more"]
