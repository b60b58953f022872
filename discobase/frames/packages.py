"""The packages that data frames are made with, each imported when it is used."""

from __future__ import annotations

import importlib
from typing import Any

from discobase.errors import PackageMissing

_EXTRA = "data"


def imported(package: str) -> Any:
    """Return a package: ``pandas``, ``polars`` or ``pyarrow``.

    Raises:
        PackageMissing: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise PackageMissing(package, _EXTRA) from error
