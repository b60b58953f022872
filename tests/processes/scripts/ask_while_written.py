"""Ask by expressions for as long as there is input to come, while others move points from one
account to another, each time in one commit: whatever is asked, it is of one moment, at which the
points are as many as ever.
"""

import sys
import threading
from typing import Annotated

from shop import Table, db, say

from discobase import Index, desc

ACCOUNTS, POINTS = 40, 100


@db.table
class Account(Table):
    points: Annotated[int, Index()]
    bonus: int = 0


def wrong():
    """What an answer says that cannot be."""
    some = Account.points.between(POINTS - 5, POINTS + 5)
    every = some | ~some
    total = ACCOUNTS * POINTS
    if (found := Account.find(every).sum("points")) != total:
        yield f"the points are {found}"
    if (found := Account.find(every).count()) != ACCOUNTS:
        yield f"there are {found} accounts"
    by_points = list(Account.find(Account.points > -total).order_by(desc(Account.points), "pk"))
    found = [(-each.points, each.pk) for each in by_points]
    if found != sorted(found) or sum(each.points for each in by_points) != total:
        yield f"the order is {found}"
    values = Account.find(some, Account.bonus >= 0).values_list("points", "bonus")
    if any(abs(points - POINTS) > 5 or points + bonus != POINTS for points, bonus in values):
        yield f"some are {values}"
    poorest = Account.find().order_by("points").values_list("points", flat=True)
    if sum(poorest) != total or poorest != sorted(poorest):
        yield f"the poorest are {poorest}"
    groups = Account.find().group_by("points").count()
    if sum(points * number for points, number in groups.items()) != total:
        yield f"the groups are {groups}"
    if sum(range(1, ACCOUNTS + 1)) != sum(each.pk for each in Account.find().iterate(chunk=7)):
        yield "not each account comes once"


def stop_at_end_of_input():
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    ended = threading.Event()
    with db.conn():
        threading.Thread(target=stop_at_end_of_input, daemon=True).start()
        began = db.head
        say(*wrong(), "asking")
        while not ended.is_set():
            for each in wrong():
                say(each)
        db.refresh()
        say(*wrong(), "all of it" if db.head > began else "nothing came")
