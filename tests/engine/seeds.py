"""Blocks of seeds, of which each Python tries one: the log does not depend on it.

So what CI runs on three of them tries three blocks, and a run on one takes a third of the time.
"""

from __future__ import annotations

import sys

import pytest

PYTHONS = 3
"""How many Pythons are supported."""


def blocks(size: int) -> list[object]:
    """The first seed of each block, for :func:`pytest.mark.parametrize`; those of other Pythons are
    of the soak.

    Args:
        size: how many seeds are in a block.
    """
    own = sys.version_info.minor % PYTHONS
    return [
        pytest.param(block * size, marks=() if block == own else pytest.mark.soak)
        for block in range(PYTHONS)
    ]
