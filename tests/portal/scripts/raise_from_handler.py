"""An exception of any type may come out of a signal handler; it is not taken for anything else."""

import asyncio
import signal

from discobase.portal import Portal


def on_alarm(number, frame):
    raise TimeoutError("the alarm")


signal.signal(signal.SIGALRM, on_alarm)
portal = Portal()
portal.start()
signal.setitimer(signal.ITIMER_REAL, 0.1)
try:
    portal.call(asyncio.sleep, 60, timeout=50)
except TimeoutError as error:
    print(error, error.__notes__)
portal.stop()
