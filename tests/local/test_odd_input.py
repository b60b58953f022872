"""Whatever is sent to the server, it answers as Discord does: never with an error of its own."""

from __future__ import annotations

import asyncio
import copy
import http.client
import json
import logging
import re
import socket
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import discobase.local
from discobase.local import LocalDiscord, wire
from discobase.local.rest.table import TABLE
from tests.local.conftest import furnish
from tests.local.gateway_client import USUAL, connected, identify

SOURCES = Path(discobase.local.__file__).parent / "rest"
NAMES = sorted(
    {
        name
        for source in SOURCES.rglob("*.py")
        for name in re.findall(r'"([a-z_]{2,30})"', source.read_text("utf-8"))
    }
)
"""Words in the server's source: the names of all fields are among them."""

SERVED = sorted(
    {(route.method, route.template) for route in TABLE.routes() if route.handler is not None}
    - {("DELETE", "/channels/{channel_id}"), ("DELETE", "/users/@me/guilds/{guild_id}")}
)
"""All endpoints but those after which there is nothing left to ask for."""

BUTTON = {"type": 2, "style": 1, "label": "Go", "custom_id": "go", "emoji": {"name": "x"}}
OPTION = {"label": "a", "value": "a", "description": "d", "emoji": {"name": "x"}, "default": True}
SELECT = {"type": 3, "custom_id": "menu", "options": [OPTION], "min_values": 0, "max_values": 1}
CHANNEL_SELECT = {
    "type": 8,
    "custom_id": "where",
    "channel_types": [0],
    "default_values": [{"id": "1", "type": "channel"}],
}
TEXT_INPUT = {"type": 4, "custom_id": "t", "style": 1, "min_length": 1, "max_length": 2}
TEXT = {"type": 10, "content": "text"}
SECTION = {"type": 9, "components": [TEXT], "accessory": {**BUTTON, "custom_id": "more"}}
CONTAINER = {"type": 17, "accent_color": 1, "components": [TEXT, {"type": 14, "spacing": 1}]}
EMBED = {
    "title": "t",
    "url": "http://example.org",
    "timestamp": "2026-01-01T00:00:00Z",
    "color": 1,
    "footer": {"text": "f", "icon_url": "http://example.org"},
    "image": {"url": "http://example.org"},
    "author": {"name": "a", "url": "http://example.org"},
    "fields": [{"name": "n", "value": "v", "inline": True}],
}
MESSAGE = {
    "content": "<@1> @everyone",
    "nonce": "n",
    "enforce_nonce": False,
    "tts": False,
    "flags": 0,
    "embeds": [EMBED],
    "allowed_mentions": {"parse": ["users"], "users": ["1"], "roles": ["1"], "replied_user": True},
    "message_reference": {"message_id": "1", "fail_if_not_exists": False, "type": 0},
    "attachments": [{"id": 0, "filename": "a", "description": "d"}],
    "components": [
        {"type": 1, "components": [BUTTON]},
        {"type": 1, "components": [SELECT]},
        {"type": 1, "components": [CHANNEL_SELECT]},
    ],
}
LAID_OUT = {"flags": 1 << 15, "components": [SECTION, CONTAINER, TEXT]}
WORDS = {"name_localizations": {"de": "wort"}, "description_localizations": {"de": "wort"}}
COMMAND = {
    "name": "greet",
    "description": "d",
    "type": 1,
    "default_member_permissions": "8",
    "contexts": [0],
    "integration_types": [0],
    **WORDS,
    "options": [
        {"type": 3, "name": "a", "description": "d", "autocomplete": True, **WORDS},
        {"type": 4, "name": "b", "description": "d", "choices": [{"name": "x", "value": 1}]},
        {"type": 7, "name": "c", "description": "d", "channel_types": [0]},
        {"type": 10, "name": "d", "description": "d", "min_value": 0.5, "max_value": 2},
    ],
}
MODAL = {
    "custom_id": "m",
    "title": "t",
    "components": [
        {"type": 1, "components": [TEXT_INPUT]},
        {"type": 18, "label": "l", "component": {**SELECT, "custom_id": "other"}},
    ],
}
MESSAGES = "/channels/{channel_id}/messages"
COMMANDS = "/applications/{application_id}/commands"
CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
USUAL_BODIES: list[tuple[str, str, object]] = [
    ("POST", MESSAGES, MESSAGE),
    ("POST", MESSAGES, LAID_OUT),
    ("PATCH", MESSAGES + "/{message_id}", MESSAGE),
    ("POST", MESSAGES + "/bulk-delete", {"messages": ["1", "2"]}),
    ("PUT", COMMANDS, [COMMAND]),
    ("POST", COMMANDS, COMMAND),
    ("POST", "/applications/{application_id}/guilds/{guild_id}/commands", COMMAND),
    (
        "POST",
        "/guilds/{guild_id}/channels",
        {
            "name": "n",
            "type": 0,
            "topic": "t",
            "nsfw": False,
            "position": 1,
            "rate_limit_per_user": 0,
            "bitrate": 8000,
            "user_limit": 0,
            "parent_id": "1",
            "permission_overwrites": [{"id": "1", "type": 0, "allow": "0", "deny": "0"}],
        },
    ),
    ("PATCH", "/channels/{channel_id}", {"name": "n", "topic": "t", "position": 1, "type": 0}),
    (
        "PATCH",
        "/guilds/{guild_id}/channels",
        [{"id": "1", "position": 1, "parent_id": None, "lock_permissions": True}],
    ),
    ("PUT", "/channels/{channel_id}/permissions/{overwrite_id}", {"type": 0, "allow": "1"}),
    ("POST", "/channels/{channel_id}/invites", {"max_age": 1, "max_uses": 1, "unique": True}),
    (
        "POST",
        "/guilds/{guild_id}/roles",
        {"name": "n", "permissions": "8", "color": 1, "colors": {"primary_color": 1}},
    ),
    ("PATCH", "/guilds/{guild_id}/roles", [{"id": "1", "position": 1}]),
    ("PATCH", "/guilds/{guild_id}/members/@me", {"nick": "n"}),
    ("PATCH", "/guilds/{guild_id}/members/{user_id}", {"nick": "n", "roles": ["1"]}),
    ("POST", "/attachments/refresh-urls", {"attachment_urls": ["http://x/attachments/1/2/a"]}),
    ("POST", CALLBACK, {"type": 4, "data": MESSAGE}),
    ("POST", CALLBACK, {"type": 4, "data": LAID_OUT}),
    ("POST", CALLBACK, {"type": 9, "data": MODAL}),
    ("POST", CALLBACK, {"type": 8, "data": {"choices": [{"name": "a", "value": "b"}]}}),
    ("POST", "/webhooks/{webhook_id}/{webhook_token}", MESSAGE),
]
"""Bodies that the server reads in full; one place of them is made odd."""

