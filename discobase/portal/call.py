"""The future of a coroutine that a loop thread runs for another thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from discobase.outcome import Outcome
from discobase.portal.loop_thread import LoopThread
from discobase.portal.tracebacks import trim_traceback

T = TypeVar("T")


class Call(Outcome[T], Generic[T]):
    """A coroutine on the loop: pending until its task is made, running until the task ends.

    Args:
        loop_thread: the thread that is to run it.
        name: the name for its task.
    """

    def __init__(self, loop_thread: LoopThread, name: str) -> None:
        super().__init__()
        self.loop_thread = loop_thread
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def schedule(self, function: Callable[[], Awaitable[T]]) -> bool:
        """Have the loop call `function` and await what it returns. Never waits.

        Returns:
            Whether there is a loop to do so.
        """
        self.loop_thread.register(self)
        scheduled = self.loop_thread.call_soon(self._start_task, function)
        if not scheduled:
            self.loop_thread.unregister(self)
        return scheduled

    def cancel(self) -> bool:
        """Withdraw the call if it has not begun, else have the coroutine cancelled. Never waits.

        Returns:
            Whether it was withdrawn. A coroutine that had begun goes on until it heeds the
            cancellation, and the future is done when it has.
        """
        if super().cancel():
            return True
        if not self.settled:
            self.loop_thread.call_soon(self._cancel_task)
        return False

    def _start_task(self, function: Callable[[], Awaitable[T]]) -> None:
        if self.loop_thread.stopping:
            self.cancel()
        if self.set_running_or_notify_cancel():
            task = asyncio.get_running_loop().create_task(self._run(function), name=self._name)
            self._task = task
        else:
            self.loop_thread.unregister(self)

    async def _run(self, function: Callable[[], Awaitable[T]]) -> None:
        """Await the coroutine; what it raises goes to the caller and not to the loop."""
        try:
            result = await function()
        except asyncio.CancelledError:
            if self.loop_thread.unregister(self):
                reason = self.loop_thread.abort_reason()
                self.set_exception(concurrent.futures.CancelledError(reason))
        except BaseException as error:  # noqa: BLE001 - the caller gets it; the loop has to go on
            if self.loop_thread.unregister(self):
                self.set_exception(trim_traceback(error))
        else:
            if self.loop_thread.unregister(self):
                self.set_result(result)
        finally:
            # The coroutine's frame, which the error's traceback holds, refers back to this one.
            del self

    def _cancel_task(self) -> None:
        if self._task is not None:
            self._task.cancel()
