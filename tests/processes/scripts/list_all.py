"""The names of all records."""

from shop import Item, db

with db.conn():
    for item in Item.find():
        print(item.name)
