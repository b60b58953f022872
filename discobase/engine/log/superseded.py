"""That a generation of the log is over, or about to be: what whoever reads or writes it finds."""

from __future__ import annotations

import asyncio

from discobase.engine.log.superblock import Superblock
from discobase.errors import LogDamaged


class Superseded(LogDamaged):
    """The log goes on in another generation. Nothing is damaged, though channels may be gone;
    whoever meets this goes on there, and no caller hears of it.

    Args:
        successor: the superblock of the newest generation.
    """

    def __init__(self, successor: Superblock) -> None:
        super().__init__(
            f"the log goes on in generation {successor.generation}", channel=successor.catalog
        )
        self.successor = successor


class NextGeneration:
    """The generation after one, as soon as it is known.

    Attributes:
        known: set when it is.
        superblock: its superblock; None until then.
    """

    def __init__(self) -> None:
        self.known = asyncio.Event()
        self.superblock: Superblock | None = None

    def found(self, superblock: Superblock) -> Superseded:
        """Take note of it, and return what is to be raised."""
        if self.superblock is None or self.superblock.generation < superblock.generation:
            self.superblock = superblock
            self.known.set()
        return Superseded(superblock)
