"""A whole run: writers, faults, and the audit at the end. One integer decides everything.

To see one failing run again::

    python -m tests.engine.runs PROFILE SEED
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from discobase.engine import committer
from discobase.engine.engine import Engine
from discobase.engine.lasting import LastingEngine
from discobase.engine.log.superblock import Superblock
from discobase.engine.replica import layout
from discobase.engine.server.permissions import Permission
from discobase.key import Key
from tests.engine.audit import (
    check_checkpoints,
    check_hidden,
    check_keys,
    check_promises,
    check_replicas,
    check_texts,
    read_generations,
    read_log,
    replay,
)
from tests.engine.questions import Asker
from tests.engine.simulation import CALM, Faults, Process, World
from tests.engine.workload import Memory, Plan, live, open_engine
from tests.format import decrypting
from tests.format.reader import PLAIN, Form
from tests.format.worlds import OfWorld


@dataclasses.dataclass(frozen=True)
class Profile:
    """A kind of run. So many of its writers as `deaf` says never hear of an event, and so many
    times as `breaks` says a file fails that holds a replica.
    """

    faults: Faults = CALM
    plan: Plan = dataclasses.field(default_factory=Plan)
    writers: int = 3
    deaf: int = 0
    kills: int = 0
    freezes: tuple[float, ...] = ()
    losses: int = 0
    denials: int = 0
    hides: int = 0
    spoils: int = 0
    ends: int = 0
    caches: bool = False
    breaks: int = 0
    asks: bool = False
    encrypted: bool = False
    span: float = 15.0
    fresh_reads: bool = True


_ROUGH = Faults(
    error_before=0.04,
    lost_answer=0.04,
    held_answer=0.05,
    late_effect=0.03,
    refusal=0.01,
    dropped_event=0.1,
    doubled_event=0.1,
    slow_event=0.1,
    skew=90.0,
    url_lifetime=30.0,
)

_RIGHTS = [
    Permission.READ_MESSAGE_HISTORY,
    Permission.VIEW_CHANNEL,
    Permission.SEND_MESSAGES,
    Permission.ATTACH_FILES,
]
"""What an administrator takes away."""

_ASKED = dataclasses.replace(_ROUGH, work=0.2)
"""Where processes are asked, filling a column takes so long that commits come in between."""

_FAILURES = [sqlite3.SQLITE_PERM, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CORRUPT]
"""What SQLite says of files that fail."""

_SPOILED = ["delete", "text", "files", "later", "forge"]
"""What becomes of checkpoints."""

KEY = bytes(range(32))
"""That of the runs whose writers encrypt."""

HIDDEN = ['"person"', '"tally"', '"register"', '"noise"', '"tag"', '"writer?"', " simulated"]
"""Parts of labels, names of tables and fields, operations: what nobody sees who has no key."""

PROFILES = {
    "calm": Profile(),
    "rough": Profile(faults=_ROUGH, losses=2),
    "deadly": Profile(faults=_ROUGH, losses=1, kills=4),
    "frozen": Profile(
        faults=dataclasses.replace(_ROUGH, freeze_at_send=0.03),
        freezes=(200.0, 400.0, 30.0),
        plan=Plan(pause=40.0, steps=8),
        span=200.0,
    ),
    "lagging": Profile(
        faults=dataclasses.replace(_ASKED, lag=0.3, list_lag=3.0),
        kills=1,
        losses=1,
        fresh_reads=False,
        asks=True,
    ),
    "denied": Profile(faults=_ROUGH, losses=1, kills=2, denials=6),
    "hidden": Profile(faults=_ROUGH, losses=1, kills=4, hides=5),
    "crowded": Profile(
        faults=dataclasses.replace(_ROUGH, late_session=40.0), writers=4, kills=2, losses=1
    ),
    "deaf": Profile(
        faults=dataclasses.replace(_ROUGH, freeze_at_send=0.02),
        freezes=(200.0, 30.0),
        plan=Plan(pause=20.0, steps=8),
        writers=4,
        deaf=2,
        kills=2,
        losses=1,
        denials=2,
        span=120.0,
    ),
    "keeping": Profile(
        faults=_ASKED,
        kills=4,
        losses=2,
        plan=Plan(checkpoints=0.3),
        freezes=(30.0, 200.0),
        breaks=4,
        asks=True,
    ),
    "spoiling": Profile(
        faults=dataclasses.replace(_ROUGH, lag=0.3, list_lag=3.0),
        kills=6,
        losses=2,
        spoils=12,
        plan=Plan(checkpoints=0.4),
        freezes=(30.0,),
        fresh_reads=False,
    ),
    "cached": Profile(faults=_ASKED, losses=2, kills=5, ends=4, caches=True, breaks=1, asks=True),
    "encrypted": Profile(
        faults=dataclasses.replace(_ROUGH, freeze_at_send=0.02),
        kills=3,
        losses=1,
        spoils=4,
        ends=1,
        caches=True,
        freezes=(200.0,),
        plan=Plan(checkpoints=0.3),
        encrypted=True,
    ),
    "generations": Profile(
        faults=dataclasses.replace(_ROUGH, freeze_at_send=0.01),
        plan=Plan(vacuums=0.15, checkpoints=0.1),
        writers=4,
        deaf=1,
        kills=4,
        freezes=(30.0, 200.0, 30.0),
        losses=2,
        span=40.0,
    ),
    "encrypted_generations": Profile(
        faults=dataclasses.replace(_ROUGH, freeze_at_send=0.01),
        plan=Plan(vacuums=0.15, checkpoints=0.1),
        writers=4,
        deaf=1,
        kills=4,
        freezes=(30.0, 200.0),
        losses=2,
        span=40.0,
        caches=True,
        encrypted=True,
    ),
    "unenforced": Profile(faults=dataclasses.replace(_ROUGH, nonce_window=None), kills=2, losses=1),
}


class Run:
    """One run of a profile.

    Args:
        profile: its name.
        seed: what decides everything in it.
    """

    def __init__(self, profile: str, seed: int) -> None:
        self.name, self.seed = profile, seed
        self.profile = PROFILES[profile]
        self.world = World(seed, self.profile.faults)
        self.world.lists_hidden = not self.profile.hides
        self.world.key = Key(KEY) if self.profile.encrypted else None
        self.record = Memory()
        self._lives: list[tuple[Process, Callable[[], Engine | None]]] = []
        self._born = 0
        self._caches: dict[str, Path] = {}
        self._folder = Path()

    def go(self) -> Run:
        """Run, and check everything.

        Raises:
            AssertionError: a promise or an invariant was broken. The trace is told with it.
        """
        with tempfile.TemporaryDirectory() as folder:
            self._folder = Path(folder)
            with (
                # So that columns are filled while there are commits, though records are few.
                mock.patch.object(committer, "_FILLED_AT_A_TIME", 1),
                mock.patch.object(layout, "_AT_ONCE", 4),
            ):
                return self._go_in_folder()

    def _go_in_folder(self) -> Run:
        try:
            self._go()
        except BaseException as error:
            again = f"python -m tests.engine.runs {self.name} {self.seed}"
            error.add_note("\n".join(["", *self.world.trace, "", f"to see this again: {again}"]))
            raise
        finally:
            self.world.end()
        return self

    def _go(self) -> None:
        for number in range(self.profile.writers):
            self._begin(f"w{number}")
        self._plan_disasters()
        self.world.run(self._all_done, within=36_000)
        self.world.faults = dataclasses.replace(CALM, nonce_window=self.profile.faults.nonce_window)
        self.world.note("from here on nothing goes wrong")
        self.world.pass_time(self.profile.faults.lag + 30)
        self._check()

    def _begin(self, name: str) -> None:
        process = self.world.process(name)
        self._born += 1
        if self.profile.caches:
            process.cache = self._caches.setdefault(name, self._folder / f"cache {self._born}")
        tag = f"{name}#{self._born}"
        task = process.loop.create_task(
            live(
                self.world,
                process,
                self.record,
                self.profile.plan,
                tag,
                hears=self._hears(name),
                beside=[Asker] if self.profile.asks else [],
            )
        )
        self._lives.append((process, lambda: task.result() if task.done() else None))

    def _hears(self, name: str) -> bool:
        return name not in {f"w{number}" for number in range(self.profile.deaf)}

    def _all_done(self) -> bool:
        return all(
            not process.alive or (not process.ending and engine())
            for process, engine in self._lives
        )

    def _plan_disasters(self) -> None:
        world, random = self.world, self.world.random
        for _ in range(self.profile.kills):
            world.after(random.random() * self.profile.span, self._kill_one)
        for _ in range(self.profile.ends):
            world.after(random.random() * self.profile.span, self._end_one)
        for seconds in self.profile.freezes:
            world.after(
                random.random() * self.profile.span, lambda seconds=seconds: self._freeze(seconds)
            )
        for _ in range(self.profile.denials):
            world.after(random.random() * self.profile.span, self._deny)
        for _ in range(self.profile.hides):
            world.after(random.random() * self.profile.span, self._hide)
        for _ in range(self.profile.spoils):
            world.after(random.random() * self.profile.span, self._spoil_one)
        for _ in range(self.profile.losses):
            world.after(random.random() * self.profile.span, self._lose_session)
        for _ in range(self.profile.breaks):
            world.after(random.random() * self.profile.span, self._break_file)

    def _spoil_one(self) -> None:
        """Let something happen to a message in the channel of the checkpoints."""
        world, random = self.world, self.world.random
        channels = [id_ for id_, each in world.channels.items() if each.name == "checkpoints"]
        held = [(channel, id_) for channel in channels for id_ in world.messages[channel]]
        if held:
            world.spoil(*random.choice(held), random.choice(_SPOILED))

    def _deny(self) -> None:
        """Take a right away from the bot in one channel, and give it back after a while."""
        own = [id_ for id_, channel in self.world.channels.items() if channel.topic]
        if not own:
            return
        random = self.world.random
        channel, taken = random.choice(own), random.choice(_RIGHTS)
        self.world.fault_count += 1
        self.world.deny(channel, taken, told=random.random() < 0.7)
        back = random.random() < 0.7
        self.world.after(
            random.random() * 20, lambda: self.world.deny(channel, Permission(0), told=back)
        )

    def _hide(self) -> None:
        """Hide all channels from the bot, so that none is listed, and show them after a while."""
        world, random = self.world, self.world.random
        homes = [id_ for id_, channel in world.channels.items() if channel.is_category]
        world.fault_count += 1
        world.hide(*homes, told=random.random() < 0.7)
        back = random.random() < 0.7
        world.after(random.random() * 20, lambda: world.show(*homes, told=back))

    def _victim(self) -> Process | None:
        alive = [process for process, _ in self._lives if process.alive and not process.frozen]
        return self.world.random.choice(alive) if alive else None

    def _kill_one(self) -> None:
        if victim := self._victim():
            victim.kill()
            if self.profile.caches:
                self._leave_cache(victim.name)
            self._begin_again(victim)

    def _begin_again(self, victim: Process) -> None:
        self.world.after(self.world.random.random() * 3, lambda: self._begin(victim.name))

    def _end_one(self) -> None:
        victim = self._victim()
        if victim is not None and victim.engine is not None and not victim.ending:
            victim.end_cleanly(lambda: self._begin_again(victim))

    def _leave_cache(self, name: str) -> None:
        """Leave of a cache what a killed process leaves, or something that was damaged since. A
        copy: what the process had open is still open here.
        """
        before, random = self._caches.pop(name), self.world.random
        self._caches[name] = left = self._folder / f"{before.name}, left"
        left.mkdir()
        for path in sorted(before.glob("replica-*.sqlite*")):
            if not path.name.endswith("-shm"):
                shutil.copy(path, left)
        files = sorted(left.iterdir())
        if files and random.random() < 0.6:
            self._damage(random.choice(files))

    def _damage(self, path: Path) -> None:
        random, content = self.world.random, bytearray(path.read_bytes())
        way = random.choice(["flipped", "cut short", "removed"])
        self.world.fault(f"{path.name} is {way}")
        if way == "removed":
            path.unlink()
        elif content:
            at = random.randrange(len(content))
            content[at] ^= 1 << random.randrange(8)
            path.write_bytes(content[:at] if way == "cut short" else content)

    def _freeze(self, seconds: float) -> None:
        if victim := self._victim():
            victim.freeze(seconds)

    def _lose_session(self) -> None:
        if victim := self._victim():
            victim.session.lose(self.world.random.random() * 5)

    def _break_file(self) -> None:
        """Let a reader find that the file fails which holds a replica: what it holds is copied, or
        is not what was written, and read again from a checkpoint and the log.
        """
        victim = self._victim()
        if victim is None or victim.engine is None or victim.ending:
            return
        error = sqlite3.DatabaseError("the file fails")
        error.sqlite_errorcode = self.world.random.choice(_FAILURES)
        self.world.fault(f"{victim.name}: the file fails ({error.sqlite_errorcode})")
        victim.engine.replica.note_failure(error)

    # The end

    def _check(self) -> None:
        world = self.world
        living = [(p, found) for p, engine in self._lives if p.alive and (found := engine())]
        for process, engine in living:
            world.run_in(process, engine.refresh())
            world.run_in(process, engine.refresh())
        late = world.process("late")
        changes = bool(self.profile.plan.vacuums)
        kind = LastingEngine if changes else Engine
        newcomer = world.run_in(late, open_engine(late, kind=kind))
        superblock = newcomer.superblock
        assert {engine.superblock.database for _, engine in living} <= {superblock.database}
        self._check_channels(superblock)
        if changes:
            assert {engine.superblock for _, engine in living} <= {superblock}
        form = PLAIN
        if self.profile.encrypted:
            form = decrypting.find(OfWorld(world), KEY).form
            check_hidden(world, HIDDEN)
        if changes:
            log = read_generations(world, superblock, self._form_of)
        else:
            log = read_log(world, superblock, form)
        state = replay(log)
        engines = [newcomer, *(engine for _, engine in living)]
        check_replicas(log, state, engines)
        check_keys(engines)
        check_texts(engines)
        self.checkpoints = check_checkpoints(world, superblock, log, form)
        check_promises(log, self.record, fresh_reads=self.profile.fresh_reads)
        failures = [text for process in world.processes for text in process.failures]
        assert not failures, failures
        self.log = log

    def _form_of(self, said: dict[str, Any]) -> Form:
        """How the generation of a superblock is kept."""
        return decrypting.form_of(said, KEY) if self.profile.encrypted else PLAIN

    def _check_channels(self, superblock: Superblock) -> None:
        mine = {superblock.catalog, *superblock.lanes, superblock.checkpoints}
        assert mine <= set(self.world.channels)
        traced = {trace.catalog for _, trace, _ in self.world.traces.values()}
        assert superblock.catalog in traced


def main() -> None:
    """Run one seed of one profile, or many, and tell what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.engine.runs", description=main.__doc__)
    parser.add_argument("profile", choices=PROFILES, help=" ".join(PROFILES), metavar="PROFILE")
    parser.add_argument("seed", type=int, help="which decides everything", metavar="SEED")
    parser.add_argument("last", type=int, nargs="?", help="of many seeds", metavar="LAST")
    given = parser.parse_args()
    for seed in range(given.seed, (given.seed if given.last is None else given.last) + 1):
        run = Run(given.profile, seed).go()
        if given.last is None:
            print("\n".join(run.world.trace))
        print(f"{given.profile} {seed}: {run.log.head} positions, {run.world.fault_count} faults")


if __name__ == "__main__":
    main()
