"""All figures in one run: ``python -m benchmarks``."""

from __future__ import annotations

import platform
import sys

from benchmarks.finding import finding
from benchmarks.measuring import embedded_server
from benchmarks.saving import saving, saving_much
from benchmarks.serving import serving


def main() -> int:
    """Measure and print. Returns the exit status."""
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}")
    print("Figures are medians over rounds in which both sides take turns.\n")
    with embedded_server() as place:
        saving(place)
        saving_much(place)
    with embedded_server() as place:
        finding(place)
    with embedded_server() as place:
        serving(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
