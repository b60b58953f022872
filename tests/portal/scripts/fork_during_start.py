"""Thirty forks while another thread starts and stops the portal: every child can start its own."""

import asyncio
import os
import threading
import warnings

from discobase.portal import Portal

warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)

portal = Portal()
done = threading.Event()


def start_and_stop():
    while not done.is_set():
        portal.start()
        portal.stop()


thread = threading.Thread(target=start_and_stop)
thread.start()
codes = []
for _ in range(30):
    child = os.fork()
    if child == 0:
        portal.start()
        answer = portal.call(asyncio.sleep, 0, 7, timeout=5)
        portal.stop()
        os._exit(answer)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
done.set()
thread.join()
portal.stop()
print(codes)
