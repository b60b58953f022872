"""The simulated world itself: two writers, no faults."""

from __future__ import annotations

import asyncio

from discobase.engine.committer import Request
from discobase.engine.engine import Engine
from discobase.engine.frame import Limits
from discobase.engine.operations import Insert
from tests.engine.simulation import World


async def start(process):
    engine = await Engine.open(process.seam, limits=Limits(), failed=process.failures.append)
    process.closers.append(engine.replica.close)
    return engine


async def put(engine, *changes):
    request = Request(changes)
    engine.put(request)
    return await asyncio.wrap_future(request.future)


def test_two_writers_see_what_each_other_writes():
    world = World(1)
    try:
        one, two = world.process("one"), world.process("two")
        first = world.run_in(one, start(one))
        second = world.run_in(two, start(two))
        assert world.run_in(one, put(first, Insert("a", '{"x":1}'))).seq == 1
        assert world.run_in(two, put(second, Insert("a", '{"x":2}'))).pks == [2]
        world.pass_time(1)
        for engine in (first, second):
            assert engine.replica.select("a", {}) == [(1, 1, '{"x":1}'), (2, 2, '{"x":2}')]
    finally:
        world.end()
