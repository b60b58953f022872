"""What became of a database of 1.0.0 that was taken over."""

from __future__ import annotations

from dataclasses import dataclass, field

from discobase.counted import counted

_SHOWN = 5
"""Messages of a table that the printed report names one by one."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A message that could not be taken over.

    Attributes:
        channel: the id of its channel.
        message: its id.
        author: the id of whoever wrote it.
        reason: why, without what it says.
        text: what it says. Secrets may stand in it.
    """

    channel: int
    message: int
    author: int
    reason: str
    text: str = field(repr=False)

    def __str__(self) -> str:
        return f"message {self.message} in channel {self.channel}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalTable:
    """What became of one table of the original database.

    Attributes:
        name: its name there.
        channel: the id of the channel that has its records there.
        into: the table that it was taken into; None where it was not taken.
        taken: how many of its records this call has taken.
        taken_before: how many were taken by earlier calls.
        not_taken: its messages that could not be taken. They are tried again by the next call.
        unknown_fields: fields that records of this call have, and the class here does not: they are
            stored with the records unseen, until the class has them.
        problem: why the whole table was not taken; None where it was.
    """

    name: str
    channel: int
    into: str | None = None
    taken: int = 0
    taken_before: int = 0
    not_taken: tuple[NotTaken, ...] = ()
    unknown_fields: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def complete(self) -> bool:
        """Whether all that the table holds there has been taken."""
        return self.problem is None and not self.not_taken

    def __str__(self) -> str:
        if self.problem is not None:
            return f"{self.name}: not taken: {self.problem}"
        before = f", {self.taken_before} before" if self.taken_before else ""
        lines = [f"{self.name}: {counted(self.taken, 'record')} taken into {self.into!r}{before}"]
        if self.unknown_fields:
            lines.append(f"  stored unseen: {', '.join(self.unknown_fields)}")
        if self.not_taken:
            lines.append(f"  {counted(len(self.not_taken), 'message')} not taken:")
        lines += [f"    {each}" for each in self.not_taken[:_SHOWN]]
        if len(self.not_taken) > _SHOWN:
            lines.append(f"    and {len(self.not_taken) - _SHOWN} more")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalReport:
    """What :meth:`Database.import_original <discobase.Database.import_original>` did.

    ``print(report)`` shows it.

    Attributes:
        server: the Discord server that was read: its name, or its id, as it was given.
        tables: what became of each table that is there.
        not_understood: messages in the catalogue that describe no table, or are not believed.
        calls: the API calls that reading has cost, its login left out.
    """

    server: str | int
    tables: tuple[OriginalTable, ...]
    not_understood: tuple[NotTaken, ...] = ()
    calls: int = 0

    @property
    def taken(self) -> int:
        """How many records this call has taken, in all tables."""
        return sum(table.taken for table in self.tables)

    @property
    def complete(self) -> bool:
        """Whether all that is there has been taken, by this call or before."""
        return not self.not_understood and all(table.complete for table in self.tables)

    def __str__(self) -> str:
        lines = [f"from the server {self.server!r}: {counted(self.taken, 'record')} taken"]
        lines += [str(table) for table in self.tables]
        lines += [f"in the catalogue, {each}" for each in self.not_understood]
        return "\n".join(lines)
