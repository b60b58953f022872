"""Repair the database, as was said back, and say before each step how many are done."""

import logging
import sys

from shop import db, say

import discobase
from discobase.engine.repair import repairing

logging.disable(logging.CRITICAL)
repairing.WAITED = repairing._LOOK_SECONDS = 0.2


def tell(progress: discobase.Progress) -> None:
    """Say which step it is at, and wait to be told to go on."""
    if progress.doing == "repairing":
        say(progress.done)
        sys.stdin.readline()


done = db.repair(confirm=sys.argv[1], progress=tell)
say("done", done.records)
