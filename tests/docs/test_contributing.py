"""What CONTRIBUTING.md names is there: commands, files, environments, kinds of runs."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from tests.engine.runs import PROFILES

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
QUOTED = re.findall(r"`([^`\n]+)`", PAGE)


def test_every_module_that_is_to_be_run_is_there():
    modules = {name for text in QUOTED for name in re.findall(r"python -m ([\w.]+)", text)}
    assert len(modules) >= 4
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


@pytest.mark.parametrize("module", ["tests.engine.runs", "tests.formats.write", "benchmarks"])
@pytest.mark.parametrize("given", [[], ["--help"], ["nothing", "of", "the kind"]])
def test_what_is_run_by_hand_says_how_it_is_used(module, given):
    if (module, given) == ("benchmarks", []):
        given = ["nosuch"]  # without arguments it runs all of them
    ran = subprocess.run(
        [sys.executable, "-m", module, *given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == (0 if given == ["--help"] else 2)
    assert (ran.stdout + ran.stderr).startswith(f"usage: python -m {module}")


def test_every_file_that_is_named_is_there():
    files = {
        word for text in QUOTED for word in text.split() if word.startswith(("tests/", "docs/"))
    } - {"tests/formats/VERSION", "docs/_build"}
    assert len(files) >= 5
    assert [name for name in files if not (ROOT / name).exists()] == []
    assert next((ROOT / "discobase").rglob("seam.py")).read_text().count("\nSETTLING = ") == 1


def test_the_environments_of_tox_are_those_that_are_named():
    tox = RawConfigParser()
    tox.read(ROOT / "tox.ini")
    listed = {name.strip() for name in tox["tox"]["env_list"].split(",")}
    sections = {name.removeprefix("testenv:") for name in tox.sections() if ":" in name}
    made = {name for section in sections for name in re.sub(r"[{}]", "", section).split(",")}
    assert listed | made <= set(QUOTED)


def test_the_packages_that_ci_installs_are_named():
    (packages,) = re.findall(
        r"apt-get install .*? ((?:[a-z]+[a-z-]* ?)+)\n", (ROOT / ".ci/run").read_text()
    )
    assert f"apt install {packages}" in QUOTED


def test_the_environment_variables_that_tests_look_at_are_named():
    code = "".join(path.read_text() for path in ROOT.glob("tests/**/*.py"))
    found = set(
        re.findall(r"""environ\.get\(\s*["'](\w+)["']|["'](\w+)["'] in os\.environ""", code)
    )
    looked_at = {name for names in found for name in names if name} - {"PYTHONPATH"}
    assert "HYPOTHESIS_PROFILE" in looked_at
    assert looked_at <= set(QUOTED)


def test_the_kinds_of_runs_and_the_benchmarks_are_those_that_are_named():
    assert PROFILES.keys() <= set(QUOTED)
    asked = {text.split()[3] for text in QUOTED if text.startswith("python -m benchmarks ")}
    assert asked
    assert asked <= BENCHMARKS.keys()
    assert {text.split()[3] for text in QUOTED if "tests.engine.runs " in text} <= PROFILES.keys()
