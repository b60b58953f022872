"""A package whose public names are loaded when the first of them is used (PEP 562).

discord.py, aiohttp and all that stands on them take a second to import. What imports a part of the
package and uses none of its names, as what completes a command line does, need not wait for them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def names_of(package: str, face: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the functions ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: its name.
        face: the module whose ``__all__`` it offers as its own.
    """

    def load() -> list[str]:
        """Import the face, unless that was done, and return its names."""
        module = import_module(face)
        exported: list[str] = module.__all__
        vars(sys.modules[package]).update({name: getattr(module, name) for name in exported})
        return exported

    def get(name: str) -> Any:
        if name == "__all__":
            return load()
        is_private = name.startswith("_")
        # Modules come first: inside the package they are imported while the face is not there yet.
        if not is_private and find_spec(f"{package}.{name}") is not None:
            return import_module(f"{package}.{name}")
        if is_private or name not in load():
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package]
            )
        return vars(sys.modules[package])[name]

    def names() -> list[str]:
        """Return the public names, and not the modules, which are there as well by now."""
        own = {name for name in vars(sys.modules[package]) if name.startswith("__")}
        return sorted({*load(), *own})

    return get, names
