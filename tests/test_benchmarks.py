"""The benchmark of queries runs: all sides give the same answers, and who is not there is named."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[1]


def test_queries_are_asked_of_everybody_who_is_installed():
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks", "queries", "--records", "100"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    questions = ran.stdout.count("(sqlite3 and pydantic is 1)")
    assert questions == 8
    for name in ("discobase", "sqlite3 and pydantic"):
        assert ran.stdout.count(f"  {name}  ") == questions
    for name in ("peewee", "SQLModel", "Django"):
        if importlib.util.find_spec(name.lower()) is None:
            assert f"{name.lower()} is left out: it is not installed" in ran.stdout
        else:
            assert ran.stdout.count(f"  {name}  ") == questions
