"""Messages: sending, nonces, history, editing and deleting."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from discobase.local.state.snowflakes import EPOCH_MS, Snowflakes


def test_a_message_is_echoed_and_stored(place):
    sent = place.send("hello", nonce="n1")
    assert (sent["content"], sent["nonce"], sent["channel_id"]) == (
        "hello",
        "n1",
        str(place.channel),
    )
    stored = place.rest("GET", f"{place.messages}/{sent['id']}").body
    del sent["nonce"]
    assert stored == sent
    assert place.rest("GET", place.messages).body == [sent]


def test_blanks_around_a_message_are_cut_off(place):
    assert place.send(" \n a  b \t")["content"] == "a  b"


@pytest.mark.parametrize("body", [{}, {"content": ""}, {"content": " \n "}, {"embeds": []}])
def test_an_empty_message_is_refused(place, body):
    answer = place.rest("POST", place.messages, body)
    assert (answer.status, answer.code) == (400, 50006)


def test_two_thousand_characters_are_the_most(place):
    place.send("é" * 2000)
    answer = place.rest("POST", place.messages, {"content": "é" * 2001})
    assert answer.code == 50035
    [error] = answer.body["errors"]["content"]["_errors"]
    assert error["code"] == "BASE_TYPE_MAX_LENGTH"


def test_half_a_character_is_refused(place):
    answer = place.rest("POST", place.messages, raw=b'{"content": "\\ud800"}')
    assert (answer.status, answer.code) == (400, 50109)


def test_text_of_every_plane_comes_back(place):
    text = '\U0001f600 ``` @everyone \\ " \u0001 ü 漢字'
    assert place.send(text)["content"] == text
    assert place.history() == [text]


def test_embeds_and_flags_are_stored(place):
    sent = place.send("", embeds=[{"title": "T", "description": "D"}], flags=4100)
    assert sent["flags"] == 4100
    assert sent["embeds"] == [{"type": "rich", "title": "T", "description": "D"}]


def test_mentions_in_data_ping_nobody(place):
    me = place.rest("GET", "/users/@me").body["id"]
    quiet = place.send(f"<@{me}> @everyone", allowed_mentions={"parse": []})
    assert (quiet["mentions"], quiet["mention_everyone"]) == ([], False)
    loud = place.send(f"<@{me}>")
    assert [user["id"] for user in loud["mentions"]] == [me]


def test_a_reply_names_what_it_replies_to(place):
    first = place.send("first")
    reply = place.send("reply", message_reference={"message_id": first["id"]})
    assert reply["type"] == 19
    assert reply["message_reference"]["message_id"] == first["id"]
    body = {"content": "x", "message_reference": {"message_id": "1"}}
    assert place.rest("POST", place.messages, body).code == 50035
    body["message_reference"]["fail_if_not_exists"] = False
    assert place.rest("POST", place.messages, body).status == 200


def test_a_reply_carries_what_it_replies_to_until_that_is_gone(place):
    first = place.send("first")
    reply = place.send("reply", message_reference={"message_id": first["id"]})
    assert reply["referenced_message"]["content"] == "first"
    path = f"{place.messages}/{reply['id']}"
    assert place.rest("GET", path).body["referenced_message"]["id"] == first["id"]
    place.rest("DELETE", f"{place.messages}/{first['id']}")
    assert place.rest("GET", path).body["referenced_message"] is None


def test_a_reply_to_another_channel_is_refused(place):
    sent = place.send("x")
    reference = {"message_id": sent["id"], "channel_id": "1"}
    answer = place.rest("POST", place.messages, {"content": "y", "message_reference": reference})
    assert (answer.code, list(answer.body["errors"])) == (50035, ["message_reference"])


@pytest.mark.parametrize(
    "body",
    [
        {"poll": {"question": {"text": "?"}}},
        {"sticker_ids": ["1"]},
        {"message_reference": {"type": 1, "message_id": "1"}},
    ],
    ids=lambda body: next(iter(body)),
)
def test_what_is_not_served_of_a_message_is_501_with_its_name(place, body):
    answer = place.rest("POST", place.messages, {"content": "x", **body})
    assert answer.status == 501
    assert "create_message" in answer.body["message"]


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"content": 5}, "content", "STRING_TYPE_CONVERT"),
        ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
        ({"nonce": "n" * 26}, "nonce", "BASE_TYPE_MAX_LENGTH"),
        ({"nonce": {}}, "nonce", "STRING_TYPE_CONVERT"),
        ({"enforce_nonce": 1}, "enforce_nonce", "BOOLEAN_TYPE_CONVERT"),
        ({"tts": "yes"}, "tts", "BOOLEAN_TYPE_CONVERT"),
        ({"flags": "many"}, "flags", "NUMBER_TYPE_COERCE"),
        ({"flags": -1}, "flags", "NUMBER_TYPE_MIN"),
        ({"embeds": {}}, "embeds", "LIST_TYPE_CONVERT"),
        ({"embeds": [5]}, "embeds.0", "DICT_TYPE_CONVERT"),
        (
            {"message_reference": {"message_id": "1"}},
            "message_reference",
            "MESSAGE_REFERENCE_UNKNOWN_MESSAGE",
        ),
        (
            {"message_reference": {"message_id": "1", "fail_if_not_exists": "no"}},
            "message_reference.fail_if_not_exists",
            "BOOLEAN_TYPE_CONVERT",
        ),
        (
            {"message_reference": {"message_id": "x"}},
            "message_reference.message_id",
            "NUMBER_TYPE_COERCE",
        ),
    ],
)
def test_a_wrong_field_of_a_message_is_named_in_the_tree_of_errors(place, body, path, code):
    answer = place.rest("POST", place.messages, {"content": "x", **body})
    assert (answer.status, answer.code) == (400, 50035)
    node = answer.body["errors"]
    for name in path.split("."):
        node = node[name]
    assert node["_errors"][0]["code"] == code
    assert place.history() == []


def test_all_mistakes_of_a_body_are_told_at_once(place):
    answer = place.rest("POST", place.messages, {"content": 1, "tts": 1, "embeds": 1})
    assert sorted(answer.body["errors"]) == ["content", "embeds", "tts"]


def test_a_body_that_is_no_object_is_refused(place):
    answer = place.rest("POST", place.messages, [])
    assert answer.body["errors"]["_errors"][0]["code"] == "DICT_TYPE_CONVERT"


def test_a_nonce_is_used_once(place):
    first = place.send("first", nonce="n", enforce_nonce=True)
    again = place.send("again", nonce="n", enforce_nonce=True)
    assert again == first
    assert place.history() == ["first"]


def test_numbers_are_nonces_too(place):
    first = place.send("first", nonce=7, enforce_nonce=True)
    assert first["nonce"] == 7
    assert place.send("again", nonce=7, enforce_nonce=True)["id"] == first["id"]


def test_a_nonce_counts_only_where_it_is_enforced(place):
    place.send("first", nonce="n", enforce_nonce=True)
    place.send("again", nonce="n")
    assert place.history() == ["again", "first"]


def test_a_nonce_is_one_authors_in_one_channel(place):
    place.send("mine", nonce="n", enforce_nonce=True)
    other = place.another_bot()
    body = {"content": "theirs", "nonce": "n", "enforce_nonce": True}
    assert other("POST", place.messages, body).body["content"] == "theirs"
    path = f"/guilds/{place.guild}/channels"
    channel = place.rest("POST", path, {"name": "x"}).body["id"]
    body["content"] = "elsewhere"
    answer = place.rest("POST", f"/channels/{channel}/messages", body)
    assert answer.body["content"] == "elsewhere"


def test_the_nonce_of_a_deleted_message_is_404(place):
    sent = place.send("first", nonce="n", enforce_nonce=True)
    place.server.delete_message(place.channel, int(sent["id"]))
    body = {"content": "again", "nonce": "n", "enforce_nonce": True}
    answer = place.rest("POST", place.messages, body)
    assert (answer.status, answer.code) == (404, 10008)


def test_a_nonce_is_forgotten_after_the_window(place):
    place.server.set(nonce_window=0.05)
    place.send("first", nonce="n", enforce_nonce=True)
    deadline = time.monotonic() + 5
    while place.send("again", nonce="n", enforce_nonce=True)["content"] == "first":
        assert time.monotonic() < deadline
    assert place.history() == ["again", "first"]


def test_old_nonces_are_swept_out_and_young_ones_kept(place):
    place.server.set(nonce_window=0.0)
    for number in range(600):
        place.send("x", nonce=f"old-{number}")
    place.server.set(nonce_window=180.0)
    kept = place.send("kept", nonce="young", enforce_nonce=True)
    assert place.send("again", nonce="young", enforce_nonce=True)["id"] == kept["id"]
    again = place.send("again", nonce="old-0", enforce_nonce=True)
    assert again["content"] == "again"


def test_enforcement_can_be_switched_off(place):
    place.server.set(enforce_nonce=False)
    place.send("first", nonce="n", enforce_nonce=True)
    assert place.send("again", nonce="n", enforce_nonce=True)["content"] == "again"


def test_a_nonce_longer_than_25_is_refused(place):
    answer = place.rest("POST", place.messages, {"content": "x", "nonce": "n" * 26})
    assert (answer.code, list(answer.body["errors"])) == (50035, ["nonce"])


def race(place, racers, rounds):
    """What the racers of each round got: pairs of id and content, as sets."""
    url = f"{place.server.api_url}{place.messages}"

    async def one_round(http, number):
        async def send(racer):
            body = {"content": f"{racer}", "nonce": f"round-{number}", "enforce_nonce": True}
            async with http.post(url, json=body) as response:
                assert response.status == 200
                message = await response.json()
                return message["id"], message["content"]

        return set(await asyncio.gather(*(send(racer) for racer in range(racers))))

    async def all_rounds():
        headers = {"Authorization": f"Bot {place.token}"}
        connector = aiohttp.TCPConnector(limit=256)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as http:
            return [await one_round(http, number) for number in range(rounds)]

    return asyncio.run(all_rounds())


def test_of_two_hundred_racers_for_one_nonce_exactly_one_wins_each_of_twenty_rounds(place):
    assert [len(seen) for seen in race(place, 200, 20)] == [1] * 20
    assert len(place.server.messages(place.channel)) == 20


@pytest.mark.soak
def test_of_a_thousand_racers_for_one_nonce_exactly_one_wins_each_of_a_thousand_rounds(place):
    started = time.monotonic()
    winners = race(place, 1000, 1000)
    assert [len(seen) for seen in winners] == [1] * 1000
    sent = {(message["id"], message["content"]) for message in place.server.messages(place.channel)}
    assert set().union(*winners) == sent
    print(f"1,000,000 requests in {time.monotonic() - started:.0f} s")


@pytest.fixture
def ids(place):
    return [int(place.send(f"m{number}")["id"]) for number in range(10)]


def test_history_is_newest_first(place, ids):
    assert place.history() == [f"m{number}" for number in reversed(range(10))]
    assert place.history("?limit=3") == ["m9", "m8", "m7"]


def test_before_gives_what_is_older(place, ids):
    assert place.history(f"?before={ids[5]}&limit=3") == ["m4", "m3", "m2"]


def test_after_gives_the_oldest_after_it_newest_first(place, ids):
    assert place.history(f"?after={ids[5]}&limit=3") == ["m8", "m7", "m6"]
    assert place.history("?after=0&limit=2") == ["m1", "m0"]


def test_around_gives_both_sides(place, ids):
    assert place.history(f"?around={ids[5]}&limit=4") == ["m6", "m5", "m4", "m3"]


def test_the_ids_in_a_query_need_not_exist(place, ids):
    assert place.history(f"?before={ids[1] + 1}") == ["m1", "m0"]


@pytest.mark.parametrize("query", ["?limit=0", "?limit=101", "?limit=x", "?before=x"])
def test_a_query_that_does_not_fit_is_refused(place, query):
    assert place.rest("GET", place.messages + query).code == 50035


def test_ids_increase_and_carry_the_time(place, ids):
    assert ids == sorted(set(ids))
    made = ((ids[0] >> 22) + EPOCH_MS) / 1000
    assert abs(made - time.time()) < 60


def test_ids_increase_whatever_the_clock_does():
    ahead = (int(time.time() * 1000) - EPOCH_MS + 1000) << 22
    new_id = Snowflakes(ahead)
    made = [new_id() for _ in range(10_000)]
    assert made[0] > ahead
    assert made == sorted(set(made))


def test_an_edit_changes_the_text_and_says_when(place):
    sent = place.send("before")
    path = f"{place.messages}/{sent['id']}"
    edited = place.rest("PATCH", path, {"content": " after "}).body
    assert edited["content"] == "after"
    assert edited["edited_timestamp"] is not None
    assert place.rest("GET", path).body == edited


def test_an_edit_of_the_flags_alone_is_no_edit_of_the_text(place):
    sent = place.send("text", flags=4096)
    body = place.rest("PATCH", f"{place.messages}/{sent['id']}", {"flags": 4}).body
    assert (body["flags"], body["edited_timestamp"]) == (4100, None)


def test_an_edit_cannot_leave_nothing(place):
    sent = place.send("text")
    answer = place.rest("PATCH", f"{place.messages}/{sent['id']}", {"content": ""})
    assert answer.code == 50006


def test_only_the_author_edits_the_text(place):
    sent = place.send("mine")
    other = place.another_bot()
    path = f"{place.messages}/{sent['id']}"
    answer = other("PATCH", path, {"content": "stolen"})
    assert (answer.status, answer.code) == (403, 50005)
    assert other("PATCH", path, {"flags": 4}).status == 200


def test_a_deleted_message_is_gone(place):
    sent = place.send("x")
    path = f"{place.messages}/{sent['id']}"
    assert place.rest("DELETE", path).status == 204
    for method in ("GET", "DELETE"):
        answer = place.rest(method, path)
        assert (answer.status, answer.code) == (404, 10008)
    assert place.rest("PATCH", path, {"content": "y"}).code == 10008


def test_anothers_message_is_deleted_only_with_the_permission(place):
    sent = place.send("x")
    other = place.another_bot()
    path = f"{place.messages}/{sent['id']}"
    place.server.set_permissions(place.guild, 0, token=other.token)
    assert other("DELETE", path).code == 50013
    place.server.set_permissions(place.guild, 1 << 13, token=other.token)
    assert other("DELETE", path).status == 204


def test_several_are_deleted_at_once(place, ids):
    path = f"{place.messages}/bulk-delete"
    wanted = [str(id_) for id_ in ids[:3]]
    assert place.rest("POST", path, {"messages": wanted}).status == 204
    assert len(place.history()) == 7
    assert place.rest("POST", path, {"messages": wanted[:1]}).code == 50016
    old = [str(id_ - (15 * 86_400_000 << 22)) for id_ in ids[:2]]
    assert place.rest("POST", path, {"messages": old}).code == 50034
    twice = [str(ids[5]), str(ids[5])]
    assert place.rest("POST", path, {"messages": twice}).code == 50035
    assert place.rest("POST", path, {"messages": [str(id_) for id_ in range(1, 102)]}).code == 50016


def test_another_channels_message_is_unknown_here(place):
    sent = place.send("x")
    path = f"/guilds/{place.guild}/channels"
    channel = place.rest("POST", path, {"name": "x"}).body["id"]
    assert place.rest("GET", f"/channels/{channel}/messages/{sent['id']}").code == 10008


@pytest.mark.parametrize("kind", [0, 2, 5], ids=["text", "voice", "announcement"])
def test_messages_go_into_these_kinds_of_channels(place, kind):
    path = f"/guilds/{place.guild}/channels"
    channel = place.rest("POST", path, {"name": "x", "type": kind}).body["id"]
    assert place.rest("POST", f"/channels/{channel}/messages", {"content": "x"}).status == 200


def test_messages_do_not_go_into_categories(place):
    path = f"/guilds/{place.guild}/channels"
    category = place.rest("POST", path, {"name": "x", "type": 4}).body["id"]
    answer = place.rest("POST", f"/channels/{category}/messages", {"content": "x"})
    assert answer.code == 50024


def test_a_bot_without_the_intent_does_not_see_what_others_write(place):
    place.server.post_message(place.channel, "people talking")
    me = place.rest("GET", "/users/@me").body["id"]
    place.server.post_message(place.channel, f"<@{me}> you are meant")
    blind, seeing = place.another_bot("blind"), place.another_bot("seer", privileged_intents=True)
    for bot, expected in (
        (blind, ["", ""]),
        (seeing, [f"<@{me}> you are meant", "people talking"]),
    ):
        page = bot("GET", place.messages).body
        assert [message["content"] for message in page] == expected
    place.send("my own")
    assert place.history()[0] == "my own"


def test_a_moderator_edits_and_deletes(place):
    sent = place.send("original")
    place.server.edit_message(place.channel, int(sent["id"]), "forged")
    assert place.history() == ["forged"]
    place.server.delete_message(place.channel, int(sent["id"]))
    assert place.server.messages(place.channel) == []
