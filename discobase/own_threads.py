"""The package's own threads: whoever waits for a database waits for what they do."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager

_idents: set[int] = set()


@contextmanager
def own_thread() -> Generator[None]:
    """Count the current thread as one of them for the length of a block."""
    ident = threading.get_ident()
    _idents.add(ident)
    try:
        yield
    finally:
        _idents.discard(ident)


def is_own_thread() -> bool:
    """Return whether the current thread is one of them. On these, finalizers and logging handlers
    of the program run as well, and must not wait for what they hold up.
    """
    return threading.get_ident() in _idents


def own_idents() -> tuple[int, ...]:
    """Return the identifiers of all of them."""
    return tuple(_idents)


if hasattr(os, "register_at_fork"):
    # They stayed behind, and their identifiers may be used again.
    os.register_at_fork(after_in_child=_idents.clear)
