"""The loop is blocked when the interpreter exits: the process does not wait for it."""

import threading

from discobase.portal import Portal

blocked, never = threading.Event(), threading.Event()


async def block():
    blocked.set()
    never.wait(60)


portal = Portal("shop")
portal.start()
portal.submit(block)
blocked.wait()
print("end of script", flush=True)
