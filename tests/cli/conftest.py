"""What commands keep in a user's folder, they keep in that of the test."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def caches(monkeypatch, tmp_path_factory):
    """The user's folder for caches."""
    folder = tmp_path_factory.mktemp("caches")
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(folder))
    return folder
