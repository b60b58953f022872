"""What the log says of those who write: their labels, in each replica."""

from __future__ import annotations

import json

import pytest

from discobase.engine.changes import Insert, Request
from discobase.engine.log.entry import Commit, Entry
from discobase.engine.log.frame import Limits, encode, read_header
from discobase.engine.operations import Introduce, Put, from_line, to_line
from discobase.engine.replica import Replica
from discobase.engine.replica.writers import KEPT
from discobase.engine.server.seam import Message
from tests.engine.rows import row, rows_of
from tests.engine.workload import put


def said(world, engine) -> list[list[str]]:
    """What frames say of writers, in the order of the positions."""
    frames = [
        stored.message.content
        for lane in engine.superblock.lanes
        for stored in world.messages[lane].values()
    ]
    frames.sort(key=lambda content: json.loads(content.splitlines()[1])["seq"])
    lines = [json.loads(line) for content in frames for line in content.splitlines()[2:-1]]
    return [line[1:] for line in lines if line[0] == "writer?"]


def test_the_first_commit_of_a_writer_says_its_label_at_no_call_and_those_after_it_do_not(
    make_world, join
):
    world = make_world()
    process, engine = join(world, label="web-1 gunicorn")
    other, reader = join(world, "two", label="cron")
    process.calls.clear()
    for tag in "abc":
        world.run_in(process, put(engine, Insert("a", row(tag))))
    assert process.calls.total() == 3
    world.pass_time(2)
    assert said(world, engine) == [[engine.writer, "web-1 gunicorn"]]
    assert reader.replica.writers.labels == {engine.writer: "web-1 gunicorn"}
    world.run_in(other, put(reader, Insert("a", row("d"))))
    assert said(world, engine)[1:] == [[reader.writer, "cron"]]
    _, newcomer = join(world, "three")
    assert newcomer.replica.writers.labels == reader.replica.writers.labels


def test_a_writer_without_a_label_says_nothing(make_world, join):
    world = make_world()
    process, engine = join(world, label="")
    world.run_in(process, put(engine, Insert("a", row("a"))))
    assert said(world, engine) == []


def test_what_is_not_written_does_not_count_as_said(make_world, join):
    world = make_world()
    (process, engine), (_, rival) = join(world, label="one"), join(world, "two", label="two")
    assert world.run_in(process, put(engine)).seq == 0  # nothing to write: no frame
    # Both at one position: one of them loses it, and says at the next who it is.
    requests = [Request([Insert("a", row(tag))]) for tag in "ab"]
    for each, request in zip((engine, rival), requests, strict=True):
        each.commit(request)
    world.run(lambda: all(request.future.done() for request in requests))
    assert sorted(said(world, engine)) == sorted([[engine.writer, "one"], [rival.writer, "two"]])
    world.pass_time(2)
    assert rows_of(engine) == rows_of(rival)
    assert engine.replica.writers == rival.replica.writers


def test_a_lost_commit_is_told_with_the_label_of_its_writer(make_world, join):
    world = make_world()
    process, engine = join(world, label="web-1 gunicorn")
    world.run_in(process, put(engine, Insert("a", row("a"))))
    (stored,) = world.messages[engine.superblock.lane_of(1)].values()
    world.post(engine.superblock.lane_of(1), stored.message.content, (), "forgotten")
    world.pass_time(2)
    (lost,) = engine.lost()
    assert (lost.writer, lost.label) == (engine.writer, "web-1 gunicorn")


# The replica


class State:
    """A replica, and the log that it has applied."""

    def __init__(self) -> None:
        self.replica = Replica(1)
        self.commits: list[Commit] = []

    def entry(self) -> Entry:
        head = self.replica.head
        number = len(self.commits)
        draft = encode(
            [Put("x", 1, "{}")],
            seq=head.seq + 1 + number,
            chain=head.chain,
            writer="w",
            time=1.0,
            limits=Limits(),
        )
        header = read_header(draft.content)
        assert header is not None
        return Entry(Message(100 + header.seq, 1, 1, draft.content), header)

    def note(self, *operations) -> None:
        """Add a commit."""
        self.commits.append(Commit(self.entry(), list(operations)))

    def apply(self) -> None:
        """Apply what was added."""
        commits, self.commits = self.commits, []
        self.replica.apply(commits)


@pytest.fixture
def state():
    made = State()
    yield made
    made.replica.close()


def newest(count: int) -> dict[str, str]:
    return {f"w{number}": f"host {number}" for number in range(count - KEPT, count)}


@pytest.mark.parametrize("at_once", [1, 7, KEPT + 50])
def test_the_newest_are_kept_however_many_are_applied_at_once(state, at_once):
    count = KEPT + 50
    for number in range(count):
        state.note(Introduce(f"w{number}", f"host {number}"))
        if (number + 1) % at_once == 0:
            state.apply()
    state.apply()
    assert state.replica.writers.labels == newest(count)


def test_a_writer_that_was_pushed_out_says_again_who_it_is(state):
    mine = Introduce("mine", "me")
    state.note(mine)
    for number in range(KEPT):
        state.note(Introduce(f"w{number}", "other"))
    state.apply()
    assert "mine" not in state.replica.writers.labels
    proposal = state.replica.propose([Request([Insert("a", row("x"))])], mine)
    assert proposal.operations[0] == mine
    assert isinstance(proposal.operations[-1], Put)
    state.replica.withdraw()
    assert "mine" not in state.replica.writers.labels
    again = state.replica.propose([Request([Insert("a", row("x"))])], mine)
    assert mine in again.operations
    state.replica.settle(state.entry())
    assert state.replica.writers.labels["mine"] == "me"
    assert mine not in state.replica.propose([Request([Insert("a", row("y"))])], mine).operations
    state.replica.withdraw()


def test_a_log_that_is_replayed_comes_to_the_same_labels(state):
    state.note(Introduce("one", "first"))
    state.note(Introduce("one", "second"))
    commits = [*state.commits]
    state.apply()
    assert state.replica.writers.labels == {"one": "second"}
    state.replica.replay(commits[:1])
    assert state.replica.writers.labels == {"one": "first"}


def test_void_frames_are_no_part_of_the_volume(state):
    state.note(Introduce("one", "first"))
    state.replica.apply([*state.commits, state.entry()])
    assert state.replica.head.seq == 2
    assert state.replica.volume == state.commits[0].entry.header.size > 0


@pytest.mark.parametrize("label", ["web-1 gunicorn", '``` \u2028 \U0001f980 " \\', ""])
def test_a_label_stands_in_a_frame_as_ascii_without_a_fence(label):
    line = to_line(Introduce("w", label))
    assert line.isascii()
    assert "`" not in line
    assert from_line(line) == Introduce("w", label)


def test_versions_that_do_not_know_a_label_or_its_form_pass_over_it():
    assert from_line('["writer?","w","label",{"more":1}]') is None
    assert from_line(to_line(Introduce("w", "x")).replace("writer?", "unheard?")) is None
