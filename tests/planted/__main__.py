"""Plant each bug that is kept, run the engine's tests, and tell which ones survived.

Every bug gets a copy of the tree to itself. The tests that are named as nearest to it run first,
and then the rest, up to the first that fails: a bug is caught if one does. Before that, the nearest
tests of all bugs have to pass on a copy without any.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.planted.planted import ROOT, Bug, DoesNotApply, every, plant

REST = ("tests/engine", "tests/portal", "tests/database")
COPIED = ("discobase", "docs", "tests", "pyproject.toml", "setup.cfg")

LONGEST = 900
"""Seconds for the tests of one bug: a guess, several times what all of them take."""

_FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$", re.MULTILINE)
OF_THE_SOAK_TOO = ("-m", "")
"""What is named is run, whatever it is marked with."""

_TESTS_FAILED = 1  # pytest's exit codes: any other but 0 says that it could not run them


class CannotRun(Exception):
    """The tests say nothing of a bug: they do not run at all, or not on the tree under test."""


@dataclass(frozen=True, slots=True)
class Found:
    """What became of one bug.

    Attributes:
        bug: the bug.
        fate: "caught", "SURVIVED", or what is wrong with it.
        by: the test that caught it, or what else there is to say.
        seconds: how long it took.
    """

    bug: Bug
    fate: str
    by: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.fate:9} {self.bug.name:44} {self.seconds:6.1f} s  {self.by}"


def main() -> int:
    """Plant bugs as the command line says; 1 where one survived or could not be planted."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted", description=main.__doc__)
    parser.add_argument("pattern", nargs="*", help="of the bugs with this in their names")
    parser.add_argument("-n", type=int, default=2, help="so many at a time (2)", metavar="NUMBER")
    parser.add_argument("--nearest", action="store_true", help="the nearest tests alone")
    given = parser.parse_args()
    bugs = [
        bug
        for bug in every()
        if not given.pattern or any(part in bug.name for part in given.pattern)
    ]
    if not bugs:
        parser.error(f"no bug has {' or '.join(given.pattern)} in its name")
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        sound = Path(folder) / "sound"
        copy_tree(ROOT, sound)
        require_soundness(bugs, sound, given.n)
        with ThreadPoolExecutor(given.n) as pool:
            found = []
            for each in pool.map(
                lambda bug: look_for(bug, sound, () if given.nearest else REST), bugs
            ):
                print(each, flush=True)
                found.append(each)
    return tell([each for each in found if each.fate != "caught"], len(found))


def tell(uncaught: Sequence[Found], count: int) -> int:
    """Say what was not caught, and return the exit code."""
    print(f"\n{count - len(uncaught)} of {count} caught")
    for each in uncaught:
        print(f"\n{each.fate}: {each.bug.name}\n  {each.bug.words}\n  {each.by}")
    return 1 if uncaught else 0


def copy_tree(tree: Path, place: Path) -> None:
    """Copy what the tests need of a tree."""
    for name in COPIED:
        if (tree / name).is_dir():
            shutil.copytree(tree / name, place / name)
        else:
            shutil.copy2(tree / name, place / name)


def require_soundness(bugs: Sequence[Bug], tree: Path, processes: int) -> None:
    """See to it that the tests run on the copy, and pass there: else their failure says nothing.

    Raises:
        CannotRun: not so.
    """
    asked = [sys.executable, "-c", "import discobase; print(discobase.__file__)"]
    place = subprocess.run(asked, **_in(tree), check=True).stdout.strip()
    if not Path(place).is_relative_to(tree):
        raise CannotRun(f"the tests would run on {place}, where no bug is planted")
    nearest = sorted({test for bug in bugs for test in bug.tests})
    code, told = run_tests(nearest, tree, *OF_THE_SOAK_TOO, "--numprocesses", str(processes))
    if code:
        raise CannotRun(f"these tests do not pass without a bug:\n{told}")


def look_for(bug: Bug, sound: Path, rest: Sequence[str]) -> Found:
    """Plant a bug into a copy of its own, and see whether its tests, or the rest, find it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"{bug.name}-", dir=sound.parent) as folder:
        tree = Path(folder)
        # Bytecode comes along, for it takes seconds to make; not that of a file that is changed,
        # which Python would take for fresh if both were written within a second.
        shutil.copytree(sound, tree, dirs_exist_ok=True)
        for file in bug.files:
            for compiled in (tree / file).parent.glob(f"__pycache__/{Path(file).stem}.*"):
                compiled.unlink()
        try:
            plant(bug, tree)
            fate, by = _fate(bug, tree, rest)
        except DoesNotApply as error:
            fate, by = "NO PLACE", str(error)
        except (CannotRun, subprocess.TimeoutExpired) as error:
            fate, by = "NO RUN", str(error)
    return Found(bug, fate, by, time.monotonic() - began)


def _fate(bug: Bug, tree: Path, rest: Sequence[str]) -> tuple[str, str]:
    nearest = bug.tests, "", OF_THE_SOAK_TOO
    others = rest, " (which is not among the nearest)", ()
    for tests, hint, options in (nearest, others):
        if not tests:
            continue
        code, told = run_tests(tests, tree, "--exitfirst", *options)
        if code == _TESTS_FAILED:
            found = _FAILED.search(told)
            return "caught", (found[1] if found else "the end of the process") + hint
        if code:
            raise CannotRun(told)
    return "SURVIVED", "no test fails with it"


def run_tests(tests: Sequence[str], tree: Path, *options: str) -> tuple[int, str]:
    """Run tests on a tree, in the order of their files, and return the exit code and the output."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-rfE", "-p", "no:randomly"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", *options, *tests], **_in(tree), check=False
    )
    return done.returncode, done.stdout[-4_000:] + done.stderr[-2_000:]


def _in(tree: Path) -> dict:
    """How a process runs on a tree: discobase is imported from there, in its children as well, and
    what hypothesis tries is the same each time.
    """
    environment = os.environ | {"PYTHONPATH": str(tree), "HYPOTHESIS_PROFILE": "ci"}
    return {
        "cwd": tree,
        "env": environment,
        "capture_output": True,
        "text": True,
        "timeout": LONGEST,
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotRun as error:
        sys.exit(str(error))
