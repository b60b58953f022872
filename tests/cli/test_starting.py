"""The first moments of a command: what is imported for it, and Ctrl-C meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from discobase.cli.exit_status import INTERRUPTED

ROOT = Path(__file__).parents[2]

PRESSED = """
import signal, sys

class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Pressed())
from discobase.cli import main
sys.exit(main(["tables"]))
"""
"""A command, and somebody who presses Ctrl-C when it begins to import a module."""

COMPLETED = """
import sys
from discobase.cli import main

try:
    main([])
finally:
    print(*sys.modules, file=sys.stderr)
"""


def ran(program: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "DISCOBASE_SERVER": "shop",
        "DISCOBASE_TOKEN": f"local:{folder / 'none.db'}",
    }
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_completion_imports_no_part_of_a_connection(tmp_path):
    asked = {
        "_DISCOBASE_COMPLETE": "complete_bash",
        "COMP_WORDS": "discobase\nfind\n",
        "COMP_CWORD": "2",
    }
    done = ran(COMPLETED, tmp_path, **asked)
    assert done.returncode == 0
    loaded = {*done.stderr.split()}
    assert "discobase.cli.completion" in loaded
    far = {"discord", "aiohttp", "discobase.face", "discobase.engine", "discobase.local"}
    assert loaded & far == set()


@pytest.mark.parametrize("module", ["discobase.cli.plain", "typer", "discobase.face"])
def test_ctrl_c_ends_a_command_that_is_still_imported_without_a_word(module, tmp_path):
    done = ran(PRESSED.replace("MODULE", repr(module)), tmp_path)
    assert done.returncode == INTERRUPTED
    assert done.stdout + done.stderr == ""
