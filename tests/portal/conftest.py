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
# discord.py imports it on Python 3.11 and 3.12.
DISCORDS_OWN = "ignore:'audioop' is deprecated:DeprecationWarning"
ROOT = Path(discobase.__file__).parent.parent


@pytest.fixture
def portal() -> Iterator[Portal]:
    portal = Portal()
    portal.start()
    yield portal
    portal.stop()


@pytest.fixture
def start_script() -> Callable[..., subprocess.Popen[str]]:
    """Start one of the scripts in an interpreter of its own, with all warnings on."""

    def start(name: str, *arguments: str, warnings: str = "default") -> subprocess.Popen[str]:
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        options = ["-W", warnings, "-W", DISCORDS_OWN]
        return subprocess.Popen(
            [sys.executable, *options, str(SCRIPTS / name), *arguments],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def run_script(
    start_script: Callable[..., subprocess.Popen[str]],
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one of the scripts to its end."""

    def run(name: str, *arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
        with start_script(name, *arguments, **options) as process:
            try:
                stdout, stderr = process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    return run
