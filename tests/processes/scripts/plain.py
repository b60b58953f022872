"""The first example, as a newcomer writes it."""

from discobase import Database, Table

db = Database("shop")


@db.table
class User(Table):
    name: str
    age: int


with db.conn():
    User(name="Ann", age=30).save()
    User.save_many(User(name=f"user {number}", age=number) for number in range(100))
    ann = User.find_unique(name="Ann")
    ann.age += 1
    ann.update()
    print(ann, len(User.find()))
    User.find_unique(name="user 1").delete()
    print(len(User.find(age=1)), len(User.find(name="Ann", age=31)))
