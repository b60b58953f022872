"""Processes that are killed while they write into an encrypted database, and those that go on."""

from __future__ import annotations

import json
import sys
from collections import Counter

import pytest

from discobase.errors import KeyNeeded
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
