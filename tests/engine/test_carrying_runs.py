"""An import that dies anywhere, over a server that loses answers, beside another one of the same
export and beside saves: each record is there once, as it was, in virtual time and from a seed."""

from __future__ import annotations

import asyncio
import json

import pytest

from discobase.engine.changes import CarryIn, CarryNext, CarrySchema, CarryUnique, Insert, Request
from discobase.engine.operations import FieldSchema, Schema
from discobase.errors import OutcomeUnknown, Unavailable
from tests.engine.simulation import Faults
from tests.engine.workload import ask

SCHEMA = Schema({"x": FieldSchema("plain", "abc")}, ("x",)).to_json()
RECORDS = [CarryIn("T", pk, json.dumps({"x": pk}, separators=(",", ":")), 1) for pk in range(1, 13)]
NEXT = 20
FAULTS = Faults(
    error_before=0.15, lost_answer=0.2, dropped_event=0.3, slow_event=0.2, lag=1.0, work=0.05
)


async def bring(engine, *, saves=0):
    """Import the records, and save others of the same table meanwhile."""
    await carried_out(engine, prepared=[CarrySchema("T", 1, SCHEMA), CarryNext("T", NEXT)])
    saved = [
        asyncio.ensure_future(carried_out(engine, Insert("T", f'{{"x":{100 + number}}}')))
        for number in range(saves)
    ]
    for at in range(0, len(RECORDS), 3):
        await carried_out(engine, *RECORDS[at : at + 3])
    await asyncio.gather(*saved)
    await carried_out(engine, prepared=[CarryUnique("T", "x", 1)])


async def carried_out(engine, *changes, prepared=()):
    while True:
        # With the schema, by which the saves are of a class that the log knows.
        request = Request(changes, {"T": SCHEMA}, preparations=prepared)
        try:
            return await ask(engine, request)
        except Unavailable:
            continue
        except OutcomeUnknown:
            assert all(isinstance(change, CarryIn) for change in changes)


@pytest.mark.parametrize("seed", range(12))
def test_each_record_is_there_once(make_world, join, seed):
    world = make_world(seed)
    one, first = join(world, "one")
    two, second = join(world, "two")
    world.faults = FAULTS
    dying = one.loop.create_task(bring(first))
    world.after(world.random.uniform(0.0, 6.0), one.kill)
    world.run_in(two, bring(second, saves=2))
    world.faults = Faults()
    world.pass_time(2.0)  # until what was sent last can be read
    _, third = join(world, "three")
    rows = {pk: (json.loads(data)["x"]) for pk, _, data in third.replica.select("T", [])}
    carried = {record.pk: record.pk for record in RECORDS}
    assert {pk: x for pk, x in rows.items() if pk < NEXT} == carried
    assert sorted(x for pk, x in rows.items() if pk >= NEXT) == [100, 101]
    assert third.replica.layouts["T"].unique_column("x") is not None
    assert third.replica.next_pk("T") == NEXT + 2
    assert not dying.done() or dying.exception() is None
