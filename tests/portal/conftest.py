from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import discobase
from discobase.portal import Portal

SCRIPTS = Path(__file__).parent / "scripts"
ROOT = Path(discobase.__file__).parent.parent

RunScript = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def portal() -> Iterator[Portal]:
    portal = Portal()
    portal.start()
    yield portal
    portal.stop()


@pytest.fixture
def run_script() -> RunScript:
    """Run one of the scripts in an interpreter of its own."""

    def run(name: str, *options: str) -> subprocess.CompletedProcess[str]:
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.run(
            [sys.executable, *options, str(SCRIPTS / name)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run
