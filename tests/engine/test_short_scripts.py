"""Scripts that connect, save one record and leave: what they have to read stays bounded, and what
is kept of checkpoints, too.

A thousand of them take minutes: ``tox -e soak -- tests/engine/test_short_scripts.py``. The shorter
one has other processes write between a few scripts where the line is crossed.
"""

from __future__ import annotations

import pytest

from discobase.engine.changes import Insert
from discobase.engine.checkpoints.costs import PAGE
from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.store import AGE_SECONDS, KEPT
from discobase.engine.log.frame import Limits
from discobase.engine.server.seam import seconds_between
from tests.engine.rows import row
from tests.engine.workload import put

LIMITS = Limits()
"""As Discord's are: a checkpoint is one message."""


class Kept:
    """The messages of checkpoints, held against what may become of them."""

    def __init__(self, world, superblock):
        self._world = world
        self._channel = superblock.checkpoints
        self._before = {}
        self.removed = 0
        self.most = 0

    @property
    def positions(self):
        """The positions of those that are there, the oldest first."""
        return sorted(self._before.values())

    def look(self):
        """See that none was removed but old ones, when there was a newer one to be written, and
        that none but young ones and the two newest are left then.
        """
        stored = self._world.messages[self._channel]
        now = {id_: _position_of(stored[id_].message) for id_ in sorted(stored)}
        if now == self._before:
            return
        newest = max(now)
        gone = self._before.keys() - now.keys()
        assert all(seconds_between(each, newest) > AGE_SECONDS for each in gone)
        kept = sorted(now)[-KEPT:]
        assert gone.isdisjoint(sorted(self._before)[-KEPT + 1 :])
        assert all(seconds_between(each, newest) <= AGE_SECONDS for each in now.keys() - set(kept))
        self.removed += len(gone)
        self.most = max(self.most, len(now))
        self._before = now


def _position_of(message):
    manifest = Manifest.from_content(message.content)
    assert manifest is not None
    return manifest.seq


def commit(world, process, engine, count=1):
    async def each():
        for number in range(count):
            await put(engine, Insert("a", row(f"r{number}")))

    world.run_in(process, each())


def gone(world, process):
    """Let a process be no more, and nothing of it be left: a thousand would hold much."""
    process.kill()
    process.take_down()
    world.processes.remove(process)


def script(world, join, name):
    """Connect, save one record and leave; return the tail that was to be read."""
    process, engine = join(world, name, limits=LIMITS)
    read = engine._checkpoints.tail.commits
    commit(world, process, engine)
    world.run_in(process, engine.close())
    gone(world, process)
    return read


def test_some_where_the_line_is_crossed_keep_the_tail_bounded_again_and_again(make_world, join):
    world = make_world()
    process, engine = join(world, limits=LIMITS)
    page = len(engine.superblock.lanes) * PAGE
    commit(world, process, engine, page - 3)
    kept, tails = Kept(world, engine.superblock), []
    gone(world, process)
    # Three checkpoints within ten minutes, and another one an hour later.
    for seconds in (0, 0, 0, 3_600):
        world.pass_time(seconds)
        for number in range(6):
            tails.append(script(world, join, f"script {number}"))
            kept.look()
        process, engine = join(world, "others", limits=LIMITS)
        commit(world, process, engine, page - 3 - engine._checkpoints.tail.commits)
        gone(world, process)
    assert page - 3 <= max(tails) <= page + 1
    assert (kept.most, kept.removed, len(kept.positions)) == (3, 2, KEPT)


@pytest.mark.soak
@pytest.mark.parametrize(("apart", "most", "removed"), [(0.0, 3, 0), (5.0, 2, 1)])
def test_a_thousand_keep_the_tail_bounded(make_world, join, apart, most, removed):
    """And a few hundred more, so that there are three checkpoints: of those none is old enough to
    be removed where one script comes upon the other.
    """
    world = make_world()
    process, engine = join(world, limits=LIMITS)
    page, database = len(engine.superblock.lanes) * PAGE, engine.superblock
    gone(world, process)
    kept, tails = Kept(world, database), []
    for number in range(3 * page + 50):
        tails.append(script(world, join, f"script {number}"))
        kept.look()
        world.pass_time(apart)
    assert len(tails) >= 1_000
    assert max(tails) == page
    assert (kept.most, kept.removed) == (most, removed)
    assert kept.positions[-1] == 3 * (page + 1)
    _reader, engine = join(world, "reader", limits=LIMITS)
    assert len(engine.replica.select("a", [])) == len(tails)
