"""Key columns, one rule at a time: what stands in one for which record, when it comes and goes, and
what is decided by it.

``test_evolution.py`` holds that searches are right whatever happens. What is seen there by chance
alone is here with the one history that shows it: each of these tests has failed for a mistake that
the others let pass.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import Field, StringConstraints, field_validator

from discobase import Index, Table, Unique, schema
from discobase.engine import committer
from discobase.engine.changes import (
    Change,
    DeclareSchema,
    DropUnique,
    IndexWanted,
    Insert,
    MakeUnique,
    Placed,
    Preparation,
    Remove,
    Replace,
    Request,
    SayKeys,
    SchemaMoved,
)
from discobase.engine.keys import Kind
from discobase.engine.log.entry import Commit, Entry
from discobase.engine.log.frame import Header
from discobase.engine.operations import (
    OF_0_1,
    Constrain,
    Declare,
    Delete,
    FieldSchema,
    Keys,
    Loaded,
    Names,
    Operation,
    Put,
    Release,
    Schema,
)
from discobase.engine.replica import KEYLESS, Cache, KeyColumn, Replica, may_make_unique
from discobase.engine.replica.columns import table_name
from discobase.engine.server.seam import Message
from discobase.errors import DiscobaseError, DuplicatesFound, SchemaConflict, UniqueViolation
from tests.engine.schemas import FINGERPRINT, schema_of
from tests.engine.test_evolution import Host, attached, keys_in
from tests.engine.workload import open_engine, put

OLD, NEW, DEPENDENT = "old", "new", "new*"
"""Fingerprints of the field ``x``."""


def class_of(
    fingerprint: str,
    *,
    kind: Kind = "plain",
    missing: str | None = None,
    unique: bool = False,
    indexed: bool = False,
    field: str = "x",
) -> str:
    """The schema of a class with one field, as text."""
    fields = {field: FieldSchema(kind, fingerprint, missing)}
    return Schema(fields, (field,) * unique, (field,) * indexed).to_json()


def column_of(fingerprint: str, *, kind: Kind = "plain", missing: str | None = None) -> KeyColumn:
    return KeyColumn.of("x", FieldSchema(kind, fingerprint, missing))


def x(value: Any) -> str:
    """What is stored of a record."""
    return json.dumps({"x": value})


class State:
    """A replica, and what is done to it.

    Args:
        restored: whether another replica takes over after each commit, from a snapshot.
    """

    def __init__(self, *, restored: bool = False) -> None:
        self.replica = Replica(1)
        self._restored = restored

    def _committed(self) -> None:
        if self._restored:
            with contextlib.closing(self.replica.snapshot()) as snapshot:
                lines = [*snapshot.lines()]
            other = Replica(1)
            other.restore(lines, snapshot.head, snapshot.hash)
            self.replica.close()
            self.replica = other

    @property
    def next(self) -> int:
        return self.replica.head.seq + 1

    def entry(self) -> Entry:
        head = self.replica.head
        header = Header(self.next, head.chain, "w", 0.0, 1, "h", "inline", 1, f"hash {self.next}")
        return Entry(Message(self.next, 0, 1, ""), header)

    def apply(self, *operations: Operation) -> None:
        """Apply what another process has committed."""
        self.replica.apply([Commit(self.entry(), list(operations))])
        self._committed()

    def ask(self, *changes: Change, schema: str = "", preparations: list[Preparation] = []) -> Any:  # noqa: B006
        """Try a request; the operations that it came to, or the error."""
        schemas = {"t": schema} if schema else {}
        proposal = self.replica.propose([Request(changes, schemas, preparations)])
        (verdict,) = proposal.verdicts
        if isinstance(verdict, Placed) and proposal.operations:
            self.replica.settle(self.entry())
            self._committed()
        else:
            self.replica.withdraw()
        if isinstance(verdict, DiscobaseError):
            return verdict
        return [each for each in proposal.operations if not isinstance(each, Names)]

    def keys(self, column: KeyColumn, table: str = "t") -> dict[int, str | None]:
        """What stands in a column, by primary key."""
        # A replica has no way to ask for that: who searches has no need of it.
        return dict(
            self.replica._writer.execute(
                f"SELECT pk, {column.name} FROM {table_name(table)} ORDER BY pk"
            )
        )

    def index(self, fingerprint: str, table: str = "t") -> None:
        """Begin a column, and fill it."""
        self.replica.index(IndexWanted(table, "x", fingerprint))
        while self.replica.fill(2):
            pass

    def columns(self) -> set[str]:
        """The fingerprints for which there are columns of use."""
        return {fingerprint for _, fingerprint in self.replica.layouts["t"].columns}

    def unique(self) -> str | None:
        """The fingerprint by which the field is unique."""
        held = self.replica.layouts["t"].unique_column("x")
        return held and held.fingerprint


@pytest.fixture(params=[False, True], ids=["", "restored after each commit"])
def state(request: pytest.FixtureRequest) -> Iterator[State]:
    made = State(restored=request.param)
    yield made
    made.replica.close()


made_for_searches = pytest.mark.parametrize("state", [False], ids=[""], indirect=True)
"""Of tests on columns that no snapshot has: a replica makes them for its own searches, or as long
as the log has not said all."""


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.state.close()


class TestTheKeyOfOneRecord:
    @pytest.mark.parametrize(
        ("record", "before"),
        [
            ({"x": 1}, None),
            ({"x": 1}, ({"x": 2}, "#2")),
            ({"x": 1}, ({}, KEYLESS)),
            # None is a value like others, and was not one before.
            ({"x": None}, ({}, KEYLESS)),
            # They are equal in Python, and a class may load them as different values.
            ({"x": 1}, ({"x": True}, "true")),
            ({"x": 1}, ({"x": 1.0}, "#1")),
            ({"x": [1]}, ({"x": [True]}, "[true]")),
        ],
    )
    def test_is_unknown_where_another_class_has_written_another_value(self, record, before):
        assert column_of(NEW).foreign_key(record, before) is None

    def test_stays_where_another_class_leaves_the_field_as_it_is(self):
        assert column_of(NEW).foreign_key({"x": 1, "y": 2}, ({"x": 1}, "what it was")) == (
            "what it was"
        )

    @pytest.mark.parametrize(("missing", "expected"), [('"a', '"a'), (None, KEYLESS)])
    def test_is_that_of_the_default_where_the_field_lacks_whoever_wrote_it(self, missing, expected):
        column = column_of(NEW, missing=missing)
        assert column.foreign_key({}) == column.key({}) == expected
        assert column.foreign_key({}, ({"x": 1}, "#1")) == expected

    @pytest.mark.parametrize("record", [{}, {"x": 1}])
    def test_is_unknown_where_other_fields_may_have_a_say(self, record):
        column = column_of(DEPENDENT, missing='"a')
        assert column.foreign_key(record, (record, "#1")) is None

    def test_is_made_of_what_is_stored_by_whatever_class_as_version_0_1_has_it(self):
        column = column_of(OF_0_1)
        assert [column.is_for(each) for each in (NEW, None, OF_0_1)] == [True] * 3
        assert [column_of(NEW).is_for(each) for each in (NEW, OLD, None)] == [True, False, False]
        assert column.key({}) is None, "its classes may have had a default"


class TestKeysThatTheLogSays:
    def said(self, state: State) -> None:
        """A record of the old class, whose key for the new one is another than it looks."""
        state.apply(Declare("t", class_of(OLD), 1), Put("t", 1, x("A"), 1))
        state.apply(
            Keys("t", "x", FieldSchema("plain", NEW), ((1, '"a'),)),
            Declare("t", class_of(NEW), 2, seen=1),
        )

    def test_stand_in_a_column_that_is_made_later(self, state):
        self.said(state)
        state.index(NEW)
        assert state.keys(column_of(NEW)) == {1: '"a'}

    def test_are_forgotten_when_the_record_is_put_again(self, state):
        self.said(state)
        state.apply(Put("t", 1, x("b"), 2))
        state.index(NEW)
        assert state.keys(column_of(NEW)) == {1: '"b'}

    def test_are_forgotten_when_the_record_is_deleted(self, state):
        self.said(state)
        wanted = [("x", NEW)]
        assert state.replica.said("t", wanted) == {(1, "x")}
        state.apply(Delete("t", 1))
        assert state.replica.said("t", wanted) == set()

    def test_are_asked_for_by_fingerprint(self, state):
        self.said(state)
        assert state.replica.said("t", [("x", OLD)]) == set()

    def test_are_forgotten_when_no_newest_schema_has_the_fingerprint_and_kept_until_then(
        self, state
    ):
        self.said(state)
        state.apply(Declare("t", class_of("other", field="y"), 3, seen=2))
        assert state.replica.said("t", [("x", NEW)]) == {(1, "x")}
        state.apply(Declare("t", class_of("newer"), 4, seen=3))
        assert state.replica.said("t", [("x", NEW)]) == set()

    @made_for_searches
    @pytest.mark.parametrize("is_filled", [True, False])
    def test_stand_in_a_column_that_is_there_already(self, state, is_filled):
        state.apply(Declare("t", class_of(OLD), 1), Declare("t", class_of(NEW), 2))
        state.apply(*(Put("t", pk, x("A"), 1) for pk in (1, 2, 3)))
        state.replica.index(IndexWanted("t", "x", NEW))
        while state.replica.fill(1) and is_filled:
            pass
        state.apply(Keys("t", "x", FieldSchema("plain", NEW), ((1, '"a'),)))
        assert state.keys(column_of(NEW)) == {1: '"a', 2: None, 3: None}
        while state.replica.fill(1):
            pass
        assert state.keys(column_of(NEW)) == {1: '"a', 2: None, 3: None}

    def test_are_not_said_of_a_record_that_has_been_put_meanwhile(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Put("t", 1, x("A"), 1), Put("t", 2, x("B"), 1))
        state.apply(Put("t", 2, x("C"), 1))
        keys = ((1, 1, '"a'), (2, 1, '"b'), (3, 1, '"c'))
        field = FieldSchema("plain", NEW)
        taken = state.ask(preparations=[SayKeys("t", "x", field, keys)])
        assert taken == [Keys("t", "x", field, ((1, '"a'),))]
        assert state.ask(preparations=[SayKeys("t", "x", field, ((2, 1, '"b'),))]) == []

    @made_for_searches
    def test_may_be_none_of_the_records_that_were_loaded(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Put("t", 1, x("a"), 1))
        field, loaded = FieldSchema("plain", NEW), Loaded(0, 1, 1)
        taken = state.ask(preparations=[SayKeys("t", "x", field, (), loaded)])
        assert taken == [Keys("t", "x", field, (), loaded)]
        assert state.keys(column_of(NEW)) == {1: '"a'}


class TestWhatWasLoaded:
    """Up to the position `seen`, keys are as what is stored where nothing is said; not above it."""

    def test_ends_with_the_position_up_to_which_it_was(self, state):
        state.apply(Declare("t", class_of(OLD), 1))
        for pk in (1, 2, 3):
            state.apply(Put("t", pk, x("a"), 1))  # at the positions 2, 3 and 4
        state.apply(Declare("t", class_of(NEW, indexed=True), 2, seen=3))
        assert state.keys(column_of(NEW)) == {1: '"a', 2: '"a', 3: None}

    def test_is_what_the_newest_class_has_loaded_and_no_other(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Put("t", 1, x("a"), 1))
        state.apply(Declare("t", class_of(NEW), 2, seen=1))
        layout = state.replica.layouts["t"]
        assert (layout.seen("x", NEW), layout.seen("x", OLD)) == (1, 0)

    @made_for_searches
    def test_goes_by_primary_keys_where_a_column_is_filled_in_steps(self, state):
        state.apply(Declare("t", class_of(OLD), 1), *(Put("t", n, x("a"), 1) for n in range(1, 6)))
        state.apply(Put("t", 3, x("b"), 1))
        field = FieldSchema("plain", NEW)
        state.apply(Keys("t", "x", field, ((2, '"2'),), Loaded(1, 3, 1)))
        assert state.keys(column_of(NEW)) == {1: None, 2: '"2', 3: None, 4: None, 5: None}
        assert (state.columns(), len(state.replica.layouts["t"].unfinished)) == (set(), 1)
        state.apply(Keys("t", "x", field, (), Loaded(3, 4, 2)))
        assert state.keys(column_of(NEW)) == {1: None, 2: '"2', 3: None, 4: '"a', 5: None}

    def test_by_the_declaration_fills_what_the_steps_left_open(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Put("t", 1, x("a"), 1), Put("t", 2, x("b"), 1))
        state.apply(Keys("t", "x", FieldSchema("plain", NEW), (), Loaded(0, 1, 1)))
        state.apply(Put("t", 1, x("c"), 1))
        state.apply(Declare("t", class_of(NEW, indexed=True), 2, seen=3))
        assert state.keys(column_of(NEW)) == {1: '"c', 2: '"b'}
        assert state.columns() == {NEW}

    def test_by_a_later_class_with_the_same_fingerprint_fills_what_is_unknown(self, state):
        state.apply(Declare("t", class_of(NEW, indexed=True), 1))
        state.apply(Declare("t", class_of(OLD, field="y"), 2), Put("t", 1, x("a"), 2))
        assert state.keys(column_of(NEW)) == {1: None}
        state.apply(Declare("t", class_of(NEW, indexed=True, unique=True), 3, seen=2))
        assert state.keys(column_of(NEW)) == {1: '"a'}


class TestAColumnThatIsFilled:
    def of_five_records(self, state: State) -> None:
        state.apply(
            Declare("t", class_of(NEW), 1), *(Put("t", n, x(str(n)), 1) for n in range(1, 6))
        )
        state.replica.index(IndexWanted("t", "x", NEW))

    @pytest.mark.parametrize(("at_a_time", "steps"), [(2, 3), (5, 2), (6, 1), (1, 6)])
    def test_is_of_use_to_nobody_until_it_is_whole(self, state, at_a_time, steps):
        self.of_five_records(state)
        for number in range(1, steps):
            assert state.replica.fill(at_a_time)
            assert state.columns() == set()
            filled = [each for each in state.keys(column_of(NEW)).values() if each]
            assert filled == [f'"{n}' for n in range(1, min(number * at_a_time, 5) + 1)]
        assert not state.replica.fill(at_a_time)
        assert state.columns() == {NEW}
        assert state.keys(column_of(NEW)) == {n: f'"{n}' for n in range(1, 6)}

    @made_for_searches
    def test_has_what_is_put_meanwhile(self, state):
        self.of_five_records(state)
        assert state.replica.fill(2)
        state.apply(Put("t", 1, x("one"), 1), Put("t", 6, x("six"), 1))
        while state.replica.fill(2):
            pass
        assert state.keys(column_of(NEW)) == {
            1: '"one', 2: '"2', 3: '"3', 4: '"4', 5: '"5', 6: '"six'
        }  # fmt: skip

    def test_is_begun_once(self, state):
        self.of_five_records(state)
        assert state.replica.fill(2)
        state.replica.index(IndexWanted("t", "x", NEW))
        while state.replica.fill(2):
            pass
        state.replica.index(IndexWanted("t", "x", NEW))
        assert not state.replica.fill(2)
        assert state.columns() == {NEW}

    @made_for_searches
    def test_does_not_keep_another_one_from_being_filled(self, state):
        self.of_five_records(state)
        state.apply(Declare("u", class_of(NEW), 1), Put("u", 1, x("u"), 1))
        state.replica.index(IndexWanted("u", "x", NEW))
        while state.replica.fill(2):
            pass
        assert all(state.replica.layouts[table].columns for table in "tu")

    def test_is_whole_at_once_where_it_is_to_be_unique(self, state):
        self.of_five_records(state)
        assert state.replica.fill(2)
        state.apply(Constrain("t", "x", 1))
        assert state.unique() == NEW
        assert state.keys(column_of(NEW)) == {n: f'"{n}' for n in range(1, 6)}

    def test_that_was_dropped_and_begun_anew_has_all_keys_when_it_becomes_unique(self, state):
        """The filling goes on where it was, in a column that is another one by now."""
        self.of_five_records(state)
        assert state.replica.fill(2)
        state.apply(Declare("t", class_of("newer"), 2), Declare("t", class_of(NEW), 3, seen=1))
        state.apply(Keys("t", "x", FieldSchema("plain", NEW), (), Loaded(4, 5, 1)))
        assert not state.replica.fill(9)
        state.apply(Constrain("t", "x", 3))
        assert state.keys(column_of(NEW)) == {n: f'"{n}' for n in range(1, 6)}

    def test_is_given_up_when_a_class_comes_that_loads_the_field_otherwise(self, state):
        self.of_five_records(state)
        assert state.replica.fill(2)
        state.apply(Declare("t", class_of("newer"), 2))
        assert not state.replica.fill(2)
        layout = state.replica.layouts["t"]
        assert (layout.columns, layout.unfinished) == ({}, {})

    def test_is_not_begun_for_a_class_that_is_not_the_newest(self, state):
        self.of_five_records(state)
        state.apply(Declare("t", class_of("newer"), 2))
        state.index(NEW)
        assert state.columns() == set()


class TestRowsThatLackAKey:
    def is_whole(self, state: State) -> bool:
        layout = state.replica.layouts["t"]
        held = state.replica._writer.execute("SELECT count(*) FROM lacking").fetchone()[0]
        keys = state.keys(column_of(NEW)).values()
        assert held == sum(key in (None, KEYLESS) for key in keys)
        return layout.is_whole(column_of(NEW))

    def test_are_noted_as_they_come_and_go(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Declare("t", class_of(NEW, indexed=True), 2))
        state.apply(Put("t", 1, x("a"), 2), Put("t", 2, x("b"), 2))
        assert self.is_whole(state)
        state.apply(Put("t", 3, x("c"), 1))  # unknown
        assert not self.is_whole(state)
        state.apply(Put("t", 4, "{}", 2), Put("t", 5, x("e"), 1))  # and one without a key
        state.apply(Put("t", 3, x("c"), 2), Delete("t", 4))
        assert not self.is_whole(state)
        state.apply(Delete("t", 5))
        assert self.is_whole(state)

    def test_are_as_before_where_a_proposal_comes_to_nothing(self, state):
        state.apply(Declare("t", class_of(NEW, indexed=True), 1), Put("t", 1, x("a"), 1))
        state.replica.propose([Request([Insert("t", "{}")], {"t": class_of(NEW, indexed=True)})])
        state.replica.withdraw()
        assert self.is_whole(state)
        state.ask(Insert("t", "{}"), schema=class_of(NEW, indexed=True))
        assert not self.is_whole(state)

    def test_are_known_after_a_restore(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Declare("t", class_of(NEW, indexed=True), 2))
        state.apply(Put("t", 1, x("a"), 1), Put("t", 2, x("b"), 2))
        restored = State(restored=True)
        with contextlib.closing(state.replica.snapshot()) as snapshot:
            restored.replica.restore([*snapshot.lines()], snapshot.head, snapshot.hash)
        assert not self.is_whole(restored)
        restored.replica.close()

    @made_for_searches
    def test_are_noted_while_a_column_is_filled(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Declare("t", class_of(NEW), 2))
        state.apply(*(Put("t", pk, x("a"), pk % 2 + 1) for pk in range(1, 8)))
        state.replica.index(IndexWanted("t", "x", NEW))
        assert state.replica.fill(2)
        state.apply(Put("t", 1, x("c"), 1), Put("t", 2, x("a"), 2), Put("t", 7, x("c"), 1))
        while state.replica.fill(2):
            pass
        assert not self.is_whole(state)
        assert state.replica.select("t", [(column_of(NEW), '"b')]) == [
            row for row in state.replica.select("t", []) if row[0] in (1, 4, 6, 7)
        ]


class TestALargeTable:
    """As large as one that is not looked through in one commit."""

    RECORDS = 2_001

    def fill_table(self, replica: Replica, *more: Operation) -> None:
        puts = [Put("t", pk, x(str(pk)), 1) for pk in range(1, self.RECORDS + 1)]
        head = replica.head
        header = Header(head.seq + 1, head.chain, "w", 0.0, 1, "h", "inline", 1, "hash 1")
        entry = Entry(Message(1, 0, 1, ""), header)
        replica.apply([Commit(entry, [Declare("t", class_of(NEW), 1), *puts, *more])])

    def test_is_not_looked_through_to_begin_a_column(self, state):
        self.fill_table(state.replica)
        said: list[str] = []
        state.replica._writer.set_trace_callback(said.append)
        state.replica.index(IndexWanted("t", "x", NEW))
        state.replica._writer.set_trace_callback(None)
        assert not any("CREATE INDEX" in each for each in said)

    def test_has_columns_when_none_is_left_to_spare(self, state):
        for number in range(1, 8):
            fields = {f"f{n}": FieldSchema("plain", NEW) for n in range(7)}
            text = Schema(fields, (), ()).to_json()
            if number == 1:
                state.apply(Declare("t", text, 1), Put("t", 1, json.dumps({"f0": 1, "f6": 2}), 1))
            state.replica.index(IndexWanted("t", f"f{number - 1}", NEW))
        while state.replica.fill(2):
            pass
        assert len(state.replica.layouts["t"].columns) == 7

    @made_for_searches
    def test_gets_the_columns_of_a_schema_in_steps(self, state):
        self.fill_table(state.replica, Declare("t", class_of(NEW, indexed=True), 2, seen=0))
        assert state.columns() == set()
        assert state.replica.filling
        while state.replica.fill(500):
            pass
        assert state.columns() == {NEW}
        assert state.keys(column_of(NEW)) == {n: f'"{n}' for n in range(1, self.RECORDS + 1)}

    def test_is_filled_on_by_the_next_process_that_was_killed(self, tmp_path):
        """Nothing is closed in the process that ends here."""
        script = f"""
