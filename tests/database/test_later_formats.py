"""What a later version of discobase wrote: an older one stops, says so, and harms nothing."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest

from discobase.errors import LogDamaged, NotConnected, OutcomeUnknown, UpgradeNeeded
from tests.database.shop import shop, soon
from tests.local.rest import Rest

DEEP = "[" * 700 + "]" * 700
"""What only a parser without recursion could read, or one that does not have to."""


class LaterVersion:
    """Writes into the log of a place as a later version would: in turn, and under its nonces."""

    def __init__(self, place) -> None:
        self._place = place
        self._rest = Rest(place.api_url, place.token)
        block, *_ = place.discord.messages(place.channel("catalog"))
        self._superblock = json.loads(block["content"].strip("`json\n"))["is"]

    def write(self, *lines: str, needs: str | None = None) -> None:
        """Write a frame of today's format, which follows the last one."""
        self._post(*self._next(lines, {"discobase": 1}, needs))

    def write_in_format_2(self, *, needs: str | None = "0.7", enforced: bool = True) -> None:
        """Write a frame of another format, which follows the last one; under its position's nonce,
        or under one of its own.
        """
        seq, content = self._next(['["put","Item",2,{"name":"x"}]'], {"discobase": 2}, needs)
        self._post(seq, content, "" if enforced else ".later")

    def _next(self, lines, begin: dict[str, Any], needs: str | None) -> tuple[int, str]:
        headers = [message["content"].splitlines()[1] for message in self._place.frames()]
        last = max(headers, key=lambda line: json.loads(line)["seq"])
        payload = "\n".join(lines)
        header = begin | ({} if needs is None else {"needs": needs})
        header |= {
            "seq": json.loads(last)["seq"] + 1,
            "prev": _hash(last),
            "writer": "later",
            "time": 1.0,
            "ops": len(lines),
            "hash": _hash(payload),
            "enc": "inline",
            "size": len(payload),
        }
        line = json.dumps(header, separators=(",", ":"))
        return header["seq"], f"```json\n{line}\n{payload}\n```"

    def _post(self, seq: int, content: str, more: str = "") -> None:
        lanes = self._superblock["lanes"]
        nonce = f"{self._superblock['database']}1.{seq}{more}"
        body = {"content": content, "nonce": nonce, "enforce_nonce": True}
        answer = self._rest("POST", f"/channels/{lanes[seq % len(lanes)]}/messages", body)
        assert answer.body["content"] == content


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@pytest.fixture
def connected(place):
    """A connected database with one record."""
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
        yield database, item


def test_a_frame_of_a_later_format_stops_a_connected_program_at_once(place, connected):
    database, item = connected
    LaterVersion(place).write_in_format_2()
    assert soon(lambda: raised(database.refresh) is not None)
    for use in (database.refresh, item(name="new").save, item.get(1).update, item.get(1).delete):
        with pytest.raises(UpgradeNeeded, match=r"format 2 .* needs discobase 0\.7") as got:
            use()
        assert got.value.needs == "0.7"
        assert got.value.channel == place.channel("log-2")
    assert (database.head, len(item.find())) == (1, 1)
    assert len(place.frames()) == 2
    place.forget_calls()
    with pytest.raises(UpgradeNeeded):
        database.refresh()
    assert place.calls == 0, "what was met once is not asked for again"


def raised(use) -> BaseException | None:
    try:
        use()
    except UpgradeNeeded as error:
        return error
    return None


def test_the_position_of_a_later_frame_is_not_written_over_when_its_nonce_is_forgotten(
    place, connected
):
    _, item = connected
    place.discord.set(nonce_window=0.1)
    LaterVersion(place).write_in_format_2()
    for _ in range(2):
        with pytest.raises(UpgradeNeeded):
            item(name="new").save()
        time.sleep(0.2)
    assert len(place.frames()) == 2


