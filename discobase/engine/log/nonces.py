"""Whether a server keeps Discord's word on nonces: asked once, kept in the catalog, asked again.

The log rests on it that of several messages with one nonce only the first is created, for as long
as Discord says, also where they come at once. Not every server that speaks Discord's API does that:
some do not know nonces, some look without a lock, some forget them too soon. So they are asked:
several messages with one nonce at once, and one more when the time is over for which a nonce is
trusted. What comes of it is kept as a message in the catalog, so that the next process, which may
be a short script, need not ask. Older versions pass over such messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from discobase.engine.log.formats import FENCE_CLOSE, FENCE_OPEN
from discobase.engine.log.history import read_channel
from discobase.engine.log.last_look import TRUST
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import (
    UNKNOWN_MESSAGE,
    Message,
    NotFound,
    Server,
    ServerError,
    seconds_between,
    snowflake_at,
)

_log = logging.getLogger(__name__)

_AT_ONCE = 3
"""Messages with one nonce that are sent at once. Two show a look without a lock where both come
between the look and the write of each other; of three any two do. With the message before them they
are fewer than the five in five seconds that Discord takes in a channel (observed; docs#5646)."""

_SLACK = 15.0
"""Seconds above :data:`~discobase.engine.log.last_look.TRUST` after which a nonce may be forgotten
without that telling anything: a guess, above what a send takes with a try that had no answer."""

_QUIET = 30.0
"""Seconds for which a process has run before it asks again what is known for half: a guess, above
what short scripts take, which so make no call for it."""

_DAY = 86_400.0
_KEPT = 7 * _DAY
"""Seconds after which a server that keeps its word is asked again: the server behind an address
may be changed or replaced. A week is a guess; asking costs some ten calls."""

_REFUSED = _DAY
"""Seconds after which one that does not is asked again: somebody may have mended it. A guess."""

_LEFT_BEHIND = 600.0
"""Seconds after which what was sent to ask belongs to nobody any more: many times what asking
takes, clocks that are off by minutes included. A guess."""

_MARK = f'{FENCE_OPEN}{{"nonces":'
_ASKING = "discobase: does this server enforce nonces?"
_DELETED = 0
"""The id that stands for a message which was deleted, and whose nonce the server remembers."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of a server.

    Attributes:
        fault: what it does wrong; empty where it keeps its word.
        lasting: whether it was seen, too, that nonces are remembered for as long as they are
            trusted.
        message: of the catalog, that says so; 0 where it is not kept yet.
    """

    fault: str = ""
    lasting: bool = False
    message: int = 0

    def to_content(self) -> str:
        """Write the verdict as the text of a message."""
        fields = {"nonces": 1, "fault": self.fault, "lasting": self.lasting}
        return f"{FENCE_OPEN}{json.dumps(fields, separators=(',', ':'))}{FENCE_CLOSE}"

    @classmethod
    def from_message(cls, message: Message) -> Verdict | None:
        """Read the verdict in a message; None where there is none that this version can read."""
        content = message.content
        if not content.startswith(_MARK):
            return None
        try:
            raw = json.loads(content.removeprefix(FENCE_OPEN).removesuffix(FENCE_CLOSE))
        except (ValueError, RecursionError):
            return None
        match raw:
            case {"nonces": 1, "fault": str(fault), "lasting": bool(lasting)}:
                return cls(fault, lasting, message.id)
            case _:
                return None


@dataclass(frozen=True, slots=True)
class _Probe:
    """A message that was sent to ask: with which nonce, its id, and when that began."""

    nonce: str
    message: int
    began: float


class NonceTrust:
    """What one process knows of its server, and finds out.

    Args:
        server: the seam.
        catalog: the channel where it is kept.
        writer: this writer's id, for nonces of its own.
    """

    def __init__(self, server: Server, catalog: int, writer: str) -> None:
        self._server = server
        self._catalog = catalog
        self._writer = writer
        self._asked = 0
        self._probe: _Probe | None = None
        self._newest = 0
        self._sent: set[int] = set()
        self._found: list[Message] = []

    async def judge(self, catalog: Iterable[Message]) -> Verdict:
        """Return what is known, or ask. No API call where it is known; else five.

        Args:
            catalog: the messages of the catalog.

        Raises:
            Refused, Uncertain: the catalog could not be written.
        """
        self._found = [message for message in catalog if message.author == self._server.author]
        return self._known() or await self._keep(await self._ask_at_once())

    async def look(self, catalog: Iterable[Message]) -> Verdict:
        """Return what is known, and ask nothing: a server of which nothing is known keeps its word.
        No API call.

        Args:
            catalog: the messages of the catalog.
        """
        self._found = [message for message in catalog if message.author == self._server.author]
        return self._known() or Verdict()

    async def watch(self, verdict: Verdict, withdraw: Callable[[Verdict], None]) -> None:
        """Find out what a verdict lacks: whether nonces are remembered for as long as they are
        trusted. Takes a minute or more, and some seven API calls; none where nothing is lacking.

        Args:
            verdict: what :meth:`judge` has returned.
            withdraw: called where the server turns out not to keep its word.
        """
        if verdict.lasting:
            return
        try:
            if not verdict.fault:
                found = await self._ask_again()
                if found.fault:
                    withdraw(found)
                self._sent.add(verdict.message)
                await self._keep(found)
            await self.clean()
        except ServerError as error:
            # What was not found out now will be by the next process.
            _log.info("it could not be found out how long nonces are remembered: %s", error)

    # Asking

    async def _ask_at_once(self) -> Verdict:
        """Send several messages with one nonce at once, behind one by itself: before discord.py has
        an answer of a channel it sends one after the other.
        """
        await self._send(self._new_nonce())
        while True:
            nonce, began = self._new_nonce(), self._server.monotonic()
            made = set(await asyncio.gather(*(self._send(nonce) for _ in range(_AT_ONCE))))
            if len(made) == 1:
                self._probe = _Probe(nonce, made.pop(), began)
                return Verdict()
            if self._apart(min(made), max(made), began) <= TRUST:
                return Verdict(f"of {_AT_ONCE} messages with one nonce it made {len(made)}")

    async def _ask_again(self) -> Verdict:
        """Send a message once more when the time is over for which its nonce is trusted."""
        if self._probe is None:
            await self._server.sleep(_QUIET)
        while True:
            probe = self._probe or await self._new_probe()
            self._probe = None
            waited = self._server.monotonic() - probe.began
            await self._server.sleep(max(0.0, TRUST - waited))
            again = await self._send(probe.nonce)
            if again in {probe.message, _DELETED} or probe.message == _DELETED:
                return Verdict(lasting=True)
            apart = self._apart(probe.message, again, probe.began)
            if apart <= TRUST + _SLACK:
                return Verdict(f"within {apart:.0f} seconds it forgot a nonce")

    def _apart(self, first: int, last: int, began: float) -> float:
        """Return the seconds that may lie between two messages. By both clocks: the server's may
        have been set back, and this process's stands still while the machine sleeps.
        """
        return max(seconds_between(first, last), self._server.monotonic() - began)

    async def _new_probe(self) -> _Probe:
        nonce, began = self._new_nonce(), self._server.monotonic()
        return _Probe(nonce, await self._send(nonce), began)

    def _new_nonce(self) -> str:
        self._asked += 1
        return f"{self._writer}.probe{self._asked}"

    async def _send(self, nonce: str) -> int:
        text = f"{_ASKING} ({self._writer})"
        try:
            sent = await persist(self._server, self._server.send, self._catalog, text, (), nonce)
        except NotFound as error:
            if error.code != UNKNOWN_MESSAGE:
                raise
            return _DELETED
        self._sent.add(sent.id)
        self._newest = max(self._newest, sent.id)
        return sent.id

    # Keeping

    def _known(self) -> Verdict | None:
        return _known(self._server, self._found)

    async def _keep(self, verdict: Verdict) -> Verdict:
        nonce, content = self._new_nonce(), verdict.to_content()
        sent = await persist(self._server, self._server.send, self._catalog, content, (), nonce)
        return replace(verdict, message=sent.id)

    async def clean(self) -> None:
        """Delete what was sent to ask, by this process and by those that ended before they could,
        and verdicts in whose place others stand. One API call each.

        Raises:
            Refused, Uncertain: something could not be deleted.
        """
        for message in sorted({*self._sent, *self._left_behind()}):
            # Gone already, if an earlier try had its effect and no answer.
            with contextlib.suppress(NotFound):
                await persist(self._server, self._server.delete_message, self._catalog, message)
        self._sent.clear()
        self._found.clear()

    def _left_behind(self) -> Iterator[int]:
        """Yield what others have sent so long ago that they ended before they could delete it, by
        Discord's clock, and the verdicts in whose place there are newer ones.
        """
        known = self._known()
        for message in self._found:
            if message.content.startswith(_ASKING):
                if seconds_between(message.id, self._newest) > _LEFT_BEHIND:
                    yield message.id
            elif Verdict.from_message(message) and (known is None or message.id != known.message):
                yield message.id


async def carry(
    source: Server, catalog: int, target: Server, new_catalog: int, *, end: int, nonce: str
) -> None:
    """Have a new catalog say what another one says, in a server behind the same address, so that
    nobody has to ask again there. Two API calls; one where nothing is known. It counts from now on.

    Args:
        source: the server with the other one.
        catalog: the other one.
        target: the server with the new one.
        new_catalog: the new one.
        end: a message of the other one, up to which it is read.
        nonce: one that nothing else has.

    Raises:
        Refused, Uncertain: it could not be read, or written.
    """
    messages = await read_channel(source, catalog, end=end, until=lambda message: message.id >= end)
    own = [each for each in messages if each.author == source.author]
    if (known := _known(source, own)) is not None:
        content = known.to_content()
        await persist(target, target.send, new_catalog, content, (), nonce)


def _known(server: Server, own: Iterable[Message]) -> Verdict | None:
    """Return the newest verdict among the messages of this bot, if it is not too old."""
    verdicts = [found for message in own if (found := Verdict.from_message(message))]
    newest = max(verdicts, key=lambda verdict: verdict.message, default=None)
    if newest is None:
        return None
    age = seconds_between(newest.message, snowflake_at(server.now()))
    return newest if age <= (_REFUSED if newest.fault else _KEPT) else None
