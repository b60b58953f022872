"""Have finalizers save: the collector runs them wherever it comes to it, on any thread."""

import collections
import faulthandler
import gc
import sys
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


def doom(_frame, event, _argument):
    """On every thread, again and again: leave one to the collector, which runs soon after."""
    if event == "call" and not gc.get_count()[1]:
        Doomed()


def save_twenty():
    for _ in range(20):
        Item(name="outer").save()


with db.conn():
    Item(name="first").save()
    gc.set_threshold(40)
    threading.setprofile_all_threads(doom) if sys.version_info >= (3, 12) else sys.setprofile(doom)
    others = [threading.Thread(target=save_twenty) for _ in range(3)]
    for other in others:
        other.start()
    save_twenty()
    for other in others:
        other.join()
    if sys.version_info >= (3, 12):
        threading.setprofile_all_threads(None)
    sys.setprofile(None)
    gc.collect()
    db.refresh()
    held = collections.Counter(item.name for item in Item.find())
    say(held["outer"] == 80, held["finalizer"] == came_to["saved"] > 0)
    say("discobase shop" in threads, came_to["WouldDeadlock"] > 0)
