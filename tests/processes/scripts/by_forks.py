"""Do what each line of input asks for, in a fork of this process, which can be killed meanwhile.

This process has no threads and no connection, so each fork is as good as a new interpreter, and is
there at once. Of each it prints the id first; then whatever the fork prints; then how it ended.
"""

import logging
import os
import sys

from shop import Item, db, say

from discobase.errors import DatabaseNotFound

logging.disable(logging.CRITICAL)  # A succession is told of, and what was killed before it.


def clean(token):
    """Delete the database."""
    try:
        db.clean("shop", token=token)
    except DatabaseNotFound:
        say("there is none")
    else:
        say("deleted")


def succeed(token, bot):
    """Take over the database of another bot, and name what is in it."""
    with db.conn(token, successor_of=int(bot)):
        say(*sorted(item.name for item in Item.find()))


ACTIONS = {"clean": clean, "succeed": succeed}


def in_a_fork(action, *arguments):
    """Run an action in a process of its own; its exit code, or the signal that has ended it."""
    child = os.fork()
    if not child:
        ACTIONS[action](*arguments)
        sys.exit()
    say(child)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


for line in sys.stdin:
    say("ended", in_a_fork(*line.split()))
