"""What a repair comes to: which commits are lost, and what is to be said to have that done."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from discobase.counted import counted
from discobase.engine.log.entry import Entry
from discobase.engine.server.seam import time_of

_SHOWN = 40
"""Lost commits that the text of a repair names: about what fits a terminal. A guess."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A commit that nothing tells of any more, or that cannot be applied without others.

    Attributes:
        position: its position in the log; None where nobody can tell.
        why: what has become of it, in words.
        time: when it was written, in UTC, by Discord's clock; None where nothing is left of it.
        writer: the id of its writer, as it stands in the frame; None where nothing is left of it.
        label: what the writer is called, as in "web-1 gunicorn discobase/2.0.0"; None where nobody
            can tell.
        tables: the names of the tables that it has changed, as far as that can still be read.
        channel: the id of its channel.
        message: the id of its message; None where nobody knows it.
    """

    position: int | None
    why: str
    time: datetime | None = None
    writer: str | None = None
    label: str | None = None
    tables: tuple[str, ...] = ()
    channel: int | None = None
    message: int | None = None

    @classmethod
    def of(cls, entry: Entry, why: str, tables: Sequence[str] = ()) -> Loss:
        """Return the loss of a frame that is there."""
        message, header = entry.message, entry.header
        return cls(
            header.seq,
            why,
            when(message.id),
            header.writer,
            None,
            tuple(tables),
            message.channel,
            message.id,
        )

    def __str__(self) -> str:
        told = ["position " + ("unknown" if self.position is None else str(self.position))]
        if self.time is not None:
            told.append(self.time.isoformat(timespec="seconds"))
        if self.writer is not None:
            told.append(f"writer {self.writer}" + (f" ({self.label})" if self.label else ""))
        if self.tables:
            told.append("tables " + ", ".join(map(repr, self.tables)))
        return f"{', '.join(told)}: {self.why}"


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair has done, or would do.

    Attributes:
        done: whether it is done; if not, nothing was changed.
        lost: the commits that are lost with it, by position.
        records: how many records there are then.
        confirm: what to say back to have it done, as in ``db.repair(confirm=...)``; None where
            nothing is to be repaired, or it is done.
        generation: the number of the generation of the log that is in force.
    """

    done: bool
    lost: tuple[Loss, ...]
    records: int
    confirm: str | None
    generation: int

    def __str__(self) -> str:
        if self.confirm is None and not self.done:
            return f"nothing is to be repaired: {counted(self.records, 'record')} can be read"
        lost, verb = counted(len(self.lost), "commit"), "lost" if self.done else "would be lost"
        lines = [f"{lost} {verb}; then there are {counted(self.records, 'record')}"]
        lines += [f"  {loss}" for loss in self.lost[:_SHOWN]]
        if len(self.lost) > _SHOWN:
            lines.append(f"  {len(self.lost) - _SHOWN:,} more")
        if not self.done:
            lines.append(
                f"nothing was changed; to have it done: db.repair(confirm={self.confirm!r})"
            )
        return "\n".join(lines)


def phrase(lost: Sequence[Loss]) -> str:
    """Return what is to be said back to lose just these commits."""
    told = "\n".join(f"{loss.position} {loss.message} {loss.why}" for loss in lost)
    digest = hashlib.sha256(told.encode()).hexdigest()[:8]
    return f"lose {len(lost)} commits {digest}"


def when(message: int) -> datetime:
    """Return when a message was written, by Discord's clock."""
    return datetime.fromtimestamp(time_of(message), UTC)
