"""The replica against a model made of dicts, and what readers on other threads see of it."""

from __future__ import annotations

import copy
import json
import sqlite3
import threading
from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from discobase.engine.frame import GENESIS, Header
from discobase.engine.keys import key
from discobase.engine.log import Commit, Entry
from discobase.engine.operations import (
    Declare,
    Delete,
    Insert,
    Put,
    Remove,
    Replace,
    Schema,
)
from discobase.engine.replica import Replica
from discobase.engine.server import Message
from discobase.errors import (
    ConflictError,
    Disconnected,
    LogDamaged,
    RecordNotFound,
    UniqueViolation,
)

LANES = 3
TABLES = ["user", "User", "```", 'a"b', "ü"]
FIELDS = {"name": "plain", "tag": "plain"}
SCHEMAS = [
    Schema(FIELDS).to_json(),
    Schema(FIELDS, unique=("name",)).to_json(),
    Schema(FIELDS, unique=("name", "tag")).to_json(),
    Schema(FIELDS, unique=("tag",), indexed=("name",)).to_json(),
]

tables = st.sampled_from(TABLES)
values = st.sampled_from(["x", "y", 1, 1.5, True, None])
data = st.fixed_dictionaries({"name": values}, optional={"tag": values}).map(json.dumps)
pks = st.integers(1, 8)
versions = st.one_of(st.none(), st.integers(1, 12))
changes = st.one_of(
    st.builds(Insert, tables, data),
    st.builds(Insert, tables, data),
    st.builds(Replace, tables, pks, data, versions),
    st.builds(Remove, tables, pks, versions),
    st.builds(Declare, tables, st.sampled_from(SCHEMAS)),
)
requests = st.lists(st.lists(changes, min_size=1, max_size=4), min_size=1, max_size=3)


def entry(seq, prev, message=None, digest=None):
    header = Header(seq, prev, "w", 0.0, 1, "h", "inline", 1, digest or f"digest {seq} {message}")
    return Entry(Message(message or seq * 10, seq % LANES, 1, ""), header)


class Model:
    """What the replica should hold."""

    def __init__(self):
        self.rows = {}
        self.next = {}
        self.unique = {}
        self.schema = {}
        self.declared = set()

    def clash(self, table, pk, record):
        for field in self.unique.get(table, ()):
            for other, (_, held) in self.rows.get(table, {}).items():
                mine, theirs = record.get(field), held.get(field)
                if other == pk or mine is None or theirs is None:
                    continue
                if key("plain", mine) == key("plain", theirs):
                    return True
        return False

    def request(self, wishes, seq):
        """The operations that a request comes to, or the kind of error that keeps it out."""
        kept, operations = copy.deepcopy(self.__dict__), []
        for wish in wishes:
            operation, error = self.change(wish, seq)
            if error is not None:
                self.__dict__.update(kept)
                return [], error
            operations += [] if operation is None else [operation]
        return operations, None

    def change(self, wish, seq):
        rows = self.rows.setdefault(wish.table, {})
        if isinstance(wish, Declare):
            return self.declare(wish)
        if not isinstance(wish, Insert):
            if wish.pk not in rows:
                return None, RecordNotFound
            if wish.version is not None and rows[wish.pk][0] != wish.version:
                return None, ConflictError
        if isinstance(wish, Remove):
            del rows[wish.pk]
            return Delete(wish.table, wish.pk), None
        pk = self.next.get(wish.table, 1) if isinstance(wish, Insert) else wish.pk
        record = json.loads(wish.data)
        if self.clash(wish.table, pk, record):
            return None, UniqueViolation
        rows[pk] = (seq, record)
        self.next[wish.table] = max(pk + 1, self.next.get(wish.table, 1))
        return Put(wish.table, pk, wish.data), None

    def declare(self, wish):
        wanted, current = json.loads(wish.schema), self.schema.get(wish.table)
        if (wish.table, wish.schema) in self.declared:
            if {*wanted["unique"]} <= {*current["unique"]}:
                return None, None
            wanted = {
                "fields": current["fields"] | wanted["fields"],
                "index": sorted({*current["index"], *wanted["index"]}),
                "unique": sorted({*current["unique"], *wanted["unique"]}),
            }
            wish = Declare(wish.table, json.dumps(wanted, separators=(",", ":")))
        self.schema[wish.table] = wanted
        self.unique[wish.table] = wanted["unique"]
        for pk, (_, record) in self.rows[wish.table].items():
            if self.clash(wish.table, pk, record):
                return None, UniqueViolation
        self.declared.add((wish.table, wish.schema))
        return wish, None


