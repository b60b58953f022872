"""Gateway logins are spared: Discord resets a token that exceeds 1000 a day."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from discobase.engine.server.client import Thrift

DAY = 24 * 60 * 60.0


def test_a_few_sessions_that_end_at_once_are_replaced_at_once():
    thrift = Thrift()
    for second in range(10):
        assert thrift.wait(100.0 + second) == 0
        thrift.spend(100.0 + second)
    assert thrift.wait(110.0) > 60


def test_to_look_for_a_gateway_that_is_away_spends_nothing():
    thrift = Thrift()
    assert [thrift.wait(float(second)) for second in range(1000)] == [0.0] * 1000


@given(st.floats(0.0, 200.0))
def test_no_gateway_makes_one_login_use_up_a_day_of_them(session):
    thrift, now, spent = Thrift(), 5.0, 0
    while now < DAY:
        now += thrift.wait(now)
        thrift.spend(now)
        now += session
        spent += 1
    assert spent < 1000
