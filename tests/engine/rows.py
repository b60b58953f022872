"""Records that scenes write and look for: each with a tag, in a table named ``a``."""

from __future__ import annotations

import json


def row(tag, **more):
    """What is stored of a record."""
    return json.dumps({"tag": tag, **more})


def rows_of(engine, table="a"):
    """The tags of the records that a process sees."""
    return [json.loads(data)["tag"] for _, _, data in engine.replica.select(table, [])]
