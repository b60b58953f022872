"""A second Ctrl-C ends the moment that a coroutine gets to heed the first."""

import asyncio
import os
import signal
import time

from discobase.portal import Portal


async def ignore_all():
    os.kill(os.getpid(), signal.SIGINT)
    cancelled_at = None
    while cancelled_at is None or time.monotonic() - cancelled_at < 0.5:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            if cancelled_at is None:
                os.kill(os.getpid(), signal.SIGINT)
            cancelled_at = time.monotonic()


portal = Portal()
portal.start()
before = time.monotonic()
try:
    portal.call(ignore_all)
except KeyboardInterrupt as error:
    print("interrupted, during the handling of", repr(error.__context__))
    print("at once" if time.monotonic() - before < 0.4 else "late")
portal.stop()