def held_by(replica):
    return {
        table: {pk: (seq, json.loads(text)) for pk, seq, text in rows}
        for table in TABLES
        if (rows := replica.select(table, {}))
    }


class Replicas(RuleBasedStateMachine):
    """One replica proposes, one only applies what was settled, and a model says what is right."""

    @initialize()
    def begin(self):
        self.replica, self.follower = Replica(LANES), Replica(LANES)
        self.model, self.log = Model(), []
        self.proposed = None

    def teardown(self):
        if hasattr(self, "replica"):
            self.replica.close()
            self.follower.close()

    @property
    def seq(self):
        return len(self.log) + 1

    @property
    def chain(self):
        return self.log[-1].entry.header.digest if self.log else GENESIS

    @precondition(lambda self: self.proposed is None)
    @rule(wishes=requests)
    def propose(self, wishes):
        after = copy.deepcopy(self.model)
        expected = [after.request(request, self.seq) for request in wishes]
        proposal = self.replica.propose(wishes)
        assert [type(v.error) if v.error else None for v in proposal.verdicts] == [
            error for _, error in expected
        ]
        assert proposal.operations == [op for operations, _ in expected for op in operations]
        assert (proposal.seq, proposal.chain) == (self.seq, self.chain)
        self.proposed = (proposal, after)

    @precondition(lambda self: self.proposed is not None)
    @rule()
    def settle(self):
        proposal, self.model = self.proposed
        won = entry(self.seq, self.chain)
        self.replica.settle(won)
        self.log.append(Commit(won, proposal.operations))
        self.proposed = None

    @precondition(lambda self: self.proposed is not None)
    @rule()
    def withdraw(self):
        self.replica.withdraw()
        self.proposed = None

    @precondition(lambda self: self.proposed is None)
    @rule(wishes=requests)
    def another_writer_commits(self, wishes):
        operations = [op for request in wishes for op in self.model.request(request, self.seq)[0]]
        commit = Commit(entry(self.seq, self.chain), operations)
        self.log.append(commit)
        self.replica.apply([commit])

    @rule()
    def the_follower_applies_what_is_new(self):
        self.follower.apply(self.log[self.follower.head.seq :])
        assert held_by(self.follower) == self.model.rows_held()
        assert self.follower.head.chain == self.chain

    @precondition(lambda self: self.proposed is None)
    @rule()
    def replay(self):
        before = held_by(self.replica), self.replica.head
        self.replica.replay(self.log)
        assert (held_by(self.replica), self.replica.head) == before

    @precondition(lambda self: self.proposed is None)
    @rule(table=tables, field=st.sampled_from(["name", "tag", "other"]))
    def index(self, table, field):
        self.replica.index(table, field, "plain")

    @rule(table=tables, field=st.sampled_from(["name", "tag"]), value=values)
    def a_search_misses_nothing(self, table, field, value):
        wanted = key("plain", value)
        found = self.replica.select(table, {field: ("plain", wanted)})
        fitting = {
            pk
            for pk, (_, record) in self.model.rows.get(table, {}).items()
            if field in record and key("plain", record[field]) == wanted
        }
        assert fitting <= {pk for pk, _, _ in found}
        if field in self.replica.keyed.get(table, {}):
            for _, _, text in found:
                held = json.loads(text)
                assert held.get(field) is None or key("plain", held[field]) == wanted

    @invariant()
    def readers_see_what_is_settled_and_nothing_else(self):
        if hasattr(self, "replica"):
            assert held_by(self.replica) == self.model.rows_held()
            assert self.replica.head.seq == len(self.log)
            for table in TABLES:
                assert self.replica.count(table) == len(self.model.rows.get(table, {}))
                for pk in range(1, 9):
                    row = self.replica.get(table, pk)
                    model = self.model.rows.get(table, {}).get(pk)
                    assert (row and (row[1], json.loads(row[2]))) == model


Model.rows_held = lambda self: {table: rows for table, rows in self.rows.items() if rows}

TestReplicas = Replicas.TestCase
TestReplicas.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


