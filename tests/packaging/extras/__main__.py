"""Install each extra by itself, and use it there: ``python -m tests.packaging.extras``.

A wheel is built of the source distribution, and installed with one extra into an environment of its
own, which has nothing else; a program then uses what the extra is for. Without an extra, what
works without one is used.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.packaging.extras import PROGRAMS, ROOT, extras_for_users, lowest_versions

_NONE = "none"
"""What stands for no extra."""


def main() -> int:
    known = [_NONE, *extras_for_users()]
    asked = argparse.ArgumentParser(
        prog="python -m tests.packaging.extras",
        description="Install each extra by itself, in a clean environment, and use it there.",
    )
    asked.add_argument("extras", nargs="*", metavar="EXTRA", help=f"of {', '.join(known)}; all")
    asked.add_argument("--lowest", action="store_true", help="the lowest versions allowed")
    given = asked.parse_args()
    if unknown := set(given.extras) - set(known):
        asked.error(f"no such extra: {', '.join(unknown)}")
    with tempfile.TemporaryDirectory() as folder:
        wheel = _built(Path(folder))
        failed = [
            extra
            for extra in given.extras or known
            if not _works(wheel, extra, Path(folder) / extra, is_lowest=given.lowest)
        ]
    print(f"failed: {', '.join(failed)}" if failed else "all work")
    return bool(failed)


def _built(folder: Path) -> Path:
    """Build a wheel as an index would hold it: from a copy of what git has, by way of the source
    distribution.
    """
    copy = folder / "copy"
    _run("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(copy))
    _run(sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(copy))
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def _works(wheel: Path, extra: str, place: Path, *, is_lowest: bool) -> bool:
    """Install an extra, use it, and say what came of it."""
    wanted = str(wheel) if extra == _NONE else f"{wheel}[{extra}]"
    pinned = lowest_versions(*([] if extra == _NONE else [extra])) if is_lowest else {}
    _run(sys.executable, "-m", "venv", str(place))
    python = place / "bin" / "python"
    versions = [f"{name}=={version}" for name, version in pinned.items()]
    _run(str(python), "-I", "-m", "pip", "install", "--quiet", wanted, *versions)
    _run(str(python), "-I", "-m", "pip", "check")
    program = "without_extras" if extra == _NONE else f"uses_{extra}"
    used = subprocess.run(
        [python, "-I", PROGRAMS / f"{program}.py"],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"{extra}: {used.stdout.strip() or 'nothing said'}", flush=True)
    if used.returncode:
        print(used.stderr, flush=True)
    return used.returncode == 0


def _run(*command: str) -> Sequence[str]:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{' '.join(command)}\n{ran.stdout}{ran.stderr}")
    return ran.stdout.splitlines()


if __name__ == "__main__":
    sys.exit(main())
