"""When a feed posts: some seconds after what is to be posted was written, and never in the way of
what is being written.

The committer tells of each commit when it has answered its callers (:meth:`Posting.note`), which
takes the changes down and returns. All else happens in a task of its own, and what fails there is
told as a trouble. Nothing is kept for later: a process that ends without closing its database
leaves unposted what it has not posted.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

from discobase.engine.committed import Committed
from discobase.engine.server.seam import ServerError, Uncertain
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import DiscobaseError
from discobase.feed.channel import FeedChannel, Home
from discobase.feed.gathering import Change, Gathered
from discobase.feed.settings import Feed
from discobase.feed.text import post
from discobase.feed.visible import unknown_names, visible_fields

_AFTER_FAILURE = 60.0
"""Seconds between two messages where the last one failed: a guess. What is refused is counted
against the bot (topics, rate limits, "Invalid Request Limit")."""

_LAST_SECONDS = 3.0
"""How long a close waits for the last message: a guess, many times what it takes."""


class Posting:
    """The feed of one login.

    Args:
        feed: what is wanted.
        troubles: what is told of what goes wrong.
    """

    def __init__(self, feed: Feed, troubles: Troubles) -> None:
        self._feed = feed
        self._troubles = troubles
        self._gathered = Gathered()
        self._noted = asyncio.Event()
        self._failed = False
        self._has_told = False  # of names that hide nothing
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def note(self, committed: Committed) -> None:
        """Take down what was committed. On the loop; never waits."""
        if committed.encrypted:
            self._troubles.begin(
                Trouble(
                    "feed",
                    "the database is encrypted by now, so its changes are not posted any more: "
                    "leave out feed=, or the key",
                )
            )
            return
        self._gathered.add(committed.position, committed.operations, self._feed.posts)
        if self._gathered:
            self._noted.set()

    def begin(self, home: Home) -> None:
        """Post from now on what is noted. On the loop.

        Args:
            home: where the database is.
        """
        self._task = asyncio.create_task(self._run(home, FeedChannel(self._feed.channel, home)))

    async def end(self, *, posts: bool) -> None:
        """Stop.

        Args:
            posts: whether what is left is posted before, in three seconds at the most.
        """
        if self._task is None:
            return
        self._ending.set()
        self._noted.set()
        try:
            await asyncio.wait({self._task}, timeout=_LAST_SECONDS if posts else 0.0)
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, home: Home, channel: FeedChannel) -> None:
        while True:
            await self._noted.wait()
            # First of all: what is written together is posted together.
            await self._rest()
            is_last = self._ending.is_set()
            await self._post(home, channel)
            if is_last:
                return

    async def _rest(self) -> None:
        seconds = max(self._feed.every, _AFTER_FAILURE if self._failed else 0.0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    async def _post(self, home: Home, channel: FeedChannel) -> None:
        taken, self._gathered = self._gathered, Gathered()
        self._noted.clear()
        if not taken:
            return
        self._failed = True
        try:
            await channel.send(post(taken, partial(self._shown, home)))
        except Uncertain as error:
            self._tell(f"Discord did not answer, so a message may be missing there: {error}")
        except (ServerError, DiscobaseError) as error:
            self._gathered.missed += len(taken)
            self._tell(f"nothing could be posted: {error}")
        except Exception as error:  # noqa: BLE001 - a fault here is none of the database's
            fault = Trouble("fault", "a message of the feed has failed by a fault of discobase")
            self._troubles.tell(fault, error=error)
        else:
            self._failed = False
            self._troubles.end("feed", f"changes are posted again in {self._feed.channel!r}")

    def _shown(self, home: Home, change: Change) -> frozenset[str] | None:
        if not self._feed.values or self._is_misspelt(home):
            return None
        visible = visible_fields(change, home.replica.layouts)
        return None if visible is None else self._feed.shown(change.table, visible)

    def _is_misspelt(self, home: Home) -> bool:
        """Return whether something that is to be hidden is not there. Then no value is shown at
        all, and that is told once: a name that is misspelt hides nothing.
        """
        unknown = unknown_names(self._feed.hide, home.replica.layouts)
        if unknown and not self._has_told:
            self._has_told = True
            told = (
                f"the feed in {self._feed.channel!r} shows no values: hide= names what there is "
                f"not ({', '.join(map(repr, unknown))}). Is it spelt as in the class? The database "
                f"goes on without it."
            )
            self._troubles.tell(Trouble("feed", told))
        return bool(unknown)

    def _tell(self, what: str) -> None:
        told = f"the feed in {self._feed.channel!r}: {what}. The database goes on without it."
        self._troubles.begin(Trouble("feed", told))
