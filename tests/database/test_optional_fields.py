"""Fields that Discord's description of its API does not require may be missing, or null where it
says so: what is read of an answer, or of an event, is as right as with them, or an error of ours.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discobase.engine.server.clock import SystemClock
from discobase.engine.server.discordpy.account import BotAccount
from discobase.engine.server.discordpy.client import GatewayClient
from discobase.engine.server.discordpy.day_limit import DayLimit
from discobase.engine.server.discordpy.errors import answered
from discobase.engine.server.discordpy.events import GatewayEvents
from discobase.engine.server.discordpy.messages import message_of
from discobase.engine.server.discordpy.requests import RestRequests
from discobase.engine.server.login import Access, Login, Membership
from discobase.engine.server.permissions import READING
from discobase.engine.server.seam import (
    AccessChanged,
    Attachment,
    Channel,
    EventsLost,
    Forbidden,
    Message,
    MessageArrived,
    MessageChanged,
    ServerError,
    Uncertain,
    Upload,
)
from discobase.engine.server.usage import Usage
from discobase.errors import DiscobaseError
from discobase.local import LocalDiscord
from tests.database.shop import soon
from tests.local.description import ABSENT, PLACE, Description
from tests.local.rest import Rest

described = pytest.mark.skipif(not PLACE.exists(), reason=ABSENT)

SERVER = "shop"
MESSAGE = ("GET", "/channels/{channel_id}/messages/{message_id}")
DESCRIBED = {
    "MESSAGE_CREATE": MESSAGE,
    "MESSAGE_UPDATE": MESSAGE,
    "GUILD_CREATE": ("GET", "/guilds/{guild_id}"),
    "CHANNEL_UPDATE": ("GET", "/channels/{channel_id}"),
    "GUILD_MEMBER_UPDATE": ("GET", "/guilds/{guild_id}/members/{user_id}"),
}
"""Events whose data is what this endpoint answers, and more."""

PARAMETERS = {"/guilds/{guild_id}/members/{member_id}": DESCRIBED["GUILD_MEMBER_UPDATE"][1]}
"""Routes that discord.py names otherwise than the description."""

Path = tuple[str | int, ...]


class Recorded:
    """What a real server has answered, and told.

    Attributes:
        answers: by method and route.
        events: the data of each event, by its name.
        access: what the login came to.
        results: what was made of the answers, by the name of the call.
    """

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Any] = {}
        self.events: dict[str, Any] = {}
        with LocalDiscord() as discord:
            self.token = discord.default_token
            self.guild = discord.join(SERVER)
            category = self._make(discord, name="db", type=4)
            self.category, self.channel = category, self._make(discord, name="log", topic="t")
            asyncio.run(self._record(discord))

    def _make(self, discord: LocalDiscord, **body: Any) -> int:
        rest = Rest(discord.api_url, discord.default_token)
        return int(rest("POST", f"/guilds/{self.guild}/channels", body).body["id"])

    async def _record(self, discord: LocalDiscord) -> None:
        client = GatewayClient(discord.api_url, Usage())
        self.api_url, ask = discord.api_url, client.http.request

        async def request(route: Any, **options: Any) -> Any:
            answer = await ask(route, **options)
            self.answers[route.method, route.path] = copy.deepcopy(answer)
            return answer

        client.http.request = request
        self.access = await self._login(client)
        hearing = asyncio.create_task(self._hear(client))
        self.message = (await self._calls(client)["send"]()).id
        for call in self._calls(client).values():
            await call()
        await asyncio.to_thread(self._happen, discord)
        await asyncio.to_thread(soon, lambda: not self.wanted - self.events.keys())
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await client.close()
        self.results = await self.replay(self.answers)

    async def _hear(self, client: GatewayClient) -> None:
        self.wanted = set(GatewayEvents(0, 0).handlers) - {
            "RESUMED",
            "GUILD_DELETE",
            "CHANNEL_DELETE",
            "GUILD_ROLE_DELETE",
            "MESSAGE_DELETE_BULK",
            "GUILD_MEMBER_UPDATE",
        }
        keep = {
            name: lambda raw, name=name: self.events.setdefault(name, copy.deepcopy(raw))
            for name in self.wanted
        }
        assert self.access.gateway is not None
        day = DayLimit(self.access.gateway, BotAccount(client).gateway)
        await client.run_gateway(self.access.gateway.url, day, keep, lambda: None)

    def _happen(self, discord: LocalDiscord) -> None:
        rest = Rest(discord.api_url, self.token)
        assert soon(lambda: "GUILD_CREATE" in self.events)
        messages = f"/channels/{self.channel}/messages"
        files = {0: ("a.bin", b"bytes")}
        made = rest("POST", messages, {"content": "x", "nonce": "n"}, files=files).body["id"]
        rest("PATCH", f"{messages}/{made}", {"content": "y"})
        rest("DELETE", f"{messages}/{made}")
        rest("PATCH", f"/channels/{self.channel}", {"topic": "another"})
        discord.set_permissions(self.guild, 8, token=self.token)

    async def _login(self, client: GatewayClient) -> Access:
        login = Login(BotAccount(client), SystemClock(), self.api_url)
        return await login.enter(self.token, SERVER)

    def _calls(self, client: GatewayClient) -> dict[str, Any]:
        requests, channel = RestRequests(client, self.access), self.channel
        access, message = requests._access, getattr(self, "message", 0)

        async def require() -> None:
            access.changed()
            await access.require(channel, READING)

        async def explain() -> Forbidden:
            return await access.explain(channel, READING, Forbidden("Missing Access", 50001))

        uploads = [Upload("frame.bin", b"bytes")]
        return {
            "send": lambda: requests.send(channel, "x", uploads, "nonce"),
            "history": lambda: requests.history(channel, after=0),
            "message": lambda: requests.message(channel, message),
            "channels": requests.channels,
            "channel": lambda: requests.create_channel("b", parent=self.category, topic="t"),
            "require": require,
            "explain": explain,
        }

    async def replay(self, answers: dict[tuple[str, str], Any]) -> dict[str, object]:
        """What is made of other answers, or raised, by the name of the call."""
        client = GatewayClient(self.api_url, Usage())

        async def request(route: Any, **_: Any) -> Any:
            return copy.deepcopy(answers[route.method, route.path])

        client.http.request = request
        made: dict[str, object] = {}
        calls = {"login": lambda: self._login(client), **self._calls(client)}
        for name, call in calls.items():
            try:
                made[name] = await call()
            except (ServerError, DiscobaseError) as error:
                made[name] = error
        await client.close()
        return made


def paths(value: object, so_far: Path = ()) -> list[Path]:
    """Where a value has fields, at any depth."""
    if isinstance(value, list):
        return [path for i, each in enumerate(value) for path in paths(each, (*so_far, i))]
    if not isinstance(value, dict):
        return []
    inner = [path for name, each in value.items() for path in paths(each, (*so_far, name))]
    return [*((*so_far, name) for name in value), *inner]


def without(value: Any, missing: set[Path], null: set[Path] = frozenset()) -> Any:
    """A value without some fields, and with others null."""

    def reduced(each: Any, path: Path) -> Any:
        if path in null:
            return None
        if isinstance(each, list):
            return [reduced(inner, (*path, i)) for i, inner in enumerate(each)]
        if not isinstance(each, dict):
            return each
        return {
            name: reduced(inner, (*path, name))
            for name, inner in each.items()
            if (*path, name) not in missing
        }

    return reduced(value, ())


def may_be(value: Any, endpoint: tuple[str, str]) -> tuple[list[Path], list[Path]]:
    """Fields that may be missing, and those that may be null, by Discord's description."""
    description, (method, template) = Description(), endpoint
    status = next(
        status
        for status in (200, 201)
        if not problems(description, method, template, status, value)
    )

    def fits(reduced: Any) -> bool:
        return not problems(description, method, template, status, reduced)

    found = paths(value)
    return (
        [path for path in found if fits(without(value, {path}))],
        [path for path in [(), *found] if fits(without(value, set(), {path}))],
    )


