"""Permissions that an administrator takes away from the bot, and gives back, over HTTP."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from discobase.errors import MissingPermission
from discobase.local.state.permissions import (
    ATTACH_FILES,
    BOT_DEFAULT,
    EVERYONE_DEFAULT,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    VIEW_CHANNEL,
)
from tests.database.shop import shop, soon
from tests.local.rest import Rest

ROLE, MEMBER = 0, 1


class Administrator:
    """Another bot of the server, which may do everything."""

    def __init__(self, place) -> None:
        token = place.discord.create_bot("administrator")
        place.discord.add_bot(token, place.server)
        place.discord.set_permissions(place.server, 8, token=token)
        self.place = place
        self.rest = Rest(place.api_url, token)

    def own(self) -> dict[str, int]:
        """The channels of the database by name, and its category."""
        return {name: id_ for id_, name in self.place.discord.channels(self.place.server).items()}

    def deny(self, name: str, bits: int) -> None:
        """Deny everyone something in a channel."""
        overwrite = {"type": ROLE, "allow": "0", "deny": str(VIEW_CHANNEL | bits)}
        path = f"/channels/{self.own()[name]}/permissions/{self.place.server}"
        assert self.rest("PUT", path, overwrite).status == 204

    def deny_bot(self, name: str, bits: int) -> None:
        """Deny the bot itself something in a channel."""
        bot = Rest(self.place.api_url, self.place.token)("GET", "/users/@me").body["id"]
        overwrite = {"type": MEMBER, "allow": str(VIEW_CHANNEL & ~bits), "deny": str(bits)}
        path = f"/channels/{self.own()[name]}/permissions/{bot}"
        assert self.rest("PUT", path, overwrite).status == 204

    def deny_everywhere(self, bits: int) -> None:
        """Deny everyone something in each channel of the database."""
        for name in self.own():
            self.deny(name, bits)


@pytest.fixture
def admin(place):
    return Administrator(place)


@contextmanager
def filled(place, count: int = 6, **options):
    """A database with some records, connected."""
    database, item = shop(**options)
    with place.conn(database):
        for number in range(count):
            item(name=f"hat {number}").save()
        yield database, item


def lacks(act, name: str, *missing: str) -> MissingPermission:
    with pytest.raises(MissingPermission) as caught:
        act()
    assert caught.value.channel == name
    assert caught.value.missing == list(missing)
    assert repr(name) in str(caught.value)
    return caught.value


# At login


def test_a_database_that_may_not_be_read_is_not_taken_for_an_empty_server(place, admin):
    with filled(place):
        before = admin.own()
    admin.deny_everywhere(READ_MESSAGE_HISTORY)
    database, item = shop()
    lacks(lambda: place.conn(database).__enter__(), "catalog", "read_message_history")
    assert admin.own() == before
    admin.deny_everywhere(0)
    database, item = shop()
    with place.conn(database):
        assert len(item.find()) == 6


@pytest.mark.parametrize("name", ["log-0", "log-3"])
def test_nor_is_one_with_a_single_lane_that_may_not_be_read_called_fresh(place, admin, name):
    with filled(place):
        pass
    admin.deny(name, READ_MESSAGE_HISTORY)
    database, _ = shop()
    lacks(lambda: place.conn(database).__enter__(), name, "read_message_history")


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("name", ["catalog", "log-1"])
def test_nor_one_with_a_channel_that_the_bot_may_not_see(place, admin, name, listed):
    place.discord.set(list_hidden=listed)
    with filled(place):
        before = admin.own()
    admin.deny_bot(name, VIEW_CHANNEL)
    database, _ = shop()
    told = name if listed else str(before[name])
    lacks(lambda: place.conn(database).__enter__(), told, "view_channel", "read_message_history")
    assert admin.own() == before


def test_what_roles_allow_in_a_channel_counts(place, admin):
    with filled(place):
        pass
    member = admin.rest("GET", f"/guilds/{place.server}/members/{database_bot(place)}").body
    role = member["roles"][0]
    admin.deny_everywhere(READ_MESSAGE_HISTORY)
    overwrite = {"type": ROLE, "allow": str(READ_MESSAGE_HISTORY), "deny": "0"}
    for id_ in admin.own().values():
        assert admin.rest("PUT", f"/channels/{id_}/permissions/{role}", overwrite).status == 204
    database, item = shop()
    with place.conn(database):
        assert len(item.find()) == 6


def database_bot(place) -> str:
    return Rest(place.api_url, place.token)("GET", "/users/@me").body["id"]


# While connected


def refuses(act) -> bool:
    try:
        act()
    except MissingPermission:
        return True
    return False


def test_a_right_that_is_taken_away_while_connected_stops_what_must_be_fresh(place, admin):
    with filled(place) as (database, item):
        admin.deny("log-1", READ_MESSAGE_HISTORY)
        assert soon(lambda: refuses(database.refresh))
        lacks(database.refresh, "log-1", "read_message_history")
        lacks(lambda: len(item.find(fresh=True)), "log-1", "read_message_history")
        lacks(item(name="cap").save, "log-1", "read_message_history")
        lacks(lambda: database.wait_for(99, timeout=5), "log-1", "read_message_history")
        assert len(item.find()) == 6, "searches go on"
        admin.deny("log-1", 0)
        assert soon(lambda: not refuses(database.refresh))
        assert item(name="cap").save().pk == 7


def test_a_refresh_that_no_event_has_warned_is_refused_all_the_same(place):
    with filled(place, count=9) as (database, item):
        place.discord.event_fault(action="drop", event="GUILD_ROLE_UPDATE", count=4)
        for bits, whose in (
            (EVERYONE_DEFAULT & ~READ_MESSAGE_HISTORY, {}),
            (BOT_DEFAULT & ~READ_MESSAGE_HISTORY, {"token": place.token}),
        ):
            place.discord.set_permissions(place.server, bits, **whose)
        lacks(database.refresh, "log-2", "read_message_history")
        assert len(item.find()) == 9


def test_what_was_committed_meanwhile_is_read_when_the_right_is_back(place, admin):
    with filled(place, count=0) as (database, item), filled(place, count=8) as (_, other):
        assert soon(lambda: len(item.find()) == 8)
        place.discord.event_fault(action="drop", event="MESSAGE_CREATE", count=2)
        other(name="cap").save()
        admin.deny("log-1", READ_MESSAGE_HISTORY)
        assert soon(lambda: refuses(database.refresh))
        assert len(item.find()) == 8
        admin.deny("log-1", 0)
        assert soon(lambda: len(item.find()) == 9), "it was not told of, and nobody has asked"


# Writing


def test_a_save_without_the_right_to_send_names_it_and_the_channel(place, admin):
    with filled(place, count=1) as (_, item):
        # An event would have it ask once more, whenever it comes.
        place.discord.event_fault(action="drop", event="CHANNEL_UPDATE", count=1)
        admin.deny_bot("log-2", SEND_MESSAGES)
        place.forget_calls()
        error = lacks(item(name="cap").save, "log-2", "send_messages")
        assert "what needs it is refused" in str(error)
        assert place.sends == 1
        lacks(item(name="cap").save, "log-2", "send_messages")
        assert place.sends == 1, "what was refused a moment ago is not sent again"
        admin.deny_bot("log-2", 0)
        assert soon(lambda: not refuses(item(name="cap").save))


def test_a_save_with_files_without_the_right_to_attach_them_names_it(place, admin):
    with filled(place, count=1) as (_, item):
        admin.deny_bot("log-2", ATTACH_FILES)
        noise = "".join(chr(0x4E00 + (number * 7919) % 20_000) for number in range(9_000))
        lacks(item(name=noise).save, "log-2", "attach_files")
        assert item(name="small").save().pk == 2, "what goes without files is written"


def test_a_checkpoint_without_the_right_to_send_names_it_and_all_else_goes_on(place, admin):
    with filled(place, count=1) as (database, item):
        admin.deny_bot("checkpoints", SEND_MESSAGES)
        told = lacks(database.checkpoint, "checkpoints", "send_messages", "attach_files")
        assert "what needs it is refused" in str(told)
        assert item(name="cap").save().pk == 2


# Costs


def test_nobody_asks_for_permissions_at_a_login_or_at_saves(place):
    with filled(place):
        pass
    place.forget_calls()
    with filled(place) as (database, _):
        database.refresh()
        counts = place.discord.requests
        assert counts.count("GET", "*/members/*") == 0
        assert counts.count("GET", "*/users/@me/guilds") == 1
