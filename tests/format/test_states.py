"""What replicas make of operations, the reader makes of their lines: hypothesis says which ones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from hypothesis import settings
from hypothesis.stateful import precondition, rule

from discobase.engine.log.entry import Commit, Entry
from discobase.engine.log.frame import GENESIS, Header
from discobase.engine.operations import Delete, Introduce, Names, Put, to_line
from discobase.engine.replica import Replica, requests, writers
from discobase.engine.server.seam import Message
from tests.engine.test_evolution import Versions
from tests.engine.test_replica import Replicas
from tests.format import reader
from tests.format.reader import Frame, State, restored


def replayed(log: Iterable[Commit]) -> State:
    """The state that the reader comes to."""
    state = State()
    for commit in log:
        lines = [to_line(operation) for operation in commit.operations]
        header = {"ops": len(lines), "size": commit.entry.header.size}
        frame = Frame({}, header, commit.entry.header.hash)
        state.take(commit.entry.header.seq, frame, "\n".join(lines).encode())
    return state


def assert_read(replica: Replica, log: Iterable[Commit]) -> None:
    """The reader comes to the lines of a replica, from the log and from those lines."""
    with contextlib.closing(replica.snapshot()) as taken:
        lines = b"".join(taken.lines())
    facts = {"seq": taken.head.seq, "chain": taken.head.chain, "state": taken.hash}
    ends = lines.find(b'["position",')
    expected = lines[: None if ends < 0 else ends].decode("ascii")
    for state in (replayed(log), restored(lines, facts)):
        assert "".join(state.lines()) == expected
        assert state.hash() == taken.hash


class ReadVersions(Versions):
    """Several versions of a program beside each other, and the reader."""

    @rule()
    def read(self) -> None:
        assert_read(self.host.state, self.host.log)

    def teardown(self) -> None:
        try:
            self.read()
        finally:
            super().teardown()


class ReadReplicas(Replicas):
    """Replicas that propose and apply, and the reader."""

    @precondition(lambda self: self.proposed is None)
    @rule()
    def read(self) -> None:
        assert_read(self.replica, self.log)


TestReadVersions = ReadVersions.TestCase
TestReadVersions.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)

TestReadReplicas = ReadReplicas.TestCase
TestReadReplicas.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_what_is_forgotten_is_forgotten_alike(monkeypatch):
    monkeypatch.setattr(requests, "KEPT", 3)
    monkeypatch.setattr(writers, "KEPT", 2)
    monkeypatch.setattr(reader, "KEPT_POSITIONS", 3)
    monkeypatch.setattr(reader, "KEPT_WRITERS", 2)
    log: list[Commit] = []
    with contextlib.closing(Replica(2)) as replica:
        for seq in range(1, 9):
            operations = [Names(f"key {seq}"), Put("Item", seq, "{}")]
            if seq % 2:
                operations.insert(0, Introduce(f"w{9 - seq}", "label"))
            header = Header(seq, replica.head.chain, "w", 0.0, 1, "h", "inline", 1, f"hash {seq}")
            log.append(Commit(Entry(Message(seq, 0, 1, ""), header), operations))
            replica.apply(log[-1:])
            assert_read(replica, log)
        header = Header(9, "f" * 32, "w", 0.0, 1, "h", "inline", 1, "void", behind=1)
        replica.apply([Entry(Message(9, 1, 1, ""), header)])
        with contextlib.closing(replica.snapshot()) as taken:
            assert b"".join(taken.lines())
        state = replayed(log)
        state.take(9, None)
        assert state.hash() == taken.hash


def test_changes_of_two_tables_are_one_run_where_their_numbers_are():
    operations = [Names("key"), Put("A", 1, "{}"), Put("B", 2, "{}"), Put("B", 3, "{}")]
    operations += [Put("A", 1, "{}"), Delete("B", 2), Delete("A", 1), Names("key", 9)]
    header = Header(1, GENESIS, "w", 0.0, 1, "h", "inline", 1, "hash")
    log = [Commit(Entry(Message(1, 0, 1, ""), header), [*operations, Put("A", 9, "{}")])]
    with contextlib.closing(Replica(2)) as replica:
        replica.apply(log)
        assert_read(replica, log)
    assert [run[2:] for run in replayed(log).requests] == [
        [0, 3, 1, 0],
        [3, 1, None, 0],
        [4, 2, None, 1],
        [9, 1, 9, 0],
    ]