@pytest.fixture
def replica():
    made = Replica(LANES)
    yield made
    made.close()


def commit(replica, *wishes):
    proposal = replica.propose([wishes])
    assert proposal.verdicts[0].error is None
    replica.settle(entry(proposal.seq, proposal.chain))
    return proposal


def test_a_reader_on_another_thread_never_sees_a_proposal(replica):
    commit(replica, Insert("a", '{"n":0}'))
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            seen.extend(json.loads(text)["n"] for _, _, text in replica.select("a", {}))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(200):
        replica.propose([[Replace("a", 1, '{"n":-1}')]])
        replica.withdraw()
    stop.set()
    reader.join()
    assert set(seen) == {0}


def test_readers_see_the_old_state_until_a_replay_is_done(replica):
    log = []
    for number in range(1, 60):
        prev = log[-1].entry.header.digest if log else GENESIS
        log.append(Commit(entry(number, prev), [Put("a", number, '{"n":"x"}')]))
    replica.apply(log)
    replica.index("a", "n", "plain")
    counts, stop, failed = set(), threading.Event(), []

    def read():
        try:
            while not stop.is_set():
                counts.add(len(replica.select("a", {"n": ("plain", '"x')})))
        except Exception as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(60):
        replica.replay(log)
        replica.index("a", "n", "plain")
    stop.set()
    reader.join()
    assert not failed
    assert counts == {59}


def test_a_primary_key_is_never_used_again(replica):
    commit(replica, Insert("a", "{}"), Insert("a", "{}"))
    commit(replica, Remove("a", 2))
    assert commit(replica, Insert("a", "{}")).verdicts[0].placed.pks == [3]


def test_a_proposal_that_was_withdrawn_uses_up_no_primary_key(replica):
    replica.propose([[Insert("a", "{}")]])
    replica.withdraw()
    assert commit(replica, Insert("a", "{}")).verdicts[0].placed.pks == [1]


def test_a_violation_names_field_value_and_holder(replica):
    commit(replica, Declare("a", SCHEMAS[2]), Insert("a", '{"name":"x","tag":1}'))
    error = replica.propose([[Insert("a", '{"name":"y","tag":1}')]]).verdicts[0].error
    replica.withdraw()
    assert isinstance(error, UniqueViolation)
    assert (error.table, error.field, error.value, error.pk) == ("a", "tag", 1, 1)


def test_records_with_null_in_a_unique_field_are_not_in_the_way_of_a_look_up(replica):
    inserts = [Insert("a", '{"name":null}') for _ in range(20)]
    commit(replica, Declare("a", SCHEMAS[1]), *inserts, Insert("a", '{"name":"x"}'))
    assert [pk for pk, _, _ in replica.select("a", {"name": ("plain", '"x')})] == [21]
    nulls = [pk for pk, *_ in replica.select("a", {"name": ("plain", "null")})]
    assert nulls == [*range(1, 21)]


def test_a_field_that_becomes_unique_over_duplicates_is_refused(replica):
    commit(replica, Insert("a", '{"name":"x"}'), Insert("a", '{"name":"x"}'))
    error = replica.propose([[Declare("a", SCHEMAS[1])]]).verdicts[0].error
    replica.withdraw()
    assert isinstance(error, UniqueViolation)
    assert error.value == "x"


def test_a_commit_in_the_log_that_cannot_be_is_named_as_damage(replica):
    bad = [Declare("a", SCHEMAS[1]), Put("a", 1, '{"name":"x"}'), Put("a", 2, '{"name":"x"}')]
    with pytest.raises(LogDamaged, match="position 1"):
        replica.apply([Commit(entry(1, GENESIS), bad)])
    assert replica.head.seq == 0
    assert replica.select("a", {}) == []


def test_a_position_out_of_order_is_refused(replica):
    with pytest.raises(AssertionError, match="does not follow"):
        replica.apply([Commit(entry(2, GENESIS), [Put("a", 1, "{}")])])
    assert replica.head.seq == 0


def test_a_void_position_passes_and_the_chain_goes_on_from_the_frame_before(replica):
    replica.apply([Commit(entry(1, GENESIS, digest="one"), [Put("a", 1, "{}")])])
    replica.apply([entry(2, "no such", digest="two")])
    assert (replica.head.seq, replica.head.chain) == (2, "one")
    assert replica.select("a", {}) == [(1, 1, "{}")]


