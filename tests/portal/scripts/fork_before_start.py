"""A portal that was only made before the fork serves both processes."""

import asyncio
import os
import sys

from discobase.portal import Portal

portal = Portal()
child = os.fork()
assert not portal.alive
assert not portal.forked
portal.start()
answer = portal.call(asyncio.sleep, 0, "served", timeout=5)
portal.stop()
if child == 0:
    sys.exit(7 if answer == "served" else 1)
print("child:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "parent:", answer)