def test_a_save_that_loses_its_position_to_a_later_frame_says_so_even_if_no_event_comes(
    place, connected
):
    database, item = connected
    place.discord.event_fault(action="drop", count=100)
    LaterVersion(place).write_in_format_2(needs=None)
    place.discord.clear_faults()
    with pytest.raises(UpgradeNeeded, match="needs a later discobase than this") as got:
        item(name="new").save()
    assert got.value.needs is None
    place.forget_calls()
    with pytest.raises(UpgradeNeeded):
        item(name="again").save()
    assert place.sends == 0
    assert database.head == 1


def test_a_program_that_connects_to_a_later_log_is_refused(place):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
    LaterVersion(place).write_in_format_2()
    again, _ = shop()
    with pytest.raises(UpgradeNeeded, match=r"0\.7"), place.conn(again):
        pass


@pytest.mark.parametrize(
    ("change", "needs"),
    [
        (lambda text: text.replace('"superblock":1,', '"superblock":3,"needs":"0.8",'), "0.8"),
        (lambda _: '```json\n{"superblock":7,"of another form"\n```', None),
    ],
)
def test_a_superblock_of_a_later_format_is_refused_and_no_database_is_made_beside_it(
    place, change, needs
):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
    catalog = place.channel("catalog")
    message, *_ = place.discord.messages(catalog)
    place.discord.edit_message(catalog, int(message["id"]), change(message["content"]))
    before = place.discord.channels(place.server)
    again, _ = shop()
    with pytest.raises(UpgradeNeeded, match="a superblock of format") as got, place.conn(again):
        pass
    assert (got.value.needs, got.value.channel) == (needs, catalog)
    assert place.discord.channels(place.server) == before


def test_a_log_of_a_later_format_without_its_catalog_is_no_empty_server(place):
    database, item = shop()
    with place.conn(database):
        for name in "abcd":
            item(name=name).save()
    for message in place.frames():
        later = message["content"].replace('"discobase":1,', '"discobase":2,')
        place.discord.edit_message(int(message["channel_id"]), int(message["id"]), later)
    rest = Rest(place.api_url, place.token)
    assert rest("DELETE", f"/channels/{place.channel('catalog')}").status == 200
    before = place.discord.channels(place.server)
    again, _ = shop()
    with pytest.raises(LogDamaged, match="holds a log"), place.conn(again):
        pass
    assert place.discord.channels(place.server) == before


def test_a_generation_of_a_later_format_is_not_passed_over_for_an_older_one(place):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
    catalog = place.channel("catalog")
    message, *_ = place.discord.messages(catalog)
    later = message["content"].replace('"superblock":1,', '"superblock":3,"needs":"0.8",')
    Rest(place.api_url, place.token)("POST", f"/channels/{catalog}/messages", {"content": later})
    again, _ = shop()
    with pytest.raises(UpgradeNeeded), place.conn(again):
        pass


