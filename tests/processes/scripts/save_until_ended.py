"""Save until the connection ends by itself; say what is acknowledged, and at last why it ended."""

import logging
import sys

from shop import Item, db, say

from discobase.errors import DiscobaseError

logging.disable(logging.CRITICAL)  # It is ended on purpose.
me = sys.argv[1]

try:
    with db.conn():
        number = 0
        while True:
            Item(name=f"{me}-{number}").save()
            say("saved" if number == 0 else f"{me}-{number}")
            number += 1
except DiscobaseError as error:
    say(f"{type(error).__name__}: {error}")