odd_ids = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(["0", "-1", "9" * 19, "9" * 2500, "²", "٣", "null", "@me", "1.5", "\x00"]),
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.sampled_from(["9" * 5000, 10**3000, -(2**63), "1", "-", "\x00", "a" * 3000, "http://["]),
    st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "users", ""]),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)
bodies = st.one_of(st.none(), st.dictionaries(st.sampled_from(NAMES), values, max_size=6), values)
queries = st.dictionaries(
    st.sampled_from(["limit", "before", "after", "around", "query", "with_counts", "type"]),
    st.one_of(leaves.map(str).map(lambda text: text[:1000]), odd_ids),
    max_size=3,
)
searched = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def places(body: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the paths of all values in a body, its own included."""
    pairs: list[tuple[object, object]] = []
    if isinstance(body, dict):
        pairs = list(body.items())
    elif isinstance(body, list):
        pairs = list(enumerate(body))
    return [path, *(found for key, inner in pairs for found in places(inner, (*path, key)))]


def with_odd(body: object, path: tuple[object, ...], odd: object) -> object:
    """Return a body with something odd at a path."""
    if not path:
        return odd
    body = copy.deepcopy(body)
    at = body
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = odd
    return body


@pytest.fixture(autouse=True)
def conformance(witness):
    """Pass over what Discord's description says of what is sent here: it knows no such thing."""
    yield
    if witness is not None:
        witness.take()


class Odd:
    """A server, and what stands in the place of each parameter of a path."""

    def __init__(self, server: LocalDiscord) -> None:
        self.place = furnish(server)
        server.set(interaction_window=3600.0)
        me = self.place.rest("GET", "/users/@me").body["id"]
        option = {"type": 3, "name": "word", "description": "d", "autocomplete": True}
        greet = {"name": "greet", "description": "d", "options": [option]}
        self.place.rest("POST", f"/guilds/{self.place.guild}/roles", {"name": "one"})
        roles = self.place.rest("GET", f"/guilds/{self.place.guild}/roles").body
        self.ada = server.person("Ada", self.place.guild)
        self.greet = (f"/applications/{me}/commands", greet)
        self.known = {
            "guild_id": str(self.place.guild),
            "channel_id": str(self.place.channel),
            "message_id": self.place.send("x")["id"],
            "role_id": roles[-1]["id"],
            "code": "x",
            "emoji_name": "\N{GRINNING FACE}",
            **dict.fromkeys(("application_id", "user_id", "webhook_id", "overwrite_id"), me),
        }

    def ask(self, *, typing: bool) -> None:
        """Have a person use a command, so that there is an interaction to answer."""
        self.place.rest("PUT", self.greet[0], [self.greet[1]])
        server, channel = self.place.server, self.place.channel
        people = server._running_server()[1].people
        if typing:
            what = server._run(
                lambda: people.type_command(self.ada.id, channel, "greet", "word", {"word": "a"})
            )
        else:
            what = server._run(lambda: people.run_command(self.ada.id, channel, "greet"))
        self.known.update(
            interaction_id=str(what.id), interaction_token=what.token, webhook_token=what.token
        )

    def path(self, template: str, odd: dict[str, str]) -> str:
        def filled(found: re.Match[str]) -> str:
            return quote({**self.known, **odd}.get(found[1], "x"), safe="")

        return re.sub(r"\{(\w+)\}", filled, template)


@pytest.fixture
def odd(caplog):
    """A server of its own; after the test nothing has been logged: there was no traceback."""
    with LocalDiscord() as server, caplog.at_level(logging.ERROR):
        yield Odd(server)
    assert caplog.text == ""


def is_of_discord(answer) -> bool:
    """Whether an answer is one that Discord could have given."""
    return answer.status < 500 or (answer.status == 501 and "Not Implemented" in str(answer.body))


@searched
@given(data=st.data())
def test_any_body_query_and_id_is_answered(odd, data):
    method, template = data.draw(st.sampled_from(SERVED))
    names = re.findall(r"\{(\w+)\}", template)
    ids = {name: data.draw(odd_ids) for name in names if data.draw(st.integers(0, 3)) == 0}
    query = data.draw(queries)
    body = None if method == "GET" else data.draw(bodies)
    path = odd.path(template, ids)
    if query:
        path += "?" + "&".join(f"{name}={quote(text)}" for name, text in query.items())
    answer = odd.place.rest(method, path, body)
    assert is_of_discord(answer), (answer, method, path, body)


@searched
@given(data=st.data())
def test_a_body_that_is_odd_in_one_place_is_answered(odd, data):
    method, template, body = data.draw(st.sampled_from(USUAL_BODIES))
    at = data.draw(st.sampled_from(places(body)))
    body = with_odd(body, at, data.draw(values))
    if template == CALLBACK or "webhook" in template:
        odd.ask(typing=data.draw(st.booleans()))
    answer = odd.place.rest(method, odd.path(template, {}), body)
    assert is_of_discord(answer), (answer, method, template, body)
    # What was taken can be shown.
    assert odd.place.rest("GET", odd.path(MESSAGES, {})).status == 200
    assert odd.place.rest("GET", odd.path(COMMANDS, {})).status == 200
    odd.ada.messages(odd.place.channel)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"embeds":' * 50_000,
        b"[" * 500 + b"]" * 500,
        b'{"content":' + b"9" * 5000 + b"}",
        b'{"content":NaN}',
        b'{"nonce":1e999}',
        b'{"content":"x","nonce":Infinity}',
        b"\xff\xfe",
        b'{"content":"\\ud800"}',
    ],
)
def test_what_is_no_json_is_50109(odd, raw):
    answer = odd.place.rest("POST", odd.path(MESSAGES, {}), raw=raw)
    assert (answer.status, answer.code) == (400, 50109)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"content": "x", "nonce": 10**3000}, "nonce"),
        ({"content": "x", "allowed_mentions": {"parse": 1}}, "allowed_mentions"),
        ({"content": "x", "allowed_mentions": {"users": {}}}, "allowed_mentions"),
        ({"content": "x", "allowed_mentions": []}, "allowed_mentions"),
        ({"embeds": [{"title": "x", "url": "http://["}]}, "embeds"),
        ({"content": "x", "message_reference": {"message_id": "9" * 5000}}, "message_reference"),
    ],
)
def test_a_field_that_does_not_fit_is_50035(odd, body, field):
    answer = odd.place.rest("POST", odd.path(MESSAGES, {}), body)
    assert (answer.status, answer.code, list(answer.body["errors"])) == (400, 50035, [field])


