"""Answers to interactions as they go over the wire: tokens, deadlines, types and refusals."""

from __future__ import annotations

import asyncio

import pytest

from discobase.errors import UsageError
from tests.local.gateway_client import GUILDS, in_thread, session
from tests.local.rest import Rest

SUFFICES = {"type": 4, "data": {"content": "hello"}}
BUTTON = {"type": 2, "style": 1, "label": "Go", "custom_id": "go"}
MENU = {"type": 3, "custom_id": "menu", "options": [{"label": "a", "value": "a"}]}


def row(*components):
    return {"type": 1, "components": list(components)}


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 30))


class Asked:
    """An interaction as its bot got it, and the person who waits for the answer."""

    def __init__(self, place, event, person, waiting) -> None:
        self.event = event
        self.person = person
        self.waiting = waiting
        self.callback = f"/interactions/{event['id']}/{event['token']}/callback"
        self.webhook = f"/webhooks/{event['application_id']}/{event['token']}"
        # Nothing of this needs the bot's own token.
        self._rest = Rest(place.server.api_url, "nobody")

    async def __call__(self, method, path, body=None, **more):
        return await in_thread(self._rest, method, path, body, **more)


@pytest.fixture
def place(place):
    mine = f"/applications/{place.rest('GET', '/users/@me').body['id']}/commands"
    option = {"type": 3, "name": "word", "description": "d", "autocomplete": True}
    body = {"name": "greet", "description": "Says hello", "options": [option]}
    assert place.rest("POST", mine, body).status == 201
    return place


def asked(place, scene, act=lambda ada, place: ada.run_command(place.channel, "greet")):
    """Runs a scene with an interaction that Ada has just made."""

    async def play():
        ada = place.server.person("Ada", place.guild)
        async with session(place, GUILDS) as gateway:
            waiting = asyncio.create_task(in_thread(act, ada, place))
            event = await gateway.event("INTERACTION_CREATE")
            result = await scene(Asked(place, event, ada, waiting))
            return result, await waiting

    return run(play())


def test_the_bot_is_told_all_that_discord_tells(place):
    async def scene(it):
        assert (await it("POST", it.callback, SUFFICES)).status == 204
        return it.event

    event, seen = asked(place, scene)
    assert seen.text == "hello"
    assert (event["type"], event["version"], event["context"]) == (2, 1, 0)
    assert (event["guild_id"], event["channel_id"]) == (str(place.guild), str(place.channel))
    assert (event["data"]["name"], event["member"]["user"]["username"]) == ("greet", "Ada")
    assert int(event["member"]["permissions"]) & 1 << 31
    assert event["authorizing_integration_owners"] == {"0": str(place.guild)}
    assert int(event["app_permissions"]) & 1 << 11


def test_the_answer_is_described_to_those_who_ask(place):
    async def scene(it):
        return await it("POST", f"{it.callback}?with_response=true", SUFFICES)

    answer, seen = asked(place, scene)
    assert answer.status == 200
    assert answer.body["resource"]["message"]["content"] == "hello"
    about = answer.body["interaction"]
    assert about["response_message_id"] == seen.message["id"]
    assert (about["response_message_loading"], about["response_message_ephemeral"]) == (False,) * 2


def test_a_wrong_token_or_id_is_10062(place):
    async def scene(it):
        wrong = [
            f"/interactions/{it.event['id']}/nonsense/callback",
            f"/interactions/1/{it.event['token']}/callback",
        ]
        refused = [await it("POST", path, SUFFICES) for path in wrong]
        await it("POST", it.callback, SUFFICES)
        return [(answer.status, answer.code) for answer in refused]

    assert asked(place, scene)[0] == [(404, 10062)] * 2


