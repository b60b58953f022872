"""Leave a database open at the end, in various ways; the last line tells when that was."""

import gc
import sys
import threading
import time

import shop
from shop import Item, db, say

from discobase.errors import DiscobaseError


def save_on(under_way):
    while True:
        try:
            Item(name="a").save()
        except DiscobaseError:
            return
        under_way.set()


def save_after_the_main_thread():
    threading.main_thread().join()
    for _ in range(20):
        Item(name="a").save()
    say(len(Item.find()), "records")
    say("the end", time.monotonic())


def leave():
    sys.exit("this goes by in silence, as Python has it")


if sys.argv[1] == "by an exception":
    with db.conn():
        Item(name="a").save()
        raise ZeroDivisionError

db.login_thread()
match sys.argv[1]:
    case "after a save":
        Item(name="a").save()
    case "while eight threads save":
        under_way = threading.Event()
        for _ in range(8):
            threading.Thread(target=save_on, args=(under_way,), daemon=True).start()
        under_way.wait()
    case "to a thread that goes on":
        db.wait_ready()  # Once the main thread has ended, Python 3.12.1 makes no more threads.
        threading.Thread(target=save_after_the_main_thread).start()
        sys.exit()
    case "by sys.exit in a thread":
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
        Item(name="a").save()
    case "to the collector":
        Item(name="a").save()
        thread = next(one for one in threading.enumerate() if one.name == "discobase shop")
        del db, Item, shop.db, shop.Item
        gc.collect()
        thread.join(5)
        say("its thread has ended:", not thread.is_alive())
say("the end", time.monotonic())
