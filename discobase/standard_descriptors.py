"""The descriptors of standard input, output and error, kept from being anything else.

A daemon closes them. The next sockets and files of the process then get their numbers, and whatever
it prints is written into those.
"""

from __future__ import annotations

import os

_STANDARD = (0, 1, 2)
"""Their numbers (POSIX, ``unistd.h``)."""


def occupy_standard_descriptors() -> None:
    """Open nothing (``os.devnull``) under each of the three numbers that is free."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            # A new descriptor has the lowest number that is free.
            os.open(os.devnull, os.O_RDWR)
