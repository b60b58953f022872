"""Add up the test reports of all environments: ``N passed, N failed, N skipped``."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def main(folder: Path) -> int:
    """Print the sum of the JUnit reports in a folder; 0 if tests ran, and all of them passed."""
    suites = [
        suite
        for report in sorted(folder.glob("*.xml"))
        for suite in ET.parse(report).iter("testsuite")
    ]
    total, failures, errors, skipped = (
        sum(int(suite.attrib[name]) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    passed = total - failed - skipped
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
