"""A database is verified over HTTP: what is wrong is found, what is told, and what it costs."""

from __future__ import annotations

import logging
import os
import threading

import pytest

import discobase
from discobase import Progress
from discobase.errors import Disconnected, LogDamaged, NotConnected, UsageError, WaitTimeout
from tests.database.shop import shop, soon, threads


@pytest.fixture
def filled(place):
    """A database with nine commits, one of which is a file, and its class."""
    database, item = shop()
    with place.conn(database):
        for number in range(8):
            item(name=str(number)).save()
        item(name=os.urandom(6_000).hex()).save()
    return place


def written(place):
    """What stands in the lanes. Addresses of files are other ones each time."""
    return [(frame["id"], frame["content"]) for frame in place.frames()]


def test_a_sound_database_is_found_sound_for_a_few_calls_and_nothing_is_written(filled):
    database, item = shop()
    with filled.conn(database):
        before = written(filled)
        filled.forget_calls()
        report = database.verify()
        assert filled.calls == report.calls == 8
        assert filled.sends == 0
        assert written(filled) == before
        assert item.find().count() == 9
    assert isinstance(report, discobase.Report)
    assert report.sound
    assert report.findings == ()
    assert (report.position, report.compared, report.messages, report.records) == (9, 9, 9, 9)
    assert str(report).startswith("sound: 9 messages up to position 9, 9 records, ")


def test_what_is_wrong_is_reported_with_its_place(filled):
    database, item = shop()
    gone, altered, *_ = filled.frames()[3:]
    with filled.conn(database):
        filled.discord.delete_message(int(gone["channel_id"]), int(gone["id"]))
        content = altered["content"].replace('"4"', '"5"')
        assert content != altered["content"]
        filled.discord.edit_message(int(altered["channel_id"]), int(altered["id"]), content)
        report = database.verify()
        assert item.find().count() == 9
    assert not report.sound
    found = {finding.position: finding for finding in report.findings if finding.message}
    assert {*found} == {4, 5}
    assert found[4].message == int(gone["id"])
    assert found[4].channel == int(gone["channel_id"])
    assert {finding.severity for finding in found.values()} == {"damage"}
    assert isinstance(found[4], discobase.Finding)
    assert "DAMAGED" in str(report)
    assert gone["id"] in str(report)


def test_a_hole_below_a_checkpoint_loses_nothing(filled):
    database, item = shop()
    with filled.conn(database):
        checkpoint = database.checkpoint()
        item(name="after").save()
    gone = filled.frames()[3]
    filled.discord.delete_message(int(gone["channel_id"]), int(gone["id"]))
    database, item = shop()
    with filled.conn(database):
        report = database.verify()
        assert item.find().count() == 10
    assert report.sound
    (finding,) = report.findings
    assert (finding.severity, finding.position, finding.message) == ("warning", 4, int(gone["id"]))
    assert "checkpoint of position 9" in finding.what
    assert report.checkpoints == (checkpoint.position,)
    assert (report.compared, report.records) == (10, 10)


def test_a_database_that_nobody_can_open_is_verified_where_the_login_has_failed(filled, hasty):
    gone = filled.frames()[3]
    filled.discord.delete_message(int(gone["channel_id"]), int(gone["id"]))
    database, item = shop()
    with pytest.raises(LogDamaged, match="position 4"), filled.conn(database):
        pytest.fail("there is a hole")
    before, told = written(filled), []
    filled.discord.set(latency=0.25)
    report = database.verify(progress=told.append)
    filled.discord.set(latency=0.0)
    assert written(filled) == before
    assert not report.sound
    first, *rest = report.findings
    assert (first.severity, first.position, first.channel) == ("damage", 4, int(gone["channel_id"]))
    assert [each.severity for each in rest] == ["warning"]
    assert "could not open" in rest[0].what
    assert (report.position, report.messages, report.compared) == (9, 8, None)
    assert "reading the log" in {each.doing for each in told}
    assert database.verify().findings == report.findings, "as often as one likes"
    with pytest.raises(LogDamaged):
        item.find().count()
    assert soon(lambda: threads() == [])


