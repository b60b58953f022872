"""Gateway logins are spared: Discord resets a token that exceeds 1000 a day."""

from __future__ import annotations

import logging
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discobase.engine.server.discordpy.reconnect import IdentifyBudget
from discobase.local import LocalDiscord
from discobase.local.profiles import DISCORD
from tests.database.conftest import Place
from tests.database.shop import shop, soon

DAY = 24 * 60 * 60.0


def test_a_few_sessions_that_end_at_once_are_replaced_at_once():
    budget = IdentifyBudget()
    for second in range(10):
        assert budget.delay(100.0 + second) == 0
        budget.spend(100.0 + second)
    assert budget.delay(110.0) > 60


def test_to_look_for_a_gateway_that_is_away_spends_nothing():
    budget = IdentifyBudget()
    assert [budget.delay(float(second)) for second in range(1000)] == [0.0] * 1000


@given(st.floats(0.0, 200.0))
def test_no_gateway_makes_one_login_use_up_a_day_of_them(session):
    budget, now, spent = IdentifyBudget(), 5.0, 0
    while now < DAY:
        now += budget.delay(now)
        budget.spend(now)
        now += session
        spent += 1
    assert spent < 1000


# The day's budget, as the server tells of it


def told(caplog) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and "no gateway logins left" in record.getMessage()
    ]


def used_up(place, count: int = 1) -> None:
    """Log in so often, which is all that a day has."""
    place.discord.set(identifies_a_day=count)
    for _ in range(count):
        database, _ = shop()
        with place.conn(database):
            assert soon(lambda status=database.status: status().gateway == "live")


def test_with_none_left_it_works_over_rest_and_tells_once(place, caplog):
    used_up(place)
    (one, first), (two, second) = shop(gateway=False), shop()
    with place.conn(one), place.conn(two):
        second(name="hat").save()
        one.refresh()
        assert first.find_unique(name="hat").version == 1
        first(name="cap").save()
        assert soon(lambda: len(second.find()) == 2)  # it reads now and then, as where it is lost
        status = two.status()
        assert (status.connected, status.gateway) == (True, "connecting")
        assert (status.identifies_left, status.identifies_a_day) == (0, 1)
        assert 80_000 < status.identifies_reset <= 86_400
        assert "no gateway logins left today: Discord allows 1 " in status.gateway_trouble
        assert "in 24.0 h" in status.gateway_trouble
        assert len(told(caplog)) == 1
    assert place.discord.requests.identifies == 1


def test_none_left_is_respected_by_each_process_that_starts(place):
    used_up(place, 2)
    for _ in range(3):
        database, item = shop()
        with place.conn(database):
            item(name="hat").save()
            status = database.status
            assert soon(lambda ask=status: "no gateway logins left" in ask().gateway_trouble)
    assert place.discord.requests.identifies == 2
    assert place.discord.requests.count("GET", "/gateway/bot") == 2 + 3


def test_at_the_reset_it_logs_in_by_itself(place, caplog):
    used_up(place)
    place.discord.set(identify_day=1.0)
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
        assert soon(lambda: database.status().gateway == "live", seconds=20)
        assert database.status().gateway_trouble is None
        assert soon(lambda: database.status().age == 0)
    assert len(told(caplog)) <= 1
    assert place.discord.requests.identifies == 2


def test_it_is_told_once_though_it_is_asked_through_the_day(place, caplog, monkeypatch):
    monkeypatch.setattr("discobase.engine.server.discordpy.day_limit._AGAIN_SECONDS", 0.02)
    used_up(place)
    database, _ = shop()
    place.forget_calls()
    with place.conn(database):
        assert soon(lambda: place.discord.requests.count("GET", "/gateway/bot") > 5)
        assert len(told(caplog)) == 1
        place.discord.set(identifies_a_day=2)
        assert soon(lambda: database.status().gateway == "live", seconds=20)
    assert len(told(caplog)) == 1


@pytest.mark.usefixtures("quick_identifies")
def test_it_is_asked_again_before_each_further_login(place, caplog):
    """What was told at the login is of no use a week later."""
    place.discord.set(identifies_a_day=3)
    database, item = shop()
    with place.conn(database):
        assert soon(lambda: database.status().identifies_left == 3)
        for left in (2, 1):
            assert soon(lambda: database.status().gateway == "live", seconds=20)
            place.discord.drop_gateways(resumable=False)
            assert soon(lambda left=left: database.status().identifies_left == left)
        assert soon(lambda: database.status().gateway == "live", seconds=20)
        place.discord.drop_gateways(resumable=False)
        assert soon(lambda: bool(told(caplog)))
        item(name="hat").save()
        assert len(item.find()) == 1
    assert place.discord.requests.identifies == 3


def test_a_session_that_is_resumed_asks_for_nothing(place):
    (one, first), (two, _) = shop(gateway=False), shop()
    with place.conn(one), place.conn(two):
        assert soon(lambda: two.status().gateway == "live")
        place.forget_calls()
        assert place.discord.drop_gateways() == 1
        first(name="hat").save()
        assert soon(lambda: two.head == 1)
        assert soon(lambda: two.status().gateway == "live")
        assert place.discord.requests.count("GET", "/gateway/bot") == 0
        assert place.discord.requests.identifies == 0


@pytest.mark.usefixtures("quick_identifies")
def test_where_it_cannot_be_asked_nothing_is_spent(place):
    database, item = shop()
    with place.conn(database):
        assert soon(lambda: database.status().gateway == "live")
        place.discord.fault(method="GET", route="/gateway/bot", status=503, count=2)
        place.discord.drop_gateways(resumable=False)
        assert soon(lambda: place.discord.faults_left == 0)
        assert place.discord.requests.identifies == 1
        assert soon(lambda: database.status().gateway == "live", seconds=20)
        item(name="hat").save()
    assert place.discord.requests.identifies == 2


@pytest.mark.parametrize("limits", ["none", "discord"])
def test_the_budget_that_the_server_tells_is_the_one_that_it_keeps(limits):
    with LocalDiscord(limits=limits, identifies_a_day=5) as discord:
        place = Place(discord, discord.join("shop"), discord.default_token)
        database, _ = shop()
        for used in range(2):
            with place.conn(database):
                assert soon(lambda: database.status().gateway == "live", seconds=20)
                status = asdict(database.status())
                assert status["identifies_left"] == 5 - used
                assert status["identifies_a_day"] == 5
    assert DISCORD.gateway is not None


def test_a_server_that_tells_of_no_budget_is_no_reason_to_wait(place):
    body = {"url": place.discord.api_url.replace("http", "ws").replace("/api/v10", "/gateway")}
    place.discord.fault(method="GET", route="/gateway/bot", status=200, body=body, count=1)
    database, _ = shop()
    with place.conn(database):
        assert database.status().connected
        assert database.status().identifies_left is None