import os, signal
from tests.engine.test_columns import *
from discobase.engine.replica import Cache
replica = Replica(1, Cache.claimed(__import__("pathlib").Path({str(tmp_path)!r}), "superblock"))
TestALargeTable().fill_table(replica)
replica.index(IndexWanted("t", "x", NEW))
assert replica.fill(700) and replica.fill(700)
os.kill(os.getpid(), signal.SIGKILL)
"""
        ended = subprocess.run([sys.executable, "-c", script], check=False)
        assert ended.returncode == -signal.SIGKILL
        state = State()
        state.replica.close()
        state.replica = Replica(1, Cache.claimed(tmp_path, "superblock"))
        assert state.replica.filling
        assert not state.replica.fill(700)
        assert state.columns() == {NEW}
        assert state.keys(column_of(NEW)) == {n: f'"{n}' for n in range(1, self.RECORDS + 1)}
        state.replica.close()


class TestWhichColumnsThereAre:
    def test_one_that_only_an_older_class_could_use_is_dropped(self, state):
        state.apply(Declare("t", class_of(OLD, indexed=True), 1), Put("t", 1, x("a"), 1))
        assert state.columns() == {OLD}
        state.apply(Declare("t", class_of(NEW, indexed=True), 2, seen=1))
        assert state.columns() == {NEW}

    def test_one_in_which_the_field_is_unique_stays(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Constrain("t", "x", 1), Put("t", 1, x("a"), 1))
        state.apply(Declare("t", class_of(NEW, indexed=True), 2, seen=1))
        assert (state.columns(), state.unique()) == ({OLD, NEW}, OLD)
        again = state.ask(Insert("t", x("a")), schema=class_of(OLD))
        assert isinstance(again, UniqueViolation)

    def test_a_class_that_lacks_the_field_takes_none_away(self, state):
        state.apply(Declare("t", class_of(OLD, indexed=True), 1), Put("t", 1, x("a"), 1))
        state.apply(Declare("t", class_of(NEW, field="y"), 2, seen=1))
        assert state.columns() == {OLD}

    @made_for_searches
    @pytest.mark.parametrize(("newest", "columns"), [(OLD, {OLD}), (NEW, set())])
    def test_one_that_is_unique_no_longer_stays_where_the_newest_class_can_use_it(
        self, state, newest, columns
    ):
        state.apply(Declare("t", class_of(OLD), 1), Constrain("t", "x", 1), Put("t", 1, x("a"), 1))
        state.apply(Declare("t", class_of(newest, field="x"), 2, seen=1))
        state.apply(Release("t", "x"))
        assert (state.columns(), state.unique()) == (columns, None)
        state.apply(Put("t", 2, x("a"), 1))
        assert state.replica.count("t") == 2

    def test_one_comes_back_after_it_was_dropped(self, state):
        for number, each in enumerate([OLD, NEW, OLD, NEW], 1):
            state.apply(Declare("t", class_of(each, indexed=True), number, seen=number - 1))
            state.apply(Constrain("t", "x", number), Put("t", 1, x("a"), number))
            state.apply(Release("t", "x"))
            assert state.columns() == {each}
            assert state.keys(column_of(each)) == {1: '"a'}

    def test_one_comes_back_that_was_dropped_while_it_was_unique(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Constrain("t", "x", 1), Put("t", 1, x("a"), 1))
        state.apply(Declare("t", class_of(NEW), 2, seen=1), Release("t", "x"))
        state.apply(Declare("t", class_of(OLD), 3, seen=2), Constrain("t", "x", 3))
        assert (state.columns(), state.unique()) == ({OLD}, OLD)

    def test_a_search_by_one_that_is_gone_looks_through_the_table(self, state):
        state.apply(Declare("t", class_of(OLD, indexed=True), 1), Put("t", 1, x("a"), 1))
        state.apply(Declare("t", class_of(NEW), 2, seen=1))
        assert state.replica.select("t", [(column_of(OLD), '"b')]) == [(1, 1, x("a"))]

    def test_those_of_version_0_1_are_what_it_declared_last(self, state):
        state.apply(Declare("t", class_of(OF_0_1, unique=True)), Put("t", 1, x("a")))
        assert (state.columns(), state.unique()) == ({OF_0_1}, OF_0_1)
        with pytest.raises(DiscobaseError, match="cannot be"):
            state.apply(Put("t", 2, x("a")))
        state.apply(Declare("t", class_of(OF_0_1)), Put("t", 2, x("a")))
        assert state.columns() == set()


class TestACandidateOfEverySearch:
    def test_is_a_record_whose_key_is_not_known_and_one_that_has_none(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Declare("t", class_of(NEW, indexed=True), 2))
        state.apply(Put("t", 1, x("a"), 1), Put("t", 2, x("a"), 2), Put("t", 3, "{}", 2))
        state.apply(Put("t", 4, x("b"), 2))
        assert state.keys(column_of(NEW)) == {1: None, 2: '"a', 3: KEYLESS, 4: '"b'}
        found = state.replica.select("t", [(column_of(NEW), '"a')])
        assert [pk for pk, *_ in found] == [1, 2, 3]


class TestWhatIsUnique:
    def test_is_not_given_a_value_by_a_class_that_loads_the_field_otherwise(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Declare("t", class_of(NEW), 2))
        state.apply(Constrain("t", "x", 2), Put("t", 1, x("a"), 2))
        assert isinstance(state.ask(Insert("t", x("b")), schema=class_of(OLD)), SchemaConflict)
        changed = state.ask(Replace("t", 1, x("b")), schema=class_of(OLD))
        assert isinstance(changed, SchemaConflict)
        kept = '{"x": "a", "y": 1}'
        assert state.ask(Replace("t", 1, kept), schema=class_of(OLD)) == [Put("t", 1, kept, 1)]
        assert isinstance(state.ask(Insert("t", x("a")), schema=class_of(NEW)), UniqueViolation)

    def test_is_no_matter_of_a_column_that_is_not(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Declare("t", class_of(NEW, indexed=True), 2))
        assert state.ask(Insert("t", x("b")), schema=class_of(OLD)) == [Put("t", 1, x("b"), 1)]

    @pytest.mark.parametrize("data", ["{}", x(None)])
    def test_is_neither_what_has_no_key_nor_what_is_no_value(self, state, data):
        state.apply(Declare("t", class_of(NEW), 1), Constrain("t", "x", 1))
        state.apply(Put("t", 1, data, 1), Put("t", 2, data, 1))
        assert state.replica.count("t") == 2

    def test_is_so_already_where_the_log_says_it_again(self, state):
        state.apply(Declare("t", class_of(NEW), 1), Constrain("t", "x", 1), Put("t", 1, x("a"), 1))
        state.apply(Constrain("t", "x", 1))
        assert isinstance(state.ask(Insert("t", x("a")), schema=class_of(NEW)), UniqueViolation)

    def test_is_what_a_violation_names_and_no_other_column(self, state):
        fields = {name: FieldSchema("plain", NEW) for name in "ax"}
        text = Schema(fields, ("x",), ("a",)).to_json()
        state.apply(Declare("t", text, 1), Constrain("t", "x", 1))
        state.apply(Put("t", 1, '{"a": 1, "x": 1}', 1), Put("t", 2, '{"a": 2, "x": 2}', 1))
        refused = state.ask(Insert("t", '{"a": 1, "x": 2}'), schema=text)
        assert isinstance(refused, UniqueViolation)
        assert (refused.field, refused.value, refused.pk) == ("x", 2, 2)

    def test_is_known_to_be_broken_by_the_log_alone_where_nobody_can_tell(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Declare("t", class_of(NEW), 2))
        state.apply(Constrain("t", "x", 2))
        with pytest.raises(DiscobaseError, match="cannot be"):
            state.apply(Put("t", 1, x("b"), 1))

    @made_for_searches
    def test_counts_for_each_put_under_the_schema_it_bears(self, state):
        """A put by another class makes the record that class's, and so does one back."""
        state.apply(Declare("t", class_of(OLD), 1), Put("t", 1, x("a"), 1))
        state.apply(Declare("t", class_of(NEW), 2, seen=1), Put("t", 1, x("b"), 2))
        state.index(NEW)
        assert state.keys(column_of(NEW)) == {1: '"b'}
        state.apply(Put("t", 1, x("c"), 1))
        assert state.keys(column_of(NEW)) == {1: None}


