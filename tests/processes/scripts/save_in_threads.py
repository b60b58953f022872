"""Eight threads save at once, singly; then this process says where it sees the chain end."""

import sys
import threading

from shop import Item, db, say

me, count = sys.argv[1], int(sys.argv[2])


def save(thread):
    for number in range(count):
        item = Item(name=f"{me}.{thread}.{number}").save()
        assert Item.get(item.pk) == item, "a process sees its own writes"
        said.append(f"{item.pk} {item.name}")


said = []
with db.conn():
    say("ready")
    input()
    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say(len(said))
    input()
    db.refresh()
    head = db._source.replica().head
    say(head.seq, head.chain)
    for line in said:
        say(line)
