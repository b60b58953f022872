"""The main thread ends while other threads wait: they get an error, and the process ends."""

import asyncio
import atexit
import threading

waiters = []
# Registered before the portal's own, so that it runs after: a daemon thread needs time to speak.
atexit.register(lambda: [waiter.join(10) for waiter in waiters])

from discobase.errors import Disconnected  # noqa: E402
from discobase.portal import Portal  # noqa: E402

portal = Portal("shop")
portal.start()
waiting = threading.Event()


async def wait_long():
    waiting.set()
    await asyncio.sleep(60)


def wait():
    try:
        portal.call(wait_long, what="it")
    except Disconnected as error:
        print(error, flush=True)


waiters.append(threading.Thread(target=wait, daemon=True))
waiters[0].start()
waiting.wait()
