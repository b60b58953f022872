"""Save each line that is logged, of every thread and logger, as a handler of the root logger."""

import collections
import faulthandler
import logging
import sys
import threading

from shop import say

import discobase
from discobase.errors import OutcomeUnknown, WouldDeadlock

faulthandler.dump_traceback_later(25, exit=True)
db = discobase.Database("shop", timeout=None)
came_to = collections.Counter()
saving = threading.local()


@db.table
class Line(discobase.Table):
    text: str


class SavingHandler(logging.Handler):
    def emit(self, record):
        if getattr(saving, "now", False):
            return  # What the save itself logs.
        saving.now = True
        try:
            Line(text=record.getMessage()).save()
            came_to["saved"] += 1
        except (WouldDeadlock, OutcomeUnknown) as error:
            came_to[type(error).__name__] += 1
        finally:
            saving.now = False


def say_much(name):
    for number in range(20):
        logging.getLogger("program").info("%s %d", name, number)


with db.conn():
    Line(text="first").save()
    logging.getLogger().addHandler(SavingHandler())
    logging.getLogger().setLevel(getattr(logging, sys.argv[1]))
    threads = [threading.Thread(target=say_much, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    say_much("main")
    for thread in threads:
        thread.join()
    logging.getLogger().handlers.clear()
    db.refresh()
    texts = collections.Counter(line.text for line in Line.find())
    least = came_to["saved"] + 1
    say(least <= texts.total() <= least + came_to["OutcomeUnknown"], came_to.total() >= 60)
    say(dict(came_to))
