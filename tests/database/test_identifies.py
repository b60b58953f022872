"""Gateway logins are spared: Discord resets a token that exceeds 1000 a day."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from discobase.engine.server.discordpy.reconnect import IdentifyBudget

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
