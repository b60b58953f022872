"""The tests by which cachelib holds every back end, as its makers publish them, run on ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.thirdparty.environments import python_with, source_of

pytestmark = pytest.mark.thirdparty

VERSION = "0.17.0"
ROOT = Path(__file__).parents[2]

# The classes of cachelib's that say what a back end does, beside a factory of ours.
OURS = """
from itertools import count

import discobase
import pytest
from clear import ClearTests
from common import CommonTests
from discobase.contrib.flask import DiscobaseCache
from has import HasTests
from serializer import SerializerTests

database = discobase.Database("caches")
numbers = count()


@pytest.fixture(autouse=True, scope="module")
def connected():
    with database.conn("local"):
        yield


@pytest.fixture(autouse=True)
def cache_factory(request):
    request.cls.cache_factory = lambda self, **options: DiscobaseCache(
        database, f"cache {next(numbers)}", **options
    )


class TestDiscobaseCache(CommonTests, HasTests, ClearTests, SerializerTests):
    pass
"""


def test_every_test_of_a_back_end_passes(tmp_path):
    needed = ("pytest", "pytest-xprocess", "flask", "discord.py", "pydantic", "janus")
    python = python_with("cachelib", f"cachelib=={VERSION}", *needed)
    tests = shutil.copytree(source_of("cachelib", VERSION) / "tests", tmp_path / "tests")
    (tests / "test_discobase_cache.py").write_text(OURS)
    ran = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_discobase_cache.py"],
        cwd=tests,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed = re.search(r"(\d+) passed", ran.stdout)
    assert passed, ran.stdout
    assert int(passed[1]) >= 20
    assert "skipped" not in ran.stdout