def test_an_answer_that_comes_too_late_is_10062_and_the_person_is_told(place):
    place.server.set(interaction_window=0.2)

    async def scene(it):
        seen = await it.waiting
        late = await it("POST", it.callback, SUFFICES)
        followup = await it("POST", it.webhook, SUFFICES["data"])
        return seen, (late.status, late.code), (followup.status, followup.code)

    (seen, late, followup), _ = asked(place, scene)
    assert (seen.state, seen.error) == ("failed", "The application did not respond")
    assert late == (404, 10062)
    assert followup == (401, 50027)


def test_the_window_is_three_seconds_and_that_of_follow_ups_a_quarter_of_an_hour(place):
    settings = place.server._platform.settings
    assert (settings.interaction_window, settings.followup_window) == (3.0, 900.0)


def test_follow_ups_end_with_their_window(place):
    place.server.set(followup_window=0.9)

    async def scene(it):
        await it("POST", it.callback, SUFFICES)
        within = await it("GET", f"{it.webhook}/messages/@original")
        await asyncio.sleep(1)
        after = await it("GET", f"{it.webhook}/messages/@original")
        return within.status, (after.status, after.code)

    assert asked(place, scene)[0] == (200, (401, 50027))


def test_a_follow_up_before_the_answer_is_10015(place):
    async def scene(it):
        early = await it("POST", it.webhook, SUFFICES["data"])
        original = await it("GET", f"{it.webhook}/messages/@original")
        stranger = await it("POST", f"/webhooks/1/{it.event['token']}", SUFFICES["data"])
        await it("POST", it.callback, SUFFICES)
        return [(answer.status, answer.code) for answer in (early, original, stranger)]

    assert asked(place, scene)[0] == [(404, 10015)] * 3