class TestWhoMayTakeOver:
    @pytest.mark.parametrize(
        ("held", "wanted", "is_newest", "expected"),
        [
            ("plain", "plain", True, True),
            ("plain", "decimal", True, True),
            ("decimal", "decimal", True, True),
            ("decimal", "plain", True, False),
            ("instant", "decimal", True, False),
            ("plain", "plain", False, False),
        ],
    )
    def test_what_is_unique(self, state, held, wanted, is_newest, expected):
        state.apply(Declare("t", class_of(OLD, kind=held), 1), Constrain("t", "x", 1))
        layout = state.replica.layouts["t"]
        column = column_of(NEW, kind=wanted)
        assert may_make_unique(layout, column, is_newest=is_newest) is expected
        same = column_of(OLD, kind=held)
        assert not may_make_unique(layout, same, is_newest=is_newest)

    def ask_for(self, state: State, text: str, *changes: Change) -> Any:
        return state.ask(*changes, schema=text, preparations=[MakeUnique("t", "x", text)])

    def test_it_is_released_first(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Constrain("t", "x", 1), Put("t", 1, x("a"), 1))
        state.apply(Declare("t", class_of(NEW), 2, seen=1))
        taken = self.ask_for(state, class_of(NEW), Insert("t", x("b")))
        assert taken == [Release("t", "x"), Constrain("t", "x", 2), Put("t", 2, x("b"), 2)]
        assert (state.columns(), state.unique()) == ({NEW}, NEW)

    def test_it_is_released_before_a_change_that_takes_a_shared_value_away(self, state):
        """By the rules of the class that holds it the new value could not be told from others."""
        state.apply(Declare("t", class_of(OLD), 1), Constrain("t", "x", 1))
        state.apply(Put("t", 1, x("A"), 1), Put("t", 2, x("a"), 1))
        keys = Keys("t", "x", FieldSchema("plain", NEW), ((1, '"a'),))
        state.apply(keys, Declare("t", class_of(NEW), 2, seen=2))
        assert isinstance(self.ask_for(state, class_of(NEW), Insert("t", x("c"))), DuplicatesFound)
        taken = self.ask_for(state, class_of(NEW), Replace("t", 2, x("b")))
        assert taken == [Release("t", "x"), Put("t", 2, x("b"), 2), Constrain("t", "x", 2)]

    def test_not_a_class_whose_schema_is_not_the_newest(self, state):
        state.apply(Declare("t", class_of(OLD), 1))
        state.apply(Declare("t", class_of(NEW), 2), Constrain("t", "x", 2))
        assert self.ask_for(state, class_of(OLD)) == []
        assert state.unique() == NEW

    def test_not_before_it_is_the_newest_where_nobody_holds_it(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Declare("t", class_of(NEW), 2))
        assert isinstance(self.ask_for(state, class_of(OLD)), SchemaMoved)

    def test_not_while_there_are_records_whose_value_is_not_known(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Declare("t", class_of(NEW), 2, seen=0))
        state.apply(Put("t", 1, x("a"), 1))
        assert isinstance(self.ask_for(state, class_of(NEW)), SchemaMoved)
        field = FieldSchema("plain", NEW)
        say = SayKeys("t", "x", field, ((1, state.replica.head.seq, '"a'),))
        wanted = [say, MakeUnique("t", "x", class_of(NEW))]
        taken = state.ask(preparations=wanted)
        assert taken == [Keys("t", "x", field, ((1, '"a'),)), Constrain("t", "x", 2)]

    def test_not_what_was_put_while_the_class_loaded_the_others(self, state):
        state.apply(Declare("t", class_of(OLD), 1), Put("t", 1, x("a"), 1))
        state.apply(Put("t", 2, x("b"), 1))
        state.apply(Declare("t", class_of(NEW), 2, seen=1))
        assert isinstance(self.ask_for(state, class_of(NEW)), SchemaMoved)

    @pytest.mark.parametrize("is_searched", [False, True])
    def test_not_by_what_a_column_of_one_process_knows_from_before(self, state, is_searched):
        """An older program puts the record again and leaves the field as it is. A column that is
        there for searches has the key still; a replica that makes one now has not.
        """
        state.apply(Declare("t", class_of(OLD), 1), Put("t", 1, x("a"), 1))
        state.apply(Declare("t", class_of(NEW), 2, seen=1))
        if is_searched:
            state.index(NEW)
        state.apply(Put("t", 1, '{"x": "a", "y": 1}', 1))
        assert isinstance(self.ask_for(state, class_of(NEW)), SchemaMoved)

    def test_not_without_having_been_declared(self, state):
        assert isinstance(self.ask_for(state, class_of(NEW)), SchemaMoved)
        assert isinstance(state.ask(Insert("t", x("a")), schema=class_of(NEW)), SchemaMoved)