def test_which_message_would_have_been_taken_is_remembered(replica):
    replica.apply([Commit(entry(1, GENESIS, message=50), [])])
    assert replica.changes_history(entry(1, GENESIS, message=40))
    assert not replica.changes_history(entry(1, GENESIS, message=50))
    assert not replica.changes_history(entry(1, GENESIS, message=60))
    assert not replica.changes_history(entry(1, "other", message=40))
    assert not replica.changes_history(entry(2, GENESIS, message=40))
    replica.apply([entry(2, "void", message=70)])
    assert replica.changes_history(entry(2, replica.head.chain, message=80))


def test_where_to_look_for_a_position_is_never_above_it(replica):
    messages = {1: 10, 2: 20, 3: 30, 4: 90, 5: 50, 6: 60}
    for seq, message in messages.items():
        replica.apply([Commit(entry(seq, replica.head.chain, message=message), [])])
    assert [replica.below(seq) for seq in (1, 3, 4)] == [0, 0, 10]
    assert replica.below(7) == 50, "4 came second: it is younger than what came after it"
    assert replica.below(8) == 50
    assert replica.below(9) == 60


def test_a_schema_is_declared_once_and_an_older_one_does_not_come_back(replica):
    commit(replica, Declare("a", SCHEMAS[0]))
    commit(replica, Declare("a", SCHEMAS[1]))
    assert replica.propose([[Declare("a", SCHEMAS[0])]]).operations == []
    replica.withdraw()
    assert replica.keyed["a"]["name"].unique


def test_a_unique_field_that_another_version_dropped_is_declared_again_beside_its_own(replica):
    commit(replica, Declare("a", SCHEMAS[1]))
    commit(replica, Declare("a", SCHEMAS[3]))
    assert not replica.keyed["a"]["name"].unique
    commit(replica, Declare("a", SCHEMAS[1]))
    assert {name for name, column in replica.keyed["a"].items() if column.unique} == {"name", "tag"}
    assert replica.propose([[Declare("a", SCHEMAS[1]), Declare("a", SCHEMAS[3])]]).operations == []
    replica.withdraw()


@pytest.mark.parametrize("pk", [0, -1, 2**63, 2**70])
def test_a_primary_key_that_cannot_be_is_not_found(replica, pk):
    commit(replica, Insert("a", "{}"))
    assert replica.get("a", pk) is None
    wishes = [[Replace("a", pk, "{}")], [Remove("a", pk)], [Insert("a", "{}")]]
    verdicts = replica.propose(wishes).verdicts
    replica.withdraw()
    assert [type(verdict.error) for verdict in verdicts] == [
        RecordNotFound,
        RecordNotFound,
        type(None),
    ]


def test_nothing_is_left_on_the_disk_after_close(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    replica = Replica(LANES)
    commit(replica, Insert("a", "{}"))
    assert replica.select("a", {}) == [(1, 1, "{}")]
    assert list(tmp_path.iterdir())
    replica.close()
    assert not list(tmp_path.iterdir())


@pytest.fixture
def closed_by_readers(monkeypatch):
    """Has a replica closed by whoever is about to read in it; gives all connections there are."""
    connections = []

    class Connection(sqlite3.Connection):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            connections.append(self)

        def execute(self, sql, *arguments):
            if sql.startswith("SELECT pk, seq, data"):
                replica.close()
            return super().execute(sql, *arguments)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))
    replica = Replica(LANES)
    commit(replica, Insert("a", "{}"))
    yield replica, connections
    replica.close()


def test_a_reader_still_at_work_at_the_close_finishes_and_is_closed(closed_by_readers):
    replica, connections = closed_by_readers
    assert replica.count("a") == 1
    assert replica.select("a", {}) == [(1, 1, "{}")]
    assert len(connections) == 2
    for connection in connections:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("PRAGMA user_version")


@pytest.mark.parametrize("read", [lambda replica: replica.select("a", {}), lambda r: r.get("a", 1)])
def test_a_reader_that_the_close_has_overtaken_says_so(closed_by_readers, read):
    replica, _ = closed_by_readers
    for _ in range(2):  # before it has opened the file, and before it has a connection
        with pytest.raises(Disconnected, match="closed"):
            read(replica)
