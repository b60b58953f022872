"""What is left of a test that hangs: the stacks of all threads, and a run that goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SIGNALS = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGALRM")

WAITS = """
import threading

def wait_for_what_never_comes():
    threading.Event().wait(30)

def test_hangs():
    thread = threading.Thread(target=wait_for_what_never_comes, name="the stuck one", daemon=True)
    thread.start()
    thread.join()

def test_comes_after_it():
    pass
"""

BLOCKS = """
import itertools

def test_hangs():
    sum(itertools.repeat(1, 10**10))  # holds the interpreter's lock all the while

def test_comes_after_it():
    pass
"""


def run(folder: Path, tests: str, *options: str) -> tuple[str, dict[str, ET.Element]]:
    """Run tests under the project's settings; what was said, and what the report has of each."""
    file = folder / "test_it.py"
    file.write_text(tests)
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", file),
            *("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "tests.stacks"),
            *("--junit-xml", folder / "report.xml"),
            *("--timeout", "1", *options),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    cases = ET.parse(folder / "report.xml").iter("testcase")
    return ran.stdout + ran.stderr, {case.attrib["name"]: case for case in cases}


@SIGNALS
@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["here", "in a worker"])
def test_a_test_whose_time_is_over_reports_all_stacks_and_the_run_goes_on(tmp_path, workers):
    said, cases = run(tmp_path, WAITS, *workers)
    assert "1 failed, 1 passed" in said
    assert cases["test_comes_after_it"].find("failure") is None
    for told in (said, "".join(cases["test_hangs"].itertext())):
        assert "Timeout (>1.0s)" in told
        assert "thread.join()" in told
        assert "Stack of the stuck one" in told
        assert "in wait_for_what_never_comes" in told


@SIGNALS
def test_where_no_signal_comes_in_the_stacks_are_told_and_another_worker_goes_on(tmp_path):
    said, cases = run(tmp_path, BLOCKS, "-n", "1", "-o", "faulthandler_timeout=2")
    assert "1 failed, 1 passed" in said
    assert "in test_hangs" in said
    assert "crashed" in "".join(cases["test_hangs"].itertext())
    assert cases["test_comes_after_it"].find("failure") is None
