"""Use the embedded server of a relative path in a forked process that is in another folder."""

import os
import sys
import warnings

from shop import Item, db, say

warnings.simplefilter("ignore")

with db.conn("local:discord.db"):
    Item(name="hat").save()
    child = os.fork()
    if child == 0:
        os.chdir(sys.argv[1])
        say("child:", *(item.name for item in Item.find()))
        Item(name="cap").save()
        db.close()
        os._exit(0)
    os.waitpid(child, 0)
    db.refresh()
    say("parent:", *(item.name for item in Item.find()))
