"""How far something has come that takes long, on standard error, while somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars

import discobase

Told = Callable[["discobase.Progress"], None]


@contextmanager
def shown_progress(quiet: bool = False) -> Generator[Told]:
    """Show a bar for the length of a block, where standard error is a terminal.

    Args:
        quiet: whether none is to be shown.

    Returns:
        What is told how far it has come; with an empty text, that all is done.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        tasks: list[TaskID] = []

        def tell(progress: discobase.Progress) -> None:
            if not progress.doing:
                bars.stop()
                return
            text = f"{progress.doing}{f', {progress.unit}' if progress.unit else ''}"
            if not tasks:
                bars.start()
                tasks.append(bars.add_task(text, total=progress.total))
            bars.update(tasks[0], description=text, completed=progress.done, total=progress.total)

        yield tell
