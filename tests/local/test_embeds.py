"""Embeds: what of them is kept, and their limits."""

from __future__ import annotations

import pytest

from discobase.local.state import permissions

FULL = {
    "title": " T ",
    "description": "D",
    "url": "https://example.org/a",
    "color": 0xABCDEF,
    "timestamp": "2026-01-02T03:04:05+00:00",
    "author": {"name": "A", "url": "https://example.org/b"},
    "footer": {"text": "F", "icon_url": "https://example.org/c.png"},
    "image": {"url": "https://example.org/d.png"},
    "fields": [{"name": "n", "value": " v ", "inline": True}, {"name": "m", "value": "w"}],
}


def refused(place, *embeds):
    """The path and the code of each mistake."""
    answer = place.rest("POST", place.messages, {"embeds": list(embeds)})
    assert (answer.status, answer.code) == (400, 50035)
    return dict(_leaves(answer.body["errors"], ""))


def _leaves(tree, path):
    for name, node in tree.items():
        if name == "_errors":
            yield path.strip("."), node[0]["code"]
        else:
            yield from _leaves(node, f"{path}.{name}")


def test_an_embed_comes_back_trimmed(place):
    [kept] = place.send("", embeds=[FULL])["embeds"]
    assert (kept["type"], kept["title"], kept["color"]) == ("rich", "T", 0xABCDEF)
    assert kept["fields"] == [
        {"name": "n", "value": "v", "inline": True},
        {"name": "m", "value": "w", "inline": False},
    ]
    assert kept["footer"] == {"text": "F", "icon_url": "https://example.org/c.png"}
    assert kept["timestamp"] == FULL["timestamp"]


@pytest.mark.parametrize(
    ("embed", "path", "code"),
    [
        ({"title": "x" * 257}, "title", "BASE_TYPE_MAX_LENGTH"),
        ({"description": "x" * 4097}, "description", "BASE_TYPE_MAX_LENGTH"),
        ({"footer": {"text": "x" * 2049}}, "footer.text", "BASE_TYPE_MAX_LENGTH"),
        ({"author": {"name": "x" * 257}}, "author.name", "BASE_TYPE_MAX_LENGTH"),
        ({"author": {}}, "author.name", "BASE_TYPE_REQUIRED"),
        ({"fields": [{}] * 26}, "fields", "BASE_TYPE_MAX_LENGTH"),
        ({"fields": [{"name": "", "value": "v"}]}, "fields.0.name", "BASE_TYPE_REQUIRED"),
        ({"fields": [{"name": "n"}]}, "fields.0.value", "BASE_TYPE_REQUIRED"),
        (
            {"fields": [{"name": "n", "value": "x" * 1025}]},
            "fields.0.value",
            "BASE_TYPE_MAX_LENGTH",
        ),
        ({"color": 0x1000000}, "color", "NUMBER_TYPE_MAX"),
        ({"color": "red"}, "color", "NUMBER_TYPE_COERCE"),
        ({"url": "ftp://x"}, "url", "URL_TYPE_INVALID_SCHEME"),
        ({"image": {"url": "x"}}, "image.url", "URL_TYPE_INVALID_SCHEME"),
        ({"timestamp": "soon"}, "timestamp", "DATE_TIME_TYPE_PARSE"),
        ({"footer": "text"}, "footer", "DICT_TYPE_CONVERT"),
    ],
)
def test_what_does_not_fit_is_named(place, embed, path, code):
    assert refused(place, {"title": "fits"}, embed) == {f"embeds.1.{path}": code}


def test_six_thousand_characters_are_the_most_of_all_embeds_together(place):
    half = {"description": "x" * 3000}
    place.send("", embeds=[half, half])
    assert refused(place, half, half, {"title": "x"}) == {"embeds": "MAX_EMBED_SIZE_EXCEEDED"}


def test_ten_embeds_are_the_most(place):
    place.send("", embeds=[{"title": "x"}] * 10)
    assert refused(place, *[{"title": "x"}] * 11) == {"embeds": "BASE_TYPE_MAX_LENGTH"}


def test_of_embeds_with_one_address_the_first_is_kept(place):
    one, other = {"title": "1", "url": "https://x.org"}, {"title": "2", "url": "https://x.org"}
    assert [kept["title"] for kept in place.send("", embeds=[one, other])["embeds"]] == ["1"]


def test_embeds_need_the_permission(place):
    place.server.set_permissions(place.guild, permissions.VIEW_CHANNEL | permissions.SEND_MESSAGES)
    place.server.set_permissions(place.guild, 0, token=place.token)
    answer = place.rest("POST", place.messages, {"embeds": [{"title": "x"}]})
    assert (answer.status, answer.code) == (403, 50013)
    place.send("text still goes")


def test_an_edit_takes_embeds_away(place):
    sent = place.send("text", embeds=[{"title": "x"}])
    path = f"{place.messages}/{sent['id']}"
    assert place.rest("PATCH", path, {"embeds": []}).body["embeds"] == []
    assert place.rest("PATCH", path, {"embeds": [{"title": "y"}]}).body["embeds"] != []
