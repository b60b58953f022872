"""The stacks of all threads, in the report of a test whose time was over.

pytest-timeout writes them to the terminal's buffer. Whether that is emptied while the test's output
is still caught, and so gets into its report, depends on how full it is.
"""

from __future__ import annotations

import sys
import threading
import traceback

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call):
    report = yield
    if call.excinfo is not None and "Timeout (>" in str(call.excinfo.value):
        # What is called so stands in the terminal's and in JUnit's report alike.
        report.sections.append(("Captured stdout: all threads", _stacks()))
    return report


def _stacks() -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"Stack of {names.get(ident, '<unknown>')} ({ident})\n"
        + "".join(traceback.format_stack(frame))
        for ident, frame in sys._current_frames().items()
    )
