"""The extras of setup.cfg: which are for users, and the lowest versions that they allow."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(__file__).parent
"""Where for each extra a program ``uses_EXTRA.py`` is, which fails where that lacks anything."""

_FOR_WORK_ON_DISCOBASE = {"test", "lint", "docs", "bench", "dev"}


def extras_for_users() -> list[str]:
    """The extras that the documentation tells users to install."""
    extras = _setup()["options.extras_require"]
    return [name for name in extras if name not in _FOR_WORK_ON_DISCOBASE]


def lowest_versions(*extras: str) -> dict[str, str]:
    """The lowest versions of what is needed, and of what some extras need besides."""
    setup = _setup()
    lists = [setup["options"]["install_requires"]]
    lists += [setup["options.extras_require"][name] for name in extras]
    return {
        needed.name: _lowest_version(needed)
        for listed in lists
        for line in listed.splitlines()
        if line and not line.startswith("#")
        for needed in [Requirement(line)]
    }


def _lowest_version(needed: Requirement) -> str:
    found = [bound.version for bound in needed.specifier if bound.operator == ">="]
    if len(found) != 1:
        raise ValueError(f"setup.cfg has to name one lowest version of {needed.name}: {needed}")
    return found[0]


def _setup() -> ConfigParser:
    setup = ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return setup
