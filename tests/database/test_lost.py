"""What is lost is listed, and an administrator's harmless deeds are no damage."""

from __future__ import annotations

import json
import urllib.request

import discobase
from tests.database.shop import shop, soon


def post_as_the_bot(place, channel, content):
    """The id of a message that the bot sends without discobase."""
    request = urllib.request.Request(
        f"{place.api_url}/channels/{channel}/messages",
        json.dumps({"content": content}).encode(),
        {"Authorization": f"Bot {place.token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return int(json.load(answer)["id"])


def test_nothing_is_lost_as_a_rule(place):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
        assert database.lost() == []


def test_a_commit_that_does_not_count_is_listed_with_its_writer_and_the_reason(place, caplog):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
        first = place.frames()[0]
        # As another process of the same bot might, if Discord had forgotten the nonce.
        again = post_as_the_bot(place, first["channel_id"], first["content"])
        assert soon(lambda: database.lost() != [])
        (lost,) = database.lost()
        item(name="second").save()
        assert [record.name for record in item.find()] == ["first", "second"]
    assert isinstance(lost, discobase.LostCommit)
    assert (lost.position, lost.channel, lost.message) == (1, int(first["channel_id"]), again)
    assert f'"writer":"{lost.writer}"' in first["content"]
    assert first["id"] in lost.why
    assert "a commit does not count: position 1" in caplog.text


def test_a_pin_is_no_damage(place, caplog):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
        frame = place.frames()[0]
        place.discord.edit_message(int(frame["channel_id"]), int(frame["id"]), frame["content"])
        item(name="second").save()
        assert [record.name for record in item.find()] == ["first", "second"]
    assert "altered" not in caplog.text
