"""A commit that the server never answers, over HTTP: it stops nobody, and its caller is told."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from discobase.engine.server.discordpy.api_client import ApiClient
from discobase.engine.server.discordpy.errors import translated
from discobase.engine.server.seam import NotSent
from discobase.engine.server.usage import Usage
from discobase.errors import OutcomeUnknown, Unavailable, WaitTimeout
from discobase.local import LocalDiscord
from tests.database.conftest import Place
from tests.database.shop import in_thread, shop, soon
from tests.naming import without_address

SEND = {"method": "POST", "route": "/channels/{channel_id}/messages", "containing": "poison"}


def names(place):
    database, item = shop()
    with place.conn(database):
        return sorted(record.name for record in item.find())


def at_once(saves):
    """What each of them comes to, where they are begun together."""
    outcomes = {}
    threads = [
        threading.Thread(target=lambda n=name, s=save: outcomes.update({n: in_thread(s)}))
        for name, save in saves.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.parametrize(
    "answer", [{"status": 503}, {"status": 520}, {"reset": True}], ids=without_address
)
def test_it_is_not_written_and_the_others_are(place, answer):
    database, item = shop(timeout=60)
    with place.conn(database):
        place.discord.fault(**SEND, **answer, count=None)
        wanted = ["poison", *map(str, range(6))]
        outcomes = at_once({name: item(name=name).save for name in wanted})
        refused = outcomes.pop("poison")
        assert isinstance(refused, Unavailable)
        assert "nothing was written" in str(refused)
        assert not [error for error in outcomes.values() if isinstance(error, BaseException)]
        item(name="afterwards").save()
    assert names(place) == sorted([*outcomes, "afterwards"])


def test_it_is_written_where_only_its_answers_are_lost(place):
    database, item = shop(timeout=60)
    with place.conn(database):
        place.discord.fault(**SEND, status=503, when="after", count=None)
        place.discord.event_fault(action="drop", count=None)
        outcomes = at_once({name: item(name=name).save for name in ("poison", "a", "b")})
        assert not [error for error in outcomes.values() if isinstance(error, BaseException)]
    assert names(place) == ["a", "b", "poison"]


def test_a_caller_whose_time_is_over_meanwhile_does_not_know_what_came_of_it(place):
    database, item = shop(timeout=1)
    with place.conn(database):
        place.discord.fault(**SEND, status=503, count=None)
        poisoned = item(name="poison")
        with pytest.raises(OutcomeUnknown):
            poisoned.save()
        assert soon(lambda: not isinstance(in_thread(item(name="other").save), BaseException), 20)
        place.discord.clear_faults()
        assert soon(lambda: not isinstance(in_thread(poisoned.save), BaseException), 20)
    assert names(place).count("poison") == 1


@pytest.mark.parametrize(
    ("unanswered", "outcome", "drain"),
    [("poison", Unavailable, 10.0), ("", OutcomeUnknown, 2.0)],
    ids=["this one alone", "all"],
)
def test_a_close_meanwhile_returns_and_its_caller_is_told_the_truth(
    place, monkeypatch, unanswered, outcome, drain
):
    # Which the close gives to what was asked for before.
    monkeypatch.setattr("discobase.engine.engine._DRAIN_SECONDS", drain)
    database, item = shop(timeout=60)
    outcomes = []
    with place.conn(database):
        place.discord.fault(**{**SEND, "containing": unanswered}, status=503, count=None)
        place.forget_calls()
        save = item(name="poison").save
        saving = threading.Thread(target=lambda: outcomes.append(in_thread(save)))
        saving.start()
        assert soon(lambda: place.sends > 0)
        began = time.monotonic()
    assert time.monotonic() - began < drain + 5
    saving.join(5)
    assert [type(raised) for raised in outcomes] == [outcome]
    place.discord.clear_faults()
    assert names(place) == []


def test_a_save_without_a_connection_was_not_sent_and_its_caller_is_told_so(place):
    database, item = shop(timeout=1.5)
    with place.conn(database):
        item(name="first").save()
        record = item(name="second")
        place.discord.close()
        with pytest.raises((WaitTimeout, Unavailable)):
            database.refresh()  # after which no connection of before is left
        for _ in range(2):
            with pytest.raises(Unavailable, match="Nothing was sent, and nothing was written"):
                record.save()
        assert record.pk is None


def test_a_save_goes_on_by_itself_when_there_is_a_connection_again(tmp_path):
    outcomes = []
    with LocalDiscord(tmp_path / "file") as discord:
        port = discord.port
        place = Place(discord, discord.join("shop"), discord.default_token)
        database, item = shop(timeout=30)
        connected = place.conn(database)
        connected.__enter__()
        item(name="first").save()
    try:
        saving = threading.Thread(target=lambda: outcomes.append(in_thread(item(name="x").save)))
        saving.start()
        assert soon(lambda: database.status().gateway != "live")
        with LocalDiscord(tmp_path / "file", port=port):
            saving.join(20)
            assert [record.pk for record in outcomes] == [2]
            assert [record.name for record in item.find()] == ["first", "x"]
    finally:
        connected.__exit__(None, None, None)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{closed}", "http://nowhere.invalid", "https://127.0.0.1:{plain}"]
)
def test_what_has_no_connection_is_known_not_to_have_been_sent(place, url):
    """Refused, no such name, and no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    plain = urlsplit(place.api_url).port

    async def ask() -> None:
        client = ApiClient(asyncio.get_running_loop(), url.format(**ports), Usage())
        try:
            with translated():
                await client.static_login("x" * 60)
        finally:
            await client.close()

    ports = {"closed": closed, "plain": plain}
    with pytest.raises(NotSent):
        asyncio.run(ask())


def test_what_was_cut_off_after_it_had_a_connection_may_have_been_sent(place):
    database, item = shop(timeout=1)
    with place.conn(database):
        place.discord.fault(**{**SEND, "containing": ""}, reset=True, count=None)
        with pytest.raises(OutcomeUnknown):
            item(name="one").save()
        place.discord.clear_faults()
