"""Checkpoints as users meet them."""

from __future__ import annotations

import threading
import time

import pytest

import discobase
from discobase import errors
from tests.database.shop import shop


def checkpoint_messages(place):
    return place.discord.messages(place.channel("checkpoints"))


def test_one_by_hand_has_everything_and_costs_four_calls(place):
    database, item = shop()
    with place.conn(database):
        item.save_many([item(name=f"n{number}") for number in range(500)])
        place.forget_calls()
        written = database.checkpoint()
        assert place.calls == 4
        assert isinstance(written, discobase.Checkpoint)
        assert (written.position, written.records) == (database.head, 500)
        (message,) = checkpoint_messages(place)
        assert (int(message["id"]), message["attachments"][0]["size"]) == (
            written.message,
            written.size,
        )


def test_a_second_one_of_the_same_state_is_the_first(place):
    database, item = shop()
    with place.conn(database):
        item(name="first").save()
        first = database.checkpoint()
        assert database.checkpoint() == first
        item(name="second").save()
        assert database.checkpoint().position == first.position + 1
        assert len(checkpoint_messages(place)) == 2


def test_records_are_saved_and_read_while_it_is_written(place):
    database, item = shop()
    with place.conn(database):
        item.save_many([item(name="x" * 200 + str(number)) for number in range(20_000)])
        longest, stop = [], threading.Event()

        def save():
            while not stop.is_set():
                began = time.perf_counter()
                item(name=f"meanwhile {began}").save()
                assert item.get(1)
                longest.append(time.perf_counter() - began)

        saver = threading.Thread(target=save)
        saver.start()
        written = database.checkpoint(timeout=60)
        stop.set()
        saver.join()
        assert longest
        assert written.records >= 20_000


def test_none_without_a_connection(place):
    database, _ = shop()
    with pytest.raises(errors.NotConnected):
        database.checkpoint()
