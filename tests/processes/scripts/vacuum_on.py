"""Vacuum again and again, and say each time that it is done."""

import logging

from shop import db, say

from discobase.errors import Unavailable

logging.disable(logging.CRITICAL)

with db.conn():
    say("ready")
    input()
    while True:
        try:
            say(f"generation {db.vacuum().generation}")
        except Unavailable:
            say("another time")