def test_an_id_of_five_thousand_digits_is_none(odd):
    answer = odd.place.rest("GET", f"/channels/{'9' * 5000}")
    assert (answer.status, answer.code) == (400, 50035)
    answer = odd.place.rest("GET", odd.path(MESSAGES, {}) + f"?after={'9' * 5000}")
    assert (answer.status, answer.code) == (400, 50035)
    origin = odd.place.server.origin
    assert odd.place.rest.get_url(f"{origin}/attachments/{'9' * 5000}/1/a?ex=1")[0] == 404
    assert odd.place.rest.get_url(f"{origin}/_window/messages?channel={'9' * 5000}")[0] in {
        403,
        404,
    }


multipart_heads = st.one_of(
    st.sampled_from(
        [
            'form-data; name="payload_json"',
            'form-data; name="files[0]"; filename="a"',
            "form-data; name*0=a; name*=b; name*1*=utf-8''c",
            "form-data; name=payload_json; filename*99999999999999999999=x",
            f"form-data; name*{'9' * 5000}=x",
            "form-data; name*=nonsense''%ff; filename*=utf-8'%ff",
            'form-data; name="files[٣]"',
        ]
    ),
    st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40),
)


@searched
@given(
    boundary=st.sampled_from(["limit", "", '"', "l*0=1; boundary*=2", "\xff", "--", ";"]),
    parts=st.lists(st.tuples(multipart_heads, st.binary(max_size=20)), max_size=4),
)
def test_any_multipart_body_is_answered(odd, boundary, parts):
    marker = b"--" + boundary.encode("utf-8")
    raw = b"".join(
        marker + b"\r\nContent-Disposition: " + head.encode() + b"\r\n\r\n" + content + b"\r\n"
        for head, content in parts
    )
    headers = {
        "Authorization": f"Bot {odd.place.token}",
        "Content-Type": f"multipart/form-data; boundary={boundary}".encode(),
    }
    path = odd.path("/api/v10" + MESSAGES, {})
    answer = odd.place.rest._send("POST", path, raw + marker + b"--\r\n", headers)
    assert is_of_discord(answer), (answer, raw)


