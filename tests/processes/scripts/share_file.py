"""Use the embedded server of a file together with other processes, as told line by line."""

import logging
import sys

from shop import Item, db, say

logging.disable(logging.CRITICAL)  # The process that serves ends, and the others notice.

with db.conn(f"local:{sys.argv[1]}"):
    say("ready")
    for line in sys.stdin:
        command, _, name = line.strip().partition(" ")
        if command == "save":
            say(Item(name=name).save().name)
        else:
            db.refresh()
            say(",".join(sorted(item.name for item in Item.find())))
