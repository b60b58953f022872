"""Save and read where no file may grow beyond what the replica needs at first: a full disk."""

import resource
import sys

from shop import Item, db, say

if sys.argv[1] == "from the start":
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
names = [str(number) * 20_000 for number in range(30)]
with db.conn():
    Item(name="first").save()
    if sys.argv[1] == "later":
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    for name in names:
        Item(name=name).save()
    if sys.argv[1] == "at a login":
        db.close()
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        db.login_thread()
    say(sorted(item.name for item in Item.find()) == sorted(["first", *names]))
    say([item.name == names[7] for item in Item.find(name=names[7])])
