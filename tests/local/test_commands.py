"""Application commands: registering, changing, replacing, and what is refused."""

from __future__ import annotations

import pytest

from discobase.local import LocalDiscord
from tests.local.conftest import furnish

GREET = {"name": "greet", "description": "Says hello"}
TEXT = {"type": 3, "name": "text", "description": "What to say"}


@pytest.fixture
def me(place):
    return int(place.rest("GET", "/users/@me").body["id"])


@pytest.fixture(params=["everywhere", "in a guild"])
def path(request, place, me):
    where = "" if request.param == "everywhere" else f"/guilds/{place.guild}"
    return f"/applications/{me}{where}/commands"


def test_a_command_is_made_read_changed_and_deleted(place, path):
    made = place.rest("POST", path, {**GREET, "options": [TEXT]})
    assert made.status == 201
    command = made.body
    assert (command["name"], command["type"], command["options"]) == ("greet", 1, [TEXT])
    assert ("guild_id" in command) == ("guilds" in path)
    one = f"{path}/{command['id']}"
    assert place.rest("GET", one).body == command
    changed = place.rest("PATCH", one, {"description": "Says more"}).body
    assert changed["description"] == "Says more"
    assert (changed["id"], changed["options"]) == (command["id"], [TEXT])
    assert changed["version"] != command["version"]
    assert place.rest("GET", path).body == [changed]
    assert place.rest("DELETE", one).status == 204
    answer = place.rest("GET", one)
    assert (answer.status, answer.code) == (404, 10063)


def test_a_command_of_the_same_name_takes_its_place(place, path):
    first = place.rest("POST", path, GREET).body
    again = place.rest("POST", path, {**GREET, "description": "Again"})
    assert (again.status, again.body["id"]) == (200, first["id"])
    menu = place.rest("POST", path, {"name": "greet", "type": 2})
    assert menu.status == 201
    assert len(place.rest("GET", path).body) == 2


def test_all_commands_are_replaced_and_those_of_a_name_keep_their_ids(place, path):
    kept = place.rest("POST", path, GREET).body
    place.rest("POST", path, {**GREET, "name": "gone"})
    wanted = [{**GREET, "description": "New"}, {"name": "Quote it", "type": 3}]
    answer = place.rest("PUT", path, wanted)
    assert answer.status == 200
    assert [(command["name"], command["type"]) for command in answer.body] == [
        ("greet", 1),
        ("Quote it", 3),
    ]
    assert answer.body[0]["id"] == kept["id"]
    assert place.rest("GET", path).body == answer.body
    assert place.rest("PUT", path, []).body == place.rest("GET", path).body == []


def test_commands_of_places_and_of_applications_are_apart(place, me):
    place.rest("POST", f"/applications/{me}/commands", GREET)
    assert place.rest("GET", f"/applications/{me}/guilds/{place.guild}/commands").body == []
    other = place.another_bot()
    answer = other("GET", f"/applications/{me}/commands")
    assert (answer.status, answer.code) == (403, 20012)
    elsewhere = place.server.create_server("elsewhere")
    answer = place.rest("GET", f"/applications/{me}/guilds/{elsewhere}/commands")
    assert (answer.status, answer.code) == (403, 50001)


def test_commands_outlive_the_server(tmp_path):
    path = tmp_path / "discord.db"
    with LocalDiscord(path) as server:
        place = furnish(server)
        mine = f"/applications/{place.rest('GET', '/users/@me').body['id']}/commands"
        made = place.rest("POST", mine, GREET).body
    with LocalDiscord(path) as server:
        assert furnish(server).rest("GET", mine).body == [made]


def option(**more):
    return {**GREET, "options": [{**TEXT, **more}]}


def options(*several):
    return {**GREET, "options": list(several)}


