"""The values that stand for seconds which are not said: neither a number of them nor None."""

from __future__ import annotations

from enum import Enum
from typing import Final


class DatabaseTimeout(Enum):
    """The type of :data:`DATABASE_TIMEOUT`."""

    DATABASE_TIMEOUT = "the database's own"

    def __repr__(self) -> str:
        return self.name


DATABASE_TIMEOUT: Final = DatabaseTimeout.DATABASE_TIMEOUT
"""Stands for the `timeout` that the :class:`~discobase.Database` was made with. None is no limit,
here as everywhere."""


class UsualStaleness(Enum):
    """The type of :data:`USUAL_STALENESS`."""

    USUAL_STALENESS = "the usual one"

    def __repr__(self) -> str:
        return self.name


USUAL_STALENESS: Final = UsualStaleness.USUAL_STALENESS
"""Stands for the `max_staleness` of a :class:`~discobase.Database` that is given none: no limit
with the gateway, and ten seconds without it."""
