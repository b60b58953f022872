"""Records that scenes write and look for: each with a tag, in a table named ``a``."""

from __future__ import annotations

import json

from discobase.engine.checkpoints.healing import HEALED_WITHIN
from discobase.engine.server.permissions import Permission


def row(tag, **more):
    """What is stored of a record."""
    return json.dumps({"tag": tag, **more})


UNHEALED = HEALED_WITHIN + 20
"""Seconds after which a process has found out that it cannot heal what is gone."""


def unhealable(world, channel):
    """Nothing can be written into a channel any more, and nobody has been told."""
    world.deny(channel, Permission.SEND_MESSAGES, told=False)


def rows_of(engine, table="a"):
    """The tags of the records that a process sees."""
    return [json.loads(data)["tag"] for _, _, data in engine.replica.select(table, [])]
