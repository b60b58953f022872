"""What is promised of a save holds under chance, storms of 429, clocks that are off, lost sessions.

Each test drives two databases at once, so that what one writes the other must see.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest

from discobase.errors import LogDamaged, OutcomeUnknown, Unavailable, WaitTimeout
from discobase.local.behaviour.profiles import NONE, Profile, Rule
from tests.database.shop import shop, soon

MESSAGES = "/channels/{channel_id}/messages"
SEND = {"method": "POST", "route": MESSAGES}
READ = {"method": "GET", "route": MESSAGES}

SAVERS, SAVES = 4, 6
ALL = sorted(f"{saver}-{number}" for saver in range(SAVERS) for number in range(SAVES))


@contextmanager
def two(place, timeout: float = 20.0, *, allow_unsafe: bool = False):
    (one, first), (other, second) = shop(), shop()
    options = {"timeout": timeout, "allow_unsafe": allow_unsafe}
    with place.conn(one, **options), place.conn(other, **options):
        yield (one, first), (other, second)


def names(table) -> list[str]:
    return sorted(record.name for record in table.find())


def save_at_once(*tables):
    """Saves from several threads; returns what was acknowledged, and what failed and how."""
    acknowledged: list[str] = []
    failed: dict[str, Exception] = {}

    def work(saver: int) -> None:
        for number in range(SAVES):
            name = f"{saver}-{number}"
            try:
                tables[saver % len(tables)](name=name).save()
                acknowledged.append(name)
            except (OutcomeUnknown, Unavailable) as error:
                failed[name] = error

    threads = [threading.Thread(target=work, args=(saver,)) for saver in range(SAVERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return acknowledged, failed


def afterwards(place, *, allow_unsafe: bool = False) -> list[str]:
    """What a database that has seen nothing of what went before finds."""
    database, item = shop()
    with place.conn(database, allow_unsafe=allow_unsafe):
        return names(item)


def agree(place, first, second, *, allow_unsafe: bool = False) -> None:
    """All see each record once, and a third that has to read everything as well."""
    assert soon(lambda: names(first) == names(second) == ALL), (names(first), names(second))
    assert afterwards(place, allow_unsafe=allow_unsafe) == ALL


@pytest.mark.parametrize("seed", [2, 3])
def test_calls_that_fail_by_chance_lose_and_double_nothing(place, seed):
    with two(place) as ((_, first), (_, second)):
        chance = {"count": 40, "probability": 0.25}
        place.discord.fault(**SEND, reset=True, when="after", seed=seed, **chance)
        place.discord.fault(**SEND, status=503, when="before", seed=seed + 10, **chance)
        place.discord.fault(**SEND, status=520, when="after", seed=seed + 20, **chance)
        place.discord.fault(**READ, status=503, seed=seed + 30, **chance)
        acknowledged, failed = save_at_once(first, second)
        place.discord.clear_faults()
        assert failed == {}
        assert sorted(acknowledged) == ALL
        agree(place, first, second)


@pytest.mark.parametrize("seed", [1, 2])
def test_events_that_go_astray_by_chance_are_made_good(place, seed):
    with two(place) as ((one, first), (other, second)):
        for number, action in enumerate(("drop", "duplicate", "delay", "reorder")):
            place.discord.event_fault(
                action=action, delay=0.05, count=None, probability=0.15, seed=seed + 10 * number
            )
        acknowledged, failed = save_at_once(first, second)
        place.discord.clear_faults()
        assert (sorted(acknowledged), failed) == (ALL, {})
        one.refresh()
        other.refresh()
        agree(place, first, second)


def test_without_nonces_calls_that_fail_by_chance_lose_and_double_nothing(place):
    place.discord.set(enforce_nonce=False)
    with two(place, allow_unsafe=True) as ((_, first), (_, second)):
        for when in ("before", "after"):
            place.discord.fault(**SEND, reset=True, when=when, count=8, probability=0.2, seed=4)
        acknowledged, failed = save_at_once(first, second)
        place.discord.clear_faults()
        assert (sorted(acknowledged), failed) == (ALL, {})
        agree(place, first, second, allow_unsafe=True)


@pytest.mark.parametrize("action", ["disconnect", "end"])
def test_a_gateway_that_breaks_off_with_an_event_loses_nothing(place, action):
    with two(place) as ((one, first), (other, second)):
        place.discord.event_fault(action=action)
        first(name="with the break").save()
        second(name="after it").save()
        one.refresh()
        other.refresh()
        assert names(first) == names(second) == ["after it", "with the break"]
    assert afterwards(place) == ["after it", "with the break"]


def test_a_storm_of_429_is_waited_for(place):
    with two(place) as ((_, first), (_, second)):
        place.discord.fault(**SEND, status=429, count=6)
        acknowledged, failed = save_at_once(first, second)
        assert (sorted(acknowledged), failed) == (ALL, {})
        agree(place, first, second)


def test_limits_that_are_shared_or_hidden_are_waited_for(place):
    shared = Rule("POST", MESSAGES, 3, 0.3, shown="in the body", shared=True, code=20028)
    hidden = Rule("GET", MESSAGES, 5, 0.5, shown="when refused")
    with two(place) as ((_, first), (_, second)):
        place.discord.set_limits(Profile("tight", 50, (shared, hidden, *NONE.rules)))
        acknowledged, failed = save_at_once(first, second)
        place.discord.set_limits("none")
        assert (sorted(acknowledged), failed) == (ALL, {})
        agree(place, first, second)


@pytest.mark.parametrize(
    "settings",
    [
        {"clock_skew": -120.0},
        {"clock_skew": 120.0},
        {"clock_jitter": 0.5},
        {"latency": 0.005, "latency_tail": 0.05},
    ],
    ids=["behind", "ahead", "out of order", "slow"],
)
def test_clocks_that_are_off_and_lines_that_are_slow_change_nothing(place, settings):
    with two(place) as ((_, first), (_, second)):
        place.discord.set(**settings)
        acknowledged, failed = save_at_once(first, second)
        assert (sorted(acknowledged), failed) == (ALL, {})
        agree(place, first, second)


def test_a_clock_that_goes_back_between_writes_changes_nothing(place):
    with two(place) as ((_, first), (_, second)):
        for number, skew in enumerate((0.0, 30.0, -30.0, 0.0)):
            place.discord.set(clock_skew=skew)
            (first if number % 2 else second)(name=str(number)).save()
        assert soon(lambda: names(first) == names(second) == list("0123"))
    assert afterwards(place) == list("0123")


def do(place, deed):
    """A moderator deletes or alters the first frame."""
    frame = place.frames()[0]
    spot = (int(frame["channel_id"]), int(frame["id"]))
    if deed == "delete":
        place.discord.delete_message(*spot)
    else:
        place.discord.edit_message(*spot, "tampered")


@pytest.mark.parametrize("deed", ["delete", "edit"])
def test_what_a_moderator_does_to_a_frame_is_healed_by_those_who_have_it(place, deed):
    with two(place) as ((_, first), (_, second)):
        first(name="kept").save()
        first(name="on it").save()
        assert soon(lambda: names(second) == ["kept", "on it"])
        do(place, deed)
        assert names(first) == names(second) == ["kept", "on it"]
        for writer, name in ((first, "one more"), (second, "two more")):
            writer(name=name).save()
        assert soon(lambda: names(first) == ["kept", "on it", "one more", "two more"])
    database, item = shop()
    with place.conn(database):
        assert names(item) == ["kept", "on it", "one more", "two more"]


def test_a_save_whose_time_is_over_while_damage_is_healed_names_it(place):
    """It cannot be healed: nobody may write into the channel of the checkpoints."""
    database, item = shop(timeout=0.5)
    with place.conn(database):
        item(name="kept").save()
        first = item(name="on it").save()
        checkpoints = place.channel("checkpoints")
        refusal = {"status": 400, "body": {"message": "No room here", "code": 50035}}
        place.discord.fault(**SEND, **refusal, channel=checkpoints, count=None)
        frame = place.frames()[0]
        do(place, "delete")
        told = (frame["id"], frame["channel_id"], "position 1", "No room here", "nothing was writ")

        def tells_all() -> bool:
            with pytest.raises(WaitTimeout) as raised:
                first.save()
            return all(text in str(raised.value) for text in told)

        assert soon(lambda: database.status().writes_blocked)
        assert soon(tells_all)
        place.discord.clear_faults()
        assert soon(lambda: not database.status().writes_blocked)
        first.save()


@pytest.mark.parametrize("deed", ["delete", "edit"])
def test_what_a_moderator_does_to_a_frame_that_nobody_has_stops_logins(place, deed, hasty):
    database, item = shop()
    with place.conn(database):
        item(name="kept").save()
        item(name="on it").save()
    do(place, deed)
    with pytest.raises(LogDamaged, match="position"), place.conn(shop()[0]):
        pass
