"""Save until SIGTERM comes, which ends the program as a web server's worker ends."""

import signal
import sys

from shop import Item, db, say

if sys.argv[1] == "handled":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
db.login_thread()
number = 0
while True:
    number += 1
    say(Item(name=f"{sys.argv[2]}.{number}").save().name)
