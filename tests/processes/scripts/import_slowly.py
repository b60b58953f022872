"""Import an export in commits of ten records, and say before each how many are done."""

import sys

from shop import db, say

import discobase
from discobase import batches

batches.AT_ONCE = 10


def tell(progress: discobase.Progress) -> None:
    """Say how many records are there, and wait to be told to go on."""
    if progress.doing == "importing":
        say(progress.done)
        sys.stdin.readline()


with db.conn():
    report = db.import_(sys.argv[1], progress=tell)
    say(report.records, report.present)
