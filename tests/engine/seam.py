"""What the engine asks of a server (:class:`discobase.engine.server.seam.Server`), simulated."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from discobase.engine.server.permissions import READING
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import (
    SETTLING,
    Attachment,
    Channel,
    Event,
    Forbidden,
    Message,
    NotSent,
    Refused,
    ServerError,
    Trace,
    Uncertain,
    Upload,
)
from discobase.errors import ConnectError, ServerFull, ServerNotFound

if TYPE_CHECKING:
    from tests.engine.simulation import Process

T = TypeVar("T")
RAISED = (ServerError, ServerFull, ServerNotFound)
"""What the world raises."""
Raised = ServerError | ServerFull | ServerNotFound

BOT = 42
START = 1_790_000_000.0
SHOP, OTHER, THIRD = 1, 2, 3
"""The servers of the world; databases are in the first, if nothing else is said."""

CHANGING = {
    "send",
    "create_category",
    "create_channel",
    "delete_message",
    "delete_channel",
    "leave_trace",
    "remove_trace",
}
"""Calls that change something. A writer that creates a database makes them one after the other."""


class Seam:
    """What :class:`discobase.engine.server.seam.Server` asks for, in the simulated world."""

    def __init__(self, process: Process, server: int, first: Seam | None = None) -> None:
        self._process = process
        self._world = process.world
        self._server = server
        # What a process has of one server, and shares between all of them.
        self._first = first
        self._seams = {server: self} if first is None else first._seams
        self._worker = first._worker if first else _Worker(self, process, self._world.faults.work)
        self._slow_worker = first._slow_worker if first else _Worker(self, process, 2.0)
        self._cut_off = False

    @property
    def cut_off(self) -> bool:
        return self._cut_off if self._first is None else self._first.cut_off

    @property
    def id(self) -> int:
        return self._server

    @property
    def name(self) -> str:
        return self._world.servers[self._server]

    async def elsewhere(self, server: str | int) -> Seam:
        if server not in self._seams:
            found = await self._find(server)
            if found not in self._seams:
                self._seams[found] = Seam(self._process, found, self._first or self)
            return self._seams[found]
        return self._seams[int(server)]

    async def _find(self, server: str | int) -> int:
        def asked() -> Awaitable[int]:
            return self._call("elsewhere", lambda: self._world.find_server(server))

        try:
            return await persist(self, asked)
        except ServerError as error:
            raise ConnectError(f"the server did not answer: {error}") from error

    @property
    def author(self) -> int:
        return self._process.bot

    @property
    def settling(self) -> float:
        return SETTLING

    def listen(self, handler: Callable[[Event], None]) -> None:
        self._process.session.listen(handler, self._server)

    @property
    def trouble(self) -> str | None:
        return None if self._process.session.flow.is_set() else "simulated"

    async def events_come(self, *, within: float) -> bool:
        if self.cut_off:
            raise asyncio.CancelledError
        flow = asyncio.ensure_future(self._process.session.flow.wait())
        try:
            await asyncio.wait({flow}, timeout=within)
        finally:
            flow.cancel()
        return self._process.session.flow.is_set()

    async def events_stop(self) -> None:
        await self._process.session.silence.wait()

    # Requests

    async def send(
        self,
        channel: int,
        content: str,
        uploads: Sequence[Upload],
        nonce: str,
        *,
        mention: int | None = None,
    ) -> Message:
        assert mention is None or f"<@{mention}>" in content
        assert len(content) <= 2000
        assert len(nonce) <= 25
        bot, world = self._process.bot, self._world
        mark = world.faults.unanswered
        said = [content.encode(), *(upload.data for upload in uploads)]
        marked = bool(mark) and any(mark.encode() in text for text in said)
        call = self._leave_unanswered if marked else self._call
        return await call(
            f"send {nonce}",
            lambda: world.post(channel, content, uploads, nonce, author=bot),
            channel,
        )

    async def history(self, channel: int, *, after: int, limit: int = 100) -> list[Message]:
        return await self._call("history", lambda: self._world.page(channel, after, limit), channel)

    async def message(self, channel: int, message: int) -> Message:
        return await self._call("message", lambda: self._world.one(channel, message), channel)

    async def fetch(self, attachment: Attachment) -> bytes:
        return await self._call("fetch", lambda: self._world.file(attachment.url))

    async def delete_message(self, channel: int, message: int) -> None:
        await self._call("delete_message", lambda: self._world.delete(channel, message), channel)

    async def channels(self) -> list[Channel]:
        return await self._call("channels", lambda: self._world.listed(self._server))

    async def require_readable(self, channel: int) -> None:
        self._world.require_seen(channel, self._process)
        self._world.require(channel, READING)

    async def may_write(self, user: int, channel: int) -> bool:
        return await self._call("may_write", lambda: self._world.may_write(user, channel))

    async def create_category(self, name: str) -> Channel:
        bot, world = self._process.bot, self._world
        return await self._call(
            "create_category",
            lambda: world.make_channel(name, None, "", bot=bot, server=self._server),
        )

    async def create_channel(self, name: str, *, parent: int, topic: str) -> Channel:
        return await self._call(
            "create_channel",
            lambda: self._managed(parent, lambda: self._world.make_channel(name, parent, topic)),
            parent,
        )

    async def delete_channel(self, channel: int) -> None:
        await self._call(
            "delete_channel",
            lambda: self._managed(channel, lambda: self._world.drop_managed(channel)),
            channel,
        )

    def _managed(self, channel: int, effect: Callable[[], T]) -> T:
        self._world.require_viewed(channel)
        return effect()

    async def traces(self) -> list[Trace]:
        return await self._call(
            "traces", lambda: self._world.traces_of(self._process.bot, self._server)
        )

    async def leave_trace(self, catalog: int) -> None:
        bot = self._process.bot
        await self._call("leave_trace", lambda: self._world.leave_trace(catalog, bot))

    async def remove_trace(self, trace: int) -> None:
        await self._call("remove_trace", lambda: self._world.remove_trace(trace))

    async def _call(self, what: str, effect: Callable[[], T], channel: int | None = None) -> T:
        if self._first is not None:
            return await self._first._call(what, effect, channel)
        if self.cut_off:
            raise asyncio.CancelledError
        world, faults, process = self._world, self._world.faults, self._process
        process.calls[what.split(maxsplit=1)[0]] += 1
        answer: asyncio.Future[T] = process.loop.create_future()
        up, down = (world.random.random() * faults.network + 0.001 for _ in range(2))
        told = f"{process.name}: {what}"
        effect = self._where_seen(effect, channel)
        if what.startswith("send") and world.chance(faults.freeze_at_send):
            process.freeze(seconds := 2 * (faults.nonce_window or 60.0))
            up += seconds
        if world.chance(faults.forbidden):
            world.after(up + down, lambda: self._answer(answer, Forbidden("Missing Access", 50001)))
        elif world.chance(faults.error_before):
            world.fault(f"{told}: error before the effect")
            # Every second one is known not to have been sent.
            error = (Uncertain, NotSent)[world.fault_count % 2]("simulated: before")
            world.after(up + down, lambda: self._answer(answer, error))
        elif what.startswith("send") and world.chance(faults.refusal):
            world.fault(f"{told}: refused")
            refusal = Refused("simulated refusal", 50035)
            world.after(up + down, lambda: self._answer(answer, refusal))
        elif world.chance(faults.lost_answer) or (faults.first_lost and self._is_first_try(what)):
            wait = world.random.choice([down, 2.0, 15.0])
            world.fault(f"{told}: answer lost, noticed after {wait:.1f} s")
            world.after(up, lambda: _quietly(effect))
            world.after(up + wait, lambda: self._answer(answer, Uncertain("simulated: no answer")))
        elif world.chance(faults.late_effect):
            wait = world.random.random() * 20
            world.fault(f"{told}: given up, takes effect {wait:.1f} s later")
            world.after(up + down, lambda: self._answer(answer, Uncertain("simulated: time-out")))
            world.after(up + down + wait, lambda: _quietly(effect))
        else:
            held = 5.0 if world.chance(faults.held_answer) else 0.0
            if held:
                world.fault(f"{told}: answer held back")
            world.after(up, lambda: self._take_effect(effect, answer, down + held))
        return await answer

    async def _leave_unanswered(
        self, what: str, effect: Callable[[], T], channel: int | None = None
    ) -> T:
        if self.cut_off:
            raise asyncio.CancelledError
        world, process = self._world, self._process
        effect = self._where_seen(effect, channel)
        process.calls[what.split(maxsplit=1)[0]] += 1
        answer: asyncio.Future[T] = process.loop.create_future()
        world.fault(f"{process.name}: {what}: no answer to that, ever")
        up, down = (world.random.random() * world.faults.network + 0.001 for _ in range(2))
        if (late := world.faults.unanswered_effect) is not None:
            world.after(up + late, lambda: _quietly(effect))
        world.after(up + down, lambda: self._answer(answer, Uncertain("simulated: status 503")))
        return await answer

    def _where_seen(self, effect: Callable[[], T], channel: int | None) -> Callable[[], T]:
        def checked() -> T:
            self._world.require_member(self._process.bot)
            if channel is not None:
                self._world.require_seen(channel, self._process)
            return effect()

        return checked

    def _is_first_try(self, what: str) -> bool:
        kind = what.split(maxsplit=1)[0]
        return kind in CHANGING and self._process.calls[kind] % 2 == 1

    def _take_effect(self, effect: Callable[[], T], answer: asyncio.Future[T], down: float) -> None:
        try:
            result: T | Raised = effect()
        except RAISED as error:
            result = error
        self._world.after(down, lambda: self._answer(answer, result))

    def _answer(self, answer: asyncio.Future[T], result: T | Raised) -> None:
        if self._process.alive:
            self._process.loop.call_soon(_settle, answer, result)

    # Time, chance, work

    def now(self) -> float:
        return START + self._world.time + self._process.skew

    def monotonic(self) -> float:
        return self._world.time

    async def sleep(self, seconds: float) -> None:
        if self.cut_off:
            raise asyncio.CancelledError
        await asyncio.sleep(seconds)

    def random(self) -> float:
        return self._world.random.random()

    def work(self, step: Callable[[], T]) -> asyncio.Future[T]:
        """One step at a time, in the order of the calls; what has begun goes on to its end even if
        the caller does not wait any more, and what has not begun by then never does.
        """
        return self._worker.do(step)

    def aside(self, step: Callable[[], T]) -> asyncio.Future[T]:
        """The same beside that, and slower."""
        return self._slow_worker.do(step)

    def cut(self) -> None:
        """Reach no server any more, and let no step take any time."""
        self._cut_off = True
        self._worker.finish_all()
        self._slow_worker.finish_all()


class _Worker:
    """A thread that takes steps, which last so many seconds at the most."""

    def __init__(self, seam: Seam, process: Process, longest: float) -> None:
        self._seam = seam
        self._process = process
        self._longest = longest
        self._steps: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._under_way: asyncio.TimerHandle | None = None

    def do(self, step: Callable[[], T]) -> asyncio.Future[T]:
        """Take a step, as an executor does: now, and not when somebody waits for it."""
        done: asyncio.Future[T] = self._process.loop.create_future()
        self._steps.append((step, done))
        if self._seam.cut_off:
            self.finish_all()
        elif self._under_way is None:
            self._begin()
        return done

    def finish_all(self) -> None:
        """Take all steps that are left at once, in their order, so that each finds what the ones
        before it have left.
        """
        if self._under_way is not None:
            self._under_way.cancel()
            self._under_way = None
        while self._steps:
            self._take()

    def _begin(self) -> None:
        """Take a while for the next step that somebody still waits for."""
        while self._steps and self._steps[0][1].cancelled():
            self._steps.popleft()
        if self._steps:
            seconds = self._process.world.random.random() * self._longest
            self._under_way = self._process.loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._under_way = None
        self._take()
        self._begin()

    def _take(self) -> None:
        step, done = self._steps.popleft()
        try:
            result = step()
        except Exception as error:  # noqa: BLE001 - it is handed on
            if not done.done():
                done.set_exception(error)
        else:
            if not done.done():
                done.set_result(result)


def _settle(answer: asyncio.Future[T], result: T | Raised) -> None:
    if answer.done():
        return
    if isinstance(result, RAISED):
        answer.set_exception(result)
    else:
        answer.set_result(result)


def _quietly(effect: Callable[[], object]) -> None:
    with contextlib.suppress(ServerError, ServerFull):
        effect()
