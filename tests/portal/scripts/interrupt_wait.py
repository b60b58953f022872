"""Ctrl-C while a request waits in a queue, or is under way."""

import asyncio
import concurrent.futures
import os
import signal

from discobase.portal import Portal


async def interrupt():
    await asyncio.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)


portal = Portal()
portal.start()
for under_way in (False, True):
    request = concurrent.futures.Future()
    if under_way:
        request.set_running_or_notify_cancel()
    try:
        portal.submit(interrupt)
        portal.wait(request, timeout=None, what="the save")
    except KeyboardInterrupt as error:
        print(error.__notes__, request.cancelled())
portal.stop()
