"""In the child nothing hangs and nothing of the parent's is closed; a new start serves it."""

import asyncio
import gc
import os
import sys
import time
import warnings

from discobase.errors import Disconnected
from discobase.portal import Portal

warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)


async def stay_connected(questions, answers):
    """A client, its server and their connection, all of which last as long as this coroutine."""
    gone = asyncio.Event()

    async def answer(reader, writer):
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()
        gone.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        while question := await questions.get():
            writer.write(question)
            await answers.put(await reader.readline())
        writer.close()
        await gone.wait()


async def ask(question):
    await questions.put(question)
    return await answers.get()


async def make_queues():
    return asyncio.Queue(), asyncio.Queue()


def refuses_at_once(attempt):
    before = time.monotonic()
    try:
        attempt()
    except Disconnected as error:
        return "forked" in str(error) and time.monotonic() - before < 1
    return False


def in_child():
    portal, connection = held["portal"], held["connection"]
    assert portal.forked
    assert not portal.alive
    assert refuses_at_once(lambda: portal.call(asyncio.sleep, 0))
    assert refuses_at_once(lambda: portal.submit(asyncio.sleep, 0))
    assert refuses_at_once(lambda: portal.wait(connection, timeout=None, what="the save"))
    portal.stop()
    portal.start()
    assert portal.alive
    assert not portal.forked
    assert portal.call(asyncio.sleep, 0, "child", timeout=5) == "child"
    assert refuses_at_once(lambda: portal.wait(connection, timeout=None, what="the save"))
    portal.stop()
    held.clear()


held = {"portal": Portal(), "forgotten": Portal("forgotten")}
held["portal"].start()
held["forgotten"].start()
questions, answers = held["portal"].call(make_queues)
held["connection"] = held["portal"].submit(stay_connected, questions, answers)
print("parent:", held["portal"].call(ask, b"connected\n", timeout=5), flush=True)
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        in_child()
        gc.collect()
        sys.exit(7)
    children.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print("children:", children)
print("parent:", held["portal"].call(ask, b"still connected\n", timeout=5))
held["portal"].loop.call_soon_threadsafe(questions.put_nowait, None)
held["connection"].result(5)
held["forgotten"].stop()
held["portal"].stop()
