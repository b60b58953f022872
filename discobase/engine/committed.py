"""What a commit of this process has come to, for those who are told of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discobase.engine.operations import Operation


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit that this process has made, whose callers have been answered.

    Attributes:
        position: its position in the log.
        operations: what it does, in order.
        encrypted: whether the log has it encrypted.
    """

    position: int
    operations: Sequence[Operation]
    encrypted: bool
