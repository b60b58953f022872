"""The tests by which Django holds every cache back end and session engine, as its makers publish
them, run on ours.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.thirdparty.environments import python_with, source_of

pytestmark = pytest.mark.thirdparty

TESTS = {"5.2": 119, "6.1.3": 127}
"""How many of its tests there are in a version: in the lowest that the extra allows, and in the
newest there was when this was written.
"""
ROOT = Path(__file__).parents[2]

SETTINGS = """
from test_sqlite import *

DISCOBASE = {"NAME": "django", "TOKEN": "local", "SESSION_REWRITE_AFTER": 0}
"""

# The classes of Django's that say what a back end, or an engine, does. Each stands in the app of
# Django's tests whose models it uses.
OURS = {
    "cache": """
from cache.tests import BaseCacheTests, caches_setting_for_tests
from django.test import TestCase, override_settings


@override_settings(
    CACHES=caches_setting_for_tests(BACKEND="discobase.contrib.django.cache.DiscobaseCache")
)
class DiscobaseCacheTests(BaseCacheTests, TestCase):
    pass
""",
    "sessions_tests": """
from discobase.contrib.django.sessions import SessionStore
from django.test import SimpleTestCase
from sessions_tests.tests import SessionTestsMixin


class DiscobaseSessionTests(SessionTestsMixin, SimpleTestCase):
    backend = SessionStore
""",
}


@pytest.mark.parametrize("version", TESTS)
def test_every_test_of_a_cache_and_of_a_session_passes(tmp_path, version):
    needed = ("discord.py", "pydantic", "janus")
    python = python_with(f"django-{version}", f"django=={version}", *needed)
    tests = shutil.copytree(source_of("django", version) / "tests", tmp_path / "tests")
    (tests / "test_discobase.py").write_text(SETTINGS)
    for app, text in OURS.items():
        (tests / app / "tests_of_discobase.py").write_text(text)
    labels = [f"{app}.tests_of_discobase" for app in OURS]
    ran = subprocess.run(
        [python, "runtests.py", "--settings=test_discobase", "--parallel=1", *labels],
        cwd=tests,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (number,) = re.findall(r"^Ran (\d+) tests", ran.stderr, re.MULTILINE)
    assert int(number) == TESTS[version]
