"""Log in, say so, and stay until the input ends."""

import sys

from shop import db, say

with db.conn():
    say("ready")
    sys.stdin.read()
