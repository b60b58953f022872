"""A channel of Discord in which what a program has written is posted, for people to read.

It stands beside the log and is no part of it: nothing reads it, and nothing waits for it. Each
connected program posts its own commits, after their callers have been answered.
"""

from discobase.feed.posting import Posting
from discobase.feed.settings import Feed

__all__ = ["Feed", "Posting"]
