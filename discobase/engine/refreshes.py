"""Reading the log anew: each time for all who asked before it began."""

from __future__ import annotations

import asyncio
import copy
import logging

from discobase.engine.follower import Follower
from discobase.engine.server.seam import NotPermitted, Refused, Uncertain
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import ChannelDeleted, DiscobaseError, Unavailable

_log = logging.getLogger(__name__)


class Refreshes:
    """Reads the log for those who ask. Used on the loop alone.

    A caller is told of all that was acknowledged before the call. So they may share what others
    have asked for as long as it has not begun, and no longer: one that has begun may have passed a
    lane already.

    Args:
        follower: reads, in its turn.
        troubles: what is told of faults.
    """

    def __init__(self, follower: Follower, troubles: Troubles) -> None:
        self._follower = follower
        self._troubles = troubles
        # By whether all lanes are read.
        self._next: dict[bool, asyncio.Task[None]] = {}
        self._begun: dict[bool, asyncio.Task[None]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    async def refresh(self, *, thoroughly: bool = False, anew: bool = True) -> None:
        """Apply every commit that was acknowledged, by any writer, before this call. One API call
        where there is nothing new, and none where somebody else's is still to begin.

        Args:
            thoroughly: whether all lanes are read, which costs a call for each.
            anew: whether it has to begin after this call. If not, one that is under way will do.

        Raises:
            Unavailable: Discord could not be read.
            MissingPermission: the bot may not read the channel.
            LogDamaged, UpgradeNeeded: the log could not be read to its end.
        """
        begun = None if anew else self._begun.get(thoroughly)
        shared = self._next.get(thoroughly) or begun or self._begin(thoroughly=thoroughly)
        # A caller may give up. What has begun goes on: a step of the worker that nobody waits for
        # would change the replica outside its turn.
        await asyncio.wait({shared})
        if error := shared.exception():
            raise copy.copy(error) from error.__cause__

    def cancel(self) -> list[asyncio.Task[None]]:
        """Cancel what is under way, and return it."""
        for task in self._under_way:
            task.cancel()
        return [*self._under_way]

    def _begin(self, *, thoroughly: bool) -> asyncio.Task[None]:
        task = asyncio.create_task(self._refresh(thoroughly=thoroughly))
        self._next[thoroughly] = task
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    async def _refresh(self, *, thoroughly: bool) -> None:
        try:
            async with self._follower.turn:
                self._begun[thoroughly] = self._next.pop(thoroughly)
                await (self._follower.catch_up() if thoroughly else self._follower.refresh())
        except ChannelDeleted as error:
            self._follower.gone.note(error)
            raise
        except DiscobaseError:
            raise
        except NotPermitted as error:
            raise error.reason from error
        except (Refused, Uncertain) as error:
            raise Unavailable(f"the log could not be read: {error}") from error
        except Exception as error:
            self._troubles.tell(Trouble("fault", "reading the log has failed"), error=error)
            raise Unavailable(
                f"the log could not be read, by a fault of discobase: {error!r}"
            ) from error

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        for tasks in (self._next, self._begun):
            for thoroughly in [kind for kind, known in tasks.items() if known is task]:
                del tasks[thoroughly]
        if not task.cancelled() and (error := task.exception()):
            _log.debug("a refresh ended with %r", error)
