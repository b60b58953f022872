"""All figures in one run, or those that are named: ``python -m benchmarks saving``; with another
number of records where one is to be chosen: ``python -m benchmarks queries --records 1000000``.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable

from benchmarks.checkpointing import checkpointing
from benchmarks.encrypting import encrypting
from benchmarks.finding import finding
from benchmarks.indexing import indexing
from benchmarks.keeping import keeping
from benchmarks.measuring import Place, embedded_server
from benchmarks.opening import opening
from benchmarks.queries import queries
from benchmarks.saving import saving, saving_much
from benchmarks.searching import searching
from benchmarks.serving import serving
from benchmarks.transferring import transferring
from benchmarks.vacuuming import vacuuming

BENCHMARKS: dict[str, tuple[Callable[[Place], None], ...]] = {
    "saving": (saving, saving_much),
    "encrypting": (encrypting,),
    "finding": (finding,),
    "queries": (queries,),
    "indexing": (indexing,),
    "searching": (searching,),
    "opening": (opening,),
    "serving": (serving,),
    "keeping": (keeping,),
    "checkpointing": (checkpointing,),
    "transferring": (transferring,),
    "vacuuming": (vacuuming,),
}


def main() -> int:
    """Measure and print. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument(
        "--records",
        type=int,
        metavar="NUMBER",
        help="how many, where that is not fixed",
    )
    given = parser.parse_args()
    names = given.names or list(BENCHMARKS)
    if unknown := set(names) - BENCHMARKS.keys():
        parser.error(f"there is no {', '.join(unknown)}")
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}")
    print("Figures are medians over rounds in which both sides take turns.\n")
    for name in names:
        with embedded_server(given.records) as place:
            for measure in BENCHMARKS[name]:
                measure(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