class TestADeclaration:
    def declare(self, state: State, text: str, base: int) -> Any:
        return state.ask(preparations=[DeclareSchema("t", text, base, state.replica.head.seq)])

    def test_is_refused_where_another_one_has_come_that_it_does_not_know_of(self, state):
        assert self.declare(state, class_of(OLD), 0) == [Declare("t", class_of(OLD), 1, 0)]
        assert isinstance(self.declare(state, class_of(NEW), 0), SchemaMoved)
        assert self.declare(state, class_of(NEW), 1) == [Declare("t", class_of(NEW), 2, 1)]

    def test_is_done_where_the_same_class_has_come_first(self, state):
        self.declare(state, class_of(OLD), 0)
        assert self.declare(state, class_of(OLD), 0) == []

    def test_again_makes_a_class_the_newest_one(self, state):
        self.declare(state, class_of(OLD), 0)
        self.declare(state, class_of(NEW), 1)
        assert self.declare(state, class_of(OLD), 2) == [Declare("t", class_of(OLD), 3, 2)]
        layout = state.replica.layouts["t"]
        assert layout.is_current("x", OLD)
        assert layout.is_newest(3, "x")
        assert layout.numbers == {class_of(OLD): 3, class_of(NEW): 2}


class TestAFieldThatCannotBecomeUnique:
    """Two records share a value: what needs the field to be unique is refused, nothing else."""

    text = class_of(NEW, unique=True)

    @pytest.fixture(autouse=True)
    def shared(self, state: State) -> None:
        state.apply(Declare("t", self.text, 1))
        state.apply(*(Put("t", pk, x(value), 1) for pk, value in enumerate("aabc", 1)))

    def ask_for(self, state: State, *changes: Change) -> Any:
        wanted: list[Preparation] = [MakeUnique("t", "x", self.text)]
        return state.ask(*changes, schema=self.text, preparations=wanted)

    @pytest.mark.parametrize(
        "change",
        [
            Insert("t", x("d")),
            Replace("t", 3, x("d")),  # its value was its own
            Replace("t", 1, x("b")),  # another record has that
        ],
    )
    def test_refuses_a_new_value(self, state, change):
        assert isinstance(self.ask_for(state, change), DuplicatesFound)

    @pytest.mark.parametrize(
        "change",
        [
            Insert("t", x(None)),
            Insert("t", "{}"),
            Replace("t", 1, '{"x": "a", "y": 1}'),
            Replace("t", 3, '{"x": "b", "y": 1}'),
            Replace("t", 3, x(None)),
            Remove("t", 3),
        ],
    )
    def test_lets_through_what_does_without(self, state, change):
        (operation,) = self.ask_for(state, change)
        assert isinstance(operation, Put | Delete)
        assert state.unique() is None

    def test_is_a_matter_of_its_own_table(self, state):
        state.apply(Declare("u", self.text, 1))
        wanted = [MakeUnique("t", "x", self.text)]
        request = Request([Insert("u", x("d"))], {"t": self.text, "u": self.text}, wanted)
        (verdict,) = state.replica.propose([request]).verdicts
        state.replica.withdraw()
        assert isinstance(verdict, Placed)

    @pytest.mark.parametrize("change", [Remove("t", 1), Replace("t", 1, x("d"))])
    def test_becomes_so_in_the_commit_that_mends_the_last(self, state, change):
        *_, last = self.ask_for(state, change)
        assert last == Constrain("t", "x", 1)
        assert state.unique() == NEW

    def test_does_not_where_others_are_shared_still(self, state):
        state.apply(Put("t", 5, x("c"), 1))
        assert self.ask_for(state, Replace("t", 1, x("d"))) == [Put("t", 1, x("d"), 1)]
        assert state.unique() is None

    def test_names_the_values_that_are_shared_in_the_order_of_the_records(self, state):
        state.apply(Put("t", 5, x("Z"), 1), Put("t", 6, x("Z"), 1), Put("t", 7, x("A"), 1))
        state.apply(Put("t", 8, x("A"), 1))
        refused = self.ask_for(state, Insert("t", x("d")))
        assert (refused.value, refused.groups, refused.values) == (
            "a", [(1, 2), (5, 6), (7, 8)], 3
        )  # fmt: skip


