"""The descriptors of standard input, output and error, kept from being anything else.

A daemon closes them. The next sockets and files of the process then get their numbers, and whatever
it prints is written into those.
"""

from __future__ import annotations

import os

_STANDARD = 3
"""Descriptors 0, 1 and 2 (POSIX, ``unistd.h``)."""


def occupy_standard_descriptors() -> None:
    """Open nothing (``os.devnull``) under each of the three numbers that is free."""
    opened = os.open(os.devnull, os.O_RDWR)
    while opened < _STANDARD:
        opened = os.open(os.devnull, os.O_RDWR)
    os.close(opened)
