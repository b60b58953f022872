"""Ctrl-C during a call: the coroutine is cancelled, and the interrupt says so and goes on."""

import asyncio
import os
import signal

from discobase.portal import Portal


async def be_interrupted(ignore):
    os.kill(os.getpid(), signal.SIGINT)
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        if not ignore:
            raise


portal = Portal()
portal.start()
for what, ignore, writes in (
    ("the look-up", False, False),
    ("the set-up", False, True),
    ("the stubborn one", True, True),
):
    try:
        portal.call(be_interrupted, ignore, what=what, writes=writes)
    except KeyboardInterrupt as interrupt:
        print(type(interrupt).__name__, interrupt.__notes__, flush=True)
print(portal.call(asyncio.sleep, 0, "still usable"))
portal.stop()
