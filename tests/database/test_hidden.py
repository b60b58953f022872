"""A database that is hidden from the bot as a whole, and the trace by which it is known, over HTTP.

Discord does not list such channels, so that the server looks empty.
"""

from __future__ import annotations

import base64
import struct
import zlib

import pytest

from discobase.engine.server.discordpy.application import _IMAGE
from discobase.errors import ConnectError, DatabaseNotFound, MissingPermission
from discobase.local.state.permissions import VIEW_CHANNEL
from tests.database.shop import shop, soon
from tests.database.test_permissions import Administrator, filled, lacks, refuses
from tests.local.rest import Rest

EMOJIS = "/applications/{application_id}/emojis"
CREATED = 7
"""Channels of a database, with its category."""


@pytest.fixture
def admin(place):
    return Administrator(place)


def hide(admin):
    for name in admin.own():
        admin.deny_bot(name, VIEW_CHANNEL)


def show(admin):
    for name in admin.own():
        admin.deny_bot(name, 0)


def emojis(place, token=None):
    rest = Rest(place.api_url, token or place.token)
    application = rest("GET", "/oauth2/applications/@me").body["id"]
    return rest("GET", f"/applications/{application}/emojis").body["items"]


@pytest.mark.parametrize("listed", [False, True], ids=["left out", "listed"])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_hidden_database_is_not_taken_for_an_empty_server(place, admin, read_only, listed):
    place.discord.set(list_hidden=listed)
    with filled(place):
        before = admin.own()
    hide(admin)
    place.forget_calls()
    database, _ = shop(read_only=read_only)
    told = "catalog" if listed else str(before["catalog"])
    error = lacks(
        lambda: place.conn(database).__enter__(), told, "view_channel", "read_message_history"
    )
    assert "Allow it for the bot in the permissions of that channel" in str(error)
    assert admin.own() == before
    assert place.discord.requests.count("POST") == 0
    show(admin)
    database, item = shop()
    with place.conn(database):
        assert len(item.find()) == 6
    assert admin.own() == before


def test_the_trace_names_server_and_catalog_and_nobody_in_the_server_sees_it(place, admin):
    with filled(place, count=0):
        (emoji,) = emojis(place)
    _, guild, catalog = emoji["name"].split("_")
    assert (int(guild, 36), int(catalog, 36)) == (place.server, admin.own()["catalog"])
    assert admin.rest("GET", f"/guilds/{place.server}").body["emojis"] == []


def test_a_login_that_finds_its_database_asks_for_no_emoji(place):
    with filled(place):
        pass
    place.forget_calls()
    with filled(place):
        counts = place.discord.requests
        assert counts.count("*", "/applications/*") == counts.count("*", "/oauth2/*") == 0


def test_a_database_that_was_deleted_is_created_anew_and_its_trace_goes(place, admin):
    with filled(place):
        (before,) = emojis(place)
    for id_ in admin.own().values():
        assert admin.rest("DELETE", f"/channels/{id_}").status == 200
    with pytest.raises(DatabaseNotFound):
        place.conn(shop(read_only=True)[0]).__enter__()
    assert emojis(place) == [before]
    with filled(place) as (_, item):
        assert len(item.find()) == 6
    (after,) = emojis(place)
    assert after["name"] != before["name"]


def test_the_hidden_database_of_another_bot_stops_nobody(place, admin):
    with filled(place):
        pass
    hide(admin)
    token = place.discord.create_bot("second")
    place.discord.add_bot(token, place.server)
    database, item = shop()
    with database.conn(token, api_url=place.api_url, timeout=10):
        item(name="cap").save()
    assert len(place.discord.channels(place.server)) == 2 * CREATED
    assert len(emojis(place)) == len(emojis(place, token)) == 1
    assert refuses(lambda: place.conn(shop()[0]).__enter__())


def test_a_database_in_another_server_of_the_bot_is_no_reason_to_refuse(place, admin):
    with filled(place):
        pass
    hide(admin)
    other = place.discord.join("other")
    database, item = shop(server=other)
    with place.conn(database):
        item(name="cap").save()
    assert len(emojis(place)) == 2


