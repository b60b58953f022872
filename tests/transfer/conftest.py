"""What the tests of exports and imports leave behind is closed."""

from __future__ import annotations

import pytest

from tests.transfer.exports import Host


@pytest.fixture(autouse=True, scope="module")
def _hosts():
    yield
    Host.close_all()
