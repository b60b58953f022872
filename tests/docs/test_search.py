"""Whoever searches the documentation for what people type finds the page that answers it.

It is built, and searched in a browser, which takes a minute or two: ``tox -e soak -- tests/docs``.
"""

from __future__ import annotations

import functools
import http.server
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.local.browser import CHROMIUM, DRIVER, browsing

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = 4
"""How many results people look at: a guess."""

ANSWERED_BY = {
    "jupyter": "howto/jupyter",
    "pandas": "howto/frames",
    "slash": "howto/discord-commands",
    "feed": "howto/feed",
    "audit": "howto/history",
    "backup": "howto/backups",
    "restore": "howto/backups",
    "unique": "reference/tables",
    "primary key": "reference/tables",
    "rate limit": "explanations/discord",
    "ctrl-c": "explanations/threads",
    "fork": "howto/gunicorn",
    "gunicorn": "howto/gunicorn",
    "delete": "howto/delete",
    "schema change": "schemas",
    "migrate": "schemas",
    "rename field": "schemas",
    "two bots": "howto/succession",
    "two processes": "explanations/consistency",
    "race condition": "explanations/consistency",
    "permissions": "howto/bot-setup",
    "token": "howto/bot-setup",
    "encrypt": "howto/encryption",
    "privacy": "explanations/security",
    "full text search": "howto/search",
    "pagination": "howto/flask",
    "bulk": "howto/many-records",
    "cron": "howto/scripts",
    "timeout": "howto/scripts",
    "csv": "howto/command-line",
    "mock": "local-server",
    "how many writes": "explanations/limits",
    "sql": "howto/sql",
    "conflict": "explanations/consistency",
}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep what is asked for out of the tests' output."""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the documentation is served, built without the modules inside."""
    folder = tmp_path_factory.mktemp("html")
    command = [sys.executable, "-m", "sphinx", "-q", "-t", "quick", "-b", "html", DOCS, folder]
    subprocess.run(command, check=True)
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("profile")) as running:
        yield running


FINISHED = """
const summary = document.querySelector('#search-results .search-summary');
return summary !== null && summary.textContent !== ''
"""
"""Whether the page has said how many it has found, which it does when all of them stand there. The
dots behind its title say nothing: they stop then, and go on half a second later.
"""
HANGING = 300.0
"""After how many seconds a search will never end: it takes less than one on a machine that has
nothing else to do.
"""
PAGES = """
return [...document.querySelectorAll('#search-results li > a')]
    .map((link) => link.getAttribute('href').replace(/[.]html.*/, ''))
"""


@pytest.mark.soak
@pytest.mark.skipif(find_spec("sphinx") is None, reason="Sphinx is not installed")
@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and its driver are not installed")
@pytest.mark.timeout(1800)  # a few minutes, and several times that on a busy machine
def test_what_people_type_finds_the_page_that_answers_it(address, browser):
    found = {}
    for words in ANSWERED_BY:
        browser.open(f"{address}search.html?q={quote(words)}")
        browser.until(FINISHED, True, seconds=HANGING)
        found[words] = list(dict.fromkeys(browser.run(PAGES)))[:SHOWN]
    missed = {
        words: found[words] for words, page in ANSWERED_BY.items() if page not in found[words]
    }
    assert missed == {}, missed