def test_emojis_of_somebody_else_are_left_alone(place, admin):
    rest = Rest(place.api_url, place.token)
    application = rest("GET", "/applications/@me").body["id"]
    path = f"/applications/{application}/emojis"
    with filled(place):
        pass
    names = ["db_", "db_1_2", "db_zzzzzzzzzzzzz_1", "DB_1_2", "smile"]
    for name in names:
        assert rest("POST", path, {"name": name, "image": _IMAGE}).status == 201
    for id_ in admin.own().values():
        assert admin.rest("DELETE", f"/channels/{id_}").status == 200
    with filled(place):
        assert {emoji["name"] for emoji in emojis(place)} > set(names)
        assert len(emojis(place)) == len(names) + 1


def test_the_image_is_a_whole_png_of_128_by_128():
    head, data = _IMAGE.split(",")
    assert head == "data:image/png;base64"
    content = base64.b64decode(data, validate=True)
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", content[at + 8 + length : at + 12 + length])
        assert checksum == zlib.crc32(kind + body)
        chunks[kind], at = body, at + 12 + length
    assert [*chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (width, height, depth, rest) == (128, 128, 1, [0, 0, 0, 0])
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (1 + width // 8)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_such_emojis_has_its_database_all_the_same(place, caplog, status):
    place.discord.fault(route=EMOJIS, status=status, count=1000)
    with filled(place) as (_, item):
        assert len(item.find()) == 6
    assert "the server takes no trace of the database" in caplog.text
    with filled(place) as (_, item):
        assert len(item.find()) == 12
    place.discord.clear_faults()
    assert emojis(place) == []


def test_a_list_that_is_refused_is_no_reason_to_create_a_database(place, admin):
    with filled(place):
        before = admin.own()
    hide(admin)
    place.discord.fault(method="GET", route=EMOJIS, status=403, count=1000)
    with pytest.raises(ConnectError) as caught:
        place.conn(shop()[0]).__enter__()
    assert not isinstance(caught.value, MissingPermission)
    assert admin.own() == before


def test_the_emojis_are_those_of_the_application_whose_id_need_not_be_the_users(place):
    """As with the oldest bots: here the application is said to be one that is another bot's."""
    other = Rest(place.api_url, place.discord.create_bot("other"))
    told = other("GET", "/oauth2/applications/@me").body
    place.discord.fault(route="/oauth2/applications/@me", status=200, body=told)
    with pytest.raises(ConnectError, match="not authorized to perform this action"):
        place.conn(shop()[0]).__enter__()
    assert place.discord.requests.count("GET", EMOJIS, status=403) == 1
    assert place.discord.requests.count("*", EMOJIS) == 1


def test_a_trace_whose_answer_was_lost_is_left_once(place, caplog):
    place.discord.fault(method="POST", route=EMOJIS, status=503, when="after")
    with filled(place, count=0):
        assert len(emojis(place)) == 1
    assert "takes no trace" not in caplog.text


def test_an_application_that_has_all_its_emojis_has_its_database_all_the_same(
    place, monkeypatch, caplog
):
    monkeypatch.setattr("discobase.local.state.application_emojis.MOST", 0)
    with filled(place) as (_, item):
        assert len(item.find()) == 6
    assert "Maximum number of emojis reached" in caplog.text


# While connected


@pytest.mark.parametrize("listed", [False, True], ids=["left out", "listed"])
def test_what_is_hidden_while_connected_is_named_and_goes_on_when_it_is_back(place, admin, listed):
    place.discord.set(list_hidden=listed)
    with filled(place) as (database, item):
        hide(admin)
        lacks(database.refresh, "log-3", "view_channel", "read_message_history")
        with pytest.raises(MissingPermission):
            item(name="cap").save()
        assert len(item.find()) == 6, "searches go on"
        show(admin)
        assert soon(lambda: not refuses(database.refresh))
        assert item(name="cap").save().pk == 7
