"""Have finalizers save: the collector runs them wherever it comes to it, on any thread."""

import collections
import faulthandler
import gc
import threading

from shop import say

import discobase
from discobase.errors import WouldDeadlock

faulthandler.dump_traceback_later(25, exit=True)
db = discobase.Database("shop", timeout=None)
came_to = collections.Counter()
threads = set()


@db.table
class Item(discobase.Table):
    name: str


class Doomed:
    """One that only the collector can free."""

    def __init__(self):
        self.me = self

    def __del__(self):
        try:
            Item(name="finalizer").save()
            came_to["saved"] += 1
        except WouldDeadlock:
            came_to["WouldDeadlock"] += 1
        threads.add(threading.current_thread().name)


def doom(phase, _info):
    """On whatever thread the collector has just run: leave it one for the next time."""
    if phase == "stop":
        Doomed()


def save_twenty():
    for _ in range(20):
        Item(name="outer").save()


with db.conn():
    Item(name="first").save()
    gc.set_threshold(40)
    gc.callbacks.append(doom)
    others = [threading.Thread(target=save_twenty) for _ in range(3)]
    for other in others:
        other.start()
    save_twenty()
    for other in others:
        other.join()
    gc.callbacks.remove(doom)
    gc.collect()
    db.refresh()
    held = collections.Counter(item.name for item in Item.find())
    say(held["outer"] == 80, held["finalizer"] == came_to["saved"] > 0)
    say("discobase shop" in threads, came_to["WouldDeadlock"] > 0)
