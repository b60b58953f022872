"""How it is measured: the server in a process of its own, and two sides in turns."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Place:
    """Where the embedded server runs, and how many records are to be there; None for as many as the
    benchmark has by itself.
    """

    api_url: str
    token: str
    server: str
    records: int | None = None


@contextlib.contextmanager
def embedded_server(records: int | None = None) -> Iterator[Place]:
    """The embedded server, in a process of its own, as ``discobase serve`` starts it."""
    command = [sys.executable, "-m", "discobase", "serve", "--json", "--server", "bench"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Place(**json.loads(process.stdout.readline()), records=records)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def seconds(work: Callable[[], object], times: int) -> float:
    """The seconds that one of so many runs takes, on average."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


def compare(
    title: str,
    ours: tuple[str, Callable[[], float]],
    theirs: tuple[str, Callable[[], float]],
    rounds: int = 9,
) -> None:
    """Let two sides take turns, and print the median of each and the median of the ratios."""
    for _, measure in (ours, theirs):
        measure()
    pairs = [(ours[1](), theirs[1]()) for _ in range(rounds)]
    print(title)
    for number, (name, _) in enumerate((ours, theirs)):
        print(f"  {name:<52} {_readable(median(pair[number] for pair in pairs))}")
    ratios = sorted(own / other for own, other in pairs)
    print(f"  {'ratio':<52} {median(ratios):>8.2f}   ({ratios[0]:.2f} to {ratios[-1]:.2f})\n")


def _readable(duration: float) -> str:
    return f"{duration * 1e6:>8.1f} us" if duration < 1e-3 else f"{duration * 1e3:>8.2f} ms"
