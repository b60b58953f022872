"""The server against Discord's description of its API, and what its documentation says of it.

Every exchange of this directory's tests is held against the description too (see `conftest.py`).
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import discobase.local
from discobase.local.rest.endpoints import UNSERVED
from discobase.local.rest.table import TABLE
from tests.local.description import ABSENT, PLACE, Description

DOCS = Path(__file__).parents[2] / "docs"

described = pytest.mark.skipif(not PLACE.exists(), reason=ABSENT)


@pytest.fixture(scope="module")
def coverage():
    """The script that makes the page."""
    spec = importlib.util.spec_from_file_location("coverage_page", DOCS / "coverage.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@described
def test_each_exchange_of_these_tests_is_held_against_the_description(place, witness):
    assert place.rest("GET", "/users/@me").status == 200
    assert ("GET", "/users/@me", 200) in witness.seen
    assert witness.take() == []
    witness.watch("GET", "/users/@me", None, False, 200, '{"id": []}')
    assert any("GET /users/@me 200" in problem for problem in witness.take())


@described
def test_the_server_knows_each_endpoint_of_the_description_by_its_name():
    known = {(route.method, route.template): route.name for route in UNSERVED}
    told = {key: operation.name for key, operation in Description().operations.items()}
    assert known == told


@described
def test_every_served_route_is_one_of_the_description():
    beyond = {("POST", "/guilds"), ("POST", "/attachments/refresh-urls")}
    served = {(route.method, route.template) for route in TABLE.routes() if route.handler}
    assert served - Description().operations.keys() == beyond


@described
def test_what_asks_for_no_token_in_the_header_is_what_the_description_says():
    told = {key for key, operation in Description().operations.items() if operation.public}
    served = [route for route in TABLE.routes() if route.handler]
    open_ = {
        (route.method, route.template)
        for route in served
        if route.public or route.caller is not None
    }
    assert open_ == told & {(route.method, route.template) for route in served}


def test_the_page_of_what_is_served_is_up_to_date(coverage):
    assert coverage.PAGE.read_text("utf-8") == coverage.page(), "run: python docs/coverage.py"


def test_notes_on_what_is_served_in_part_are_on_endpoints_that_are_served(coverage):
    served = {route.name for route in UNSERVED if coverage.is_served(route)}
    noted = coverage.NOTES["partly"].keys()
    assert noted
    assert noted <= served


def test_the_events_that_are_marked_as_served_are_those_that_the_server_can_send(coverage):
    source = Path(discobase.local.__file__).parent
    text = "".join(path.read_text("utf-8") for path in source.rglob("*.py"))
    events = coverage.NOTES["events"]
    sent = {name for name in events if f'"{name}"' in text}
    opcodes = {"HELLO", "RECONNECT", "INVALID_SESSION"}
    assert {name for name, state in events.items() if state} == sent | opcodes


def test_what_is_not_served_answers_501_with_its_name(place, coverage):
    unserved = [route for route in UNSERVED if not coverage.is_served(route)]
    assert unserved
    for route in unserved:
        answer = place.rest(route.method, re.sub(r"\{\w+\}", "1", route.template))
        assert answer.status == 501, route
        assert route.name in answer.body["message"]
