"""The token stands in no traceback's frames, and in no log: collectors of errors record both."""

from __future__ import annotations

import copy
import logging
import pickle
from collections.abc import Iterator, Mapping
from types import TracebackType

import pytest
from aiohttp import web

from discobase import Database
from discobase.errors import (
    BadToken,
    ConnectError,
    DiscobaseError,
    MissingPermission,
    UsageError,
    WaitTimeout,
)
from discobase.token import Token
from tests.database.shop import shop
from tests.database.strangers import Stranger, points_to

SECRET = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.a-secret-that-nobody-may-see"


def shown(error: BaseException) -> Iterator[str]:
    """What a collector records of an error: each frame of the package and of what it uses, with the
    locals, and what these hold.
    """
    seen: set[int] = set()
    following: list[BaseException | None] = [error]
    while following:
        each = following.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield f"{each!r} {each!s} {getattr(each, '__notes__', ())}"
        yield from in_frames(each.__traceback__)
        following += [each.__cause__, each.__context__]


def in_frames(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        frame = traceback.tb_frame
        if "/tests/" not in frame.f_code.co_filename:
            for name, value in frame.f_locals.items():
                yield f"{frame.f_code.co_name}.{name}: {safely(value)}"
                held = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
                yield from (f"{name}.{key}: {safely(inner)}" for key, inner in held.items())
        traceback = traceback.tb_next


def safely(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - whatever a half-made object raises
        return "no repr"


def fail(log_in) -> DiscobaseError:
    with pytest.raises(DiscobaseError) as raised:
        log_in()
    return raised.value


def entered(database: Database, token: str, **options: object) -> None:
    with database.conn(token, **options):
        pass


@pytest.fixture(autouse=True)
def log(caplog):
    caplog.set_level(logging.DEBUG)
    yield
    assert "a-secret" not in caplog.text


def test_a_login_that_is_refused_shows_no_token(place):
    database, _ = shop()
    error = fail(lambda: entered(database, SECRET, api_url=place.api_url, timeout=10))
    assert not [text for text in shown(error) if "a-secret" in text]


@pytest.mark.parametrize("way", ["login", "login_thread", "login_task", "conn"])
@pytest.mark.parametrize("address", ["no address", 5])
def test_a_login_whose_arguments_are_wrong_shows_no_token(way, address):
    database, _ = shop()

    def log_in():
        if way == "conn":
            return entered(database, SECRET, api_url=address)
        session = getattr(database, way)(SECRET, api_url=address)
        database.wait_ready(10)
        return session

    try:
        error = fail(log_in)
    finally:
        database.close()
    assert not [text for text in shown(error) if "a-secret" in text]


def test_a_token_that_is_none_is_not_shown_either():
    database, _ = shop()
    error = fail(lambda: entered(database, "local:" + "x" * 9 + "\0a-secret"))
    assert isinstance(error, UsageError)


@pytest.mark.parametrize("token", [SECRET.replace("-", " "), f"lokal:{SECRET}", SECRET + "\n x"])
def test_a_token_of_another_form_is_not_shown(token, place):
    database, _ = shop()
    error = fail(lambda: entered(database, token, api_url=place.api_url, timeout=10))
    secret = "a secret" if "a secret" in token else "a-secret"
    assert not [text for text in shown(error) if secret in text]


@pytest.mark.parametrize(
    "misplace",
    [
        lambda database: database.conn("local", successor_of=SECRET).__enter__(),
        lambda database: database.clean(SECRET),
        lambda database: database.clean(f" {SECRET}\n"),
        lambda database: database.wait_for(SECRET),
    ],
)
def test_a_token_in_the_place_of_another_argument_is_not_repeated(misplace):
    error = fail(lambda: misplace(shop()[0]))
    assert isinstance(error, UsageError)
    assert "a-secret" not in str(error)
    assert "<hidden: it looks like a bot's token>" in str(error)


@pytest.mark.parametrize("length", [1_001, 8_000, 70_000])
def test_a_token_that_servers_would_echo_for_its_length_is_not_sent(place, length):
    # Of a header that is too long for it a server says the head: aiohttp above 8 kB, for one.
    database, _ = shop()
    token = (SECRET * (length // len(SECRET) + 1))[:length]
    error = fail(lambda: entered(database, token, api_url=place.api_url, timeout=10))
    assert isinstance(error, BadToken)
    assert not [text for text in shown(error) if "a-secret" in text]
    assert place.calls == 0


@pytest.mark.parametrize("status", [400, 403, 404, 503])
@pytest.mark.parametrize("kind", ["text", "JSON"])
def test_a_server_that_echoes_the_token_makes_nobody_show_it(status, kind, monkeypatch):
    monkeypatch.setattr("discobase.engine.server.login._TRIES", 1)

    async def echo(request: web.Request) -> web.Response:
        said = f"what is {dict(request.headers)}?"
        if kind == "JSON":
            return web.json_response({"message": said, "code": 0}, status=status)
        return web.Response(text=said, status=status)

    with Stranger({"GET */users/@me": echo}) as stranger:
        error = fail(lambda: entered(shop()[0], SECRET, api_url=stranger.api_url, timeout=30))
    assert isinstance(error, ConnectError)
    assert not [text for text in shown(error) if "a-secret" in text]


def test_an_address_where_nobody_answers_shows_no_token():
    database, _ = shop()
    error = fail(lambda: entered(database, SECRET, api_url="http://127.0.0.1:9/api", timeout=20))
    assert not [text for text in shown(error) if "a-secret" in text]


def test_what_fails_with_a_token_that_is_right_does_not_show_it(place):
    secret = place.token.split(".")[-1]
    missing = fail(lambda: entered(Database("nowhere"), place.token, api_url=place.api_url))
    database, item = shop(timeout=2)
    with place.conn(database):
        item(name="first").save()
        place.discord.fault(method="POST", route="*/messages", reset=True, count=50)
        failed = fail(lambda: item(name="second").save())
        place.discord.clear_faults()
    for error in (missing, failed):
        assert not [text for text in shown(error) if secret in text]


def test_a_token_is_a_text_that_hides():
    token = Token(SECRET)
    for other in (token, copy.copy(token), copy.deepcopy(token), pickle.loads(pickle.dumps(token))):
        assert other == SECRET
        assert isinstance(other, Token)
        assert "secret" not in repr([other, {"Authorization": "Bot " + other}, f"{other!r}"])
    assert str("Bot " + token) == f"Bot {SECRET}"


@pytest.mark.parametrize("why", ["rights", "time"])
def test_a_login_that_comes_to_nothing_otherwise_shows_no_token(place, why):
    secret = place.token.split(".")[-1]
    if why == "rights":
        place.discord.set_permissions(place.server, 0, token=place.token)
        place.discord.set_permissions(place.server, 0)
    else:
        place.discord.fault(route="/users/@me", delay=5, count=None)
    error = fail(lambda: place.conn(shop()[0], timeout=1).__enter__())
    assert isinstance(error, MissingPermission if why == "rights" else WaitTimeout)
    assert not [text for text in shown(error) if secret in text]


def test_a_gateway_that_refuses_the_token_shows_none(place):
    async def refuse(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 41250}})
        await socket.receive()
        await socket.close(code=4004)
        return socket

    database, _ = shop()
    with Stranger({"GET /gateway": refuse}, place.api_url) as stranger:
        stranger.answer("GET */gateway/bot", points_to(stranger.gateway_url))
        task = database.login_task(place.token, api_url=stranger.api_url)
        error = fail(lambda: task.result(20))
    assert isinstance(error, ConnectError)
    secret = place.token.split(".")[-1]
    assert not [text for text in shown(error) if secret in text]
