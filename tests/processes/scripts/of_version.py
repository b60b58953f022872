"""Save and search by a version of a class, as told line by line; say what came of it as JSON."""

import json
import logging
import sys

from discobase.errors import DiscobaseError
from tests.database.clubs import member

logging.disable(logging.CRITICAL)
db, Member = member(sys.argv[2])


def do(command, pk=None, **values):
    db.refresh()
    if command == "save":
        return Member(**values).save().pk
    if command == "change":
        record = Member.get(pk)
        for name, value in values.items():
            setattr(record, name, value)
        return record.save().pk
    if command == "delete":
        return Member.get(pk).delete()
    if command == "find":
        return [record.pk for record in Member.find(**values)]
    if command == "save on":
        return [Member(**values).save().pk for _ in range(pk)]
    raise AssertionError(command)


with db.conn(f"local:{sys.argv[1]}"):
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            came = do(**json.loads(line))
        except DiscobaseError as error:
            came = type(error).__name__
        print(json.dumps(came), flush=True)
