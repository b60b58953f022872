"""Be interrupted by Ctrl-C while waiting in one place or another, and say when that ended."""

import logging
import sys
import threading
import time

from shop import Item, db, say

logging.disable(logging.CRITICAL)  # The server is made to be slow, or not to answer.


def say_when_ready():
    while "not connected" in repr(db):
        time.sleep(0.01)
    db.wait_ready()
    say("waiting")


def in_login():
    threading.Thread(target=say_when_ready).start()
    db.login()


def in_wait_ready():
    db.login_thread()
    say("waiting")
    db.wait_ready()


def in_conn():
    say("waiting")
    with db.conn():
        pass


def in_save():
    with db.conn():
        say("connected")
        input()
        say("waiting")
        try:
            Item(name="a").save()
        except KeyboardInterrupt:
            say("out of save()", time.monotonic())
            raise


def in_save_while_connecting():
    db.login_thread()
    say("waiting")
    Item(name="a").save()


def in_wait_for():
    with db.conn():
        say("waiting")
        db.wait_for(9)


def in_exit_of_with():
    with db.conn():
        say("connected")
        input()
        threading.Thread(target=Item(name="a").save, daemon=True).start()
        time.sleep(0.2)
        say("waiting")


threading.excepthook = lambda failed: None  # The save beside has nobody to tell.
try:
    globals()[sys.argv[1]]()
except KeyboardInterrupt as interrupt:
    say(interrupt.__notes__ if hasattr(interrupt, "__notes__") else [])
    say(repr(db))
    say("out", time.monotonic())
