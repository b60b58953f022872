"""What replicas make of operations, the reader makes of their lines: hypothesis says which ones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from hypothesis import settings
from hypothesis.stateful import precondition, rule

from discobase.engine.log.commit_log import Commit
from discobase.engine.operations import to_line
from discobase.engine.replica import Replica
from tests.engine.test_evolution import Versions
from tests.engine.test_replica import Replicas
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
TestReadVersions.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)

TestReadReplicas = ReadReplicas.TestCase
TestReadReplicas.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
