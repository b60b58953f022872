"""Verify where no file may grow beyond what the records need at first: a full disk."""

import resource

from shop import Item, db, say

with db.conn():
    for number in range(30):
        Item(name=str(number) * 20_000).save()
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    say(db.verify().sound)
    say(Item.find().count())