@pytest.mark.parametrize(
    "line",
    [
        '["link","Item",1,2]',
        '["put","Item",2,{"name":"x"},{"schema":3}]',
        '["schema","Item",{"fields":{"name":"colour"},"index":["name"],"unique":[]}]',
        '["schema","Item",{"fields":{"name":["plain","de"]},"index":[],"unique":[]}]',
        '["schema","Item",{"fields":{"name":"plain"},"index":[],"unique":[["name","n"]]}]',
        '["schema","Item",{"fields":{"name":"plain"},"index":[],"unique":["other"]}]',
        '["schema","Item",{"kinds":{"name":"plain"}}]',
        '["schema","Item",{"fields":null,"index":[],"unique":[]}]',
        '["declare","Item",2,0,{"fields":{"name":{"kind":"colour"}},"index":[],"unique":[]}]',
        '["declare","Item",2,0,{"fields":{"name":{"kind":"plain","missing":7}},"index":[],"unique":[]}]',
        '["declare","Item",2,{"fields":{},"index":[],"unique":[]}]',
        '["keys","Item","name",{"kind":"plain","print":"f"},null,[[1,2]]]',
        '["keys","Item","name",{"kind":"plain","print":"f"},null,[[1,"k","more"]]]',
        '["keys","Item","name",{"kind":"colour","print":"f"},null,[[1,"k"]]]',
        '["keys","Item","name",{"kind":"plain","print":"f"},[1,2],[[1,"k"]]]',
        '["unique","Item","name"]',
        '["release","Item","name",1]',
        '["put","Item",9223372036854775808,{"name":"x"}]',
        f'["link",{DEEP}]',
    ],
)
def test_an_operation_of_a_later_version_stops_the_program_and_names_its_place(
    place, connected, line
):
    database, item = connected
    LaterVersion(place).write(line, needs="0.9")
    with pytest.raises(UpgradeNeeded, match=r"position 2.* needs discobase 0\.9") as got:
        item(name="new").save()
    assert got.value.position == 2
    with pytest.raises(UpgradeNeeded):
        database.refresh()
    assert (database.head, len(item.find())) == (1, 1)
    again, _ = shop()
    with pytest.raises(UpgradeNeeded, match="position 2"), place.conn(again):
        pass


def test_what_a_refresh_meets_first_stops_the_saves_after_it(place, connected):
    database, item = connected
    place.discord.event_fault(action="drop", count=1)
    LaterVersion(place).write_in_format_2(enforced=False)
    with pytest.raises(UpgradeNeeded):
        database.refresh()
    place.forget_calls()
    with pytest.raises(UpgradeNeeded):
        item(name="new").save()
    assert place.sends == 0


def later_superblock(place) -> None:
    """Write a superblock of a later format into the catalog, beside the one that is there."""
    catalog = place.channel("catalog")
    message, *_ = place.discord.messages(catalog)
    later = message["content"].replace('"superblock":1,', '"superblock":3,"needs":"0.8",')
    rest = Rest(place.api_url, place.token)
    assert rest("POST", f"/channels/{catalog}/messages", {"content": later}).status == 200


@pytest.mark.parametrize("heard_of", [True, False])
@pytest.mark.usefixtures("quick_identifies")
def test_a_superblock_of_a_later_format_stops_a_connected_program_too(place, connected, heard_of):
    database, item = connected
    if not heard_of:  # it is met with the next session then
        place.discord.event_fault(action="end", count=1)
    later_superblock(place)
    assert soon(lambda: raised(database.refresh) is not None, 20)
    with pytest.raises(UpgradeNeeded, match=r"a superblock of format 3 .* needs discobase 0\.8"):
        item(name="new").save()
    assert len(item.find()) == 1


def test_an_operation_that_may_be_passed_over_is(place, connected):
    database, item = connected
    put = '["put","Item",2,{"name":"by a later version"}]'
    LaterVersion(place).write(f'["note?",{DEEP}]', '["?"]', put, needs="0.9")
    database.refresh()
    assert [record.name for record in item.find()] == ["first", "by a later version"]
    assert item(name="third").save().version == 3
    again, item = shop()
    with place.conn(again):
        assert len(item.find()) == 3


def test_a_later_frame_that_settles_a_race_is_read_back_as_unknown_where_nonces_are_not_enforced(
    place,
):
    place.discord.set(enforce_nonce=False)
    database, item = shop()
    with place.conn(database, allow_unsafe=True):
        item(name="first").save()
        place.discord.event_fault(action="drop", count=100)
        LaterVersion(place).write_in_format_2()
        with pytest.raises(OutcomeUnknown, match="may have been written"):
            item(name="new").save()
        with pytest.raises(UpgradeNeeded):
            item(name="again").save()


def test_a_program_that_was_stopped_can_be_closed(place):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
        LaterVersion(place).write_in_format_2()
        with pytest.raises(UpgradeNeeded):
            item(name="new").save()
    with pytest.raises(NotConnected):
        item(name="after").save()
