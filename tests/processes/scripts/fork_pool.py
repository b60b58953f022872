"""Save in a pool of processes that were forked from a connected one."""

import multiprocessing
import os
import warnings

from shop import Item, db, say

warnings.filterwarnings("ignore", message=".*use of fork", category=DeprecationWarning)


def save(number):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Item(name=str(number)).save()
    return os.getpid(), sum(warning.category is RuntimeWarning for warning in caught)


with db.conn():
    Item(name="before").save()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        done = pool.map(save, range(20), chunksize=1)
    warned = {pid: sum(count for process, count in done if process == pid) for pid, _ in done}
    say("warnings of each process:", set(warned.values()))
    db.refresh()
    say(len(Item.find()), "records")
