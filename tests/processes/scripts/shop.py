"""The database of all scripts."""

import os

from discobase import Database, Table
from discobase.key import NO_KEY

held = os.getenv("SHOP_KEY")
key = NO_KEY if held is None else bytes.fromhex(held)
db = Database("shop", cache=os.getenv("SHOP_CACHE"), key=key)


@db.table
class Item(Table):
    """A record to tell from others by its name."""

    name: str
    part: int = 0


def say(*words):
    print(*words, flush=True)
