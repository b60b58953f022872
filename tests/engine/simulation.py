"""A simulated Discord server in virtual time: one seed, one run, the same every time.

Every writer is a process with an event loop of its own, and the world steps these loops one after
the other: whoever has the earliest thing to do comes next, and the clock jumps to that moment. A
process that is killed is never stepped again, so nothing of it is cleaned up; one that is frozen is
stepped again later, and finds that time has passed and everything has piled up.

The server keeps channels, messages and nonces as Discord does, and misbehaves as told by
:class:`Faults`. All chance comes from one generator; nothing sleeps, and no thread runs.
"""

from __future__ import annotations

import asyncio
import dataclasses
import heapq
import random
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from discobase.engine.server.permissions import (
    NEEDED,
    READING,
    WRITING,
    WRITING_FILES,
    Permission,
    missing,
)
from discobase.engine.server.seam import (
    MISSING_ACCESS,
    SNOWFLAKE_EPOCH_MS,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    AccessChanged,
    Attachment,
    Channel,
    Event,
    EventsLost,
    Forbidden,
    Message,
    MessageArrived,
    MessageChanged,
    NotFound,
    NotPermitted,
    Refused,
    Trace,
    Upload,
)
from discobase.errors import MissingPermission, ServerFull, ServerNotFound
from discobase.key import Key
from tests.engine.seam import BOT, OTHER, SHOP, START, THIRD, Seam

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Faults:
    """How the world misbehaves: chances from 0 to 1, times in seconds.

    With `first_lost` nothing is left to chance: of the calls that change something, each loses its
    first answer, and is made twice. A send that says what `unanswered` says gets an error each
    time; it takes effect `unanswered_effect` seconds after it came, or never.
    """

    error_before: float = 0.0
    lost_answer: float = 0.0
    first_lost: bool = False
    held_answer: float = 0.0
    late_effect: float = 0.0
    refusal: float = 0.0
    forbidden: float = 0.0
    list_lag: float = 0.0
    dropped_event: float = 0.0
    doubled_event: float = 0.0
    slow_event: float = 0.0
    lag: float = 0.0
    skew: float = 0.0
    late_session: float = 0.0
    freeze_at_send: float = 0.0
    nonce_window: float | None = 150.0
    nonce_gap: float = 0.0
    url_lifetime: float = 86_400.0
    network: float = 0.05
    work: float = 0.002
    unanswered: str = ""
    unanswered_effect: float | None = None


CALM = Faults()


class Stuck(AssertionError):
    """Nothing is left to do, and what was waited for has not happened."""


@dataclasses.dataclass
class Stored:
    """A message as the server keeps it."""

    message: Message
    visible: float
    files: tuple[bytes, ...] = ()


