"""What is done when the interpreter ends, in an order that does not hang on imports: threads end
first, and then what they used is removed.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable

Step = Callable[[], None]

_ending_threads: list[Step] = []
_removing: list[Step] = []


def ends_threads(step: Step) -> Step:
    """Have a function called first: it ends threads."""
    _ending_threads.append(step)
    return step


def removes(step: Step) -> Step:
    """Have a function called when the threads have ended: it removes what they used."""
    _removing.append(step)
    return step


@atexit.register
def _end() -> None:
    for step in (*_ending_threads, *_removing):
        step()
