"""Which changes of recent requests a replica knows: after it followed the log, after it was built
again, and for how long.
"""

from __future__ import annotations

import pytest

from discobase.engine.changes import Attempt, Insert, Placed, Remove, Replace, Request, attempt_of
from discobase.engine.log.entry import Commit, Entry
from discobase.engine.log.frame import Header
from discobase.engine.operations import Names, from_line, to_line
from discobase.engine.replica import Replica, requests
from discobase.engine.server.seam import Message
from discobase.errors import ConflictError
from tests.engine.rows import row


class Pair:
    """A replica that proposes, another that follows it, and the log."""

    def __init__(self):
        self.own, self.other, self.log = Replica(1), Replica(1), []

    def commit(self, *changes, key):
        """Have changes written, or the error."""
        proposal = self.own.propose([Request(changes, key=key)])
        (verdict,) = proposal.verdicts
        if not isinstance(verdict, Placed) or not proposal.operations:
            self.own.withdraw()
            return verdict
        seq = proposal.seq
        header = Header(seq, proposal.chain, "w", 0.0, 1, "h", "inline", 1, f"hash {seq}")
        entry = Entry(Message(seq, 0, 1, ""), header)
        self.own.settle(entry)
        self.log.append(Commit(entry, proposal.operations))
        self.other.apply(self.log[-1:])
        return verdict

    def follow(self):
        """Go on with the other replica."""
        self.own, self.other = self.other, self.own

    def rebuild(self):
        """Build the replica again from the log."""
        self.own.replay(self.log)

    def stay(self):
        """Go on as it is."""


@pytest.fixture
def pair():
    made = Pair()
    yield made
    made.own.close()
    made.other.close()


def again(changes, key):
    return [change_with(change, attempt_of(change, key, n)) for n, change in enumerate(changes)]


def change_with(change, attempt):
    match change:
        case Insert():
            return Insert(change.table, change.data, attempt)
        case Replace():
            return Replace(change.table, change.pk, change.data, change.version, attempt)
        case Remove():
            return Remove(change.table, change.pk, change.version, attempt)


@pytest.mark.parametrize("then", [Pair.stay, Pair.follow, Pair.rebuild])
def test_what_was_done_is_found_whoever_applied_it(pair, then):
    pair.commit(*(Insert("a", row(f"old {n}")) for n in range(3)), key="old")
    changes = [
        Insert("a", row("x")),
        Insert("a", row("y")),
        Replace("a", 1, row("z"), 1),
        Remove("a", 2, 1),
        Insert("b", row("first")),
        Insert("a", row("last")),
    ]
    placed = pair.commit(*changes, key="one")
    assert placed.pks == [4, 5, 1, 2, 1, 6]
    pair.commit(Replace("a", 4, row("of another")), key="two")
    then(pair)
    repeated = pair.commit(*again(changes, "one"), key="three")
    assert (repeated.pks, repeated.versions) == (placed.pks, [2] * 6)
    assert len(pair.log) == 3
    alone = again(changes, "one")
    assert pair.commit(alone[5], alone[0], key="four").pks == [6, 4]


def test_a_name_of_which_another_replica_has_nothing_is_done_under_that_name(pair):
    changes = again([Insert("a", row("x"))], "never sent")
    assert pair.commit(*changes, key="one").pks == [1]
    assert pair.commit(*changes, key="two").pks == [1]
    assert len(pair.log) == 1


def test_other_data_conditions_rest_on_what_was_written_before(pair):
    pair.commit(Insert("a", row("x")), key="zero")
    (change,) = again([Replace("a", 1, row("y"), 1)], "one")
    pair.commit(Replace("a", 1, row("y"), 1), key="one")
    other = Replace("a", 1, row("z"), 1, change.attempt)
    assert pair.commit(other, key="two").versions == [3]
    pair.commit(Replace("a", 1, row("of another")), key="three")
    verdict = pair.commit(Replace("a", 1, row("w"), 1, change.attempt), key="four")
    assert isinstance(verdict, ConflictError)
    assert verdict.expected == 3


def test_what_is_withdrawn_or_refused_is_not_known(pair):
    changes = again([Insert("a", row("x"))], "one")
    pair.own.propose([Request([Insert("a", row("x"))], key="one")])
    pair.own.withdraw()
    pair.commit(Insert("a", row("x")), Remove("a", 99), key="one")
    assert pair.log == []
    assert pair.commit(*changes, key="two").pks == [1]
    assert len(pair.log) == 1


def test_it_is_known_for_so_many_positions(pair, monkeypatch):
    monkeypatch.setattr(requests, "KEPT", 3)
    changes = again([Insert("a", row("x"))], "one")
    pair.commit(Insert("a", row("x")), key="one")
    for count in range(2):
        pair.commit(Insert("a", row("more")), key=f"more {count}")
    assert pair.commit(*changes, key="two").pks == [1]
    pair.commit(Insert("a", row("more")), key="more 3")
    assert pair.commit(*changes, key="three").pks == [5]


def test_names_are_passed_over_by_those_who_do_not_know_them_and_read_back():
    for names in (Names("k3Y_-x"), Names("`", 17)):
        assert to_line(names).startswith('["request?",')
        assert from_line(to_line(names)) == names
    for later in ('["request?",5]', '["request?","k",0]', f'["request?","k",{"9" * 5000}]'):
        assert from_line(later) == Names("")


def test_a_digest_of_two_texts_under_one_name_is_none():
    first = attempt_of(Insert("a", row("x")), "one", 0)
    second = attempt_of(Insert("a", row("y"), first), "two", 0)
    assert (first.key, second) == ("one", Attempt("one", 0, ""))
