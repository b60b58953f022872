"""What an engine tells of what goes wrong: once, in order, and when it is over."""

from __future__ import annotations

import logging

import pytest

from discobase.engine.changes import Insert
from discobase.engine.server.permissions import Permission
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import LogDamaged, NoncesIgnored, Unavailable
from tests.engine.rows import UNHEALED, row, unhealable
from tests.engine.simulation import Faults
from tests.engine.test_later_formats import later_frame
from tests.engine.workload import put


@pytest.fixture
def watched(make_world, join):
    """A world, the process of a writer in it with its engine, and what it tells."""

    def made(faults=None, **options):
        world = make_world(faults=faults or Faults())
        told: list[Trouble] = []
        process, engine = join(world, troubles=Troubles(told.append), **options)
        return world, process, engine, told

    return made


def brief(told):
    return [(trouble.kind, trouble.over, trouble.writes_blocked) for trouble in told]


def write(world, process, engine, *tags):
    for tag in tags:
        world.run_in(process, put(engine, Insert("a", row(tag))))


def first_message(engine):
    return engine.superblock.lane_of(1), engine.replica.positions.message_at(1)


def test_where_all_is_well_nothing_is_told(watched):
    world, process, engine, told = watched()
    write(world, process, engine, "one", "two")
    process.session.lose(1.0)
    world.pass_time(300)
    assert told == []


def test_damage_is_told_once_and_when_it_is_gone(watched):
    world, process, engine, told = watched()
    write(world, process, engine, "one", "two")
    unhealable(world, engine.superblock.checkpoints)
    lane, message = first_message(engine)
    right = world.messages[lane][message].message
    world.edit(lane, message, right.content.replace("one", "1"))
    world.pass_time(UNHEALED)
    with pytest.raises(LogDamaged):
        write(world, process, engine, "three")
    world.messages[lane][message].message = right
    world.pass_time(120)
    write(world, process, engine, "three")
    assert brief(told) == [
        ("damage", False, True),
        ("damage", False, True),
        ("damage", True, False),
    ]
    found, unhealed, gone = told
    for trouble in (found, unhealed):
        assert (trouble.position, trouble.channel, trouble.message) == (1, lane, message)
    assert "saves wait for that" in str(found)
    assert "writes no more" in str(unhealed)
    assert "whole again" in gone.text


def gone_for_all(watched, join):
    """A newcomer to a log whose newest message was deleted after the last process that knew it."""
    world, process, engine, _ = watched()
    write(world, process, engine, "one", "two")
    lane, message = engine.superblock.lane_of(2), engine.replica.positions.message_at(2)
    process.kill()
    stored = world.messages[lane][message]
    world.delete(lane, message)
    world.pass_time(200)  # its nonce is forgotten
    told: list[Trouble] = []
    newcomer, theirs = join(world, "newcomer", troubles=Troubles(told.append))
    return world, newcomer, theirs, told, (lane, message), stored


def test_a_newest_message_that_nobody_knows_is_told_and_that_it_is_waited_for_no_more(
    watched, join
):
    world, process, engine, told, place, _ = gone_for_all(watched, join)
    write(world, process, engine, "three")
    assert brief(told) == [
        ("damage", False, True),
        ("damage", True, False),
        ("lost", False, False),
    ]
    assert {(trouble.channel, trouble.message) for trouble in told} == {place}
    assert "writing goes on without" in told[1].text


def test_a_newest_message_that_comes_to_light_is_told_to_be_there(watched, join):
    world, process, engine, told, (lane, message), stored = gone_for_all(watched, join)
    world.messages[lane][message] = stored
    write(world, process, engine, "three")
    assert brief(told) == [("damage", False, True), ("damage", True, False)]
    assert told[1].message == message
    assert engine.replica.head.seq == 3


def test_a_lost_commit_is_told_with_place_and_writer(watched):
    world, process, engine, told = watched(label="till 3")
    write(world, process, engine, "one")
    lane, message = first_message(engine)
    again = world.post(lane, world.messages[lane][message].message.content, (), "forgotten")
    world.pass_time(5)
    (lost,) = told
    assert (lost.kind, lost.over, lost.writes_blocked) == ("lost", False, False)
    assert (lost.position, lost.writer, lost.label) == (1, engine.writer, "till 3")
    assert (lost.channel, lost.message) == (lane, again.id)


