"""Whole runs in which an administrator deletes messages of the log, at any moment.

What was deleted is gone: Discord keeps nothing of it. What must hold is that nobody is told
otherwise. A process whose log has a hole says so and writes no more; processes that go on agree
with each other and with whoever connects later; and what was acknowledged is there, unless its own
message was deleted, or its writer lists it as lost.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from discobase.engine.engine import Engine
from discobase.errors import LogDamaged
from tests.engine.audit import held_by, tags_of
from tests.engine.runs import Run
from tests.engine.simulation import Process
from tests.engine.workload import LIMITS, Plan, Write

pytestmark = pytest.mark.one_python

TABLES = ("person", "register")


class Deletions(Run):
    """A run in which frames are deleted.

    Args:
        profile: the kind of run.
        seed: what decides everything in it.
        deletions: how many frames are deleted.
    """

    def __init__(self, profile: str, seed: int, deletions: int = 2) -> None:
        super().__init__(profile, seed)
        self.deleted: set[int] = set()
        self._deletions = deletions
        self.opened = False
        # A writer whose log is damaged gets no step done: it is not waited for.
        self.profile = dataclasses.replace(self.profile, plan=Plan(pause=8.0, steps=6), span=60.0)

    def _plan_disasters(self) -> None:
        super()._plan_disasters()
        for _ in range(self._deletions):
            self.world.after(5 + self.world.random.random() * self.profile.span, self._delete_one)

    def _delete_one(self) -> None:
        frames = [
            (stored.message.channel, identity)
            for held in self.world.messages.values()
            for identity, stored in held.items()
            if '{"discobase":' in stored.message.content
        ]
        if not frames:
            return
        newest = max(frames, key=lambda frame: frame[1])
        channel, message = newest if self.world.chance(0.5) else self.world.random.choice(frames)
        self.deleted.add(message)
        self.world.delete(channel, message)

    def _all_done(self) -> bool:
        return all(not process.alive or is_over(engine) for process, engine in self._lives)

    def _check(self) -> None:
        # Events that are dropped for good go with their session, of which a process is told.
        for process, _ in self._lives:
            process.session.lose(0.1)
        self.world.pass_time(200)
        living = [
            (process, found)
            for process, engine in self._lives
            if process.alive and (found := engine_of(engine)) is not None
        ]
        sound = [(process, engine) for process, engine in living if self._is_sound(process, engine)]
        newcomer = self._newcomer()
        assert newcomer is None or len({*map(head_of, [newcomer, *map(second, sound)])}) == 1, (
            "those who go on disagree"
        )
        if newcomer is None:
            return
        self.opened = True
        state = held_by(newcomer, TABLES)
        for _, engine in sound:
            assert held_by(engine, TABLES) == state
        self._check_acknowledged(newcomer)

    def _is_sound(self, process: Process, engine: Engine) -> bool:
        try:
            self.world.run_in(process, engine.refresh())
        except LogDamaged:
            return False
        return True

    def _newcomer(self) -> Engine | None:
        process = self.world.process("late")
        try:
            engine = self.world.run_in(
                process,
                Engine.open(process.seam, limits=LIMITS, failed=process.failures.append),
            )
        except LogDamaged:
            return None
        process.closers.append(engine.replica.close)
        return engine

    def _check_acknowledged(self, newcomer: Engine) -> None:
        """What was acknowledged is there, was deleted itself, or is listed as lost."""
        position_of = {
            seq: newcomer.replica.position(seq) for seq in range(1, newcomer.replica.head.seq + 1)
        }
        there = {position.message for position in position_of.values() if position}
        frames = self._tags_by_message()
        listed = {
            commit.message
            for _, engine in self._lives
            if (held := engine_of(engine)) is not None
            for commit in held.lost()
        }
        for write in self.record.writes:
            if not (written := written_of(write)):
                continue
            carriers = {message for message, tags in frames.items() if written <= tags}
            assert carriers & (there | self.deleted) or carriers & listed, (
                f"acknowledged, and neither there nor listed: {write}"
            )

    def _tags_by_message(self) -> dict[int, set[str]]:
        found: dict[int, set[str]] = {}
        for stored in self.world.written:
            if '{"discobase":' in stored.message.content:
                found[stored.message.id] = tags_of(stored)
        return found


def written_of(write: Write) -> set[str]:
    """The tags of those changes of a write that were acknowledged, and not left out."""
    if write.placed is None:
        return set()
    return {tag for index, tag in enumerate(write.tags) if index not in write.placed.ignored}


def engine_of(life: Callable[[], Engine | None]) -> Engine | None:
    """A writer's engine; None where it has none, for it met a log with a hole."""
    try:
        return life()
    except LogDamaged:
        return None


def is_over(life: Callable[[], Engine | None]) -> bool:
    """Whether a writer has done all it had to do, or met a log with a hole."""
    try:
        return life() is not None
    except LogDamaged:
        return True


def head_of(engine: Engine) -> object:
    return engine.replica.head


def second(pair: tuple[Process, Engine]) -> Engine:
    return pair[1]


@pytest.mark.parametrize("profile", ["calm", "rough", "deadly", "deaf"])
def test_nobody_is_told_an_untruth_when_messages_are_deleted(profile):
    opened = 0
    for seed in range(6):
        run = Deletions(profile, seed)
        run.go()
        opened += run.opened
    assert opened, "each log had a hole: what is checked where there is none was never checked"