class Plain(Table):
    n: int = 0
    x: str


class Lower(Table):
    n: int = 0
    x: Annotated[str, StringConstraints(to_lower=True)]


def of_name_thing(model: type[Table], host: Host, **annotations: Any) -> Any:
    """A class of the table's name, in a database."""
    made = type("Thing", (model,), {"__annotations__": annotations, "__module__": __name__})
    return attached(host, made)


LOWER = Annotated[str, StringConstraints(to_lower=True)]
INDEXED = Annotated[str, StringConstraints(to_lower=True), Index()]
UNIQUE = Annotated[str, StringConstraints(to_lower=True), Unique()]


def operations(host: Host, kind: type[Operation]) -> list[Any]:
    """What the log holds of one kind."""
    return [each for commit in host.log for each in commit.operations if isinstance(each, kind)]


class TestWhatAClassTellsTheLog:
    """The first save of a class, and what the log lacks then."""

    @pytest.fixture(autouse=True)
    def few_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schema, "_AT_A_TIME", 2)

    def test_says_the_keys_that_come_out_otherwise_and_no_others(self, host):
        old = of_name_thing(Plain, host)
        old.save_many([old(x="A"), old(x="b")])
        of_name_thing(Lower, host)(x="c").save()
        assert [each.keys for each in operations(host, Keys)] == [((1, '"a'),)]
        assert [each.seen for each in operations(host, Declare)] == [0, 1]

    def test_says_them_of_all_steps(self, host):
        old = of_name_thing(Plain, host)
        old.save_many([old(x=text) for text in "ABCDE"])
        of_name_thing(Lower, host)(x="f").save()
        said = [pair for each in operations(host, Keys) for pair in each.keys]
        assert said == [(n, f'"{text}') for n, text in enumerate("abcde", 1)]
        assert len(operations(host, Keys)) == 3

    def test_has_an_index_filled_in_steps_that_leave_no_gap_and_do_not_overlap(self, host):
        old = of_name_thing(Plain, host)
        old.save_many([old(x=text) for text in "Abcde"])
        new = of_name_thing(Lower, host, x=INDEXED)
        new(x="f").save()
        said = operations(host, Keys)
        assert [each.loaded for each in said] == [Loaded(0, 2, 1), Loaded(2, 4, 1), Loaded(4, 5, 1)]
        assert [each.keys for each in said] == [((1, '"a'),), (), ()]
        (declared,) = [each for each in operations(host, Declare) if each.number == 2]
        assert declared.seen == 4  # what came after the steps were begun has been looked at

    def test_fills_an_index_in_steps_where_nothing_is_to_be_said(self, host):
        """All records are of classes that load the field alike."""
        unmarked = of_name_thing(Lower, host)
        unmarked.save_many([unmarked(x=text) for text in "abcde"])
        of_name_thing(Lower, host, x=INDEXED)(x="f").save()
        said = operations(host, Keys)
        assert [each.loaded for each in said] == [Loaded(0, 2, 1), Loaded(2, 4, 1), Loaded(4, 5, 1)]
        assert [each.keys for each in said] == [(), (), ()]

    def test_has_the_types_for_tools_that_have_no_class(self, host):
        text = of_name_thing(Lower, host)._bound().schema.text
        assert json.loads(text)["types"]["properties"]["x"] == {"type": "string"}
        assert Schema.from_json(text).to_json() == text

    def test_says_nothing_a_second_time(self, host):
        old = of_name_thing(Plain, host)
        old.save_many([old(x=text) for text in "AB"])
        new = of_name_thing(Lower, host)
        for text in "cde":
            new(x=text).save()
        assert len(operations(host, Keys)) == 1
        assert len(operations(host, Declare)) == 2

    def test_says_of_what_came_after_the_declaration_what_it_needs_to_make_a_field_unique(
        self, host
    ):
        """Also of keys that are as what is stored: nothing else says that they are known."""
        old, new = of_name_thing(Plain, host), of_name_thing(Lower, host, x=UNIQUE)
        old(x="a").save()
        unmarked = of_name_thing(Lower, host)
        unmarked(x="b").save()
        old(x="c").save()
        old(x="D").save()
        new(x="e").save()
        assert host.state.layouts["Thing"].unique_column("x") is not None
        said = {pair for each in operations(host, Keys) for pair in each.keys}
        assert said >= {(4, '"d')}
        for text in "abcde":
            with pytest.raises(UniqueViolation):
                new(x=text).save()

    def test_makes_a_class_the_newest_again_that_asks_for_what_another_one_had_dropped(self, host):
        new = of_name_thing(Lower, host, x=UNIQUE)
        new(x="a").save()
        new(x="ä").save()  # by now it knows that the log lacks nothing
        other = of_name_thing(Plain, host)
        with pytest.raises(SchemaConflict):
            other(x="b").save()
        host.commit(Request((), preparations=[DropUnique("Thing", "x")]))
        other(x="B").save()
        new(x="c").save()
        layout = host.state.layouts["Thing"]
        fingerprint = new._bound().schema.fields["x"].fingerprint
        assert (layout.number, layout.is_current("x", fingerprint)) == (3, True)
        assert layout.unique_column("x").fingerprint == fingerprint
        with pytest.raises(UniqueViolation):
            new(x="b").save()

    def test_says_keys_that_are_as_what_is_stored_where_the_declaration_does_not_cover_them(
        self, host
    ):
        old, new = of_name_thing(Plain, host), of_name_thing(Lower, host, x=UNIQUE)
        old(x="a").save()
        new(x="b").save()
        host.commit(Request((), preparations=[DropUnique("Thing", "x")]))
        old(x="c").save()
        for text in "de":
            new(x=text).save()
            host.commit(Request((), preparations=[DropUnique("Thing", "x")]))
        new(x="f").save()
        assert [each.keys for each in operations(host, Keys)] == [((3, '"c'),)], "once is enough"
        assert host.state.layouts["Thing"].unique_column("x") is not None

    def test_does_not_bring_an_older_class_back(self, host):
        """Its mark is older than the one of the class that has taken the constraint over."""
        old = of_name_thing(Plain, host, x=Annotated[str, Unique()])
        old(x="a").save()
        new = of_name_thing(Lower, host, x=UNIQUE)
        new(x="b").save()
        with pytest.raises(SchemaConflict):
            old(x="c").save()
        record = old.get(1)
        record.n = 5
        record.save()
        layout = host.state.layouts["Thing"]
        fingerprint = new._bound().schema.fields["x"].fingerprint
        assert (layout.number, layout.unique_column("x").fingerprint) == (2, fingerprint)

    def test_says_what_one_field_lacks_where_another_one_lacks_less(self, host):
        base = {"n": int, "x": str, "y": str}
        old = of_name_thing(Table, host, **base)
        old(n=1, x="A", y="B").save()
        of_name_thing(Table, host, **base | {"x": LOWER})(n=2, x="c", y="d").save()
        of_name_thing(Table, host, **base | {"x": LOWER, "y": LOWER})(n=3, x="e", y="f").save()
        said = [(each.field, each.keys) for each in operations(host, Keys)]
        assert said == [("x", ((1, '"a'),)), ("y", ((1, '"b'),))]

    def test_says_of_two_unique_fields_what_either_lacks(self, host):
        """One was made known to the log later than the other."""
        base = {"n": int, "x": str, "y": str}
        old = of_name_thing(Table, host, **base)
        old(n=0, x="o", y="o").save()
        two = {"x": Annotated[LOWER, Unique()], "y": Annotated[LOWER, Unique()]}
        both = of_name_thing(Table, host, **base | two)
        both(n=1, x="a", y="a").save()
        for field in "xy":
            host.commit(Request((), preparations=[DropUnique("Thing", field)]))
        old(n=2, x="b", y="b").save()
        of_name_thing(Table, host, n=int, x=LOWER)(n=3, x="c").save()
        old(n=4, x="D", y="D").save()
        both(n=5, x="e", y="e").save()
        layout = host.state.layouts["Thing"]
        assert all(layout.unique_column(field) for field in "xy")
        for value in "abd":
            with pytest.raises(UniqueViolation):
                both(n=6, x="new", y=value).save()

    @pytest.mark.parametrize(("capacity", "commits"), [(1, 2), (1_000_000, 1)])
    def test_goes_ahead_in_a_commit_of_its_own_where_one_could_not_carry_both(
        self, host, capacity, commits
    ):
        old = of_name_thing(Plain, host)
        old.save_many([old(x="A"), old(x="B")])
        before = len(host.log)
        host.capacity = capacity
        of_name_thing(Lower, host)(x="c").save()
        assert len(host.log) - before == commits
        assert isinstance(host.log[-1].operations[-1], Put)

    def test_is_of_no_use_to_a_class_that_loads_the_field_otherwise(self, host):
        """Its searches look for another key than the column of the newest class has."""
        old = of_name_thing(Plain, host)
        old(x="A").save()
        new = of_name_thing(Lower, host, x=INDEXED)
        new(x="b").save()
        assert [record.pk for record in old.find(x="A")] == [1]
        assert [record.pk for record in new.find(x="a")] == [1]

    def test_is_loaded_by_it_where_a_field_depends_on_others(self, host):
        """A record that lacks the field has what the validator makes of it, not the default."""

        class Named(Table):
            n: int
            x: str = Field("nobody", validate_default=True)

            @field_validator("x")
            @classmethod
            def _number(cls, value: str, info: Any) -> str:
                return f"nobody {info.data['n']}" if value == "nobody" else value

        of_name_thing(Table, host, n=int)(n=7).save()
        new = attached(host, type("Thing", (Named,), {"__module__": __name__}))
        new(n=1, x="a").save()
        assert [each.keys for each in operations(host, Keys)] == [((1, '"nobody 7'),)]

    def test_gives_no_key_to_a_default_that_is_made_anew_each_time(self, host):
        count = iter(range(100))

        class Made(Table):
            n: int = 0
            x: Annotated[int, Index()] = Field(default_factory=lambda: next(count))

            @field_validator("x")
            @classmethod
            def _any(cls, value: int, info: Any) -> int:
                return value

        of_name_thing(Table, host, n=int)(n=7).save()
        new = attached(host, type("Thing", (Made,), {"__module__": __name__}))
        new(n=1, x=-1).save()
        (column,) = host.state.layouts["Thing"].columns.values()
        assert dict(keys_in(host, column))[1] == KEYLESS

    def test_tells_two_defaults_apart(self, host):
        one, two = (
            attached(
                host,
                type("Thing", (Table,), {
                    "__annotations__": {"n": int, "x": str}, "x": default, "__module__": __name__,
                }),
            )
            for default in "ab"
        )  # fmt: skip
        prints = [each._bound().schema.fields["x"].fingerprint for each in (one, two)]
        assert prints[0] != prints[1]


