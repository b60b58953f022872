"""The extra crypto: a database with a key, which nobody opens without it."""

from importlib.metadata import version

import discobase

KEY = bytes(range(32))


def database(**options: object) -> type[discobase.Table]:
    db = discobase.Database("clean", **options)

    @db.table
    class Item(discobase.Table):
        name: str

    return db, Item


db, Item = database(key=KEY)
with db.conn("local:items.db"):
    Item(name="hat").save()
db, Item = database(key=KEY)
with db.conn("local:items.db"):
    assert Item.find().one().name == "hat"
db, Item = database()
try:
    with db.conn("local:items.db"):
        pass
except discobase.errors.KeyNeeded:
    print(f"cryptography {version('cryptography')}: written, read, and refused without the key")
else:
    raise SystemExit("it was opened without its key")
