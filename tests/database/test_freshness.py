"""Ready does not wait for the gateway, and what others save is seen all the same."""

from __future__ import annotations

import time

import pytest

from discobase.local import LocalDiscord
from tests.database.conftest import Place
from tests.database.shop import shop, soon


@pytest.fixture
def spaced():
    """A server that makes identifies wait for one another, as Discord does."""
    with LocalDiscord(limits="discord") as discord:
        server = discord.join("shop")
        yield Place(discord, server, discord.default_token)


def test_a_second_process_is_ready_before_its_identify_and_sees_what_is_saved_meanwhile(spaced):
    (one, first), (two, second) = shop(), shop()
    with spaced.conn(one, timeout=20):
        first(name="first").save()
        began = time.monotonic()
        with spaced.conn(two, timeout=20):
            assert time.monotonic() - began < 5
            first(name="second").save()
            assert soon(lambda: len(second.find()) == 2)
            # And from the session on, by its events.
            assert soon(lambda: spaced.discord.requests.identifies == 2, seconds=30)
            first(name="third").save()
            assert soon(lambda: len(second.find()) == 3)
