"""The examples, as modules and as processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes.conftest import spawn, temp

__all__ = ["spawn", "temp"]

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in ("DISCOBASE_TOKEN", "DISCOBASE_API_URL"):
        monkeypatch.delenv(name, raising=False)