def test_follow_ups_are_read_changed_and_deleted(place):
    async def scene(it):
        await it("POST", it.callback, SUFFICES)
        made = (await it("POST", it.webhook, {"content": "more"}, files={0: ("f", b"1")})).body
        one = f"{it.webhook}/messages/{made['id']}"
        assert (await it("GET", one)).body["attachments"][0]["size"] == 1
        edited = (await it("PATCH", one, {"content": "less", "attachments": []})).body
        assert (edited["content"], edited["attachments"]) == ("less", [])
        assert (await it("DELETE", one)).status == 204
        gone = await it("GET", one)
        other = await it("GET", f"{it.webhook}/messages/1")
        return (gone.status, gone.code), (other.status, other.code), made

    (gone, other, made), seen = asked(place, scene)
    assert gone == other == (404, 10008)
    assert made["webhook_id"] == made["application_id"]
    assert made["message_reference"]["message_id"] == seen.message["id"]


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "type", "BASE_TYPE_CHOICES"),
        ({"type": 2}, "type", "BASE_TYPE_CHOICES"),
        ({"type": 8, "data": {"choices": []}}, "type", "BASE_TYPE_CHOICES"),
        ({"type": 7, "data": {"content": "x"}}, "type", "BASE_TYPE_CHOICES"),
        ({"type": 4, "data": {"content": "x" * 2001}}, "data.content", "BASE_TYPE_MAX_LENGTH"),
        ({"type": 9, "data": {"custom_id": "m"}}, "data.title", "BASE_TYPE_REQUIRED"),
        (
            {"type": 4, "data": {"components": [{"type": 2, "style": 1, "custom_id": "b"}]}},
            "data.components.0.type",
            "UNION_TYPE_CHOICES",
        ),
        (
            {"type": 4, "data": {"components": [row(BUTTON, BUTTON)]}},
            "data.components.0.components.1.custom_id",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
        (
            {"type": 4, "data": {"components": [row(MENU, BUTTON)]}},
            "data.components.0.components.1",
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
        ),
        (
            {"type": 4, "data": {"flags": 1 << 15, "content": "x", "components": []}},
            "data.content",
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
        ),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_and_another_may_be_given(place, body, path, code):
    async def scene(it):
        refused = await it("POST", it.callback, body)
        assert (await it("POST", it.callback, SUFFICES)).status == 204
        return refused

    refused, seen = asked(place, scene)
    assert (refused.status, refused.code) == (400, 50035)
    node = refused.body["errors"]
    for key in path.split("."):
        node = node[key]
    assert node["_errors"][0]["code"] == code
    assert seen.text == "hello"


def test_an_empty_answer_is_50006(place):
    async def scene(it):
        refused = await it("POST", it.callback, {"type": 4, "data": {}})
        await it("POST", it.callback, SUFFICES)
        return refused.status, refused.code

    assert asked(place, scene)[0] == (400, 50006)


def test_more_than_25_choices_are_refused(place):
    choices = [{"name": f"{number}", "value": "x"} for number in range(26)]

    async def scene(it):
        refused = await it("POST", it.callback, {"type": 8, "data": {"choices": choices}})
        await it("POST", it.callback, {"type": 8, "data": {"choices": choices[:25]}})
        return refused.code, it.event["data"]["options"][0]

    def act(ada, place):
        return ada.complete(place.channel, "greet", "word", word="a")

    (code, option), seen = asked(place, scene, act)
    assert code == 50035
    assert option == {"name": "word", "type": 3, "value": "a", "focused": True}
    assert len(seen.choices) == 25


def test_all_sessions_of_the_bot_are_told_and_no_other_bot_is(place):
    other = place.another_bot()

    async def scene():
        ada = place.server.person("Ada", place.guild)
        async with (
            session(place, GUILDS) as first,
            session(place, GUILDS) as second,
            session(place, token=other.token) as stranger,
        ):
            waiting = asyncio.create_task(in_thread(ada.run_command, place.channel, "greet"))
            events = [await g.event("INTERACTION_CREATE") for g in (first, second)]
            await stranger.nothing()
            path = f"/interactions/{events[0]['id']}/{events[0]['token']}/callback"
            answers = [await in_thread(place.rest, "POST", path, SUFFICES) for _ in events]
            await waiting
            return events, [answer.status for answer in answers]

    events, statuses = run(scene())
    assert events[0]["id"] == events[1]["id"]
    assert statuses == [204, 400]


def test_a_person_needs_the_permission_to_run_commands(place):
    ada = place.server.person("Ada", place.guild)
    path = f"/channels/{place.channel}/permissions/{place.guild}"
    assert place.rest("PUT", path, {"type": 0, "deny": str(1 << 31)}).status == 204
    with pytest.raises(UsageError, match="may not do this"):
        ada.run_command(place.channel, "greet")


def test_files_of_ephemeral_messages_are_gone_with_them(place):
    async def scene(it):
        body = {"type": 4, "data": {"content": "mine", "flags": 64}}
        await it("POST", it.callback, body, files={0: ("f.txt", b"secret")})
        original = f"{it.webhook}/messages/@original"
        url = (await it("GET", original)).body["attachments"][0]["url"]
        before = await in_thread(place.rest.get_url, url)
        await it("DELETE", original)
        return before, (await in_thread(place.rest.get_url, url))[0]

    (before, after), _ = asked(place, scene)
    assert (before, after) == ((200, b"secret"), 404)


def test_an_answer_survives_in_history_with_its_components_after_a_restart(tmp_path):
    from discobase.local import LocalDiscord
    from tests.local.conftest import furnish

    button = {"type": 2, "style": 1, "label": "Go", "custom_id": "go"}
    row = {"type": 1, "components": [button]}
    path = tmp_path / "discord.db"
    with LocalDiscord(path) as server:
        sent = furnish(server).send("with a button", components=[row])
    with LocalDiscord(path) as server:
        place = furnish(server)

        async def scene(it):
            assert it.event["message"]["components"] == sent["components"]
            return await it("POST", it.callback, {"type": 7, "data": {"components": []}})

        answer, seen = asked(place, scene, lambda ada, _: ada.press(sent["id"], "Go"))
        assert (answer.status, seen.state) == (204, "updated")
        assert seen.message["components"] == []