def problems(description: Description, method: str, template: str, status: int, value: Any) -> Any:
    return description.answer_problems(method, template, status, value)


@pytest.fixture(scope="module")
def recorded():
    return Recorded()


@pytest.fixture(scope="module")
def optional(recorded):
    """What may be missing or null, by endpoint and by event."""
    found: dict[Any, tuple[list[Path], list[Path]]] = {}
    for (method, route), answer in recorded.answers.items():
        found[method, route] = may_be(answer, (method, PARAMETERS.get(route, route)))
    for name, raw in recorded.events.items():
        # What the description does not describe: the server's id alone may be missing.
        undescribed = ([("guild_id",)] if "guild_id" in raw else [], [])
        found[name] = may_be(raw, DESCRIBED[name]) if name in DESCRIBED else undescribed
    return found


def reductions(data, fields):
    missing, null = fields
    gone = data.draw(st.sets(st.sampled_from(missing))) if missing else set()
    empty = data.draw(st.sets(st.sampled_from(null))) if null else set()
    return gone, empty - gone


def is_sound(made: object, true: object) -> bool:
    if isinstance(true, list):
        return len(made) == len(true) and all(map(is_sound, made, true))
    if isinstance(true, Message):
        return dataclasses.replace(made, nonce=true.nonce) == true
    if isinstance(true, Channel):
        plain = Channel(true.id, true.name, None, "", is_category=true.is_category)
        return all(
            getattr(made, field.name) in (getattr(true, field.name), getattr(plain, field.name))
            for field in dataclasses.fields(true)
        )
    if isinstance(true, Access):
        return dataclasses.replace(made, settling=true.settling) == true
    return type(made) is type(true)


