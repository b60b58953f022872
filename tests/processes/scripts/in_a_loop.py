"""Use the database inside a running event loop, and on the very thread that answers it."""

import asyncio
import logging
import warnings

from shop import Item, db, say

from discobase.errors import WouldDeadlock


class SaveWhatIsLogged(logging.Handler):
    """A handler as somebody may write it, who has not thought of the database's own log."""

    def emit(self, record):
        try:
            Item(name=record.getMessage()).save()
        except WouldDeadlock as error:
            refusals.append(str(error))


async def main():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with db.conn():
            for number in range(3):
                Item(name=str(number)).save()
            db.refresh()
    say([(warning.category.__name__, str(warning.message)) for warning in caught])
    async with db.conn():
        say(await asyncio.to_thread(lambda: len(Item.find())))


refusals = []
logging.getLogger("asyncio").setLevel(logging.ERROR)
asyncio.run(main())

with db.conn():
    log = logging.getLogger("discobase")
    log.setLevel(logging.INFO)
    log.addHandler(SaveWhatIsLogged())
    log.propagate = False
    say("connected")
    input()
    Item(name="late").save()
    say(set(refusals))
    log.warning("on another thread it works")
    say(len(Item.find(name="on another thread it works")))
