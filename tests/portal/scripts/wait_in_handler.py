"""Have a handler wait in the middle of a wait that is given up: at one line after another.

A trace function calls the handler; it stands for a signal handler and for a finalizer, which run
between two lines of whatever the thread is doing.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import sys

from discobase.errors import OutcomeUnknown, WaitTimeout
from discobase.outcome import Outcome
from discobase.portal import Portal

faulthandler.dump_traceback_later(25, exit=True)
ended = Outcome()


class Handler:
    """What comes between, at a line whose number is given."""

    def __init__(self, number):
        self.left = number
        self.came = False

    def __call__(self, frame, event, _argument):
        if event == "line":
            if self.left == 0:
                self.came = True
                portal.call(asyncio.sleep, 0.002)
            self.left -= 1
        return self


def at_each_line(action):
    """Do something again and again, the handler at another line each time; how often it came."""
    number, came = 0, True
    while came:
        handler = Handler(number)
        sys.settrace(handler)
        try:
            with contextlib.suppress(WaitTimeout, OutcomeUnknown):
                action()
        finally:
            sys.settrace(None)
        came = handler.came
        number += 1
    return number - 1


def call():
    portal.call(asyncio.sleep, 60, timeout=0.001)


def wait():
    def begin():
        if future.set_running_or_notify_cancel():
            portal.loop.call_later(0.001, future.set_result, None)

    future = Outcome()
    portal.wait(
        future,
        timeout=0.001,
        what="it",
        send=lambda: portal.loop.call_soon_threadsafe(begin),
    )


def wait_shared():
    portal.wait_shared(ended, timeout=0.001, what="the end")


portal = Portal()
portal.start()
print(all(at_each_line(action) > 20 for action in (call, wait, wait_shared)))
portal.loop.call_soon_threadsafe(ended.set_result, "ended")
print(portal.wait_shared(ended, timeout=5, what="the end"))
portal.stop()
