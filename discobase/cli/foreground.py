"""What runs in the foreground until somebody ends it, by Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

_POLL_SECONDS = 0.5
"""Between two looks whether it has ended by itself: a guess."""


@contextmanager
def until_told_to_end() -> Generator[None]:
    """Have either signal end a block as its regular end does. What it has opened is closed on the
    way. To be entered on the main thread.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)


def wait_while(goes_on: Callable[[], bool]) -> None:
    """Wait on the main thread, where signals are met at once, also by Windows, which would have
    them wait for the end of a lock.

    Args:
        goes_on: returns whether there is something to wait for.
    """
    while goes_on():
        time.sleep(_POLL_SECONDS)
