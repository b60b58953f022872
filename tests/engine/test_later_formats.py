"""A later version of discobase joins in: the older writers stop, and write nothing behind it."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import pytest

from discobase.engine.changes import Insert
from discobase.errors import ConnectError, DiscobaseError, OutcomeUnknown, UpgradeNeeded
from tests.engine.runs import PROFILES
from tests.engine.simulation import CALM, World
from tests.engine.workload import open_engine, put

NONCE_SECONDS = 120.0
"""For which nonces are remembered here: less than the writers go on for."""


def later_frame(world: World, superblock) -> int:
    """Write a frame of format 2 at the first free position, as a later version would."""
    seq = 1
    while True:
        content = f'```json\n{{"discobase":2,"needs":"0.7","seq":{seq}}}\n```'
        lane, nonce = superblock.lane_of(seq), superblock.nonce_of(seq)
        message = world.post(lane, content, (), nonce)
        if message.content == content:
            world.note(f"a later version has written position {seq}")
            return seq
        seq += 1


def frames(world: World, superblock) -> list[tuple[int, int, int]]:
    """Position, message id and format of all frames in the lanes, in that order."""
    found = []
    for lane in superblock.lanes:
        for message, stored in world.messages[lane].items():
            header = json.loads(stored.message.content.splitlines()[1])
            found.append((header["seq"], message, header["discobase"]))
    return sorted(found)


async def write_for_long(world: World, engine, name: str, told: list[BaseException]) -> None:
    """Write now and then, whatever the answer, until well after every nonce is forgotten."""
    end = world.time + 3 * NONCE_SECONDS
    count = 0
    while world.time < end:
        count += 1
        try:
            await put(engine, Insert("a", json.dumps({"tag": f"{name}{count}"})))
        except DiscobaseError as error:
            told.append(error)
        await asyncio.sleep(world.random.random() * 20)


@pytest.mark.parametrize("profile", ["calm", "rough", "frozen"])
def test_nothing_is_ever_written_at_or_above_a_frame_of_a_later_format(make_world, profile):
    faults = dataclasses.replace(PROFILES[profile].faults, nonce_window=NONCE_SECONDS)
    for seed in range(15):
        world = make_world(seed)
        processes = [world.process(name) for name in ("one", "two")]
        engines = [world.run_in(process, open_engine(process)) for process in processes]
        superblock = engines[0].superblock
        world.faults = faults
        told: list[BaseException] = []
        works = [
            process.loop.create_task(write_for_long(world, engine, process.name, told))
            for process, engine in zip(processes, engines, strict=True)
        ]
        written: list[int] = []
        world.after(
            world.random.random() * 60,
            lambda world=world, block=superblock, seqs=written: seqs.append(
                later_frame(world, block)
            ),
        )
        world.run(lambda works=works: all(work.done() for work in works))
        world.faults = dataclasses.replace(CALM, nonce_window=NONCE_SECONDS)
        world.pass_time(60)
        (first_unknown,) = written
        found = frames(world, superblock)
        assert found[-1][0] == first_unknown, f"seed {seed}: something was written above it"
        at_it = [form for seq, _, form in found if seq == first_unknown]
        # One who was frozen as it sent may come second there: the first one counts.
        assert at_it[0] == 2, f"seed {seed}: it was written over"
        assert at_it == [2] or profile == "frozen"
        for process, engine in zip(processes, engines, strict=True):
            assert engine.replica.head.seq < first_unknown
            for call in (put(engine, Insert("a", '{"tag":"more"}')), engine.refresh()):
                with pytest.raises(UpgradeNeeded, match=r"needs discobase 0\.7"):
                    world.run_in(process, call)
        kinds = {type(error) for error in told}
        assert UpgradeNeeded in kinds
        if profile == "calm":
            assert kinds <= {UpgradeNeeded, OutcomeUnknown}
        newcomer = world.process("newcomer")
        with pytest.raises(UpgradeNeeded):
            world.run_in(newcomer, open_engine(newcomer))
        world.end()


def test_open_engine_tries_again_for_errors_of_connections_alone():
    assert not issubclass(UpgradeNeeded, ConnectError)