def test_a_body_that_is_not_packed_as_it_says_is_refused(odd):
    headers = {"Authorization": f"Bot {odd.place.token}", "Content-Encoding": "deflate"}
    path = odd.path("/api/v10" + MESSAGES, {})
    answer = odd.place.rest._send("POST", path, b"no deflate at all", headers)
    assert answer.status == 400


def test_a_client_that_goes_in_the_middle_of_its_request_does_no_harm(odd):
    host, port = urlsplit(odd.place.server.origin).netloc.split(":")
    with socket.create_connection((host, int(port)), 5) as client:
        head = f"POST /api/v10{odd.path(MESSAGES, {})} HTTP/1.1\r\nHost: x\r\n"
        client.sendall(head.encode() + b"Content-Length: 1000\r\n\r\n{")
    assert odd.place.send("still there")["id"]


@pytest.mark.parametrize("path", ["/%ff", "/channels/%ed%a0%80", "/invites/%00", "/channels//"])
def test_any_path_is_answered(odd, path):
    assert odd.place.rest("GET", path).status < 500


def test_a_path_that_is_no_text_is_answered(odd):
    host, port = urlsplit(odd.place.server.origin).netloc.split(":")
    for path in (b"/api/v10/channels/\xff", b"/attachments/1/2/\xff?ex=1&is=1&hm=\xff", b"/\xff"):
        with socket.create_connection((host, int(port)), 5) as client:
            client.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = http.client.HTTPResponse(client)
            answer.begin()
            assert answer.status < 500


