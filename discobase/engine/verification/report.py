"""What a verification found: for each finding where it is, and how bad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from discobase.counted import counted

Severity = Literal["note", "warning", "damage"]
"""How bad a finding is.

``note``: nothing is lost, and nothing is to be done. ``warning``: nothing is lost as long as
something else stays, which the finding names. ``damage``: who connects from now on gets an error,
or lacks records.
"""

_SHOWN = 20
"""Findings of one severity that a report's text names: what fits a terminal. A guess."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        severity: how bad it is: ``"note"`` where nothing is lost and nothing is to be done,
            ``"warning"`` where nothing is lost as long as something else stays that is named,
            ``"damage"`` where whoever connects from now on gets an error, or lacks records.
        what: what is wrong, in words.
        position: the position in the log, or of the checkpoint; None where it is of none.
        channel: the id of the channel; None where it is of none.
        message: the id of the message; None where it is of none, or nobody knows it.
    """

    severity: Severity
    what: str
    position: int | None = None
    channel: int | None = None
    message: int | None = None

    def __str__(self) -> str:
        places = {
            "position": self.position,
            "channel": self.channel,
            "message": self.message,
        }
        where = ", ".join(f"{name} {at}" for name, at in places.items() if at is not None)
        return f"{self.severity}: {self.what}" + (f" ({where})" if where else "")


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found.

    Attributes:
        position: the position up to which the log was read: all that had been acknowledged when the
            verification began.
        state: the hash of the state there, equal in all processes, whose records are equal then;
            empty where the log does not come to any state.
        compared: the position at which the records of this process were compared with what the log
            comes to; None where they could not be, which a finding explains.
        messages: how many messages were read.
        records: how many records there are at that position.
        checkpoints: the positions of the checkpoints that hold what the log comes to there.
        calls: API calls that it took.
        seconds: how long it took.
        findings: what is not as it should be: what is worst first, and then by position.
    """

    position: int
    state: str
    compared: int | None
    messages: int
    records: int
    checkpoints: tuple[int, ...]
    calls: int
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is known to be damaged: whoever connects has all that the log and its
        checkpoints tell of.
        """
        return all(finding.severity != "damage" for finding in self.findings)

    def __str__(self) -> str:
        verdict = "sound" if self.sound else "DAMAGED"
        read = f"{counted(self.messages, 'message')} up to position {self.position}"
        held = f"{counted(self.records, 'record')}, {len(self.checkpoints)} checkpoints that hold"
        costs = f"{self.calls:,} API calls, {self.seconds:.1f} s"
        by_severity: dict[Severity, list[Finding]] = {}
        for finding in self.findings:
            by_severity.setdefault(finding.severity, []).append(finding)
        lines = [f"{verdict}: {read}, {held}; {costs}"]
        for severity, found in by_severity.items():
            lines += [f"  {finding}" for finding in found[:_SHOWN]]
            if len(found) > _SHOWN:
                lines.append(f"  {severity}: {len(found) - _SHOWN:,} more")
        return "\n".join(lines)
