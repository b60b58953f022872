"""A vacuum over HTTP: what was deleted is gone, and whoever is connected goes on."""

from __future__ import annotations

import contextlib
import gzip
import threading
import time
import urllib.request

import pytest

from discobase.engine.server.permissions import Permission
from discobase.errors import (
    KeyChanged,
    MissingPermission,
    OutcomeUnknown,
    ReadOnly,
    UsageError,
)
from tests.database.shop import shop

SECRET = "a word that nobody may ever read again"


def everything(place):
    """All that the server still holds: the text of each message, and its files, unpacked."""
    for channel in place.discord.channels(place.server):
        for message in place.discord.messages(channel):
            yield message["content"]
            for file in message["attachments"]:
                with urllib.request.urlopen(file["url"]) as answer:
                    data = answer.read()
                yield (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("latin-1")


def is_held(place, text):
    """Whether a text is anywhere on the server."""
    return any(text in each for each in everything(place))


def test_after_it_nothing_that_was_deleted_before_is_anywhere(place):
    database, item = shop()
    with place.conn(database):
        item(name="kept").save()
        gone, long = item(name=SECRET).save(), item(name=SECRET * 100).save()
        changed = item(name=f"{SECRET}, too").save()
        database.checkpoint()
        assert is_held(place, SECRET)
        gone.delete()
        long.delete()
        changed.name = "changed"
        changed.save()
        told = database.vacuum()
        assert (told.generation, told.records, told.lanes) == (2, 2, 4)
        assert not is_held(place, SECRET)
        assert is_held(place, "kept")
        assert [each.name for each in item.find()] == ["kept", "changed"]
        after = item(name="after").save()
        assert after.version == told.position + 1
        assert database.verify().sound
        assert database.status().growth.commits == 1
    assert len(place.lanes()) == 4
    with place.conn(database):
        assert [each.name for each in item.find()] == ["kept", "changed", "after"]


@pytest.mark.parametrize("gateway", [True, False])
def test_another_process_goes_on_without_an_error(place, gateway, tmp_path):
    """Another database object is another writer, with a loop and a replica of its own."""
    database, item = shop()
    other, theirs = shop(gateway=gateway, cache=tmp_path)
    done = threading.Event()
    failures, saved = [], []

    def save_on():
        try:
            while not done.is_set():
                saved.append(theirs(name=f"t{len(saved)}").save().name)
                time.sleep(0.01)
        except BaseException as error:
            failures.append(error)
            raise

    with place.conn(database), place.conn(other):
        item(name="first").save()
        saving = threading.Thread(target=save_on)
        saving.start()
        while len(saved) < 3:
            time.sleep(0.01)
        told = database.vacuum(lanes=2)
        before = len(saved)
        while len(saved) < before + 3 and not failures:
            time.sleep(0.01)
        done.set()
        saving.join()
        assert not failures
        assert len(place.lanes()) == told.lanes == 2
        database.refresh()
        names = [each.name for each in item.find()]
        assert names[0] == "first"
        assert sorted(names[1:]) == sorted(saved)
        other.refresh()
        assert [each.name for each in theirs.find()] == names
        assert other.status().database_id == database.status().database_id
        item(name="last").save()
        other.refresh()
        assert theirs.find(name="last").count() == 1
    with place.conn(other):
        assert theirs.find().count() == len(names) + 1


def test_what_is_no_number_of_lanes_is_refused_before_anything_is_done(place):
    database, _ = shop()
    with place.conn(database):
        place.forget_calls()
        for lanes in (0, -1, 41, True, "4", 2.0):
            with pytest.raises(UsageError, match="number of channels"):
                database.vacuum(lanes=lanes)
        assert place.calls == 0


def test_who_only_reads_makes_none(place):
    database, item = shop()
    with place.conn(database):
        item(name="a").save()
    reader, _ = shop(read_only=True)
    with place.conn(reader), pytest.raises(ReadOnly):
        reader.vacuum()


@pytest.mark.parametrize("gateway", [True, False])
def test_without_the_right_to_make_channels_it_says_so_and_all_goes_on(place, gateway):
    database, item = shop(gateway=gateway)
    with place.conn(database):
        place.discord.set_permissions(place.server, 0)
        rest = Permission.MANAGE_ROLES | Permission.ATTACH_FILES | Permission.SEND_MESSAGES
        reading = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
        place.discord.set_permissions(place.server, rest | reading, token=place.token)
        with pytest.raises(MissingPermission) as caught:
            database.vacuum()
        assert caught.value.missing == ["manage_channels"]
        assert "those that are there stay in use" in str(caught.value)
        assert item(name="after").save().version == 1
    assert len(place.lanes()) == 4


def test_of_one_that_was_given_up_it_is_not_said_that_nothing_was_written(place):
    """It is in force here when its time is over: deleting what was before takes too long."""
    old, new = bytes(range(32)), bytes(range(1, 33))
    database, item = shop(key=old)
    with place.conn(database):
        item(name="hat").save()
        place.discord.fault(method="DELETE", delay=3, count=None)
        with pytest.raises(OutcomeUnknown, match=r"keep the old one and the new one"):
            database.vacuum(key=new, timeout=2)
        place.discord.clear_faults()
        assert item(name="cap").save().pk
    opened = []
    for key in (old, new):
        with contextlib.suppress(KeyChanged), place.conn(shop(key=key)[0]):
            opened.append(key)
    assert len(opened) == 1
