"""Emojis of applications: made, listed, renamed and removed, and kept."""

from __future__ import annotations

import asyncio
import base64

import discord
import pytest

from discobase.local import LocalDiscord
from discobase.local.rest.forms import emojis as form
from discobase.local.state import application_emojis as state
from tests.local.bots import directed_to
from tests.local.rest import Rest

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on"


def data(content=PNG, kind="png"):
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def path_of(rest):
    return f"/applications/{rest('GET', '/applications/@me').body['id']}/emojis"


@pytest.fixture
def emojis(place):
    return path_of(place.rest)


def names(place, emojis):
    return [emoji["name"] for emoji in place.rest("GET", emojis).body["items"]]


def test_an_emoji_is_made_listed_renamed_and_removed(place, emojis):
    made = place.rest("POST", emojis, {"name": "one", "image": data()})
    assert made.status == 201
    assert made.body["user"] == place.rest("GET", f"/users/{made.body['user']['id']}").body
    assert (made.body["animated"], made.body["roles"]) == (False, [])
    one = f"{emojis}/{made.body['id']}"
    assert place.rest("GET", one).body == made.body
    assert place.rest("GET", emojis).body == {"items": [made.body]}
    assert place.rest("PATCH", one, {"name": "other"}).body == {**made.body, "name": "other"}
    assert place.rest("PATCH", one, {"name": "other"}).status == 200
    assert place.rest("PATCH", one, {}).body["name"] == "other"
    assert names(place, emojis) == ["other"]
    assert place.rest("DELETE", one).status == 204
    assert names(place, emojis) == []
    for method in ("GET", "PATCH", "DELETE"):
        answer = place.rest(method, one, {"name": "again"})
        assert (answer.status, answer.code) == (404, 10014)


def test_a_gif_is_animated(place, emojis):
    body = {"name": "moving", "image": data(b"GIF89a...", "gif")}
    assert place.rest("POST", emojis, body).body["animated"] is True


@pytest.mark.parametrize("kind", ["jpeg", "webp", "avif"])
def test_other_kinds_of_pictures_are_taken_too(place, emojis, kind):
    content = {
        "jpeg": b"\xff\xd8\xff\xe0",
        "webp": b"RIFF\0\0\0\nWEBP",
        "avif": b"\0\0\0 ftypavif",
    }[kind]
    body = {"name": "picture", "image": data(content, kind)}
    assert place.rest("POST", emojis, body).status == 201


@pytest.mark.parametrize(
    "name", [None, "", "a", "a" * 33, "with-dash", "with space", "ümlaut", "line\n", 7]
)
def test_a_name_has_2_to_32_letters_digits_and_underscores(place, emojis, name):
    answer = place.rest("POST", emojis, {"name": name, "image": data()})
    assert (answer.status, answer.code, list(answer.body["errors"])) == (400, 50035, ["name"])
    assert names(place, emojis) == []
    assert place.rest("POST", emojis, {"name": "Aa_09" * 6 + "xy", "image": data()}).status == 201


@pytest.mark.parametrize(
    "image",
    [
        None,
        7,
        "",
        base64.b64encode(PNG).decode(),
        data(kind="svg+xml"),
        data(kind="gif"),
        data(PNG[:-12]),
        data() + "=",
        "data:image/png;base64,????",
    ],
)
def test_a_picture_is_a_data_uri_of_its_kind(place, emojis, image):
    answer = place.rest("POST", emojis, {"name": "one", "image": image})
    assert (answer.status, answer.code, list(answer.body["errors"])) == (400, 50035, ["image"])


def test_a_picture_has_256_kib_at_the_most(place, emojis):
    largest = PNG + bytes(form._LARGEST - len(PNG))
    assert place.rest("POST", emojis, {"name": "fits", "image": data(largest)}).status == 201
    answer = place.rest("POST", emojis, {"name": "more", "image": data(largest + b"x")})
    assert (answer.code, list(answer.body["errors"])) == (50035, ["image"])


def test_a_name_is_taken_once(place, emojis):
    for name in ("one", "two"):
        made = place.rest("POST", emojis, {"name": name, "image": data()}).body["id"]
    again = place.rest("POST", emojis, {"name": "one", "image": data()})
    renamed = place.rest("PATCH", f"{emojis}/{made}", {"name": "one"})
    for answer in (again, renamed):
        error = answer.body["errors"]["name"]["_errors"][0]["code"]
        assert (answer.code, error) == (50035, "APPLICATION_EMOJI_NAME_ALREADY_TAKEN")
    assert names(place, emojis) == ["one", "two"]


def test_an_application_has_as_many_as_it_may(place, emojis, monkeypatch):
    monkeypatch.setattr(state, "MOST", 2)
    for name in ("one", "two"):
        assert place.rest("POST", emojis, {"name": name, "image": data()}).status == 201
    answer = place.rest("POST", emojis, {"name": "three", "image": data()})
    assert (answer.status, answer.code) == (400, 30008)


def test_the_emojis_of_one_application_are_no_others(place, emojis):
    made = place.rest("POST", emojis, {"name": "one", "image": data()}).body["id"]
    other = place.another_bot()
    assert other("GET", path_of(other)).body == {"items": []}
    assert other("GET", f"{path_of(other)}/{made}").code == 10014
    for method, path in (("GET", emojis), ("POST", emojis), ("DELETE", f"{emojis}/{made}")):
        answer = other(method, path, {"name": "one", "image": data()})
        assert (answer.status, answer.code) == (403, 20012)
    assert other("POST", path_of(other), {"name": "one", "image": data()}).status == 201


def test_no_server_shows_them(place, emojis):
    place.rest("POST", emojis, {"name": "one", "image": data()})
    assert place.rest("GET", f"/guilds/{place.guild}").body["emojis"] == []


def test_they_are_kept_in_the_file(tmp_path):
    path = tmp_path / "discord"
    with LocalDiscord(path) as server:
        rest = Rest(server.api_url, server.default_token)
        made = rest("POST", path_of(rest), {"name": "one", "image": data()}).body
        assert rest("PATCH", f"{path_of(rest)}/{made['id']}", {"name": "two"}).status == 200
    with LocalDiscord(path) as server:
        rest = Rest(server.api_url, server.default_token)
        assert rest("GET", path_of(rest)).body == {"items": [{**made, "name": "two"}]}
        later = rest("POST", path_of(rest), {"name": "one", "image": data()}).body
        assert int(later["id"]) > int(made["id"])


def test_discord_py_makes_and_finds_them(place):
    async def use():
        async with discord.Client(intents=discord.Intents.none()) as client:
            await client.login(place.token)
            made = await client.create_application_emoji(name="one", image=PNG)
            found = await client.fetch_application_emojis()
            assert [emoji.id for emoji in found] == [made.id]
            assert (await client.fetch_application_emoji(made.id)).name == "one"
            await made.edit(name="two")
            await made.delete()
            return await client.fetch_application_emojis()

    with directed_to(place.server):
        assert asyncio.run(use()) == []
