"""Without the gateway: what a job costs, how old what it reads is, and what it still notices."""

from __future__ import annotations

import threading

import pytest

from discobase import Database, Table
from discobase.errors import MissingPermission, Unavailable, UsageError, WaitTimeout
from discobase.local.profiles import NONE, Profile, Rule
from discobase.local.state.permissions import (
    BOT_DEFAULT,
    EVERYONE_DEFAULT,
    READ_MESSAGE_HISTORY,
)
from tests.database.shop import shop, soon
from tests.local.rest import Rest

LOGIN = 2
"""API calls of a login without the gateway: who the bot is, and which servers it is in."""


def job(**options) -> tuple[Database, type[Table]]:
    return shop(gateway=False, **options)


def names(item: type[Table]) -> list[str]:
    return sorted(each.name for each in item.find())


def test_it_saves_reads_and_leaves_without_a_word_to_the_gateway(place):
    database, item = job()
    with place.conn(database):
        hat = item(name="hat").save()
        hat.name = "cap"
        hat.update()
        item(name="shoe").save().delete()
        assert names(item) == ["cap"]
        status = database.status()
        assert (status.connected, status.gateway) == (True, "off")
        assert "gateway=False" in status.gateway_trouble
    assert place.discord.requests.identifies == 0
    assert place.discord.requests.count("GET", "/gateway*") == 0
    assert database.status().calls.keys() >= {"GET /users/@me", "GET /users/@me/guilds"}
    again, item = shop()
    with place.conn(again):
        assert names(item) == ["cap"]


def test_what_its_login_asks(place):
    with place.conn(shop()[0]):
        pass
    place.forget_calls()
    database, _ = job()
    with place.conn(database):
        requests = place.discord.requests
        assert requests.count("GET", "/users/*") == LOGIN
        assert requests.count("GET", "/oauth2/*") == requests.count("GET", "/gateway*") == 0


