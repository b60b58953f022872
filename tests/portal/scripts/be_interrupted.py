"""Waits for whoever runs it to send SIGINT, and does not catch it."""

import asyncio

from discobase.portal import Portal


async def wait_long():
    print("waiting", flush=True)
    try:
        await asyncio.sleep(60)
    finally:
        print("cleaned up", flush=True)


portal = Portal()
portal.start()
try:
    portal.call(wait_long)
finally:
    portal.stop()
