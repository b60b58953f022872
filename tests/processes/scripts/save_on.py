"""Save for as long as there is input to come, and say what is acknowledged at once."""

import logging
import sys
import threading

from shop import Item, db, say

logging.disable(logging.CRITICAL)  # The server is killed, or this process stopped, on purpose.
me, many = sys.argv[1], int(sys.argv[2])

PACE = 0.005


def stop_at_end_of_input():
    sys.stdin.read()
    ended.set()


say("loaded")
input()
ended = threading.Event()
threading.Thread(target=stop_at_end_of_input, daemon=True).start()
with db.conn():
    say("ready")
    number = 0
    while not ended.wait(PACE):
        number += 1
        if many == 1:
            Item(name=f"{me}.{number}").save()
        else:
            Item.save_many(Item(name=f"{me}.{number}.{part}", part=part) for part in range(many))
        say(f"{me}.{number}")
