"""What ended the thread is told to those who wait and to those who come later."""

import asyncio
import concurrent.futures
import logging
import os
import threading

from discobase.errors import DiscobaseError
from discobase.portal import Portal


class Collector(logging.Handler):
    def emit(self, record):
        told.append(f"{record.levelname}: {record.getMessage()} <- {record.exc_info[1]!r}")


def expect(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except DiscobaseError as error:
        told.append(f"{type(error).__name__}: {error} <- {error.__cause__!r}")


async def wait_long():
    begun.wait()
    await asyncio.sleep(60)


async def break_the_selector():
    os.dup2(devnull, portal.loop._selector.fileno())


told = []
logging.getLogger("discobase").addHandler(Collector())
logging.getLogger("asyncio").disabled = True  # It tells of the tasks that ended with the thread.
devnull = os.open(os.devnull, os.O_RDONLY)
portal = Portal("shop")
portal.start()
begun = threading.Barrier(2)
queued, under_way = concurrent.futures.Future(), concurrent.futures.Future()
under_way.set_running_or_notify_cancel()
waiters = [
    threading.Thread(target=expect, args=(portal.call, wait_long), kwargs={"what": "1"}),
    *(
        threading.Thread(
            target=expect, args=(portal.wait, future), kwargs={"timeout": None, "what": what}
        )
        for future, what in ((queued, "2"), (under_way, "3"))
    ),
]
for waiter in waiters:
    waiter.start()
begun.wait()
portal.submit(break_the_selector)
for waiter in waiters:
    waiter.join(5)
expect(portal.call, asyncio.sleep, 0)
expect(portal.submit, asyncio.sleep, 0)
print(*sorted(told), sep="\n")
assert not portal.alive
assert isinstance(portal.failure, OSError)
portal.stop()
portal.start()
print(portal.call(asyncio.sleep, 0, "restarted"))
portal.stop()
os.close(devnull)