@described
@given(data=st.data())
def test_answers_without_what_is_optional_are_read_right_or_are_errors_of_ours(
    recorded, optional, data
):
    answers = {
        key: without(answer, *reductions(data, optional[key]))
        for key, answer in recorded.answers.items()
    }
    for name, made in asyncio.run(recorded.replay(answers)).items():
        if not isinstance(made, ServerError | DiscobaseError):
            assert is_sound(made, recorded.results[name]), name


@described
def test_what_is_read_of_messages_is_all_required(recorded, optional):
    """So that with nothing but what is required no message, and no login, is refused."""
    answers = {
        key: without(answer, set(optional[key][0])) for key, answer in recorded.answers.items()
    }
    made = asyncio.run(recorded.replay(answers))
    for name in ("send", "history", "message", "channels", "channel", "login"):
        assert is_sound(made[name], recorded.results[name]), name


@described
@given(data=st.data())
def test_events_without_what_is_optional_are_read_right(recorded, optional, data):
    bot = recorded.access.bot
    told: list[object] = []

    async def hear(name: str, raw: Any) -> None:
        events = GatewayEvents(recorded.guild, bot)
        events.listen(told.append)
        events.handlers[name](raw)

    for name, raw in recorded.events.items():
        told.clear()
        asyncio.run(hear(name, without(raw, *reductions(data, optional[name]))))
        whole = list(told)
        told.clear()
        asyncio.run(hear(name, raw))
        assert list(map(type, whole)) == list(map(type, told)), name
        for event, true in zip(whole, told, strict=True):
            if isinstance(event, MessageArrived):
                assert is_sound(event.message, true.message)
            else:
                assert event == true


@given(
    raw=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["id", "channel_id", "guild_id", "author", "attachments", "user", "ids", "size"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=10,
    )
)
def test_events_of_any_form_are_dealt_with_or_made_up_for(raw):
    async def hear() -> list[object]:
        told: list[object] = []
        events = GatewayEvents(5, 6)
        events.listen(told.append)
        for name, handler in events.handlers.items():
            if name == "GUILD_CREATE":  # without it a session is of no use
                events._shown = True
            handler(raw)
        return told

    told = asyncio.run(hear())
    assert isinstance(raw, dict) or any(isinstance(event, EventsLost) for event in told)


ACCESS = Access(6, 5, None, Membership(5, SERVER, 8))
PLACE_ALONE = {"id": "1", "channel_id": "2"}


def test_a_message_needs_no_more_than_its_place():
    # Where Discord's description is there, the tests above find more of that.
    assert message_of(PLACE_ALONE) == Message(1, 2, 0, "", (), None)
    whole = {"content": "x", "author": {"id": "3"}, "attachments": [{"filename": "a", "size": 4}]}
    expected = Message(1, 2, 3, "x", (Attachment("a", 4, ""),), None)
    assert message_of({**PLACE_ALONE, **whole}) == expected


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("MESSAGE_CREATE", PLACE_ALONE, MessageArrived(Message(1, 2, 0, "", (), None))),
        ("MESSAGE_UPDATE", PLACE_ALONE, MessageChanged(2, 1, deleted=False)),
        ("MESSAGE_DELETE", PLACE_ALONE, MessageChanged(2, 1, deleted=True)),
        (
            "MESSAGE_DELETE_BULK",
            {"ids": ["1"], "channel_id": "2"},
            MessageChanged(2, 1, deleted=True),
        ),
        ("CHANNEL_UPDATE", {"id": "2"}, AccessChanged(2)),
        ("GUILD_ROLE_UPDATE", {}, AccessChanged()),
        ("GUILD_MEMBER_UPDATE", {"user": {"id": "6"}}, AccessChanged()),
        ("GUILD_CREATE", {"id": "5"}, EventsLost()),
    ],
)
def test_an_event_needs_no_more_than_its_place(name, raw, expected):
    async def hear() -> list[object]:
        told: list[object] = []
        events = GatewayEvents(5, 6)
        events.listen(told.append)
        events.handlers[name](raw)
        return told

    assert asyncio.run(hear()) == [expected]


def test_a_channel_needs_no_more_than_an_id_a_kind_and_a_name():
    client = GatewayClient("http://127.0.0.1:9/api/v10", Usage())

    async def request(*_: Any, **__: Any) -> Any:
        return [{"id": "2", "type": 0, "name": "a"}, {"id": "3", "type": 4, "name": "b"}]

    async def listed() -> list[Channel]:
        client.http.request = request
        return await RestRequests(client, ACCESS).channels()

    assert asyncio.run(listed()) == [Channel(2, "a"), Channel(3, "b", is_category=True)]


@pytest.mark.parametrize(
    "error",
    [KeyError("id"), IndexError(), TypeError(), ValueError(), AttributeError(), OverflowError()],
    ids=lambda error: type(error).__name__,
)
def test_what_reading_an_answer_of_another_form_raises_is_an_error_of_the_seam(error):
    with pytest.raises(Uncertain, match=type(error).__name__) as raised, answered():
        raise error
    assert raised.value.__cause__ is error
