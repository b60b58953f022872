"""Nobody stops the portal: the process ends at once all the same, and its coroutines clean up."""

import asyncio

from discobase.portal import Portal


async def wait_long():
    try:
        await asyncio.sleep(60)
    finally:
        print("cleaned up", flush=True)


portal = Portal("shop")
portal.start()
future = portal.submit(wait_long)
portal.call(asyncio.sleep, 0)
print("end of script")
