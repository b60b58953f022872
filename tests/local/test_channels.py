"""Channels: their names, limits, categories and overwrites."""

from __future__ import annotations

import pytest

VIEW, SEND, HISTORY, MANAGE_ROLES = 1 << 10, 1 << 11, 1 << 16, 1 << 28


def create(place, **body):
    return place.rest("POST", f"/guilds/{place.guild}/channels", body)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Log 0!!", "log-0"),
        ("--a  b--", "a-b"),
        ("snake_case", "snake_case"),
        ("Über uns", "über-uns"),
        ("a.b,c", "abc"),
    ],
)
def test_the_names_of_text_channels_are_made_uniform(place, given, kept):
    answer = create(place, name=given)
    assert (answer.status, answer.body["name"]) == (201, kept)


def test_the_names_of_categories_are_left_alone(place):
    assert create(place, name="My Data", type=4).body["name"] == "My Data"


def test_a_channel_is_found_again_as_it_was_made(place):
    made = create(place, name="x", topic="about", position=7, nsfw=True).body
    assert (made["topic"], made["position"], made["nsfw"]) == ("about", 7, True)
    assert place.rest("GET", f"/channels/{made['id']}").body == made
    assert made in place.rest("GET", f"/guilds/{place.guild}/channels").body


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "name", "BASE_TYPE_REQUIRED"),
        ({"name": ""}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({"name": "x" * 101}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({"name": 5}, "name", "STRING_TYPE_CONVERT"),
        ({"name": "x", "type": 99}, "type", "BASE_TYPE_CHOICES"),
        ({"name": "x", "topic": "t" * 1025}, "topic", "BASE_TYPE_MAX_LENGTH"),
        ({"name": "x", "parent_id": "1"}, "parent_id", "CHANNEL_PARENT_INVALID"),
        ({"name": "x", "position": "up"}, "position", "NUMBER_TYPE_COERCE"),
        ({"name": "x", "nsfw": "yes"}, "nsfw", "BOOLEAN_TYPE_CONVERT"),
    ],
)
def test_a_wrong_field_is_named_in_the_tree_of_errors(place, body, field, code):
    answer = create(place, **body)
    assert (answer.status, answer.code) == (400, 50035)
    assert answer.body["errors"][field]["_errors"][0]["code"] == code


def test_a_category_takes_fifty_channels(place):
    parent = create(place, name="full", type=4).body["id"]
    for number in range(50):
        assert create(place, name=f"c{number}", parent_id=parent).status == 201
    answer = create(place, name="one-more", parent_id=parent)
    assert answer.code == 50035
    [error] = answer.body["errors"]["parent_id"]["_errors"]
    assert error["code"] == "CHANNEL_PARENT_MAX_CHANNELS"


def test_a_guild_takes_five_hundred_channels(place):
    for number in range(499):
        assert create(place, name=f"c{number}").status == 201
    answer = create(place, name="one-more")
    assert (answer.status, answer.code) == (400, 30013)


def test_names_need_not_be_unique(place):
    one, other = create(place, name="twin").body, create(place, name="twin").body
    assert one["id"] != other["id"]


def test_a_channel_is_changed(place):
    path = f"/channels/{place.channel}"
    body = place.rest("PATCH", path, {"name": "New Name", "topic": "t"}).body
    assert (body["name"], body["topic"]) == ("new-name", "t")
    assert place.rest("PATCH", path, {"topic": None}).body["topic"] is None
    assert place.rest("GET", path).body["name"] == "new-name"


def test_a_deleted_channel_is_gone_with_its_messages(place):
    place.send("hello")
    answer = place.rest("DELETE", f"/channels/{place.channel}")
    assert (answer.status, answer.body["id"]) == (200, str(place.channel))
    assert place.rest("GET", f"/channels/{place.channel}").code == 10003
    assert place.rest("GET", place.messages).code == 10003


def test_the_channels_of_a_deleted_category_stay(place):
    parent = create(place, name="parent", type=4).body["id"]
    child = create(place, name="child", parent_id=parent).body["id"]
    place.rest("DELETE", f"/channels/{parent}")
    assert place.rest("GET", f"/channels/{child}").body["parent_id"] is None


def test_a_channel_takes_over_the_overwrites_of_its_category(place):
    hidden = [{"id": str(place.guild), "type": 0, "allow": "0", "deny": str(SEND)}]
    parent = create(place, name="private", type=4, permission_overwrites=hidden).body
    child = create(place, name="c", parent_id=parent["id"], permission_overwrites=[]).body
    assert child["permission_overwrites"] == parent["permission_overwrites"] == hidden


