"""Fork while connected, and close; the child connects when its parent has no connection."""

import os
import sys
import warnings

from shop import Item, db, say

warnings.simplefilter("ignore")
closed, told = os.pipe()
db.login_thread()
Item(name="parent").save()
db.wait_ready()
child = os.fork()
if child == 0:
    os.read(closed, 1)
    say("child:", *(item.name for item in Item.find()))
    Item(name="child").save()
    db.close()
    sys.exit()
db.close()
os.write(told, b"!")
os.waitpid(child, 0)
with db.conn():
    say("parent:", *(item.name for item in Item.find()))