class TestAnEngineThatFillsAColumn:
    """Some records at a time, between commits."""

    def searched(self, world: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
        """A process with five records, which fills a column for one at a time."""
        monkeypatch.setattr(committer, "_FILLED_AT_A_TIME", 1)
        process = world.process("one")
        engine = world.run_in(process, open_engine(process))
        five = [Insert("t", x(str(n))) for n in range(5)]
        world.run_in(process, put(engine, *five, schemas={"t": schema_of({"x": "plain"})}))
        return process, engine

    def test_goes_on_to_the_end_where_nobody_commits(self, make_world, monkeypatch):
        world = make_world()
        _, engine = self.searched(world, monkeypatch)
        engine.want_index(IndexWanted("t", "x", FINGERPRINT))
        world.pass_time(1)
        assert [*engine.replica.layouts["t"].columns] == [("x", FINGERPRINT)]

    def test_lets_a_commit_pass_that_comes_meanwhile(self, make_world, monkeypatch):
        world = make_world()
        process, engine = self.searched(world, monkeypatch)
        fill, steps = engine.replica.fill, []
        request = Request([Insert("t", x("six"))], {"t": schema_of({"x": "plain"})})

        def filled(records: int) -> bool:
            if not steps:
                engine.commit(request)
            steps.append(request.future.done())
            return fill(records)

        monkeypatch.setattr(engine.replica, "fill", filled)
        engine.want_index(IndexWanted("t", "x", FINGERPRINT))
        world.pass_time(1)
        assert request.future.done()
        assert steps[-1], "the commit waited for all of it"
        assert [*engine.replica.layouts["t"].columns] == [("x", FINGERPRINT)]
        assert process.failures == []