def test_an_overwrite_is_set_and_removed(place):
    path = f"/channels/{place.channel}/permissions/{place.guild}"
    assert place.rest("PUT", path, {"type": 0, "deny": str(HISTORY)}).status == 204
    [overwrite] = place.rest("GET", f"/channels/{place.channel}").body["permission_overwrites"]
    assert (overwrite["id"], overwrite["deny"]) == (str(place.guild), str(HISTORY))
    assert place.rest("DELETE", path).status == 204
    assert place.rest("GET", f"/channels/{place.channel}").body["permission_overwrites"] == []
    assert place.rest("DELETE", path).code == 10009


def test_a_bot_that_hides_a_channel_from_everyone_keeps_it_by_allowing_itself_first(place):
    me = place.rest("GET", "/users/@me").body["id"]
    path = f"/channels/{place.channel}/permissions"
    place.rest("PUT", f"{path}/{me}", {"type": 1, "allow": str(VIEW)})
    place.rest("PUT", f"{path}/{place.guild}", {"type": 0, "deny": str(VIEW)})
    assert place.rest("GET", f"/channels/{place.channel}").status == 200
    other = place.another_bot()
    assert other("GET", f"/channels/{place.channel}").code == 50001


def test_a_bot_cannot_hand_out_what_it_has_not(place):
    kick = 1 << 1
    path = f"/channels/{place.channel}/permissions/{place.guild}"
    assert place.rest("PUT", path, {"type": 0, "allow": str(kick)}).code == 50013
    assert place.rest("PUT", path, {"type": 0, "allow": str(MANAGE_ROLES)}).code == 50013


def test_missing_permissions_are_named_by_code(place):
    place.server.set_permissions(place.guild, 0, token=place.token)
    assert create(place, name="x").code == 50013
    place.server.set_permissions(place.guild, VIEW)
    assert place.rest("POST", place.messages, {"content": "x"}).code == 50013
    assert place.rest("GET", place.messages).body == []
    place.server.set_permissions(place.guild, 0)
    answer = place.rest("GET", place.messages)
    assert (answer.status, answer.code) == (403, 50001)


def test_typing_is_accepted(place):
    assert place.rest("POST", f"/channels/{place.channel}/typing").status == 204


def positions(place):
    channels = place.rest("GET", f"/guilds/{place.guild}/channels").body
    return {channel["name"]: (channel["position"], channel["parent_id"]) for channel in channels}


def test_channels_are_moved_together_or_not_at_all(place):
    path = f"/guilds/{place.guild}/channels"
    parent = create(place, name="Data", type=4).body["id"]
    one, other = (create(place, name=name).body["id"] for name in ("one", "other"))
    moves = [{"id": one, "position": 5, "parent_id": parent}, {"id": other, "position": 4}]
    assert place.rest("PATCH", path, moves).status == 204
    assert (positions(place)["one"], positions(place)["other"]) == ((5, parent), (4, None))
    wrong = [{"id": one, "position": 9}, {"id": "1", "position": 9}]
    assert place.rest("PATCH", path, wrong).code == 50035
    assert positions(place)["one"] == (5, parent)


def test_a_move_can_take_over_the_overwrites_of_the_category(place):
    hidden = [{"id": str(place.guild), "type": 0, "allow": "0", "deny": str(SEND)}]
    parent = create(place, name="P", type=4, permission_overwrites=hidden).body["id"]
    moves = [{"id": str(place.channel), "parent_id": parent, "lock_permissions": True}]
    place.rest("PATCH", f"/guilds/{place.guild}/channels", moves)
    assert place.rest("GET", f"/channels/{place.channel}").body["permission_overwrites"] == hidden


def test_a_move_does_not_overfill_a_category(place):
    parent = create(place, name="full", type=4).body["id"]
    ids = [create(place, name=f"c{number}").body["id"] for number in range(51)]
    path = f"/guilds/{place.guild}/channels"
    moves = [{"id": id_, "parent_id": parent} for id_ in ids]
    answer = place.rest("PATCH", path, moves)
    [error] = answer.body["errors"]["50"]["parent_id"]["_errors"]
    assert error["code"] == "CHANNEL_PARENT_MAX_CHANNELS"
    assert place.rest("PATCH", path, moves[:50]).status == 204


def test_a_voice_channel_keeps_its_name_and_has_a_bitrate(place):
    made = create(place, name="My Talk", type=2, bitrate=8000, user_limit=3).body
    assert (made["name"], made["bitrate"], made["user_limit"]) == ("My Talk", 8000, 3)


def test_a_text_channel_becomes_an_announcement_channel_and_nothing_else(place):
    path = f"/channels/{place.channel}"
    assert place.rest("PATCH", path, {"type": 5}).body["type"] == 5
    assert place.rest("PATCH", path, {"type": 0}).body["type"] == 0
    assert place.rest("PATCH", path, {"type": 4}).code == 50035


@pytest.mark.parametrize("kind", [13, 15, 16])
def test_channels_of_kinds_that_are_not_served_are_501(place, kind):
    answer = create(place, name="x", type=kind)
    assert answer.status == 501
    assert "create_guild_channel" in answer.body["message"]
