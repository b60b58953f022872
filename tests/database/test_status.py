"""What a connected database says of itself, beside what the server has counted."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
from collections import Counter

import pytest

import discobase
from discobase.local.profiles import NONE, Profile, Rule
from tests.database.shop import shop, soon
from tests.database.test_identifies import DAY


def counted(place) -> dict[str, int]:
    """The API calls by method and path, by the server's own count."""
    counts: Counter[str] = Counter()
    for kind, number in place.discord.requests.by_kind.items():
        counts[f"{kind.method} {kind.route}"] += number
    return dict(counts)


def test_before_a_login_and_after_its_end(place):
    database, item = shop()
    before = database.status()
    assert (before.connected, before.gateway, before.head, before.calls_made) == (
        False,
        "off",
        None,
        0,
    )
    assert before.gateway_trouble == "there is no connection"
    with place.conn(database):
        item(name="hat").save()
    after = database.status()
    assert (after.connected, after.gateway, after.head, after.age) == (False, "off", None, None)
    assert after.calls_made == place.calls


def test_where_a_connected_one_is(place):
    database, item = shop()
    with place.conn(database):
        hat = item(name="hat").save()
        assert soon(lambda: database.status().gateway == "live")
        status = database.status()
        assert status.connected
        assert (status.server, status.server_id) == ("shop", place.server)
        assert status.head == hat.version == 1
        superblock = place.discord.messages(place.channel("catalog"))[0]["content"]
        assert f'"{status.database_id}"' in superblock
        assert (status.checkpoint, status.checkpoint_age, status.tail) == (None, None, None)
        assert status.gateway_trouble is None
        assert soon(lambda: database.status().age == 0.0)


def test_each_call_is_counted_once_by_its_kind(place):
    database, item = shop()
    place.forget_calls()
    with place.conn(database):
        item.save_many(item(name=str(number)) for number in range(2_000))
        database.refresh()
        assert dict(database.status().calls) == counted(place)
        assert database.status().calls_made == place.calls
        assert database.status().calls["GET /users/@me"] == 1


def test_a_repetition_is_a_call_too(place):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
        calls = database.status().calls_made
        place.discord.fault(method="POST", route="*/messages", status=429, count=1)
        item(name="hat").save()
        assert database.status().calls_made == calls + 2


def test_to_ask_costs_no_call(place):
    database, _ = shop()
    with place.conn(database):
        place.forget_calls()
        for _ in range(100):
            database.status()
        assert place.calls == 0


def test_a_429_is_a_wait_and_a_failure_is_none(place):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
        assert database.status().rate_limit_waits == 0
        place.discord.fault(method="POST", route="*/messages", status=502, count=1)
        item(name="shoe").save()
        assert database.status().rate_limit_waits == 0
        place.discord.fault(
            method="POST",
            route="*/messages",
            status=429,
            count=1,
            body={"message": "slow down", "retry_after": 0.3, "global": False},
        )
        item(name="hat").save()
        status = database.status()
        assert status.rate_limit_waits == 1
        assert 0.3 <= status.rate_limit_seconds < 5


@pytest.mark.parametrize("shown", ["always", "when refused"])
def test_an_empty_bucket_is_a_wait(place, shown):
    """Where the limit is told, discord.py waits before it sends; where it is not, after a 429."""
    database, _ = shop()
    rule = Rule("GET", "*/messages", limit=2, window=0.5, shown=shown)
    with place.conn(database):
        place.discord.set_limits(Profile("tight", 50, (rule, *NONE.rules)))
        for _ in range(6):
            database.refresh()
        status = database.status()
        assert status.rate_limit_waits >= 2
        assert status.rate_limit_seconds >= 0.5


@pytest.mark.usefixtures("quick_identifies")
def test_the_age_grows_while_no_events_come_and_ends_with_each_read(place):
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
        assert soon(lambda: database.status().age == 0.0)
        place.discord.event_fault(action="disconnect", count=None)
        place.discord.drop_gateways(resumable=False)
        assert soon(lambda: database.status().gateway == "connecting")
        status = database.status()
        assert status.gateway_trouble
        assert soon(lambda: (database.status().age or 0.0) > 0.0)
        database.refresh()
        assert database.status().age < 1.0
        place.discord.clear_faults()
        assert soon(lambda: database.status().gateway == "live", seconds=30)


def test_the_identify_budget_as_it_was_last_told(place):
    database, _ = shop()
    with place.conn(database):
        status = database.status()
        assert status.identifies_a_day == 1000
        assert status.identifies_left == 1000
        assert status.identifies_reset <= DAY


def test_while_the_login_is_under_way(place):
    database, _ = shop()
    place.discord.fault(method="GET", route="*/guilds", delay=0.5, count=1)
    database.login_thread(place.token, api_url=place.api_url)
    status = database.status()
    assert (status.connected, status.gateway) == (False, "connecting")
    database.wait_ready(10)
    assert database.status().connected
    database.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_is_not_connected_by_asking(place):
    database, _ = shop()
    with place.conn(database):
        pid = os.fork()
        if pid == 0:
            os._exit(int(database.status().connected))
        assert os.waitpid(pid, 0)[1] == 0


def test_it_can_be_kept_compared_sent_and_printed(place):
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
        status = database.status()
    assert pickle.loads(pickle.dumps(status)) == status
    assert json.loads(json.dumps(dataclasses.asdict(status)))["head"] == 1
    assert hash(status)
    assert f"{status!r}".startswith("<Status of 'shop': connected to 'shop', at position 1, ")
    assert "Status" in discobase.__all__
    with pytest.raises(dataclasses.FrozenInstanceError):
        status.head = 2
    checkpointed = dataclasses.replace(status, head=30, checkpoint=10, checkpoint_age=5.0)
    assert checkpointed.tail == 20
    assert "20 commits after the checkpoint" in repr(checkpointed)


def test_how_it_has_grown_is_known_without_a_call(place):
    database, item = shop()
    with place.conn(database):
        hat = item(name="hat").save()
        item(name="scarf").save()
        hat.delete()
        place.forget_calls()
        growth = database.status().growth
        assert place.calls == 0
        assert isinstance(growth, discobase.Growth)
        assert (growth.commits, growth.records, growth.advice) == (3, 1, None)
        sizes = [json.loads(frame["content"].splitlines()[1])["size"] for frame in place.frames()]
        assert growth.log_bytes == sum(sizes)
        text = json.dumps(dataclasses.asdict(database.status()))
        assert json.loads(text)["growth"]["records"] == 1
    assert database.status().growth is None


def test_what_keeps_it_from_writing_shows(place, hasty):
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
        item(name="scarf").save()
        database.require_version("2.0")
        assert database.status().required_version == "2.0"
        assert not database.status().writes_blocked
        first = place.frames()[0]
        place.discord.delete_message(int(first["channel_id"]), int(first["id"]))
        assert soon(lambda: database.status().writes_blocked)
        assert "writes blocked" in repr(database.status())
