"""How far something has come that takes long: told by whoever does it, read on any thread."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something has come that takes long.

    Attributes:
        doing: what is being done, as in "reading the log".
        done: how much of it is done.
        total: how much there is to do, as far as is known; None while it is not.
        unit: what is counted, as in "commits".
    """

    doing: str
    done: int = 0
    total: int | None = None
    unit: str = ""


class Step:
    """One step that is being done. One thread at a time writes; any reads.

    Attributes:
        progress: how far it has come.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def add(self, number: int) -> None:
        """Note that so much more is done."""
        self.progress = replace(self.progress, done=self.progress.done + number)

    def expect(self, total: int) -> None:
        """Note how much there is to do."""
        self.progress = replace(self.progress, total=total)


class Gauge:
    """The steps that are being done for one thing that takes long."""

    def __init__(self) -> None:
        self._steps: tuple[Step, ...] = ()

    @property
    def progress(self) -> Progress | None:
        """How far the step has come that began first of those which are being done; None between
        two steps. From any thread.
        """
        steps = self._steps
        return steps[0].progress if steps else None

    @contextmanager
    def step(self, doing: str, total: int | None = None, unit: str = "") -> Generator[Step]:
        """Do a step for the length of a block.

        Args:
            doing: what it does.
            total: how much there is to do, where that is known.
            unit: what is counted.
        """
        step = Step(Progress(doing, total=total, unit=unit))
        self._steps += (step,)
        try:
            yield step
        finally:
            self._steps = tuple(other for other in self._steps if other is not step)
