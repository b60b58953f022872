"""Processes that are killed while they write into an encrypted database, and those that go on."""

from __future__ import annotations

import json
import sys
from collections import Counter

import pytest

from discobase.errors import KeyChanged, KeyNeeded
from discobase.local import LocalDiscord
from tests.database.shop import shop
from tests.format import decrypting
from tests.format.reader import DiscordApi
from tests.processes.conftest import SERVER, Start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these tests send POSIX signals")

KEY = bytes(range(32))


def test_what_was_acknowledged_before_a_writer_was_killed_is_there_for_who_has_the_key(
    start: Start, server: LocalDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", KEY.hex())
    child = start("save_on.py", "life", "1")
    assert child.line() == "loaded"
    child.say()
    assert child.line() == "ready"
    acknowledged = [child.line() for _ in range(5)] + child.kill()
    database, item = shop(key=KEY)
    with database.conn(server.default_token, api_url=server.api_url):
        item(name="goes on").save()
        found = Counter(each.name for each in item.find())
    assert {*acknowledged, "goes on"} <= {*found}
    assert {*found.values()} == {1}
    source = DiscordApi(server.api_url, server.default_token, SERVER)
    read = decrypting.open_database(source, KEY).tables["Item"].records.values()
    assert Counter(json.loads(each.data)["name"] for each in read) == found
    without, _ = shop()
    with pytest.raises(KeyNeeded), without.conn(server.default_token, api_url=server.api_url):
        pass


def test_a_process_with_the_former_key_ends_and_says_who_has_changed_it(
    start: Start, server: LocalDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_KEY", KEY.hex())
    child = start("save_until_ended.py", "life")
    assert child.line() == "saved"
    new = bytes(range(1, 33))
    database, item = shop(key=KEY, label="the desk")
    where = {"token": server.default_token, "api_url": server.api_url}
    with database.conn(**where):
        database.vacuum(key=new)
        told = child.end_well()
        item(name="by the new key").save()
        assert database.verify().sound
    saved, last = [line for line in told if line.startswith("life")], told[-1]
    assert last.startswith("KeyChanged: the key was changed on ")
    assert "'the desk'" in last
    with database.conn(**where):  # the object goes on with the new key
        found = [each.name for each in item.find()]
        assert [name for name in found if name.startswith("life")] == ["life-0", *saved]
        assert found[-1] == "by the new key"
        database.vacuum(key=None)
        assert database.status().encrypted is False
    former, _ = shop(key=KEY)
    told_late = pytest.raises(KeyChanged, match="not encrypted any more: log in without key=")
    with told_late, former.conn(**where):
        pass
    without, theirs = shop()
    with without.conn(**where):
        assert [each.name for each in theirs.find()] == found
