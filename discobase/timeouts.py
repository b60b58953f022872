"""The one value of a timeout that is not a number of seconds and not None."""

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