def closed_with(place, *frames: str | bytes, login: bool = False) -> int | None:
    """Send frames over a new connection; return the close code, None where it stays open."""

    async def scene():
        async with connected(place) as gateway:
            if login:
                await identify(gateway, place.token, USUAL)
                await gateway.event("GUILD_CREATE")
            for frame in frames:
                if isinstance(frame, bytes):
                    await gateway.websocket.send_bytes(frame)
                else:
                    await gateway.websocket.send_str(frame)
            await gateway.send(1, None)
            while True:
                got = await gateway.receive()
                if "close" in got:
                    return got["close"]
                if got["op"] == 11:
                    return None

    return asyncio.run(scene())


@pytest.mark.parametrize(
    "frame",
    [
        "[" * 4096,
        '{"op":[]}',
        '{"op":{}}',
        '{"op":"1"}',
        '{"op":true}',
        '{"op":1.0}',
        '{"op":null}',
        "{}",
        "[]",
        "1",
        '{"op":1,"d":NaN}',
        '{"op":1,"d":1e999}',
        b"\xff\xff",
    ],
)
def test_a_frame_that_cannot_be_read_is_4002(odd, frame):
    assert closed_with(odd.place, frame) == 4002


PAYLOAD_NAMES = [
    "token",
    "intents",
    "shard",
    "session_id",
    "seq",
    "guild_id",
    "limit",
    "user_ids",
    "nonce",
    "presences",
    "query",
    "properties",
]
payloads = st.builds(
    lambda op, d: json.dumps({"op": op, "d": d}),
    st.one_of(st.integers(-1, 50), leaves),
    st.one_of(
        st.dictionaries(
            st.sampled_from(PAYLOAD_NAMES),
            values,
            max_size=6,
        ),
        values,
    ),
)


@settings(searched, max_examples=30)
@given(frames=st.lists(payloads, min_size=1, max_size=5), login=st.booleans())
def test_any_payload_is_answered_or_closed_with_a_code(odd, frames, login):
    code = closed_with(odd.place, *frames, login=login)
    assert code is None or 4000 <= code <= 4014


@pytest.mark.parametrize("ids", ['"²"', '["9"]', "true", '"' + "9" * 1200 + '"', "{}", "-5"])
def test_odd_requests_for_members_are_passed_over(odd, ids):
    request = f'{{"op":8,"d":{{"guild_id":{ids},"user_ids":{ids},"limit":{ids}}}}}'
    assert closed_with(odd.place, request, login=True) is None


@given(value=values)
def test_what_is_json_is_read_as_it_was_written(value):
    assert wire.read(json.dumps(value)) == value
    assert wire.read(json.dumps(value).encode()) == value


def test_json_is_read_down_to_a_hundred_levels():
    assert wire.read("[" * 100 + "]" * 100)
    for raw in ("[" * 101 + "]" * 101, '{"a":' * 101 + "1" + "}" * 101):
        with pytest.raises(ValueError, match="too deep"):
            wire.read(raw)
    assert len(wire.read("[" + ",".join(["[]"] * 1000) + "]")) == 1000
