"""Commits that do not count, or that cannot be found any more: which, by whom, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from discobase.engine.log.entry import Entry
from discobase.engine.server.seam import time_of
from discobase.engine.trouble import Trouble, Troubles


@dataclass(frozen=True, slots=True)
class LostCommit:
    """A commit that was written and does not count, or whose message is gone.

    Attributes:
        position: its position in the log; None where nobody can tell.
        writer: the id of the writer, as it stands in the frame; None where nobody can tell.
        time: when it was written, in UTC, by Discord's clock.
        channel: the id of the channel.
        message: the id of the message.
        why: why it does not count, in words.
        label: what the writer is called, as in "web-1 gunicorn discobase/2.0.0" (the `label` of its
            :class:`~discobase.Database`); None where nobody can tell.
    """

    position: int | None
    writer: str | None
    time: datetime
    channel: int
    message: int
    why: str
    label: str | None = None


class LostCommits:
    """What this process knows to be lost. Added to on the loop, read on any thread.

    Args:
        labels: returns what writers are called, by their ids.
        troubles: what is told of each.
    """

    def __init__(self, labels: Callable[[], Mapping[str, str]], troubles: Troubles) -> None:
        self._labels = labels
        self._troubles = troubles
        self._by_message: dict[int, LostCommit] = {}

    def add(self, entry: Entry, why: str) -> None:
        """Note, once, that a frame does not count, and tell of it."""
        self.add_unread(
            entry.message.channel, entry.message.id, why, entry.header.seq, entry.header.writer
        )

    def add_unread(
        self,
        channel: int,
        message: int,
        why: str,
        position: int | None = None,
        writer: str | None = None,
    ) -> None:
        """Note, once, that a message of which this much is known is lost, and tell of it.

        Args:
            channel: the id of its channel.
            message: its id.
            why: why it does not count.
            position: its position, where it is known.
            writer: who wrote it, where it is known.
        """
        if message in self._by_message:
            return
        time = datetime.fromtimestamp(time_of(message), UTC)
        lost = self._labelled(LostCommit(position, writer, time, channel, message, why))
        self._by_message[message] = lost
        self._troubles.tell(
            Trouble(
                "lost",
                f"a commit does not count: position {_shown(position)}, writer {_called(lost)}, "
                f"{time.isoformat(timespec='seconds')}, message {message} in channel {channel}: "
                f"{why}",
                position=position,
                writer=writer,
                label=lost.label,
                channel=channel,
                message=message,
            )
        )

    def found(self, messages: Iterable[int]) -> None:
        """Note that messages count after all."""
        for message in messages:
            self._by_message.pop(message, None)

    def __contains__(self, entry: Entry) -> bool:
        """Return whether a frame is among them."""
        return entry.message.id in self._by_message

    def all(self) -> list[LostCommit]:
        """Return all of them, in the order in which their messages were written."""
        return [self._labelled(lost) for _, lost in sorted(self._by_message.copy().items())]

    def _labelled(self, lost: LostCommit) -> LostCommit:
        """Return a commit with what its writer is called: where what is lost was its first one, it
        said so later.
        """
        if lost.label is not None or lost.writer is None:
            return lost
        return replace(lost, label=self._labels().get(lost.writer))


def _shown(known: object) -> str:
    return "unknown" if known is None else str(known)


def _called(lost: LostCommit) -> str:
    named = _shown(lost.writer)
    return named if lost.label is None else f"{named} ({lost.label})"