def test_who_gives_up_such_a_verification_leaves_no_connection(filled, hasty):
    gone = filled.frames()[3]
    filled.discord.delete_message(int(gone["channel_id"]), int(gone["id"]))
    database, _ = shop()
    with pytest.raises(LogDamaged), filled.conn(database):
        pytest.fail("there is a hole")
    filled.discord.set(latency=0.25)
    with pytest.raises(WaitTimeout, match="the verification"):
        database.verify(timeout=0.3)
    filled.discord.set(latency=0.0)
    assert soon(lambda: threads() == [])


def test_the_costs_are_told_before_anything_is_read(filled, caplog):
    caplog.set_level(logging.INFO, "discobase")
    database, _ = shop()
    told = []

    def tell(progress):
        told.append((progress, filled.calls, threading.get_ident()))

    with filled.conn(database):
        filled.forget_calls()
        database.verify(progress=tell)
    costs = Progress(
        "verifying: about 10 API calls, 1 s at Discord's limits", total=9, unit="commits"
    )
    assert told[0] == (costs, 0, threading.get_ident())
    assert "about 10 API calls" in caplog.text


def test_how_far_it_has_come_is_told_meanwhile(filled):
    database, _ = shop()
    told: list[Progress] = []
    with filled.conn(database):
        filled.discord.set(latency=0.25)
        database.verify(progress=told.append)
        filled.discord.set(latency=0.0)
    doing = list(dict.fromkeys(progress.doing for progress in told))
    assert doing[1:3] == ["looking at the database", "reading the log"]
    assert len(told) == len(set(told))


def test_a_callback_that_raises_ends_it_at_once(filled):
    database, item = shop()

    def refuse(progress):
        raise KeyError(progress.doing)

    with filled.conn(database):
        filled.forget_calls()
        with pytest.raises(KeyError, match="API calls"):
            database.verify(progress=refuse)
        assert filled.calls == 0
        assert item.find().count() == 9
        assert database.verify().sound


def test_it_is_given_up_when_the_time_is_over(filled):
    database, _ = shop()
    with filled.conn(database):
        filled.discord.set(latency=0.25)
        with pytest.raises(WaitTimeout, match="the verification"):
            database.verify(timeout=0.1)
        filled.discord.set(latency=0.0)
        assert database.verify(timeout=30).sound


def test_a_close_ends_it(filled):
    database, _ = shop()
    begun, raised = threading.Event(), []

    def tell(progress):
        if progress.doing == "reading the log":
            begun.set()

    def verify():
        try:
            database.verify(progress=tell)
        except Disconnected as error:
            raised.append(error)

    with filled.conn(database):
        filled.discord.set(latency=0.25)
        thread = threading.Thread(target=verify)
        thread.start()
        begun.wait()
        database.close()
        thread.join()
    assert raised


def test_what_makes_no_sense_is_refused(filled):
    database, _ = shop()
    with pytest.raises(NotConnected):
        database.verify()
    with filled.conn(database):
        with pytest.raises(UsageError, match="progress="):
            database.verify(progress="yes")
        with pytest.raises(UsageError, match="timeout="):
            database.verify(timeout=-1)


def test_saves_go_on_while_it_reads(place):
    database, item = shop()
    with place.conn(database, timeout=60):
        for number in range(30):
            item.save_many(item(name=f"{number} {each}") for each in range(300))
        reports = []
        thread = threading.Thread(target=lambda: reports.append(database.verify()))
        thread.start()
        count = 0
        while thread.is_alive() and count < 50:
            item(name=f"meanwhile {count}").save()
            count += 1
        thread.join()
        assert reports[0].sound
        assert reports[0].findings == ()
        assert item.find().count() == 30 * 300 + count
        assert database.verify().records == 30 * 300 + count