@pytest.mark.parametrize(
    ("body", "where", "code"),
    [
        ({"description": "x"}, "name", "BASE_TYPE_REQUIRED"),
        ({"name": "x"}, "description", "BASE_TYPE_REQUIRED"),
        ({**GREET, "name": "Greet"}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
        ({**GREET, "name": "two words"}, "name", "APPLICATION_COMMAND_INVALID_NAME"),
        ({**GREET, "name": "x" * 33}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({**GREET, "description": ""}, "description", "BASE_TYPE_BAD_LENGTH"),
        ({**GREET, "description": "x" * 101}, "description", "BASE_TYPE_BAD_LENGTH"),
        ({**GREET, "type": 9}, "type", "BASE_TYPE_CHOICES"),
        (
            {"name": "x", "type": 2, "description": "x"},
            "description",
            "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_INVALID",
        ),
        ({**GREET, "options": "many"}, "options", "LIST_TYPE_CONVERT"),
        (options(*([TEXT] * 26)), "options", "BASE_TYPE_MAX_LENGTH"),
        (option(type=12), "options.0.type", "BASE_TYPE_CHOICES"),
        (option(type=None), "options.0.type", "BASE_TYPE_REQUIRED"),
        (option(name="TEXT"), "options.0.name", "APPLICATION_COMMAND_INVALID_NAME"),
        (option(description=None), "options.0.description", "BASE_TYPE_REQUIRED"),
        (option(min_length=-1), "options.0.min_length", "NUMBER_TYPE_MIN"),
        (option(choices=[{"name": "a"}]), "options.0.choices.0.value", "BASE_TYPE_REQUIRED"),
        (
            option(choices=[{"name": "a", "value": "b"}], autocomplete=True),
            "options.0.choices",
            "APPLICATION_COMMAND_OPTION_AUTOCOMPLETE_CHOICES",
        ),
        (
            option(choices=[{"name": f"{n}", "value": "x"} for n in range(26)]),
            "options.0.choices",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            options(TEXT, TEXT),
            "options.1",
            "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
        ),
        (
            options(TEXT, {**TEXT, "name": "b", "required": True}),
            "options.1",
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
        (
            options(TEXT, {**TEXT, "name": "b", "type": 1}),
            "options",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
        ),
        (
            options({**TEXT, "type": 1, "options": [{**TEXT, "type": 1}]}),
            "options.0.options.0.type",
            "BASE_TYPE_CHOICES",
        ),
        (
            option(choices=[{"name": f"{n}", "value": "x" * 400} for n in range(25)]),
            "",
            "APPLICATION_COMMAND_TOO_LARGE",
        ),
    ],
)
def test_what_does_not_fit_gets_the_tree_of_errors(place, me, body, where, code):
    path = f"/applications/{me}/commands"
    for method, sent, prefix in (("POST", body, ""), ("PUT", [GREET | {"name": "a"}, body], "1.")):
        answer = place.rest(method, path, sent)
        assert (answer.status, answer.code) == (400, 50035)
        node = answer.body["errors"]
        for key in filter(None, f"{prefix}{where}".split(".")):
            node = node[key]
        assert node["_errors"][0]["code"] == code
    assert place.rest("GET", path).body == []


@pytest.mark.parametrize("name", ["grüße", "привет", "挨拶", "नमस्ते", "สวัสดี", "a-b_c'1"])
def test_names_may_be_of_any_script(place, me, name):
    made = place.rest("POST", f"/applications/{me}/commands", {**GREET, "name": name})
    assert (made.status, made.body["name"]) == (201, name)


def test_a_name_twice_in_one_list_is_refused(place, me):
    answer = place.rest("PUT", f"/applications/{me}/commands", [GREET, GREET])
    found = answer.body["errors"]["1"]["_errors"][0]["code"]
    assert found == "APPLICATION_COMMANDS_DUPLICATE_NAME"


def test_renaming_a_command_to_another_s_name_is_refused(place, path):
    place.rest("POST", path, GREET)
    other = place.rest("POST", path, {**GREET, "name": "other"}).body
    answer = place.rest("PATCH", f"{path}/{other['id']}", {"name": "greet"})
    assert (answer.status, answer.code) == (400, 50035)


def test_a_place_has_room_for_a_hundred_commands(place, path):
    many = [{**GREET, "name": f"c{number}"} for number in range(101)]
    answer = place.rest("PUT", path, many)
    assert (answer.status, answer.code) == (400, 30032)
    assert len(place.rest("PUT", path, many[:100]).body) == 100
    answer = place.rest("POST", path, many[100])
    assert (answer.status, answer.code) == (400, 30032)
    assert place.rest("POST", path, many[0]).status == 200