class World:
    """Virtual time, the server, and the processes around it.

    Args:
        seed: decides everything that is left to chance.
        faults: how the world misbehaves.

    Attributes:
        servers: the servers, by their ids.
        left: those that the bots are not in.
        homes: the server of each channel that there ever was.
        id_skew: by how much the clock is ahead that ids are made with.
        key: the key that its writers have; None where what they write is not encrypted.
    """

    def __init__(self, seed: int, faults: Faults = CALM) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.faults = faults
        self.time = 0.0
        self.processes: list[Process] = []
        self.trace: list[str] = []
        self.fault_count = 0
        self.servers = {SHOP: "shop", OTHER: "other", THIRD: "third"}
        self.left: set[int] = set()
        self.homes: dict[int, int] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, dict[int, Stored]] = {}
        self.denied: dict[int, Permission] = {}
        self.lists_hidden = True
        self.lists_ends = True
        self.takes_traces = True
        self.traces: dict[int, tuple[int, Trace, float]] = {}
        self.written: list[Stored] = []
        self.spoiled: set[int] = set()
        self.nonces: dict[tuple[int, str], tuple[int, int, float]] = {}
        self.room = 500
        self.kicked: set[int] = set()
        self.id_skew = 0.0
        self.key: Key | None = None
        self._listed_from: dict[int, float] = {}
        self._told_from: dict[int, float] = {}
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._last_id = 0

    # Time

    def at(self, moment: float, action: Callable[[], None]) -> None:
        """Have something done at a moment."""
        self._count += 1
        heapq.heappush(self._agenda, (max(moment, self.time), self._count, action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Have something done in so many seconds."""
        self.at(self.time + seconds, action)

    def note(self, text: str) -> None:
        """Write down what happened, for the reader of a failure."""
        self.trace.append(f"{self.time:10.3f}  {text}")

    def fault(self, text: str) -> None:
        """Write down a fault that was injected."""
        self.fault_count += 1
        self.note(f"** {text}")

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens now."""
        return probability > 0 and self.random.random() < probability

    def run(self, until: Callable[[], bool], *, within: float = 3_600.0) -> None:
        """Let time pass until something is the case.

        Raises:
            Stuck: it is not the case after so many virtual seconds, or nothing goes on any more.
        """
        end = self.time + within
        while not until():
            if not self._agenda or self._agenda[0][0] > end:
                raise Stuck(f"at {self.time:.3f}: what was waited for has not happened")
            self.time, _, action = heapq.heappop(self._agenda)
            action()

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass."""
        over: list[bool] = []
        self.after(seconds, lambda: over.append(True))
        self.run(lambda: bool(over), within=seconds + 1)

    def run_in(self, process: Process, work: Coroutine[Any, Any, T], within: float = 3_600.0) -> T:
        """Run a coroutine in a process, and let time pass until it is done."""
        task = process.loop.create_task(work)
        self.run(task.done, within=within)
        return task.result()

    def process(
        self, name: str, *, bot: int = BOT, administrator: bool = False, server: int = SHOP
    ) -> Process:
        """A new process, with a gateway session.

        Args:
            name: its name.
            bot: the bot whose token it has.
            administrator: whether that bot sees every channel.
            server: the server that it logs in to.
        """
        made = Process(self, name, bot, administrator=administrator, server=server)
        self.processes.append(made)
        if self.faults.late_session:
            made.session.lose(self.random.random() * self.faults.late_session)
        return made

    def end(self) -> None:
        """Take down every process, dead ones too."""
        self.faults = CALM
        for process in self.processes:
            process.take_down()

    # The server

    def snowflake(self) -> int:
        """The next id: ids grow with time, and never repeat."""
        now = int((START + self.time + self.id_skew) * 1000) - SNOWFLAKE_EPOCH_MS
        self._last_id = max(self._last_id + 1, now << 22)
        return self._last_id

    def post(
        self,
        channel: int,
        content: str,
        uploads: Sequence[Upload],
        nonce: str,
        author: int = BOT,
    ) -> Message:
        """A message arrives at the server."""
        self._require_channel(channel)
        self.require(channel, WRITING_FILES if uploads else WRITING)
        if (known := self._remembered(author, nonce)) is not None:
            place, identity = known
            kept = self.messages.get(place, {}).get(identity)
            if kept is None:
                raise NotFound("Unknown Message", UNKNOWN_MESSAGE)
            return self._shown(kept)
        message = Message(self.snowflake(), channel, author, content, (), nonce)
        files = tuple(upload.data for upload in uploads)
        names = [Attachment(upload.name, len(upload.data), "") for upload in uploads]
        message = dataclasses.replace(message, attachments=tuple(names))
        lag = self.random.random() * self.faults.lag if self.faults.lag else 0.0
        self.messages[channel][message.id] = stored = Stored(message, self.time + lag, files)
        self.written.append(stored)
        self.channels[channel] = dataclasses.replace(
            self.channels[channel], last_message=message.id
        )
        if self.faults.list_lag:
            self._told_from[message.id] = self.time + self.random.random() * self.faults.list_lag
        self.nonces[author, nonce] = (channel, message.id, self.time)
        self.note(f"server: message {message.id} in {channel} nonce={nonce}")
        self.broadcast(MessageArrived(self._shown(stored)))
        return self._shown(stored)

    def _remembered(self, author: int, nonce: str) -> tuple[int, int] | None:
        window = self.faults.nonce_window
        known = self.nonces.get((author, nonce))
        if window is None or known is None or self.time - known[2] > window:
            return None
        if self.time - known[2] < self.faults.nonce_gap:  # a look without a lock
            return None
        return known[0], known[1]

    def page(self, channel: int, after: int, limit: int) -> list[Message]:
        """A page of history, of what is visible by now."""
        self.require(channel, READING)
        visible = [
            self._shown(stored)
            for identity, stored in sorted(self.messages[channel].items())
            if identity > after and stored.visible <= self.time
        ]
        return [dataclasses.replace(message, nonce=None) for message in visible[:limit]]

    def one(self, channel: int, identity: int) -> Message:
        """One message."""
        self.require(channel, READING)
        if identity not in self.messages[channel]:
            raise NotFound("Unknown Message", UNKNOWN_MESSAGE)
        return self._shown(self.messages[channel][identity])

    def file(self, url: str) -> bytes:
        """What is behind the URL of an attachment, while it is valid."""
        channel, identity, number, expires = url.split("/")
        stored = self.messages.get(int(channel), {}).get(int(identity))
        if stored is None or float(expires) < self.time:
            raise NotFound("This content is no longer available.")
        return stored.files[int(number)]

    def edit(self, channel: int, identity: int, content: str) -> None:
        """Somebody alters a message: Discord lets only its author, a forger of the test lets us."""
        stored = self.messages[channel][identity]
        stored.message = dataclasses.replace(stored.message, content=content, edited=True)
        self.broadcast(MessageChanged(channel, identity, deleted=False))

    def delete(self, channel: int, identity: int) -> None:
        """Somebody deletes a message."""
        self._require_channel(channel)
        if self.messages[channel].pop(identity, None) is None:
            raise NotFound("Unknown Message", UNKNOWN_MESSAGE)
        self.note(f"server: message {identity} in {channel} deleted")
        self.broadcast(MessageChanged(channel, identity, deleted=True))

    def spoil(self, channel: int, identity: int, how: str) -> None:
        """Something becomes of a message of the bot's: it is deleted, its text or its files are
        altered, it says that it is of a later format, or somebody else posts a copy of it.

        Args:
            channel: the channel.
            identity: the message.
            how: "delete", "text", "files", "later" or "forge".
        """
        self.fault(f"message {identity} in {channel}: {how}")
        stored = self.messages[channel][identity]
        if how == "delete":
            self.delete(channel, identity)
        elif how == "text":
            readable = '"seq":' in stored.message.content
            before, after = ('"seq":', '"seq":1') if readable else ('"is":"', '"is":"A')
            self.edit(channel, identity, stored.message.content.replace(before, after))
        elif how == "later":
            later = re.sub('":[12],', '":9,"needs":"9.0",', stored.message.content, count=1)
            self.edit(channel, identity, later)
        elif how == "files":
            stored.files = tuple(bytes(byte ^ 1 for byte in file) for file in stored.files)
        else:
            content = stored.message.content
            copy = Message(self.snowflake(), channel, BOT + 1, content, stored.message.attachments)
            self.messages[channel][copy.id] = Stored(copy, self.time, stored.files)
            identity = copy.id
        self.spoiled.add(identity)

    def deny(self, channel: int, permissions: Permission, *, told: bool = True) -> None:
        """Somebody takes permissions in a channel away from the bot, and gives it all others.

        Args:
            channel: the channel.
            permissions: what the bot has no more.
            told: whether the gateway says so.
        """
        self.note(f"server: in {channel} the bot lacks {permissions!r}")
        self.denied[channel] = permissions
        if told:
            self.broadcast(AccessChanged(channel))

    def remove_channel(self, channel: int) -> None:
        """An administrator deletes a channel."""
        self.drop_channel(channel)
        self.broadcast(AccessChanged(channel))

    def require(self, channel: int, needed: Permission) -> None:
        """Refuse what the bot may not do in a channel."""
        self._require_channel(channel)
        if lacking := missing(NEEDED & ~self.denied.get(channel, 0), needed):
            name = self.channels[channel].name
            raise NotPermitted(MissingPermission("shop", lacking, "https://discord.com", name))

    def find_server(self, wanted: str | int) -> int:
        """The server of a name, or an id, that bots are in."""
        present = {each: name for each, name in self.servers.items() if each not in self.left}
        for each, name in present.items():
            if wanted in {name, each, str(each)}:
                return each
        raise ServerNotFound(str(wanted), [*present.values()], "https://discord.com")

    def channels_of(self, server: int) -> list[Channel]:
        """The channels of one server."""
        return [each for each in self.channels.values() if self.homes[each.id] == server]

    def make_channel(
        self, name: str, parent: int | None, topic: str, bot: int = BOT, server: int = SHOP
    ) -> Channel:
        """A channel, with its category's permissions, or a category that one bot may see."""
        server = server if parent is None else self.homes.get(parent, server)
        if len(self.channels_of(server)) >= self.room:
            raise ServerFull("the server has no room")
        if parent is not None:
            self._require_channel(parent)
        shown_to = frozenset({bot}) if parent is None else self.channels[parent].shown_to
        made = Channel(
            self.snowflake(), name, parent, topic, is_category=parent is None, shown_to=shown_to
        )
        self.channels[made.id] = made
        self.homes[made.id] = server
        lag = self.random.random() * self.faults.lag if self.faults.lag else 0.0
        self._listed_from[made.id] = self.time + lag
        self.messages[made.id] = {}
        self.note(f"server: channel {made.id} {name} in {parent}")
        return made

    def listed(self, server: int = SHOP) -> list[Channel]:
        """The channels that are in the list by now: hidden ones too, or not, as the server does."""
        return [
            dataclasses.replace(channel, last_message=self._told_end_of(channel))
            for channel in self.channels_of(server)
            if self._listed_from.get(channel.id, 0.0) <= self.time
            and (self.lists_hidden or not self.denied.get(channel.id, 0) & Permission.VIEW_CHANNEL)
        ]

    def _told_end_of(self, channel: Channel) -> int:
        """The last id of a channel that the list tells by now."""
        if not self.lists_ends:
            return 0
        if self._told_from.get(channel.last_message, 0.0) <= self.time:
            return channel.last_message
        told = (
            stored.message.id
            for stored in self.written
            if stored.message.channel == channel.id
            and self._told_from.get(stored.message.id, 0.0) <= self.time
        )
        return max(told, default=0)

    def require_seen(self, channel: int, process: Process) -> None:
        """Refuse what a bot asks for in a channel that is hidden from it."""
        shown_to = self.channels[channel].shown_to if channel in self.channels else frozenset()
        if shown_to and process.bot not in shown_to and not process.administrator:
            raise Forbidden("Missing Access", MISSING_ACCESS)

    def may_write(self, bot: int, channel: int) -> bool:
        """Whether a bot is a member, and may write in a channel."""
        self._require_channel(channel)
        shown_to = self.channels[channel].shown_to
        return bot not in self.kicked and (not shown_to or bot in shown_to)

    def require_member(self, bot: int) -> None:
        """Refuse what a bot asks for that was taken out of the server."""
        if bot in self.kicked:
            raise Forbidden("Missing Access", MISSING_ACCESS)

    def let_in(self, *bots: int) -> None:
        """An administrator lets bots into all channels that only some may see."""
        for channel in [*self.channels.values()]:
            if channel.shown_to:
                seen = channel.shown_to | {*bots}
                self.channels[channel.id] = dataclasses.replace(channel, shown_to=seen)

    def kick(self, bot: int) -> None:
        """An administrator takes a bot out of the server. What it has sent arrives."""
        self.note(f"server: bot {bot} is kicked")
        self.kicked.add(bot)

    def require_viewed(self, channel: int) -> None:
        """Refuse what is asked of a channel that somebody has hidden from the bot."""
        if self.denied.get(channel, 0) & Permission.VIEW_CHANNEL:
            raise Forbidden("Missing Access", MISSING_ACCESS)

    def traces_of(self, bot: int, server: int = SHOP) -> list[Trace]:
        """The traces that a bot has left in a server, of what is visible by now."""
        self._require_traces()
        return [
            trace
            for owner, trace, visible in self.traces.values()
            if owner == bot and visible <= self.time and self.homes[trace.catalog] == server
        ]

    def leave_trace(self, catalog: int, bot: int = BOT) -> None:
        """A bot leaves a trace: one for each catalog."""
        self._require_traces()
        if any(
            (owner, trace.catalog) == (bot, catalog) for owner, trace, _ in self.traces.values()
        ):
            raise Refused("An emoji with this name already exists", 50035)
        trace = Trace(self.snowflake(), catalog)
        lag = self.random.random() * self.faults.lag if self.faults.lag else 0.0
        self.traces[trace.id] = bot, trace, self.time + lag
        self.note(f"server: trace {trace.id} of {catalog}")

    def remove_trace(self, identity: int) -> None:
        """A bot removes a trace."""
        self._require_traces()
        if self.traces.pop(identity, None) is None:
            raise NotFound("Unknown Emoji", 10014)
        self.note(f"server: trace {identity} removed")

    def _require_traces(self) -> None:
        if not self.takes_traces:
            raise NotFound("404: Not Found")

    def hide(self, *channels: int, told: bool = True) -> None:
        """Somebody takes View Channel from the bot in channels, those in categories included."""
        self._deny_within(channels, Permission.VIEW_CHANNEL, told=told)

    def show(self, *channels: int, told: bool = True) -> None:
        """Somebody gives the bot all rights in channels, those in categories included."""
        self._deny_within(channels, Permission(0), told=told)

    def _deny_within(self, channels: Sequence[int], taken: Permission, *, told: bool) -> None:
        within = [each.id for each in self.channels.values() if each.parent in channels]
        for channel in (*channels, *within):
            self.deny(channel, taken, told=told)

    def drop_managed(self, channel: int) -> None:
        """A bot deletes a channel, if it may."""
        self.require(channel, Permission.MANAGE_CHANNELS)
        self.drop_channel(channel)

    def drop_channel(self, channel: int) -> None:
        """A channel and its messages are gone. Channels in a deleted category stay."""
        self._require_channel(channel)
        self.note(f"server: channel {channel} {self.channels[channel].name} deleted")
        del self.channels[channel], self.messages[channel]
        for child in [each for each in self.channels.values() if each.parent == channel]:
            self.channels[child.id] = dataclasses.replace(child, parent=None)

    def _require_channel(self, channel: int) -> None:
        if channel not in self.channels:
            raise NotFound("Unknown Channel", UNKNOWN_CHANNEL)

    def _shown(self, stored: Stored) -> Message:
        expires = self.time + self.faults.url_lifetime
        message = stored.message
        return dataclasses.replace(
            message,
            attachments=tuple(
                dataclasses.replace(
                    file, url=f"{message.channel}/{message.id}/{number}/{expires!r}"
                )
                for number, file in enumerate(message.attachments)
            ),
        )

    def tell_of(self, message: Message) -> None:
        """Tell every process that has a session of a message."""
        self.broadcast(MessageArrived(message))

    def broadcast(self, event: Event) -> None:
        """Tell every process that has a session."""
        for process in self.processes:
            process.session.tell(event)


class Session:
    """A process's gateway session: in order within a channel, and unreliable as the faults say."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self._waiting: list[Event] | None = []
        self._handlers: dict[int, Callable[[Event], None]] = {}
        self._latest: dict[int, float] = {}
        self._broken = False
        self.flow, self.silence = asyncio.Event(), asyncio.Event()
        self.flow.set()

    def listen(self, handler: Callable[[Event], None], server: int) -> None:
        """Give the events of a server to a handler, those that wait for one first."""
        self._handlers[server] = handler
        waiting, self._waiting = self._waiting or [], None
        for event in waiting:
            self._take(event)

    def lose(self, seconds: float) -> None:
        """Lose what happens in so many seconds, and say so afterwards."""
        self._broken = True
        self._process.loop.call_soon(self._note_whether_events_come)
        self._world.fault(f"{self._process.name}: gateway session lost for {seconds:.1f} s")
        self._world.after(seconds, self._renew)

    def _renew(self) -> None:
        self._broken = False
        if self._process.alive:
            self._process.loop.call_soon(self._note_whether_events_come)
        self._deliver(EventsLost())

    def _note_whether_events_come(self) -> None:
        for event, happens in ((self.flow, not self._broken), (self.silence, self._broken)):
            if happens:
                event.set()
            else:
                event.clear()

    def tell(self, event: Event) -> None:
        """Pass an event on, in its time, or as the faults have it."""
        world, faults = self._world, self._world.faults
        if self._broken or not self._process.alive or isinstance(event, EventsLost):
            return
        if self._process.bot in world.kicked:
            return
        if world.chance(faults.dropped_event):
            world.fault(f"{self._process.name}: event dropped: {_brief(event)}")
            return
        channel = event.message.channel if isinstance(event, MessageArrived) else event.channel
        assert channel is not None
        delay = world.random.random() * faults.network
        if world.chance(faults.slow_event):
            delay += world.random.random() * 5
            world.fault(f"{self._process.name}: event late by {delay:.1f} s: {_brief(event)}")
        moment = max(world.time + delay, self._latest.get(channel, 0.0))
        self._latest[channel] = moment
        world.at(moment, lambda: self._deliver(event))
        if world.chance(faults.doubled_event):
            world.fault(f"{self._process.name}: event doubled: {_brief(event)}")
            world.at(moment + world.random.random() * 9, lambda: self._deliver(event))

    def _deliver(self, event: Event) -> None:
        if self._broken or not self._process.alive:
            return
        self._process.loop.call_soon(self._take, event)

    def _take(self, event: Event) -> None:
        if self._waiting is not None:
            # What was lost before anybody listened is read by whoever begins to.
            if not isinstance(event, EventsLost):
                self._waiting.append(event)
            return
        match event:
            case MessageArrived(message=message):
                channel: int | None = message.channel
            case MessageChanged(channel=place) | AccessChanged(channel=place):
                channel = place
            case _:
                channel = None
        for server, handler in [*self._handlers.items()]:
            if channel is None or self._world.homes.get(channel, SHOP) == server:
                handler(event)


class ProcessLoop(asyncio.SelectorEventLoop):
    """An event loop that lives in virtual time and tells the world when it has something to do."""

    def __init__(self, world: World, wake: Callable[[float], None]) -> None:
        self._world, self._wake = world, wake
        super().__init__()

    def time(self) -> float:
        return self._world.time

    def call_soon(self, *args: Any, **kwargs: Any) -> Any:
        self._wake(self._world.time)
        return super().call_soon(*args, **kwargs)

    def call_soon_threadsafe(self, *args: Any, **kwargs: Any) -> Any:
        self._wake(self._world.time)
        return super().call_soon_threadsafe(*args, **kwargs)

    def call_at(self, when: float, *args: Any, **kwargs: Any) -> Any:
        self._wake(when)
        return super().call_at(when, *args, **kwargs)


class Process:
    """A writer's process: its loop, its gateway session, and its seam to the server."""

    def __init__(
        self, world: World, name: str, bot: int, *, administrator: bool, server: int
    ) -> None:
        self.world = world
        self.name = name
        self.bot = bot
        self.administrator = administrator
        self.alive = True
        self.frozen = False
        self.calls: Counter[str] = Counter()
        self.skew = world.random.uniform(-world.faults.skew, world.faults.skew)
        self.closers: list[Callable[[], None]] = []
        self.cache: Path | None = None
        self.engine: Any = None
        self.ending = False
        self._due: set[float] = set()
        self.loop = ProcessLoop(world, self._wake)
        self.loop.set_exception_handler(self._report)
        self.session = Session(self)
        self.seam = Seam(self, server)
        self.failures: list[str] = []
        self.left: set[asyncio.Task[Any]] = set()

    def _wake(self, moment: float) -> None:
        moment = max(moment, self.world.time)
        if moment not in self._due:
            self._due.add(moment)
            self.world.at(moment, lambda: self._step(moment))

    def _step(self, moment: float) -> None:
        self._due.discard(moment)
        if self.alive and not self.frozen:
            self.loop.stop()
            self.loop.run_forever()

    def _report(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.failures.append(f"{context.get('message')}: {context.get('exception')!r}")

    def kill(self) -> None:
        """The process is gone, at once, with all it was doing."""
        self.world.fault(f"{self.name}: killed")
        self.alive = False
        # Nothing refers to what waits for answers any more; collected, it would clean up.
        self.left = asyncio.all_tasks(self.loop)

    def end_cleanly(self, then: Callable[[], None]) -> None:
        """The process closes its database, and is gone when that is done."""
        self.world.note(f"{self.name}: ends")
        self.ending = True

        def gone(_task: asyncio.Task[None]) -> None:
            if self.alive:
                self.alive = False
                then()

        self.loop.create_task(self.engine.close()).add_done_callback(gone)

    def freeze(self, seconds: float) -> None:
        """The process stands still, as after SIGSTOP or in a machine that sleeps."""
        self.world.fault(f"{self.name}: frozen for {seconds:.1f} s")
        self.frozen = True
        self.world.after(seconds, self._thaw)

    def _thaw(self) -> None:
        self.world.note(f"{self.name}: goes on")
        self.frozen = False
        self._wake(self.world.time)

    def take_down(self) -> None:
        """End what is left of the process, off the record: it reaches no server any more."""
        self.alive = False
        self.loop.set_exception_handler(lambda loop, context: None)
        self.seam.cut()
        for _ in range(20):
            tasks = asyncio.all_tasks(self.loop)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.wait(tasks, timeout=0))
        for close in self.closers:
            close()
        self.loop.close()


def _brief(event: Event) -> str:
    match event:
        case MessageArrived(message=message):
            return f"message {message.id}"
        case MessageChanged(message=message):
            return f"change of {message}"
        case AccessChanged(channel=channel):
            return f"change of access to {channel}"
        case _:
            return "events lost"
