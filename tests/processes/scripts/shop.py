"""The database of all scripts."""

import os

from discobase import Database, Table

db = Database("shop", cache=os.getenv("SHOP_CACHE"))


@db.table
class Item(Table):
    """A record to tell from others by its name."""

    name: str
    part: int = 0


def say(*words):
    print(*words, flush=True)
