"""Jobs that connect, save one record and leave, over HTTP: what they read and leave stays bounded.

A thousand of them take minutes: ``tox -e soak -- tests/database/test_short_scripts.py``.
"""

from __future__ import annotations

import pytest

from tests.database.long_log import lengthen
from tests.database.shop import shop

PAGES = 15
"""Pages that a job reads at the most: the catalog, two in each of four lanes, and a few to see
which checkpoints there are, and that the head is certain."""


def job(place):
    """Connect without the gateway, save one record and leave; return the pages that it read."""
    database, item = shop(gateway=False)
    place.forget_calls()
    with place.conn(database):
        item(name="of a job").save()
    return place.discord.requests.count("GET", "*/messages")


def checkpoints(place):
    return {int(each["id"]) for each in place.discord.messages(place.channel("checkpoints"))}


def held_jobs(place, number):
    """Run jobs; hold what each of them reads and leaves against what it may; return how often a
    checkpoint was written.
    """
    known, written = checkpoints(place), 0
    for _ in range(number):
        assert job(place) <= PAGES
        now = checkpoints(place)
        # All are younger than ten minutes here: none is removed.
        assert known <= now
        written += len(now - known)
        known = now
    return written


def test_of_twenty_jobs_one_writes_the_checkpoint_that_is_due(place):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
    lengthen(place.discord, place.server, 389, table=item.__name__, held=1)
    assert held_jobs(place, 20) == 1
    database, item = shop(gateway=False)
    with place.conn(database):
        assert database.status().tail <= 20
        assert len(item.find()) == 410


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_of_a_thousand_jobs_two_write_one(place):
    assert held_jobs(place, 1) == 0
    assert held_jobs(place, 999) == 2
    database, item = shop(gateway=False)
    with place.conn(database):
        assert database.status().tail <= 400
        assert len(item.find()) == 1_000
