"""Demand of each public name, and of all that it offers, that its type is declared and not left to
be inferred, which type checkers do differently::

    python -m tests.typing.completeness
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import discobase
import discobase.contrib.flask
import discobase.local
from discobase import errors

ROOT = Path(__file__).parents[2]
PACKAGES = (discobase, discobase.local, discobase.contrib.flask)
COMMAND = ("pyright", "--verifytypes", "discobase", "--ignoreexternal", "--outputjson")


def public() -> set[str]:
    """What is exported, by the names under which it is declared."""
    offered = [vars(package)[name] for package in PACKAGES for name in package.__all__]
    offered += [thing for name, thing in vars(errors).items() if not name.startswith("_")]
    kinds = [thing for thing in offered if hasattr(thing, "__qualname__")]
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in kinds}
    return {name for name in names if name.startswith("discobase.")}


def symbols() -> list[dict[str, Any]]:
    """What pyright says of each name in the package."""
    # pyright does not know the hook by which an editable installation is found.
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, check=False)
    return list(json.loads(ran.stdout)["typeCompleteness"]["symbols"])


def incomplete(names: set[str], found: list[dict[str, Any]]) -> Iterator[str]:
    """Why the types of public names are not complete."""
    for symbol in found:
        name = symbol["name"]
        if not any(name == kind or name.startswith(f"{kind}.") for kind in names):
            continue
        if not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]:
            reasons = [reason["message"] for reason in symbol["diagnostics"]]
            yield "\n".join([name, *reasons]).replace("\n", "\n    ")


def main() -> int:
    """Print what is incomplete. Returns the exit status."""
    names, found = public(), symbols()
    missing = names - {symbol["name"] for symbol in found}
    complaints = [f"{name}\n    pyright does not see it" for name in missing]
    complaints += incomplete(names, found)
    print("\n".join(complaints) or f"{len(names)} public names have complete types")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
