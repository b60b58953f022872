"""What ``%load_ext discobase`` calls. The extension itself is only imported then."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_EXTENSION = "discobase.notebook"
"""It stands above all that the package exports, and is named so that nothing here imports it."""


def load_ipython_extension(ipython: Any) -> None:
    """Do what ``%load_ext discobase`` asks for, in IPython and notebooks. Connects to nothing.

    Args:
        ipython: the shell.
    """
    import_module(_EXTENSION).load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Undo it, as ``%unload_ext discobase`` asks for. Databases stay connected.

    Args:
        ipython: the shell.
    """
    import_module(_EXTENSION).unload(ipython)
