"""Save and read as the workers of a web server do, as told line by line: to post is to save, and to
get is to look, at the position that the address names, for what was posted.
"""

import sys

from shop import Item, db, say

with db.conn(f"local:{sys.argv[1]}"):
    say("ready")
    for line in sys.stdin:
        method, name, *position = line.split()
        if method == "post":
            say(Item(name=name).save().version)
        elif method == "delete":
            Item.find_unique(name=name).delete()
            say(db.head)
        else:
            db.wait_for(int(position[0]))
            say("there" if Item.find(name=name) else "not there")