@pytest.mark.parametrize("commits", [0, 1, 3, 120])
def test_a_job_that_saves_one_record_costs_twelve_calls_at_most_and_the_pages(place, commits):
    """By the server's own count, and by the database's."""
    database, item = shop()
    with place.conn(database):
        for number in range(commits):
            item(name=str(number)).save()
    pages = sum(-(-len(place.discord.messages(lane)) // 100) for lane in place.lanes())
    assert pages == min(commits, 4)
    place.forget_calls()
    database, item = job()
    with place.conn(database):
        item(name="of the job").save()
        assert len(item.find()) == commits + 1
    assert place.calls <= 12 + pages
    # Of which: who the bot is, which servers it is in, their channels, the catalog, and the save.
    assert place.calls == 5 + pages
    assert database.status().calls_made == place.calls
    requests = place.discord.requests
    assert requests.count("GET", "/guilds/{guild_id}/channels") == 1
    assert (requests.identifies, requests.downloads) == (0, 0)


def test_a_job_that_begins_at_a_checkpoint_costs_one_call_for_the_list_of_them(place):
    database, item = shop()
    with place.conn(database):
        for number in range(8):
            item(name=str(number)).save()
        database.checkpoint()
    place.forget_calls()
    database, item = job()
    with place.conn(database):
        item(name="of the job").save()
        assert len(item.find()) == 9
    assert place.calls == 5 + 1
    assert place.discord.requests.downloads == 1


def test_a_job_with_a_cache_costs_eight_calls_at_most_where_nobody_else_wrote(place, tmp_path):
    for number in range(4):
        database, item = job(cache=tmp_path / "cache")
        place.forget_calls()
        with place.conn(database):
            item(name=str(number)).save()
            assert len(item.find()) == number + 1
    assert place.calls <= 8
    # Of which: who the bot is, its servers, their channels, the catalog, the head, and the save.
    assert place.calls == 6
    assert database.status().calls_made == place.calls


def test_a_save_costs_one_call_and_at_rest_nothing_is_asked(place):
    database, item = job()
    with place.conn(database):
        item(name="first").save()
        for number in range(5):
            place.forget_calls()
            item(name=str(number)).save()
            assert (place.calls, place.sends) == (1, 1)
            assert len(item.find()) == number + 2
            assert place.calls == 1


def test_what_was_read_a_moment_ago_is_not_read_again(place):
    database, item = job()
    (other, others) = shop()
    with place.conn(other), place.conn(database):
        others(name="hat").save()
        place.forget_calls()
        assert names(item) == []
        assert place.calls == 0
        assert [each.name for each in item.find(fresh=True)] == ["hat"]
        assert names(item) == ["hat"]


def test_what_is_older_than_it_may_be_is_read_first(place):
    database, item = job(max_staleness=0)
    (other, others) = shop()
    with place.conn(other), place.conn(database):
        for number in range(5):
            saved = others(name=str(number)).save()
            assert len(item.find()) == number + 1
            assert item.get(saved.pk).name == item.find_unique(name=str(number)).name
            assert item.find(name=str(number)).exists()


def test_none_is_never_by_itself(place):
    database, item = job(max_staleness=None)
    (other, others) = shop()
    with place.conn(other), place.conn(database):
        others(name="hat").save()
        place.forget_calls()
        database._source.session().engine("", 1)._engine._log.last_look._current = _long_ago()
        assert database.status().age > 1000
        assert names(item) == []
        assert place.calls == 0
        database.refresh()
        assert names(item) == ["hat"]


def _long_ago():
    from discobase.engine.log.listing import Moment

    return Moment(-1e6, -1e6)


def test_with_the_gateway_it_is_read_only_where_no_events_come(place):
    database, item = shop(max_staleness=0)
    (other, others) = shop()
    with place.conn(other), place.conn(database):
        assert soon(lambda: database.status().age == 0)
        place.forget_calls()
        others(name="hat").save()
        assert soon(lambda: database.head == 1)
        assert soon(lambda: database.status().age == 0)
        assert names(item) == ["hat"]
        assert place.calls == 1
        place.discord.event_fault(action="disconnect", count=None)
        place.discord.drop_gateways(resumable=False)
        assert soon(lambda: database.status().gateway == "connecting")
        others(name="cap").save()
        assert names(item) == ["cap", "hat"]


def test_who_reads_at_once_shares_one_call(place):
    database, item = job(max_staleness=60)
    with place.conn(database):
        item(name="hat").save()
        place.discord.set(latency=0.3)
        database._source.session().engine("", 1)._engine._log.last_look._current = _long_ago()
        place.forget_calls()
        gate, found = threading.Barrier(20), []

        def read() -> None:
            gate.wait()
            found.append(names(item))

        readers = [threading.Thread(target=read) for _ in range(20)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert found == [["hat"]] * 20
        assert place.calls == 1


def test_a_query_that_waits_for_discord_keeps_nobody_elses_waiting(place, monkeypatch):
    (database, item), (other, others) = job(), shop()
    with place.conn(other), place.conn(database):
        others(name="hat").save()
        waits, goes_on = threading.Event(), threading.Event()

        def freshen(*, fresh: bool) -> None:
            waits.set()
            goes_on.wait(5)

        monkeypatch.setattr(database._source, "freshen", freshen)
        reader = threading.Thread(target=names, args=(item,))
        reader.start()
        assert waits.wait(5)
        assert names(others) == ["hat"]
        assert reader.is_alive()
        goes_on.set()
        reader.join()


def test_a_search_that_cannot_be_fresh_enough_says_so(place):
    database, item = job(max_staleness=0)
    with place.conn(database):
        item(name="hat").save()
        place.discord.fault(method="GET", route="*/messages", status=400, count=1)
        with pytest.raises(Unavailable, match="could not be read"):
            item.find_unique(name="hat")
        assert item.find_unique(name="hat").name == "hat"


def test_it_waits_for_a_position_of_another_process(place):
    database, item = job()
    (other, others) = shop()
    with place.conn(other), place.conn(database):
        hat = others(name="hat").save()
        place.forget_calls()
        database.wait_for(hat.version)
        assert place.calls <= 2
        assert names(item) == ["hat"]
        with pytest.raises(WaitTimeout, match="position 2 did not come"):
            database.wait_for(2, timeout=0.2)
        saver = threading.Timer(0.3, lambda: others(name="cap").save())
        saver.start()
        database.wait_for(2, timeout=10)
        assert names(item) == ["cap", "hat"]
        saver.join()


def test_two_jobs_that_save_at_once_lose_nothing(place):
    (one, first), (two, second) = job(), job()
    with place.conn(one), place.conn(two):

        def save(item: type[Table], start: int) -> None:
            for number in range(start, start + 15):
                item(name=str(number)).save()

        savers = [
            threading.Thread(target=save, args=given) for given in ((first, 0), (second, 100))
        ]
        for saver in savers:
            saver.start()
        for saver in savers:
            saver.join()
        one.refresh()
        two.refresh()
        assert names(first) == names(second)
        assert len(names(first)) == 30
    assert place.discord.requests.identifies == 0


def test_a_right_that_is_taken_away_is_found_by_whoever_reads_or_writes_next(place):
    database, item = job(max_staleness=0)
    with place.conn(database):
        for _ in range(2):  # each lane holds something then: that it looks empty tells
            item(name="cap").save().delete()
        item(name="hat").save()
        own = {"token": place.token}
        for bits, whose in ((EVERYONE_DEFAULT, {}), (BOT_DEFAULT, own)):
            place.discord.set_permissions(place.server, bits & ~READ_MESSAGE_HISTORY, **whose)
        with pytest.raises(MissingPermission, match="read_message_history"):
            item.find_unique(name="hat")
        for bits, whose in ((EVERYONE_DEFAULT, {}), (BOT_DEFAULT, own)):
            place.discord.set_permissions(place.server, bits, **whose)
        assert soon(lambda: reads(item), seconds=10)


def test_so_it_is_where_nothing_was_ever_written_after_a_minute(place, monkeypatch):
    monkeypatch.setattr("discobase.engine.server.discordpy.access.UNTOLD_SECONDS", 0.0)
    database, item = job()
    with place.conn(database):
        database.refresh()
        for bits, whose in ((EVERYONE_DEFAULT, {}), (BOT_DEFAULT, {"token": place.token})):
            place.discord.set_permissions(place.server, bits & ~READ_MESSAGE_HISTORY, **whose)
        with pytest.raises(MissingPermission, match="read_message_history"):
            database.refresh()
        assert item.find().count() == 0


def reads(item: type[Table]) -> bool:
    try:
        return names(item) == ["hat"]
    except MissingPermission:
        return False


def test_a_lane_that_is_deleted_is_found_too_and_made_again(place, monkeypatch):
    """By somebody who has not heard of what others may have written, and waits for them."""
    monkeypatch.setattr("discobase.engine.generations.remaking.EXPLAINED_WITHIN", 0.2)
    monkeypatch.setattr("discobase.engine.generations.remaking.SETTLED_AFTER", 0.4)
    database, item = job()
    with place.conn(database):
        item(name="hat").save()
        rest = Rest(place.api_url, place.token)
        for lane in place.lanes():
            assert rest("DELETE", f"/channels/{lane}").status == 200
        database.refresh()
        item(name="cap").save()
        assert names(item) == ["cap", "hat"]
        assert len(place.lanes()) == 4


def test_limits_are_waited_for_though_no_event_tells_what_was_written(place):
    database, item = job()
    rule = Rule("POST", "*/messages", limit=2, window=0.5)
    with place.conn(database):
        item(name="first").save()
        place.discord.set_limits(Profile("tight", 50, (rule, *NONE.rules)))
        for number in range(12):
            item(name=str(number)).save()
        assert len(item.find()) == 13
        assert database.status().rate_limit_waits > 0


@pytest.mark.parametrize(
    "options",
    [
        {"gateway": 0},
        {"gateway": "no"},
        {"gateway": None},
        {"max_staleness": -1},
        {"max_staleness": "10"},
        {"max_staleness": True},
        {"max_staleness": float("nan")},
        {"max_staleness": float("inf")},
    ],
)
def test_what_makes_no_sense_is_refused(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        Database("shop", **options)
