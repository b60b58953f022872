"""An exception ends the script: it is what the user sees."""

import asyncio

from discobase.portal import Portal

portal = Portal()
portal.start()
pending = portal.submit(asyncio.sleep, 60)


async def divide(by):
    await asyncio.sleep(0)
    return 1 / by


print(portal.call(divide, 0))
