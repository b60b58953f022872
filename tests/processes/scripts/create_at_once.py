"""In each round two processes create one database at the same moment, and one is killed meanwhile.

The processes are forks of this one, which has no threads and no connection. A line for each round:
the names that were acknowledged, and those that a third process found afterwards.
"""

import os
import signal
import sys
import time

from shop import say

from discobase import Database, Table


def shop(server):
    """A database, and its table."""
    db = Database(server)

    @db.table
    class Item(Table):
        name: str

    return db, Item


def save_a_few(server, name, begins):
    db, item = shop(server)
    time.sleep(max(0, begins - time.time()))
    with db.conn():
        for number in range(4):
            say(item(name=f"{name}.{number}").save().name)


def find_all(server):
    db, item = shop(server)
    with db.conn():
        for found in item.find():
            say(found.name)


def fork(work, *arguments):
    """Run something in a process of its own; the process, and what it prints."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    os.dup2(write, sys.stdout.fileno())
    os.close(read)
    work(*arguments)
    sys.exit()


def outcome(process):
    """What it printed until its end, and how it ended."""
    child, output = process
    with os.fdopen(output) as lines:
        printed = lines.read()
    whole, _, _ = printed.rpartition("\n")
    return whole.split(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


for number in range(int(sys.argv[1])):
    server = f"shop-{number}"
    begins = time.time() + 0.1
    victim, other = (fork(save_a_few, server, name, begins) for name in ("victim", "other"))
    time.sleep(max(0, begins + 0.02 * (number % 10) - time.time()))
    os.kill(victim[0], signal.SIGKILL)
    saved, _ = outcome(victim)
    saved_by_other, code = outcome(other)
    found, _ = outcome(fork(find_all, server))
    say(code, ",".join(saved + saved_by_other), ",".join(found))
