"""A row that a query finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from discobase.records.record import Record

if TYPE_CHECKING:
    from discobase.engine.replica import Row

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class FoundRow(Generic[R]):
    """A row that fits, and its record where it had to be made to see that."""

    row: Row
    record: R | None = None
