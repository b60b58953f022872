"""Who is told how far an opening has come: a callback of the user's, or a bar on their terminal."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from discobase.progress import Gauge, Progress

PATIENCE = 2.0
"""Seconds that an opening may take before anybody is told anything: most take less."""


class Telling:
    """Tells a callback how far something has come, whenever that has changed.

    Args:
        gauge: says how far.
        since: when it began, by the clock that does not go back.
        told: the callback.
    """

    def __init__(self, gauge: Gauge, since: float, told: Callable[[Progress], object]) -> None:
        self._gauge = gauge
        self._since = since
        self._told = told
        self._last: Progress | None = None

    def __call__(self) -> None:
        """Tell what has changed, if it is time for that."""
        progress = self._gauge.progress
        if progress is None or progress == self._last or time.monotonic() - self._since < PATIENCE:
            return
        self._last = progress
        self._told(progress)


@contextmanager
def callback_for(
    progress: Callable[[Progress], object] | bool | None,
) -> Generator[Callable[[Progress], object] | None]:
    """Return what is to be told of progress, for the length of a wait.

    Args:
        progress: a callback; True for a bar, where `tqdm` is installed and standard error is a
            terminal.
    """
    if not isinstance(progress, bool):
        yield progress
        return
    bar = _Bar.made() if progress else None
    try:
        yield bar
    finally:
        if bar is not None:
            bar.close()


class _Bar:
    """A bar of tqdm's, one for each step."""

    def __init__(self, tqdm: Callable[..., Any]) -> None:
        self._tqdm = tqdm
        self._bar: Any = None
        self._doing = ""

    @classmethod
    def made(cls) -> _Bar | None:
        """Return a bar; None where there is nobody to see it."""
        if sys.stderr is None or not sys.stderr.isatty():
            return None
        try:
            return cls(importlib.import_module("tqdm").tqdm)
        except ImportError:
            return None

    def __call__(self, progress: Progress) -> None:
        if progress.doing != self._doing:
            self.close()
            self._doing = progress.doing
            self._bar = self._tqdm(
                desc=progress.doing, unit=f" {progress.unit}", leave=False, file=sys.stderr
            )
        self._bar.total = progress.total
        self._bar.update(progress.done - self._bar.n)
        self._bar.refresh()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._doing = None, ""