def test_a_frame_that_cannot_be_read_is_told_once_however_often_it_is_read(watched):
    world, process, engine, told = watched()
    write(world, process, engine, "one")
    lane, message = first_message(engine)
    content = world.messages[lane][message].message.content
    odd = world.post(lane, content.replace('"seq":1', '"seq":"x"'), (), "odd")
    for _ in range(3):
        process.session.lose(1.0)
        world.pass_time(10)
    assert [(trouble.kind, trouble.message) for trouble in told] == [("damage", odd.id)]


def test_a_later_format_is_told_once(watched):
    world, process, engine, told = watched()
    write(world, process, engine, "one")
    later_frame(world, engine.superblock)
    world.pass_time(300)
    assert brief(told) == [("version", False, True)]
    assert "needs discobase 0.7" in told[0].text


def test_rights_that_are_taken_away_and_given_back_are_told(watched):
    world, process, engine, told = watched()
    write(world, process, engine, "one")
    lane = engine.superblock.lanes[2]
    world.deny(lane, Permission.READ_MESSAGE_HISTORY)
    world.pass_time(120)
    world.deny(lane, Permission(0))
    world.pass_time(30)
    assert brief(told) == [("access", False, True), ("access", True, False)]
    assert "log-2" in told[0].text


def test_as_long_as_something_else_blocks_writing_the_end_of_one_trouble_says_so(watched):
    world, process, engine, told = watched()
    write(world, process, engine, "one", "two")
    unhealable(world, engine.superblock.checkpoints)
    lane, message = first_message(engine)
    right = world.messages[lane][message].message
    world.edit(lane, message, right.content.replace("one", "1"))
    world.pass_time(5)
    other = engine.superblock.catalog
    world.deny(other, Permission.READ_MESSAGE_HISTORY)
    world.pass_time(5)
    world.deny(other, Permission(0))
    world.pass_time(30)
    world.messages[lane][message].message = right
    world.pass_time(120)
    assert brief(told) == [
        ("damage", False, True),
        ("access", False, True),
        ("access", True, True),
        ("damage", False, True),
        ("damage", True, False),
    ]


def test_trust_in_nonces_that_is_withdrawn_is_told(watched):
    world, process, engine, told = watched(
        Faults(nonce_window=40.0), place="the server 'shop'", allow_unsafe=False
    )
    world.pass_time(300)
    assert brief(told) == [("nonces", False, True)]
    with pytest.raises(NoncesIgnored):
        write(world, process, engine, "one")


def test_who_allows_a_server_without_nonces_is_told_that_all_goes_on(watched):
    _, _, _, told = watched(Faults(nonce_window=None), place="the server 'shop'")
    assert brief(told) == [("nonces", False, False)]


def test_a_gateway_that_is_away_for_long_is_told_and_that_it_is_back(watched):
    world, process, _, told = watched()
    process.session.lose(600)
    world.pass_time(500)
    assert brief(told) == [("gateway", False, False)]
    world.pass_time(200)
    assert brief(told)[1:] == [("gateway", True, False)]


def test_a_fault_of_the_program_is_told(watched, monkeypatch):
    world, process, engine, told = watched()
    propose = engine.replica.propose

    def fail(*_arguments):
        engine.replica.propose = propose
        raise ZeroDivisionError

    engine.replica.propose = fail
    with pytest.raises(Unavailable, match="ZeroDivisionError"):
        write(world, process, engine, "one")
    assert brief(told) == [("fault", False, False)]


# Troubles by themselves


def test_what_lasts_is_told_anew_when_it_changes_and_its_end_only_where_it_had_begun(caplog):
    caplog.set_level(logging.DEBUG, "discobase")
    told: list[Trouble] = []
    troubles = Troubles(told.append)
    troubles.end("access", "never begun")
    for text in ("one", "one", "two"):
        troubles.begin(Trouble("access", text, writes_blocked=True))
    assert troubles.writes_blocked
    troubles.begin(Trouble("gateway", "away"))
    troubles.end("access", "back")
    assert not troubles.writes_blocked
    assert [trouble.text for trouble in told] == ["one", "two", "away", "back"]
    shown = [(record.levelname, record.message) for record in caplog.records]
    assert shown == [
        ("CRITICAL", "one"),
        ("CRITICAL", "two"),
        ("WARNING", "away"),
        ("WARNING", "back"),
    ]
