"""The index of texts, one rule at a time: it has the words of the records, whatever happens."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from itertools import chain

import pytest

from discobase.engine.changes import Insert, Remove, Replace, TextIndexWanted
from discobase.engine.replica import Cache, NotTheState, Replica
from discobase.engine.replica import text_index as module
from discobase.engine.replica.text_index import is_of_an_index
from tests.engine.audit import check_texts, indexed
from tests.engine.runs import Run
from tests.engine.test_cache import SCHEMA, check, left_by_a_killed_one, newest, save
from tests.engine.test_replica import asked, entry

WANTED = TextIndexWanted("a", (("text",), ("tag",)))


def text(tag, words):
    return json.dumps({"text": words, "tag": tag})


def fill(replica, at_a_time=2):
    while replica.fill(at_a_time):
        indexed(replica, "a")


@pytest.fixture
def replica():
    made = Replica(4)
    yield made
    made.close()


@pytest.fixture
def stocked(replica):
    for number in range(7):
        save(replica, Insert("a", text(f"t{number}", f"word {number}")))
    return replica


def test_has_what_is_put_replaced_and_deleted(replica):
    replica.index(WANTED)
    save(replica, Insert("a", text("one", "Café au lait")), Insert("a", text("two", "")))
    assert not replica.filling
    assert indexed(replica, "a")[1] == ["cafe", "au", "lait", "\ue000", "one"]
    save(replica, Replace("a", 1, text("one", "tea")), Remove("a", 2), Insert("a", text("x", "y")))
    save(replica, Replace("a", 1, text("one", "tea")))
    assert indexed(replica, "a") == {1: ["tea", "\ue000", "one"], 3: ["y", "\ue000", "x"]}


def test_is_made_in_steps_beside_commits(stocked):
    stocked.index(WANTED)
    assert stocked.fill(3)
    assert [*indexed(stocked, "a")] == [1, 2, 3]
    save(stocked, Replace("a", 2, text("t", "other")), Remove("a", 3), Remove("a", 5))
    save(stocked, Replace("a", 6, text("t5", "other")), Insert("a", text("new", "new")))
    assert [*indexed(stocked, "a")] == [1, 2]
    assert stocked.fill(3)
    assert not stocked.fill(3)
    assert [*indexed(stocked, "a")] == [1, 2, 4, 6, 7, 8]
    assert stocked.layouts["a"].text.is_whole


def test_a_proposal_that_comes_to_nothing_leaves_no_word(stocked):
    stocked.index(WANTED)
    fill(stocked)
    before = indexed(stocked, "a")
    stocked.propose([asked(Insert("a", text("gone", "gone")), declared=SCHEMA, replica=stocked)])
    stocked.withdraw()
    assert indexed(stocked, "a") == before


def test_of_requests_that_fail_no_word_stays(stocked):
    """Each request has a savepoint of its own within the proposal."""
    stocked.index(WANTED)
    fill(stocked)
    requests = [
        asked(Insert("a", text("first", "first")), declared=SCHEMA, replica=stocked),
        asked(
            Insert("a", text("second", "second")), Remove("a", 99), declared=SCHEMA, replica=stocked
        ),
        asked(Insert("a", text("third", "third")), declared=SCHEMA, replica=stocked),
    ]
    stocked.propose(requests)
    stocked.settle(entry(stocked.head.seq + 1, stocked.head.chain))
    words = [*chain(*indexed(stocked, "a").values())]
    assert ("first" in words, "second" in words, "third" in words) == (True, False, True)


def test_over_other_places_comes_in_the_place_of_the_one_that_is_there(stocked):
    stocked.index(WANTED)
    fill(stocked)
    stocked.index(WANTED)
    assert not stocked.filling
    stocked.index(TextIndexWanted("a", (("text",),)))
    assert stocked.filling
    fill(stocked)
    assert indexed(stocked, "a")[1] == ["word", "0"]
    stocked.index(TextIndexWanted("a", ()))
    assert stocked.layouts["a"].text is None
    save(stocked, Insert("a", text("x", "y")))
    names = stocked._writer.execute("SELECT name FROM sqlite_master").fetchall()
    assert not [name for (name,) in names if is_of_an_index(name)]


def state_of(replica):
    with contextlib.closing(replica.snapshot()) as snapshot:
        lines = [*snapshot.lines()]
        return lines, snapshot.head, snapshot.hash


def test_is_nothing_of_the_state(stocked):
    before = state_of(stocked)
    stocked.index(WANTED)
    fill(stocked)
    assert state_of(stocked) == before


def test_is_made_anew_when_another_state_is_taken_over(stocked, replica):
    lines, head, state = state_of(stocked)
    other = Replica(4)
    try:
        other.index(WANTED)
        save(other, Insert("a", text("own", "own")))
        with pytest.raises(NotTheState):
            other.restore(lines, head, "another hash")
        save(other, Insert("a", text("more", "more")))
        assert [*indexed(other, "a")] == [1, 2]
        other.restore(lines, head, state)
        assert other.filling
        assert indexed(other, "a") == {}
        save(other, Insert("a", text("new", "new")))
        fill(other)
        assert [*indexed(other, "a")] == [*range(1, 9)]
        other.replay([])
        assert "a" not in other.layouts
        save(other, Insert("a", text("new", "new")))
        fill(other)
        assert [*indexed(other, "a")] == [1]
    finally:
        other.close()


def test_comes_into_the_file_that_takes_the_place_of_a_failing_one(stocked):
    stocked.index(WANTED)
    assert stocked.fill(3)
    stocked.note_failure(sqlite3.OperationalError("disk I/O error"))
    stocked.heal()
    assert [*indexed(stocked, "a")] == [1, 2, 3]
    fill(stocked)
    assert len(indexed(stocked, "a")) == 7


# Kept files


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def open_replica(folder):
    logging.getLogger("discobase").setLevel(logging.INFO)
    opened = []

    def make(where=folder):
        opened.append(Replica(4, Cache.claimed(where, "this one")))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def kept(open_replica, *, records=7, filled=True):
    first = open_replica()
    for number in range(records):
        save(first, Insert("a", text(f"t{number}", f"word {number}")))
    first.index(WANTED)
    if filled:
        fill(first)
    else:
        first.fill(3)
    return first


def test_is_gone_on_with_in_a_kept_file(open_replica):
    kept(open_replica).close()
    second = open_replica()
    assert second.layouts["a"].text.is_whole
    assert len(indexed(second, "a")) == 7
    save(second, Replace("a", 1, text("t", "other")))
    check(second)
    assert not second.failing
    indexed(second, "a")


def test_is_filled_on_in_a_kept_file(open_replica):
    kept(open_replica, filled=False).close()
    second = open_replica()
    assert [*indexed(second, "a")] == [1, 2, 3]
    fill(second)
    assert len(indexed(second, "a")) == 7


def test_is_made_anew_in_a_file_that_was_not_closed(open_replica, folder, tmp_path):
    kept(open_replica)
    second = open_replica(left_by_a_killed_one(folder, tmp_path))
    assert second.head.seq == 7
    assert second.filling
    save(second, Replace("a", 1, text("t", "other")))
    fill(second)
    assert len(indexed(second, "a")) == 7


@pytest.mark.parametrize("which", ["data", "idx", "docsize"])
def test_that_was_altered_is_not_gone_on_with(open_replica, folder, caplog, which):
    kept(open_replica).close()
    with sqlite3.connect(newest(folder)) as connection:
        statement = {
            "data": "UPDATE texts_61_data SET block = zeroblob(length(block)) WHERE id > 100",
            "idx": "DELETE FROM texts_61_idx",
            "docsize": "UPDATE texts_61_docsize SET sz = x'09' WHERE id = 3",
        }[which]
        assert connection.execute(statement).rowcount
    connection.close()
    second = open_replica()
    assert second.head.seq == 0
    assert "an index of texts is not what was written" in caplog.text


def test_cut_by_another_rule_is_made_anew(open_replica, monkeypatch):
    kept(open_replica).close()
    monkeypatch.setattr(module, "RULE", "another version of Unicode")
    second = open_replica()
    assert second.filling
    fill(second)
    assert len(indexed(second, "a")) == 7
    second.close()
    assert not open_replica().filling


def test_is_no_use_to_a_build_without_fts5(open_replica, monkeypatch, caplog):
    kept(open_replica).close()
    monkeypatch.setattr(module, "has_fts5", lambda: False)
    second = open_replica()
    assert second.head.seq == 0
    assert "which this SQLite cannot read" in caplog.text


# Whole runs


def test_runs_do_index(monkeypatch):
    counted = []
    monkeypatch.setattr(
        "tests.engine.runs.check_texts", lambda engines: counted.append(check_texts(engines))
    )
    Run("deadly", 3).go()
    Run("cached", 3).go()
    assert all(counted)
