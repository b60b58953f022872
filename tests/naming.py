"""Names for test cases that are the same in every process that collects them."""

from __future__ import annotations

import re


def without_address(value: object) -> str:
    """What a value looks like, without the address that tells one run from another."""
    return re.sub(r" at 0x[0-9a-f]+", "", ascii(value))
