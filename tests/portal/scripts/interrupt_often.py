"""Ctrl-C at three hundred random moments of a call: none is lost, and the loop never hangs."""

import asyncio
import collections
import os
import random
import signal
import threading
import time

from discobase.portal import Portal

TIMES = 300
state = {"armed": False}
over = threading.Event()
interrupts = collections.Counter()
coroutines = collections.Counter()


def interrupt_once(number, frame):
    if state["armed"]:
        state["armed"] = False
        raise KeyboardInterrupt


def interrupt_at_random():
    chance = random.Random(1)
    while not over.wait(0.004 * chance.random()):
        os.kill(os.getpid(), signal.SIGINT)


async def work():
    coroutines["begun"] += 1
    try:
        await asyncio.sleep(0.002)
        coroutines["done"] += 1
    except asyncio.CancelledError:
        coroutines["cancelled"] += 1
        raise


signal.signal(signal.SIGINT, interrupt_once)
portal = Portal()
portal.start()
sender = threading.Thread(target=interrupt_at_random)
sender.start()
deadline = time.monotonic() + 20
while interrupts.total() < TIMES and time.monotonic() < deadline:
    try:
        state["armed"] = True
        portal.call(work)
    except KeyboardInterrupt as interrupt:
        interrupts[" ".join(getattr(interrupt, "__notes__", ["outside the wait"]))] += 1
    state = {"armed": False}
over.set()
sender.join()
print(portal.call(asyncio.sleep, 0, "usable", timeout=5), interrupts.total())
assert coroutines["begun"] == coroutines["done"] + coroutines["cancelled"]
assert coroutines["cancelled"] == interrupts["work() was under way, and was cancelled"]
portal.stop()
