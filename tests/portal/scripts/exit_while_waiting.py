"""The main thread ends while other threads wait: they get an error, and the process ends."""

import asyncio
import threading

from discobase.errors import Disconnected
from discobase.portal import Portal

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


threading.Thread(target=wait, daemon=True).start()
waiting.wait()
