"""Have a handler save in the middle of something: at one line of its way after another.

A trace function calls the handler; it stands for a signal handler and for a finalizer, which run
between two lines of whatever the thread is doing.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import warnings
from collections import Counter
from concurrent import futures
from pathlib import Path

from shop import say

import discobase
from discobase.errors import WaitTimeout, WouldDeadlock

warnings.simplefilter("ignore")
faulthandler.dump_traceback_later(25, exit=True)
HELD = [str(Path(place).parent) + os.sep for place in (discobase.__file__, futures.__file__)] + [
    __import__(name).__file__ for name in ("janus", "threading", "contextlib", "queue", "weakref")
]
came_to = Counter()
reading, writing = os.pipe()
db = discobase.Database("shop", timeout=None)


@db.table
class Item(discobase.Table):
    name: str


class Handler:
    """What comes between, at a line whose number is given."""

    def __init__(self, number):
        self.left = number
        self.came = False

    def __call__(self, frame, event, _argument):
        if not frame.f_code.co_filename.startswith(tuple(HELD)):
            return None
        if event == "line":
            if self.left == 0:
                self.came = True
                self.save()
            self.left -= 1
        return self

    def save(self):
        try:
            came_to[Item(name="handler").save().name] += 1
        except WouldDeadlock:
            came_to["WouldDeadlock"] += 1


def interrupted(number, action):
    """Do something, with the handler at a line; whether it is as long as that."""
    handler = Handler(number)
    sys.settrace(handler)
    try:
        action()
    finally:
        sys.settrace(None)
    return handler.came


def at_each_line(action):
    """How often it was done, the handler at another line each time."""
    number = 0
    while interrupted(number, action):
        number += 1
    return number + 1


def in_save():
    with db.conn():
        Item(name="first").save()
        tell(outer=at_each_line(lambda: Item(name="outer").save()))


def in_find():
    with db.conn():
        Item(name="first").save()
        at_each_line(lambda: Item.find_unique(name="first"))
        tell(outer=0)


def in_refresh():
    with db.conn():
        Item(name="first").save()
        at_each_line(db.refresh)
        tell(outer=0)


def in_wait():
    def wait():
        with contextlib.suppress(WaitTimeout):
            db.wait_for(db.head + 1, timeout=0.01)

    with db.conn():
        Item(name="first").save()
        at_each_line(wait)
        tell(outer=0)


def in_connecting():
    for number in range(0, 120, 5):
        db.login_thread()
        interrupted(number, lambda: Item(name="outer").save())
        db.close()
    with db.conn():
        tell(outer=24)


def in_reconnecting_after_a_fork():
    with db.conn():
        Item(name="first").save()
        for number in range(0, 240, 10):
            if not (child := os.fork()):
                came_to.clear()
                interrupted(number, lambda: Item(name="outer").save())
                db.close()
                os.write(writing, f"{came_to['handler']} {came_to['WouldDeadlock']}\n".encode())
                os._exit(0)
            os.waitpid(child, 0)
            for name, count in zip(
                ("handler", "WouldDeadlock"), os.read(reading, 99).split(), strict=True
            ):
                came_to[name] += int(count)
        tell(outer=24)


def tell(*, outer):
    db.refresh()
    held = Counter(item.name for item in Item.find())
    say(held["outer"] == outer, held["handler"] == came_to["handler"])
    say(came_to["handler"], "saved,", came_to["WouldDeadlock"], "refused")


globals()[sys.argv[1]]()
