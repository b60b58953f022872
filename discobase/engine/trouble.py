"""What goes wrong with a database while it is used: logged, and handed on to whoever asked for it.

The one place for both. What fails a call of the program's is raised there as well: what is told
here is what nobody may be waiting for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

_log = logging.getLogger(__name__)

TroubleKind = Literal[
    "damage",
    "lost",
    "version",
    "access",
    "nonces",
    "gateway",
    "checkpoint",
    "feed",
    "fault",
    "ended",
]
"""What is wrong:

- ``damage``: messages of the log were deleted, altered, or cannot be read;
- ``lost``: a commit does not count, or is gone (:meth:`Database.lost <discobase.Database.lost>`);
- ``version``: the database needs a later version of discobase;
- ``access``: the bot may not read a channel of the database, or the channel is gone;
- ``nonces``: the server does not keep Discord's word on nonces;
- ``gateway``: the gateway has been away for long;
- ``checkpoint``: a checkpoint cannot be written, or does not hold;
- ``feed``: changes are not posted in the feed's channel, or not all of them;
- ``fault``: something failed that should not, in discobase itself;
- ``ended``: the connection has ended for good, or the database has.
"""

_MINOR: frozenset[TroubleKind] = frozenset({"nonces", "gateway", "checkpoint", "feed"})
"""What is a warning as long as it blocks nothing: everything goes on."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with a connected database, or is so no longer.

    Attributes:
        kind: what is wrong.
        text: what is wrong and what follows from that, in words.
        over: whether it is over.
        writes_blocked: whether nothing can be written now, because of this or of something else.
        position: the position in the log that it is about, where there is one.
        writer: the id of the writer that it is about, where there is one.
        label: what that writer is called, where it is known.
        channel: the id of the channel, where there is one.
        message: the id of the message, where there is one.
        dropped: how many were not told before this one, since the program did not keep up with
            them.
    """

    kind: TroubleKind
    text: str
    over: bool = False
    writes_blocked: bool = False
    position: int | None = None
    writer: str | None = None
    label: str | None = None
    channel: int | None = None
    message: int | None = None
    dropped: int = 0

    def __str__(self) -> str:
        return self.text


class Troubles:
    """What is wrong with one database. Used on the loop.

    Args:
        told: called with each; never waits. None where nobody has asked.
    """

    def __init__(self, told: Callable[[Trouble], object] | None = None) -> None:
        self._told = told
        self._standing: dict[tuple[TroubleKind, int | None], Trouble] = {}
        self._of_messages: set[Trouble] = set()

    @property
    def writes_blocked(self) -> bool:
        """Whether something blocks writing, as far as is known."""
        return any(trouble.writes_blocked for trouble in self._standing.values())

    def tell(self, trouble: Trouble, *, error: BaseException | None = None) -> None:
        """Tell of something that has happened, and is not known to end: once, where it is about a
        message.

        Args:
            trouble: what has happened.
            error: what was raised, where the log is to have its traceback.
        """
        if trouble.message is not None:
            if trouble in self._of_messages:
                return
            self._of_messages.add(trouble)
        self._hand_on(trouble, _level(trouble), error)

    def begin(self, trouble: Trouble, *, of: int | None = None) -> None:
        """Tell of something that lasts until :meth:`end`, if it was not told already. There is one
        of each kind at a time: the newest.

        Args:
            trouble: what is wrong; `writes_blocked` is whether it blocks writing by itself.
            of: the channel, of what each may have one of.
        """
        if self._standing.get((trouble.kind, of)) != trouble:
            self._standing[trouble.kind, of] = trouble
            level = logging.CRITICAL if trouble.writes_blocked else _level(trouble)
            self._hand_on(trouble, level)

    def end(self, kind: TroubleKind, text: str, *, of: int | None = None) -> None:
        """Tell that something is over, if it was told that it had begun.

        Args:
            kind: what it was.
            text: what is so again, in words.
            of: the channel, of what each may have one of.
        """
        if (stood := self._standing.pop((kind, of), None)) is not None:
            message = None if of is None else stood.message
            over = Trouble(kind, text, over=True, channel=of, message=message)
            self._hand_on(over, logging.WARNING)

    def _hand_on(self, trouble: Trouble, level: int, error: BaseException | None = None) -> None:
        _log.log(level, "%s", trouble.text, exc_info=error)
        if self._told is not None:
            blocked = trouble.writes_blocked or self.writes_blocked
            self._told(replace(trouble, writes_blocked=blocked))


def _level(trouble: Trouble) -> int:
    return logging.WARNING if trouble.kind in _MINOR else logging.ERROR
