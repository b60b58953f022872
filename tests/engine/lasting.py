"""Databases that go through several generations, in the simulation."""

from __future__ import annotations

import asyncio
import gzip
import json

from discobase.engine.changes import Insert
from discobase.engine.lasting import LastingEngine
from discobase.engine.server.seam import Uncertain
from discobase.progress import Gauge
from tests.engine.rows import row
from tests.engine.seam import CHANGING, SHOP
from tests.engine.workload import LIMITS, put


def join_lasting(world, name="one", *, server=SHOP, **options):
    """Open a database in a new process, through all its generations."""
    process = world.process(name, server=server)
    return process, open_lasting(world, process, **options)


def open_lasting(world, process, **options):
    """Open it in a process that is there."""
    chosen = {"limits": LIMITS, "allow_unsafe": world.faults.nonce_window is None} | options
    engine = world.run_in(
        process, LastingEngine.open(process.seam, failed=process.failures.append, **chosen)
    )
    process.closers.append(engine.replica.close)
    process.engine = engine  # kept until the world ends, also where the process is killed
    return engine


async def vacuum(engine, lanes=None):
    """Ask for a vacuum."""
    return await engine.vacuum(lanes, Gauge())


def save(world, process, engine, *tags):
    """Save records, one commit each."""
    return [world.run_in(process, put(engine, Insert("a", row(tag)))) for tag in tags]


async def save_on(engine, tags, pause=0.3):
    """Save records one after the other, with pauses."""
    for tag in tags:
        await put(engine, Insert("a", row(tag)))
        await asyncio.sleep(pause)


def everything(world):
    """All that the server still holds: the text of each message, and its files, unpacked."""
    for messages in world.messages.values():
        for stored in messages.values():
            yield stored.message.content
            for file in stored.files:
                data = gzip.decompress(file) if file[:2] == b"\x1f\x8b" else file
                yield data.decode("latin-1")


def is_held(world, text):
    """Whether a text is anywhere on the server. Files of several parts are not unpacked."""
    return any(text in each for each in everything(world))


def superblocks(world, engine):
    """The generations of the superblocks in the catalog."""
    found = []
    for stored in world.messages[engine.superblock.catalog].values():
        content = stored.message.content
        if content.startswith('```json\n{"superblock"'):
            body = json.loads(content.removeprefix("```json\n").removesuffix("\n```"))
            found.append(body["is"]["generation"])
    return found


def channels(world):
    """The text channels of the server."""
    return {id_ for id_, each in world.channels.items() if not each.is_category}


class Killer:
    """Kills a process at one of its calls that change something, or lets it stand still there:
    before the server has heard of it, or just after.

    Args:
        process: the process.
        number: which of these calls, from 0 on; None for none.
        after: whether it takes effect.
        stands_still: seconds for which it does, and is not killed.

    Attributes:
        count: how many of these calls there were.
    """

    def __init__(self, process, number=None, *, after=False, stands_still=0.0):
        self._process, self._number, self._after = process, number, after
        self._seconds = stands_still
        self._call = process.seam._call
        self.count = 0
        process.seam._call = self._watched

    async def _watched(self, what, effect, channel=None):
        if what.split()[0] not in CHANGING:
            return await self._call(what, effect, channel)
        number, self.count = self.count, self.count + 1
        if number != self._number:
            return await self._call(what, effect, channel)
        if self._seconds:
            return await self._stand_still(what, effect, channel)

        def ended():
            if self._after:
                effect()
            self._process.kill()
            raise Uncertain("nobody hears of it")

        return await self._call(what, ended, channel)

    async def _stand_still(self, what, effect, channel):
        answer = await self._call(what, effect, channel) if self._after else None
        self._process.freeze(self._seconds)
        await asyncio.sleep(0)  # a step of its loop, which comes when it goes on
        return answer if self._after else await self._call(what, effect, channel)


def leave_channels(process):
    """Let a process delete no channel, though it believes so."""

    async def nothing(channel):
        process.world.note(f"{process.name}: channel {channel} stays")

    process.seam.delete_channel = nothing


def unheard_lift(process):
    """A way to send that lifts no seal: nobody hears of that superblock."""
    send = process.seam.send

    async def without(channel, content, uploads, nonce):
        if nonce.endswith(":block"):
            raise Uncertain("nobody hears of it")
        return await send(channel, content, uploads, nonce)

    return without
