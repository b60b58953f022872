"""The replica against a model made of dicts, and what readers on other threads see of it."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import gc
import json
import sqlite3
import threading
import weakref

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from discobase.engine.changes import (
    Change,
    DeclareSchema,
    DropUnique,
    IndexWanted,
    Insert,
    MakeUnique,
    Placed,
    Remove,
    Replace,
    Request,
    SchemaMoved,
)
from discobase.engine.keys import key
from discobase.engine.log.entry import Commit, Entry
from discobase.engine.log.frame import GENESIS, Header
from discobase.engine.operations import (
    Constrain,
    Declare,
    Delete,
    FieldSchema,
    Keys,
    Names,
    Put,
    Release,
)
from discobase.engine.replica import EMPTY, Head, Replica, positions
from discobase.engine.server.seam import Message, MessageArrived
from discobase.errors import (
    ConflictError,
    DiscobaseError,
    Disconnected,
    DuplicatesFound,
    LogDamaged,
    RecordNotFound,
    UniqueViolation,
)
from tests.engine.runs import PROFILES
from tests.engine.schemas import FINGERPRINT, column, declaring, schema_of
from tests.engine.simulation import Faults
from tests.engine.workload import open_engine, put

LANES = 3
TABLES = ["user", "User", "```", 'a"b', "ü"]
FIELDS = {"name": "plain", "tag": "plain"}
SCHEMAS = [
    schema_of(FIELDS),
    schema_of(FIELDS, unique=("name",)),
    schema_of(FIELDS, unique=("name", "tag")),
    schema_of(FIELDS, unique=("tag",), indexed=("name",)),
]

UNIQUE = [Declare("a", SCHEMAS[1], 1), Constrain("a", "name", 1)]

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
)


@st.composite
def wishes_for_a_commit(draw):
    """Changes, and the schema of each table that they put records into."""
    wished = draw(st.lists(changes, max_size=4))
    touched = {wish.table for wish in wished} | draw(st.sets(tables, max_size=1))
    return Wishes(wished, {table: draw(st.sampled_from(SCHEMAS)) for table in sorted(touched)})


requests = st.lists(wishes_for_a_commit(), min_size=1, max_size=3)


@dataclasses.dataclass
class Wishes:
    """What a request is to ask for."""

    changes: list[Change]
    schemas: dict[str, str]

    def request(self, replica):
        return Request(self.changes, self.schemas, declaring(replica, self.schemas))


def asked(*changes, declared=None, replica=None):
    """A request for changes, and for the schema of table "a" to be declared."""
    schemas = {} if declared is None else {"a": declared}
    return Request(changes, schemas, declaring(replica, schemas) if replica else ())


def entry(seq, chain, message=None, own=None):
    header = Header(seq, chain, "w", 0.0, 1, "h", "inline", 1, own or f"hash {seq} {message}")
    return Entry(Message(message or seq * 10, seq % LANES, 1, ""), header)


class Refused(Exception):
    """A request does not hold; the kind of error says why."""

    def __init__(self, kind):
        super().__init__(kind)
        self.kind = kind


class Model:
    """What the replica should hold. All classes load what is stored as it stands."""

    def __init__(self):
        self.rows = {}
        self.next = {}
        self.schemas = {}
        self.unique = {}

    def request(self, request, seq):
        """The operations that a request comes to, or the kind of error that keeps it out."""
        refused = None
        for attempt in (self.constrained, self.constrained_afterwards, self.unconstrained):
            kept, operations = copy.deepcopy(self.__dict__), []
            try:
                attempt(request, seq, operations)
            except Refused as error:
                self.__dict__.update(kept)
                refused = refused or error.kind
                if error.kind is not DuplicatesFound:
                    return [], error.kind
            else:
                return operations, None
        return [], refused

    def constrained(self, request, seq, operations):
        wanted = self.prepare(request, operations)
        self.constrain(wanted, operations)
        self.change(request, seq, operations)

    def constrained_afterwards(self, request, seq, operations):
        wanted = self.prepare(request, operations)
        self.change(request, seq, operations)
        self.constrain(wanted, operations)

    def unconstrained(self, request, seq, operations):
        wanted = self.prepare(request, operations)
        self.change(request, seq, operations, needed=wanted)

    def prepare(self, request, operations):
        for each in request.preparations:
            known = self.schemas.setdefault(each.table, [])
            if not isinstance(each, DeclareSchema) or each.schema in known[each.base :]:
                continue
            if len(known) != each.base:
                raise Refused(SchemaMoved)
            known.append(each.schema)
            operations.append(Declare(each.table, each.schema, len(known), each.seen))
        wanted = [each for each in request.preparations if isinstance(each, MakeUnique)]
        return [each for each in wanted if each.field not in self.unique.get(each.table, ())]

    def constrain(self, wanted, operations):
        for each in wanted:
            keys = [self.key(record, each.field) for _, record in self.rows_of(each.table)]
            keys = [held for held in keys if held is not None]
            if len(keys) != len({*keys}):
                raise Refused(DuplicatesFound)
            self.unique.setdefault(each.table, []).append(each.field)
            number = self.number(each.table, each.schema)
            operations.append(Constrain(each.table, each.field, number))

    def change(self, request, seq, operations, needed=()):
        for wish in request.changes:
            operation = self.operation(wish, request.schemas)
            if wish is request.changes[0]:
                operations.append(Names(request.key))
            if isinstance(operation, Put):
                self.put(operation, seq, needed)
            else:
                del self.rows[wish.table][wish.pk]
            operations.append(operation)

    def operation(self, wish, schemas):
        rows = self.rows.setdefault(wish.table, {})
        if not isinstance(wish, Insert):
            if wish.pk not in rows:
                raise Refused(RecordNotFound)
            if wish.version is not None and rows[wish.pk][0] != wish.version:
                raise Refused(ConflictError)
        if isinstance(wish, Remove):
            return Delete(wish.table, wish.pk)
        pk = self.next.get(wish.table, 1) if isinstance(wish, Insert) else wish.pk
        return Put(wish.table, pk, wish.data, self.number(wish.table, schemas[wish.table]))

    def put(self, put, seq, needed):
        record = json.loads(put.data)
        fields = [each.field for each in needed if each.table == put.table]
        if any(self.needs(put, field, record) for field in fields):
            raise Refused(DuplicatesFound)
        for field in self.unique.get(put.table, ()):
            if self.holders(put.table, field, self.key(record, field), put.pk):
                raise Refused(UniqueViolation)
        self.rows[put.table][put.pk] = (seq, record)
        self.next[put.table] = max(put.pk + 1, self.next.get(put.table, 1))

    def needs(self, put, field, record):
        _, before = self.rows[put.table].get(put.pk, (0, {}))
        old, new = self.key(before, field), self.key(record, field)
        if new is None or new == old:
            return False
        was_shared = self.holders(put.table, field, old, put.pk) > 0
        return not was_shared or self.holders(put.table, field, new, put.pk) > 0

    def holders(self, table, field, wanted, but):
        rows = self.rows.get(table, {}).items()
        return sum(
            wanted is not None and pk != but and self.key(record, field) == wanted
            for pk, (_, record) in rows
        )

    def rows_of(self, table):
        return self.rows.get(table, {}).values()

    def number(self, table, schema):
        known = self.schemas.get(table, [])
        return len(known) - known[::-1].index(schema)

    @staticmethod
    def key(record, field):
        """The key that counts for uniqueness; None where there is no value."""
        return None if record.get(field) is None else key("plain", record[field])

    def rows_held(self):
        return {table: rows for table, rows in self.rows.items() if rows}


def held_by(replica):
    return {
        table: {pk: (seq, json.loads(text)) for pk, seq, text in rows}
        for table in TABLES
        if (rows := replica.select(table, []))
    }


@dataclasses.dataclass
class Taken:
    """A snapshot that was read to its end."""

    chunks: list[bytes]
    head: Head
    hash: str
    records: int


def taken(replica):
    """The snapshot of a replica."""
    with contextlib.closing(replica.snapshot()) as snapshot:
        lines = b"".join(snapshot.lines())
        return Taken([lines], snapshot.head, snapshot.hash, snapshot.records)


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
        return self.log[-1].entry.header.hash if self.log else GENESIS

    @precondition(lambda self: self.proposed is None)
    @rule(wishes=requests)
    def propose(self, wishes):
        after = copy.deepcopy(self.model)
        asked_for = [each.request(self.replica) for each in wishes]
        expected = [after.request(request, self.seq) for request in asked_for]
        proposal = self.replica.propose(asked_for)
        assert [None if isinstance(v, Placed) else type(v) for v in proposal.verdicts] == [
            error for _, error in expected
        ]
        for request, verdict in zip(asked_for, proposal.verdicts, strict=True):
            assert not isinstance(verdict, Placed) or len(verdict.pks) == len(request.changes)
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
        asked_for = [each.request(self.replica) for each in wishes]
        operations = [op for each in asked_for for op in self.model.request(each, self.seq)[0]]
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
    @rule()
    def the_state_is_the_same_in_every_replica(self):
        self.the_follower_applies_what_is_new()
        assert taken(self.replica) == taken(self.follower)

    @precondition(lambda self: self.proposed is None)
    @rule()
    def another_replica_takes_over_from_a_snapshot(self):
        before = taken(self.replica)
        restored = Replica(LANES)
        restored.apply(self.log[:1])  # what it held before is no matter
        restored.restore(before.chunks, before.head, before.hash)
        self.replica.close()
        self.replica = restored
        assert taken(restored) == before

    @precondition(lambda self: self.proposed is None)
    @rule(table=tables, field=st.sampled_from(["name", "tag", "other"]))
    def index(self, table, field):
        self.replica.index(IndexWanted(table, field, FINGERPRINT))

    @rule(table=tables, field=st.sampled_from(["name", "tag"]), value=values)
    def a_search_finds_what_is_there(self, table, field, value):
        wanted, sought = key("plain", value), column(field)
        columns = self.replica.layouts.get(table, EMPTY).columns
        if (field, FINGERPRINT) not in columns:
            return
        found = self.replica.select(table, [(sought, wanted)])
        rows = self.model.rows.get(table, {}).items()
        assert [pk for pk, _, _ in found] == sorted(
            pk
            for pk, (_, record) in rows
            if field not in record or key("plain", record[field]) == wanted
        )

    @invariant()
    def what_is_published_of_the_positions_is_what_is_settled(self):
        if hasattr(self, "replica"):
            published = self.replica.positions
            assert [published.message_at(seq) for seq in range(len(self.log) + 2)] == [
                0,
                *(commit.entry.message.id for commit in self.log),
                0,
            ]
            assert published.head == Head(len(self.log), self.chain)

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


TestReplicas = Replicas.TestCase
TestReplicas.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


@pytest.fixture
def replica():
    made = Replica(LANES)
    yield made
    made.close()


def commit(replica, *changes, declared=None):
    proposal = replica.propose([asked(*changes, declared=declared, replica=replica)])
    assert isinstance(proposal.verdicts[0], Placed)
    replica.settle(entry(proposal.seq, proposal.chain))
    return proposal


def test_a_reader_on_another_thread_never_sees_a_proposal(replica):
    commit(replica, Insert("a", '{"n":0}'))
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            seen.extend(json.loads(text)["n"] for _, _, text in replica.select("a", []))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(200):
        replica.propose([asked(Replace("a", 1, '{"n":-1}'))])
        replica.withdraw()
    stop.set()
    reader.join()
    assert set(seen) == {0}


def test_readers_see_the_old_state_until_a_replay_is_done(replica):
    log = []
    for number in range(1, 60):
        chain = log[-1].entry.header.hash if log else GENESIS
        log.append(Commit(entry(number, chain), [Put("a", number, '{"n":"x"}', 1)]))
    log[0] = Commit(log[0].entry, [Declare("a", schema_of({"n": "plain"}), 1), *log[0].operations])
    replica.apply(log)
    replica.index(IndexWanted("a", "n", FINGERPRINT))
    counts, stop, failed = set(), threading.Event(), []

    def read():
        try:
            while not stop.is_set():
                counts.add(len(replica.select("a", [(column("n"), '"x')])))
        except Exception as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(60):
        replica.replay(log)
        replica.index(IndexWanted("a", "n", FINGERPRINT))
    stop.set()
    reader.join()
    assert not failed
    assert counts == {59}


def test_a_primary_key_is_never_used_again(replica):
    commit(replica, Insert("a", "{}"), Insert("a", "{}"))
    commit(replica, Remove("a", 2))
    assert commit(replica, Insert("a", "{}")).verdicts[0].pks == [3]


def test_a_primary_key_that_another_writer_used_up_is_not_used_again(replica):
    first = Commit(entry(1, GENESIS), [Put("a", 1, "{}"), Put("a", 2, "{}")])
    replica.apply([first, Commit(entry(2, first.entry.header.hash), [Delete("a", 2)])])
    replica.propose([asked(Insert("a", "{}"))])
    replica.withdraw()
    assert commit(replica, Insert("a", "{}")).verdicts[0].pks == [3]


def test_a_record_has_the_version_of_the_commit_that_wrote_it_last(replica):
    commit(replica, Insert("a", "{}"), Insert("a", "{}"))
    commit(replica, Replace("a", 1, '{"n":1}', 1))
    assert replica.select("a", []) == [(1, 2, '{"n":1}'), (2, 1, "{}")]


def test_a_removal_of_another_version_is_a_conflict(replica):
    commit(replica, Insert("a", "{}"))
    commit(replica, Replace("a", 1, '{"n":1}'))
    error = replica.propose([asked(Remove("a", 1, 1))]).verdicts[0]
    replica.withdraw()
    assert isinstance(error, ConflictError)
    assert (error.expected, error.found) == (1, 2)


def test_a_record_is_not_in_the_way_of_its_own_value(replica):
    commit(replica, Insert("a", '{"name":"x"}'), declared=SCHEMAS[1])
    commit(replica, Replace("a", 1, '{"name":"x","tag":1}'), declared=SCHEMAS[1])
    assert replica.select("a", []) == [(1, 2, '{"name":"x","tag":1}')]


def test_a_request_that_does_not_hold_leaves_nothing_behind(replica):
    half = asked(Insert("a", '{"half":1}'), Insert("a", '{"half":2}'), Remove("a", 9))
    proposal = replica.propose([half, asked(Insert("a", '{"whole":1}'))])
    assert isinstance(proposal.verdicts[0], RecordNotFound)
    assert proposal.operations[1:] == [Put("a", 1, '{"whole":1}')]
    replica.settle(entry(1, GENESIS))
    assert replica.select("a", []) == [(1, 1, '{"whole":1}')]


def test_what_is_published_can_be_read_at_once(replica):
    seen = []
    publish = replica._publish

    def published():
        publish()
        seen.append((replica.head.seq, replica.count("a")))

    replica._publish = published
    apply_frames(replica, 2)
    assert seen == [(1, 1), (2, 2)]


def test_a_proposal_that_was_withdrawn_uses_up_no_primary_key(replica):
    replica.propose([asked(Insert("a", "{}"))])
    replica.withdraw()
    assert commit(replica, Insert("a", "{}")).verdicts[0].pks == [1]


def test_a_violation_names_field_value_and_holder(replica):
    commit(replica, Insert("a", '{"name":"x","tag":1}'), declared=SCHEMAS[2])
    again = asked(Insert("a", '{"name":"y","tag":1}'), declared=SCHEMAS[2])
    error = replica.propose([again]).verdicts[0]
    replica.withdraw()
    assert isinstance(error, UniqueViolation)
    assert (error.table, error.field, error.value, error.pk) == ("a", "tag", 1, 1)


def test_a_field_without_a_value_does_not_keep_the_next_one_from_being_checked(replica):
    commit(replica, Insert("a", '{"name":"x","tag":1}'), declared=SCHEMAS[2])
    for field, values in (("tag", '{"name":null,"tag":1}'), ("name", '{"name":"x","tag":null}')):
        error = replica.propose([asked(Insert("a", values), declared=SCHEMAS[2])]).verdicts[0]
        replica.withdraw()
        assert isinstance(error, UniqueViolation)
        assert error.field == field


def test_records_with_null_in_a_unique_field_are_not_in_the_way_of_a_look_up(replica):
    inserts = [Insert("a", '{"name":null}') for _ in range(20)]
    commit(replica, *inserts, Insert("a", '{"name":"x"}'), declared=SCHEMAS[1])
    assert [pk for pk, _, _ in replica.select("a", [(column("name"), '"x')])] == [21]
    nulls = [pk for pk, *_ in replica.select("a", [(column("name"), "null")])]
    assert nulls == [*range(1, 21)]


def test_a_field_that_becomes_unique_over_duplicates_is_refused(replica):
    twins = [Insert("a", '{"name":"x"}'), Insert("a", '{"name":"x"}')]
    commit(replica, *twins, declared=SCHEMAS[0])
    wanted = asked(Insert("a", '{"name":"y"}'), declared=SCHEMAS[1], replica=replica)
    error = replica.propose([wanted]).verdicts[0]
    replica.withdraw()
    assert isinstance(error, DuplicatesFound)
    assert (error.value, error.pk, error.groups, error.values) == ("x", 1, [(1, 2)], 1)


def test_a_commit_in_the_log_that_cannot_be_is_named_as_damage(replica):
    bad = [*UNIQUE, Put("a", 1, '{"name":"x"}', 1), Put("a", 2, '{"name":"x"}', 1)]
    with pytest.raises(LogDamaged, match="position 1"):
        replica.apply([Commit(entry(1, GENESIS), bad)])
    assert replica.head.seq == 0
    assert replica.select("a", []) == []


def test_a_position_out_of_order_is_refused(replica):
    with pytest.raises(AssertionError, match="does not follow"):
        replica.apply([Commit(entry(2, GENESIS), [Put("a", 1, "{}")])])
    assert replica.head.seq == 0


def test_a_void_position_passes_and_the_chain_goes_on_from_the_frame_before(replica):
    replica.apply([Commit(entry(1, GENESIS, own="one"), [Put("a", 1, "{}")])])
    replica.apply([entry(2, "no such", own="two")])
    assert (replica.head.seq, replica.head.chain) == (2, "one")
    assert replica.select("a", []) == [(1, 1, "{}")]


@pytest.mark.parametrize("asked", ["at once", "long after"])
def test_which_message_would_have_been_taken_is_remembered(replica, asked):
    def changes_history(entry):
        asked_of = replica.positions.at if asked == "at once" else replica.position
        position = asked_of(entry.header.seq)
        return position is not None and position.loses_to(entry)

    replica.apply([Commit(entry(1, GENESIS, message=50), [])])
    assert changes_history(entry(1, GENESIS, message=40))
    assert not changes_history(entry(1, GENESIS, message=50))
    assert not changes_history(entry(1, GENESIS, message=60))
    assert not changes_history(entry(1, "other", message=40))
    assert not changes_history(entry(2, GENESIS, message=40))
    replica.apply([entry(2, "void", message=70)])
    assert changes_history(entry(2, replica.head.chain, message=80))


def test_where_to_look_for_a_position_is_never_above_it(replica):
    messages = {1: 10, 2: 20, 3: 30, 4: 90, 5: 50, 6: 60}
    for seq, message in messages.items():
        replica.apply([Commit(entry(seq, replica.head.chain, message=message), [])])
    assert [replica.positions.below(seq) for seq in (1, 3, 4)] == [0, 0, 10]
    assert replica.positions.below(7) == 50, "4 came second: it is younger than what came after it"
    assert replica.positions.below(8) == 50
    assert replica.positions.below(9) == 60


@pytest.fixture
def forgetful_replica(monkeypatch):
    """A replica that publishes the last five positions."""
    monkeypatch.setattr(positions, "RECENT", 5)
    made = Replica(LANES)
    yield made
    made.close()


def apply_frames(replica, count):
    for _ in range(count):
        seq = replica.head.seq + 1
        replica.apply([Commit(entry(seq, replica.head.chain), [Put("a", seq, "{}")])])


def test_what_is_published_of_the_positions_is_bounded(forgetful_replica):
    apply_frames(forgetful_replica, 9)
    published = forgetful_replica.positions
    assert (published.oldest, len(published.recent)) == (5, 5)
    assert [published.message_at(seq) for seq in (0, 4, 5, 9, 10)] == [0, 0, 50, 90, 0]
    assert [published.below(seq) for seq in (4, 7, 8, 9, 12, 13)] == [0, 0, 50, 60, 90, 0]


def test_an_entry_at_a_position_of_long_ago_is_looked_up(forgetful_replica):
    apply_frames(forgetful_replica, 9)
    earlier = entry(1, GENESIS, message=9)
    assert forgetful_replica.positions.at(1) is None
    assert not forgetful_replica.position(9).loses_to(entry(9, GENESIS))
    assert forgetful_replica.position(1).loses_to(earlier)


def test_a_replay_starts_the_recent_positions_anew(replica):
    apply_frames(replica, 3)
    replica.replay([Commit(entry(1, GENESIS, message=15), [])])
    assert [replica.positions.message_at(seq) for seq in (1, 2, 3)] == [15, 0, 0]
    assert replica.head.seq == 1
    assert len(replica.positions.recent) == 1


def test_a_replay_has_nothing_of_before(replica):
    schema = json.loads(schema_of({"n": "plain"}))
    said = Keys("a", "n", FieldSchema.from_json("n", schema["fields"]["n"]), ((1, '"other'),))
    row = Put("a", 1, '{"n":"x"}', 1)
    first = Commit(entry(1, GENESIS), [Declare("a", json.dumps(schema), 1), row, said])
    replica.apply([first, Commit(entry(2, first.entry.header.hash), [Put("b", 1, "{}")])])
    assert replica.said("a", [("n", FINGERPRINT)]) == {(1, "n")}
    replica.replay([Commit(entry(1, GENESIS, message=5), [Put("a", 7, "{}")])])
    assert replica.select("a", []) == [(7, 1, "{}")]
    assert replica.select("b", []) == []
    assert replica.said("a", [("n", FINGERPRINT)]) == set()
    assert replica.layouts["a"] == EMPTY


def test_a_replay_starts_the_primary_keys_anew(replica):
    commit(replica, Insert("a", "{}"), Insert("a", "{}"))
    replica.replay([Commit(entry(1, GENESIS), [Put("a", 1, "{}")])])
    assert commit(replica, Insert("a", "{}")).verdicts[0].pks == [2]


def test_an_index_on_a_table_that_is_not_there_makes_none(replica):
    replica.index(IndexWanted("a", "name", FINGERPRINT))
    assert not replica.layouts
    commit(replica, Insert("a", '{"name":"x"}'))
    assert not replica.layouts["a"].columns


def test_nothing_of_a_run_that_failed_is_published(replica):
    apply_frames(replica, 2)
    before = replica.positions
    first = entry(3, replica.head.chain)
    bad = [*UNIQUE, Put("a", 7, '{"name":"x"}', 1), Put("a", 8, '{"name":"x"}', 1)]
    run = [Commit(first, []), Commit(entry(4, first.header.hash), bad)]
    with pytest.raises(LogDamaged):
        replica.apply(run)
    with pytest.raises(LogDamaged):
        replica.replay([Commit(entry(1, GENESIS, message=5), bad)])
    assert replica.positions == before
    apply_frames(replica, 1)
    assert [replica.positions.message_at(seq) for seq in (1, 2, 3)] == [10, 20, 30]


class Watch:
    """Tells the statements of the writing connection that the worker makes from all others."""

    def __init__(self, process, replica):
        self.on_the_worker, self.elsewhere = [], []
        self._statements = self.elsewhere
        self._work, process.seam.work = process.seam.work, self.work
        replica._writer.set_trace_callback(self._note)

    def _note(self, statement):
        self._statements.append(statement)

    async def work(self, step):
        return await self._work(lambda: self._watched(step))

    def _watched(self, step):
        self._statements = self.on_the_worker
        try:
            return step()
        finally:
            self._statements = self.elsewhere


def test_the_writing_connection_is_used_on_the_worker_alone(make_world, monkeypatch):
    monkeypatch.setattr(positions, "RECENT", 5)
    world = make_world(7, PROFILES["rough"].faults)
    processes = [world.process(name) for name in ("one", "two")]
    engines = [world.run_in(process, open_engine(process)) for process in processes]
    watches = [
        Watch(process, engine.replica) for process, engine in zip(processes, engines, strict=True)
    ]
    for number in range(40):
        process, engine = processes[number % 2], engines[number % 2]
        with contextlib.suppress(DiscobaseError):
            world.run_in(process, put(engine, Insert("a", f'{{"n":{number}}}')))
        if number % 10 == 0:
            process.session.lose(1)
    for lane in engines[0].superblock.lanes:
        for stored in world.messages[lane].values():
            world.broadcast(MessageArrived(stored.message))
    world.pass_time(30)
    assert engines[0].replica.head == engines[1].replica.head
    assert engines[0].replica.head.seq > 20
    for watch in watches:
        assert watch.elsewhere == []
        assert any("FROM frame WHERE seq = 1" in text for text in watch.on_the_worker)


def test_the_own_echo_of_a_commit_costs_no_query(make_world):
    world = make_world(faults=Faults(slow_event=1.0))
    process = world.process("one")
    engine = world.run_in(process, open_engine(process))
    world.run_in(process, put(engine, Insert("a", "{}")))
    watch = Watch(process, engine.replica)
    world.pass_time(30)
    assert watch.elsewhere == watch.on_the_worker == []


def test_a_schema_is_declared_once_and_an_older_one_does_not_come_back(replica):
    commit(replica, declared=SCHEMAS[0])
    commit(replica, declared=SCHEMAS[1])
    again = asked(declared=SCHEMAS[0], replica=replica)
    assert replica.propose([again]).operations == []
    replica.withdraw()
    assert replica.layouts["a"].unique_column("name")


def test_a_class_without_the_mark_does_not_drop_what_is_unique(replica):
    commit(replica, Insert("a", '{"name":"x","tag":1}'), declared=SCHEMAS[1])
    commit(replica, declared=SCHEMAS[3])
    twin = asked(Insert("a", '{"name":"x","tag":2}'), declared=SCHEMAS[3])
    assert isinstance(replica.propose([twin]).verdicts[0], UniqueViolation)
    replica.withdraw()


def test_what_is_unique_is_dropped_for_all_and_asked_for_again_by_who_counts_on_it(replica):
    commit(replica, Insert("a", '{"name":"x"}'), declared=SCHEMAS[1])
    drop = Request((), preparations=[DropUnique("a", "name")])
    proposal = replica.propose([drop])
    assert proposal.operations == [Release("a", "name")]
    replica.settle(entry(proposal.seq, proposal.chain))
    assert replica.layouts["a"].unique_column("name") is None
    again = asked(Insert("a", '{"name":"x"}'), declared=SCHEMAS[1], replica=replica)
    assert isinstance(replica.propose([again]).verdicts[0], UniqueViolation)
    replica.withdraw()


@pytest.mark.parametrize("pk", [0, -1, 2**63, 2**70])
def test_a_primary_key_that_cannot_be_is_not_found(replica, pk):
    commit(replica, Insert("a", "{}"))
    assert replica.get("a", pk) is None
    wishes = [Replace("a", pk, "{}"), Remove("a", pk), Insert("a", "{}")]
    verdicts = replica.propose([asked(wish) for wish in wishes]).verdicts
    replica.withdraw()
    assert [type(verdict) for verdict in verdicts] == [
        RecordNotFound,
        RecordNotFound,
        Placed,
    ]


def test_nothing_is_left_on_the_disk_after_close(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    replica = Replica(LANES)
    commit(replica, Insert("a", "{}"))
    assert replica.select("a", []) == [(1, 1, "{}")]
    assert list(tmp_path.iterdir())
    replica.close()
    assert not list(tmp_path.iterdir())


class Awaited(int):
    """A primary key that keeps the reader who looks for it at work until it is let go."""

    def __init__(self, _value):
        self.at_work, self.let_go = threading.Event(), threading.Event()

    def __conform__(self, _protocol):
        self.at_work.set()
        assert self.let_go.wait(10)
        return int(self)


@pytest.fixture
def connections(monkeypatch):
    """The SQLite connections that are made."""
    made, connect = [], sqlite3.connect

    def connected(*args, **kwargs):
        made.append(connect(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr("sqlite3.connect", connected)
    return made


def is_closed(connection):
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return True
    return False


def test_a_reader_at_work_when_the_replica_is_closed_finishes_and_leaves_nothing(
    tmp_path, monkeypatch, connections
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    replica = Replica(LANES)
    commit(replica, Insert("a", "{}"))
    pk, found = Awaited(1), []
    reader = threading.Thread(target=lambda: found.append(replica.get("a", pk)))
    reader.start()
    assert pk.at_work.wait(10)
    replica.close()
    assert list(tmp_path.iterdir())
    pk.let_go.set()
    reader.join()
    assert found == [(1, 1, "{}")]
    assert len(connections) == 2
    assert all(map(is_closed, connections))
    assert not list(tmp_path.iterdir())


def test_a_read_after_the_close_says_that_the_connection_has_ended(replica):
    commit(replica, Insert("a", "{}"))
    assert replica.count("a") == 1
    replica.close()
    for read in (lambda: replica.get("a", 1), lambda: replica.select("a", [])):
        with pytest.raises(Disconnected, match="log in again"):
            read()


def test_nothing_of_it_is_kept_once_it_is_closed_and_forgotten():
    replica = Replica(LANES)
    kept = weakref.ref(replica._reader)
    replica.close()
    del replica
    gc.collect()
    assert kept() is None
