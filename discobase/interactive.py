"""The cell of a notebook, or the line at a prompt, that is being run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """What somebody has entered, and is being run.

    Attributes:
        number: how many were run before it in an IPython shell, as in ``In [5]``; None at Python's
            own prompt, which does not count.
        names: what its names stand for.
    """

    number: int | None
    names: Mapping[str, object]

    def names_it(self, thing: object) -> bool:
        """Return whether somebody has a name for a thing, if it is there. The names that a shell
        gives to results, as ``_5``, are nobody's.
        """
        return thing is not None and any(
            value is thing for name, value in [*self.names.items()] if not name.startswith("_")
        )

    def is_run_of(self, other: Cell) -> bool:
        """Return whether another one is this very run of this very cell."""
        return self.number is not None and self.number == other.number


def ipython_shell() -> Any:
    """Return the shell of IPython, or of a Jupyter kernel, that this is; None elsewhere."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return None if get_ipython is None else get_ipython()


def cell_of(frame: FrameType | None) -> Cell | None:
    """Return the cell that a frame belongs to; None in a program, in a module that a cell has
    imported, and on other threads than the one that runs cells.

    Args:
        frame: where the package was called.
    """
    entered = frame is not None and frame.f_globals.get("__name__") == "__main__"
    if frame is None or not entered or threading.current_thread() is not threading.main_thread():
        return None
    shell = ipython_shell()
    if shell is not None:
        return Cell(shell.execution_count, frame.f_globals)
    return Cell(None, frame.f_globals) if hasattr(sys, "ps1") else None
