"""Fork again and again while threads save; each child uses the database, and the parent goes on.

A line for each child: the warnings it got.
"""

import os
import sys
import threading
import time
import warnings

from shop import Item, db, say

children = int(sys.argv[1])
warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)


def save_on(thread):
    number = 0
    while not ended.wait(0.01):
        number += 1
        Item(name=f"parent.{thread}.{number}").save()
        saved.append(f"parent.{thread}.{number}")


def in_child(number):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert any(item.name == "first" for item in Item.find())
        item = Item(name=f"child.{number}").save()
        assert Item.find_unique(name=item.name) == item
        Item(name=f"again.{number}").save()
    say([str(warning.message) for warning in caught if warning.category is RuntimeWarning])
    match number % 3:
        case 0:
            db.close()
        case 1:
            os._exit(0)
    sys.exit()


db.login_thread()
Item(name="first").save()
ended = threading.Event()
saved = ["first"]
threads = [threading.Thread(target=save_on, args=(thread,)) for thread in range(4)]
for thread in threads:
    thread.start()
for number in range(children):
    child = os.fork()
    if child == 0:
        in_child(number)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    saved += [f"child.{number}", f"again.{number}"]
ended.set()
for thread in threads:
    thread.join()
deadline = time.monotonic() + 10
while not Item.find(name=saved[-1]) and time.monotonic() < deadline:
    time.sleep(0.01)
say("the parent hears of the last child:", len(Item.find(name=saved[-1])))
Item(name="last").save()
db.close()
db.login_thread()
say("all is there once:", sorted(item.name for item in Item.find()) == sorted([*saved, "last"]))
db.close()
