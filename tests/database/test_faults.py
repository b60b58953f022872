"""What is promised of a save holds when the server errs, is slow, cuts off or tells events wrongly.

Each acknowledged save is there exactly once, and each error tells the truth about what was written.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from discobase.errors import (
    DiscobaseError,
    LogDamaged,
    MissingPermission,
    OutcomeUnknown,
    RecordRefused,
    Unavailable,
    WaitTimeout,
)
from discobase.local import LocalDiscord
from discobase.local.state.permissions import BOT_DEFAULT, EVERYONE_DEFAULT, SEND_MESSAGES
from tests.database.conftest import Place
from tests.database.shop import in_thread, shop, soon
from tests.naming import without_address

SEND = {"method": "POST", "route": "/channels/{channel_id}/messages"}
READ = {"method": "GET", "route": "/channels/{channel_id}/messages"}


def names(place: Place) -> list[str]:
    """What a database that has seen nothing of what went before finds."""
    database, item = shop()
    with place.conn(database):
        return [record.name for record in item.find()]


class TestErrorsOnSend:
    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize(
        "fault",
        [
            {"status": 503},
            {"status": 520},
            {"status": 522},
            {"status": 503, "body": {"message": "upstream connect error", "code": 0}},
            {"reset": True},
            {"delay": 0.2},
            {"delay": 0.2, "reset": True},
        ],
        ids=without_address,
    )
    def test_a_save_is_there_exactly_once(self, place, when, fault):
        database, item = shop()
        with place.conn(database):
            item(name="first").save()
            place.discord.fault(**SEND, **fault, when=when)
            saved = item(name="second").save()
            assert (saved.pk, saved.version) == (2, 2)
            assert place.discord.faults_left == 0
            item(name="third").save()
        assert names(place) == ["first", "second", "third"]
        assert len(place.frames()) == 3

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_the_same_for_those_that_discord_py_tries_again_by_itself(self, when):
        def check(status: int) -> int:
            with LocalDiscord() as discord:
                place = Place(discord, discord.join("shop"), discord.default_token)
                self.test_a_save_is_there_exactly_once(place, when, {"status": status})
            return status

        statuses = [500, 502, 504, 524]
        with ThreadPoolExecutor(len(statuses)) as pool:  # it waits 1 s before it does
            assert [*pool.map(check, statuses)] == statuses

    def test_a_row_of_different_failures(self, place):
        database, item = shop()
        with place.conn(database):
            for fault in (
                {"status": 503},
                {"reset": True, "when": "after"},
                {"reset": True},
                {"status": 521, "when": "after"},
                {"status": 503},
            ):
                place.discord.fault(**SEND, **fault)
            place.discord.event_fault(action="drop", count=3)
            item(name="only").save()
            assert place.discord.faults_left == 2  # the one message had one event
        assert names(place) == ["only"]
        assert len(place.frames()) == 1

    def test_the_echo_settles_a_save_whose_answer_is_late(self, place):
        database, item = shop()
        with place.conn(database):
            item(name="first").save()
            place.discord.fault(**SEND, when="after", delay=3.0)
            began = time.perf_counter()
            item(name="second").save()
            assert time.perf_counter() - began < 1.5
            item(name="third").save()
            assert time.perf_counter() - began < 2.5
        assert names(place) == ["first", "second", "third"]

    def test_many_threads_under_many_faults(self, place):
        database, item = shop()
        with place.conn(database):
            for number in range(12):
                place.discord.fault(
                    **SEND,
                    when=("before", "after")[number % 2],
                    **({"reset": True} if number % 3 else {"status": 503}),
                )
            savers = [
                threading.Thread(
                    target=lambda n=n: [item(name=f"{n}.{i}").save() for i in range(4)]
                )
                for n in range(8)
            ]
            for saver in savers:
                saver.start()
            for saver in savers:
                saver.join()
        assert sorted(names(place)) == sorted(f"{n}.{i}" for n in range(8) for i in range(4))


class TestGivingUp:
    def test_a_save_that_was_never_sent_says_that_nothing_was_written(self, place):
        database, item = shop()
        database = type(database)("shop", timeout=0.5)
        item = table_of(database)
        with place.conn(database):
            item(name="first").save()
            place.discord.fault(**SEND, delay=1.5)
            one = threading.Thread(target=in_thread, args=(item(name="under way").save,))
            one.start()
            assert soon(lambda: place.discord.faults_left == 0)
            with pytest.raises(WaitTimeout, match="nothing was written"):
                item(name="waiting behind it").save()
            one.join()
            place.discord.clear_faults()
            assert soon(lambda: len(item.find()) == 2)
        assert names(place) == ["first", "under way"]

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_a_save_that_was_sent_says_that_its_outcome_is_unknown(self, place, when):
        database, _ = shop()
        database = type(database)("shop", timeout=0.5)
        item = table_of(database)
        with place.conn(database):
            item(name="first").save()
            place.discord.event_fault(action="drop", count=1)
            place.discord.fault(**SEND, delay=1.2, when=when)
            with pytest.raises(OutcomeUnknown, match=r"0\.5 s .* repeat it with the same object"):
                item(name="second").save()
            assert soon(lambda: len(item.find()) == 2)
            item(name="third").save()
        assert names(place) == ["first", "second", "third"]


def table_of(database) -> Any:
    from discobase import Table

    @database.table
    class Item(Table):
        name: str

    return Item


class TestRefusals:
    def test_a_permission_taken_away_is_told_at_once_and_not_tried_again(self, place):
        database, item = shop()
        # Everyone may still send, so that one change, and one event, takes the permission away.
        place.discord.set_permissions(place.server, BOT_DEFAULT & ~SEND_MESSAGES, token=place.token)
        with place.conn(database):
            item(name="first").save()
            place.forget_calls()
            place.discord.set_permissions(place.server, EVERYONE_DEFAULT & ~SEND_MESSAGES)
            began = time.perf_counter()
            with pytest.raises(MissingPermission, match="send_messages") as refused:
                item(name="second").save()
            assert refused.value.channel == "log-2"
            assert time.perf_counter() - began < 1
            # What tells why: channels, server, roles; and again for the event, where it came later.
            assert place.sends <= 1
            assert place.calls <= 1 + 3 + 3
            time.sleep(0.3)
            assert place.sends <= 1
            assert len(item.find()) == 1
            place.discord.set_permissions(place.server, EVERYONE_DEFAULT)
            # What is missing is believed for a while, unless an event tells otherwise.
            assert soon(lambda: not isinstance(in_thread(item(name="third").save), DiscobaseError))
        assert names(place) == ["first", "third"]

    def test_threads_that_are_refused_make_no_storm_of_refused_calls(self, place):
        database, item = shop()
        with place.conn(database):
            item(name="first").save()
            place.discord.fault(**SEND, status=403, count=1000)
            place.forget_calls()
            outcomes: list[object] = []
            savers = [
                threading.Thread(target=lambda: outcomes.append(in_thread(item(name="x").save)))
                for _ in range(20)
            ]
            for saver in savers:
                saver.start()
            for saver in savers:
                saver.join()
            assert {type(outcome) for outcome in outcomes} == {Unavailable}
            assert place.calls <= 20
        place.discord.clear_faults()
        assert names(place) == ["first"]

    @pytest.mark.parametrize("status", [400, 404, 413])
    def test_other_refusals_are_told_and_leave_it_usable(self, place, status):
        database, item = shop()
        with place.conn(database):
            item(name="first").save()
            place.discord.fault(**SEND, status=status)
            with pytest.raises(DiscobaseError, match=r"[Nn]othing was written"):
                item(name="second").save()
            item(name="third").save()
        assert names(place) == ["first", "third"]

    @pytest.mark.parametrize("code", [200000, 240000])
    def test_what_a_filter_refuses_keeps_only_its_own_record_out(self, place, code):
        database, item = shop()
        with place.conn(database):
            item(name="first").save()
            place.discord.fault(**SEND, status=400, body={"message": "blocked", "code": code})
            with pytest.raises(RecordRefused, match=r"AutoMod.*leave out its bots"):
                item(name="second").save()
            item(name="third").save()
        assert names(place) == ["first", "third"]

    def test_a_try_that_discord_py_repeats_and_sees_refused_is_found_to_be_written(self, place):
        database, item = shop()
        with place.conn(database):
            item(name="first").save()
            place.discord.event_fault(action="drop", count=1)
            place.discord.fault(**SEND, status=502, when="after")
            place.discord.fault(**SEND, status=403)
            assert item(name="second").save().pk == 2
        assert names(place) == ["first", "second"]

    def test_a_refusal_after_a_try_without_an_answer_looks_before_it_speaks(self, place):
        database, item = shop()
        with place.conn(database):
            place.discord.event_fault(action="drop", count=1)
            place.discord.fault(**SEND, reset=True, when="after")
            place.discord.fault(**SEND, status=403)
            item(name="written at the first try").save()
            place.discord.fault(**SEND, reset=True)
            place.discord.fault(**SEND, status=403)
            with pytest.raises((OutcomeUnknown, Unavailable)):
                item(name="not written").save()
        assert names(place) == ["written at the first try"]

    @pytest.mark.usefixtures("soon_given_up")
    def test_a_position_whose_message_was_deleted_is_told_as_damage(self, place):
        (one, first), (two, second) = shop(), shop()
        with place.conn(one), place.conn(two):
            first(name="first").save()
            two.refresh()
            place.discord.event_fault(action="drop", count=2)
            first(name="gone").save()
            frame = place.frames()[-1]
            one.close()
            place.discord.delete_message(int(frame["channel_id"]), int(frame["id"]))
            with pytest.raises(LogDamaged, match="position 2"):
                second(name="second").save()
            assert [record.name for record in second.find()] == ["first"]
            with pytest.raises(LogDamaged, match="position 2"):
                second(name="again").save()


class TestEvents:
    @pytest.mark.parametrize("action", ["drop", "duplicate", "delay", "reorder"])
    def test_saves_of_one_are_seen_by_another_whatever_happens_to_events(self, place, action):
        (one, first), (two, second) = shop(), shop()
        with place.conn(one), place.conn(two):
            for number in range(12):
                if number % 3 == 0:
                    place.discord.event_fault(action=action, delay=0.3)
                first(name=f"{number}").save()
            place.discord.clear_faults()
            first(name="last").save()
            expected = [*map(str, range(12)), "last"]
            assert soon(lambda: [record.name for record in second.find()] == expected)
            assert [record.name for record in first.find()] == expected
        assert names(place) == expected

    def test_both_write_while_events_are_lost_doubled_and_disordered(self, place):
        (one, first), (two, second) = shop(), shop()
        with place.conn(one), place.conn(two):
            for action in ("drop", "duplicate", "reorder", "delay") * 3:
                place.discord.event_fault(action=action, delay=0.1)
            savers = [
                threading.Thread(
                    target=lambda t=t, k=k: [t(name=f"{k}{n}").save() for n in range(8)]
                )
                for k, t in (("a", first), ("b", second), ("c", first), ("d", second))
            ]
            for saver in savers:
                saver.start()
            for saver in savers:
                saver.join()
            one.refresh()
            two.refresh()
            expected = sorted(f"{k}{n}" for k in "abcd" for n in range(8))
            assert sorted(record.name for record in first.find()) == expected
            assert list(map(repr, first.find())) == list(map(repr, second.find()))
        assert sorted(names(place)) == expected

    def test_a_dropped_event_is_made_good_when_the_next_one_comes(self, place):
        (one, first), (two, second) = shop(), shop()
        with place.conn(one), place.conn(two):
            place.discord.event_fault(action="drop")
            first(name="unseen").save()
            first(name="seen").save()
            assert soon(lambda: len(second.find()) == 2)

    def test_messages_of_others_in_a_lane_change_nothing(self, place):
        database, item = shop()
        with place.conn(database):
            item(name="first").save()
            frame = place.frames()[0]
            for lane in place.lanes():
                place.discord.post_message(lane, "hello")
                place.discord.post_message(lane, frame["content"])
            item(name="second").save()
            database.refresh()
            assert len(item.find()) == 2
        assert names(place) == ["first", "second"]

    def test_an_edited_frame_is_told_and_healed_before_the_next_save(self, place, caplog):
        database, item = shop()
        with place.conn(database):
            item(name="first").save()
            item(name="second").save()
            frame = place.frames()[0]
            edited = frame["content"].replace("first", "forged")
            place.discord.edit_message(int(frame["channel_id"]), int(frame["id"]), edited)
            assert soon(lambda: "has been altered" in caplog.text)
            item(name="third").save()
        database, item = shop()
        with place.conn(database):
            assert [record.name for record in item.find()] == ["first", "second", "third"]


class TestReading:
    def test_a_refresh_that_fails_says_so_and_the_next_one_works(self, place):
        (one, first), (two, second) = shop(), shop()
        with place.conn(one), place.conn(two):
            place.discord.event_fault(action="drop")
            first(name="first").save()
            place.discord.fault(**READ, status=403)
            with pytest.raises(Unavailable, match="could not be read"):
                two.refresh()
            place.discord.fault(**READ, status=503, count=2)
            two.refresh()
            assert second.find_unique().name == "first"

    def test_a_login_survives_passing_failures(self, place):
        database, item = shop()
        for route in (
            "/users/@me",
            "/gateway/bot",
            "/users/@me/guilds",
            "*/channels",
            "*/messages",
        ):
            place.discord.fault(route=route, status=503)
            place.discord.fault(route=route, reset=True)
        with place.conn(database):
            item(name="first").save()
        assert place.discord.faults_left == 0
        assert names(place) == ["first"]
        assert len(place.lanes()) == 4
