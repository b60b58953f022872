"""The package discordbase 0.1.0: tables over REST alone, through httpx."""

from __future__ import annotations

import json

import pytest

from tests.thirdparty.clients import drive
from tests.thirdparty.environments import python_with, versions_in

pytestmark = pytest.mark.thirdparty


def test_rows_are_inserted_found_patched_deleted_and_there_after_a_restart(place):
    python = python_with("discordbase", "discordbase==0.1.0")
    assert versions_in(python, "discordbase") == {"discordbase": "0.1.0"}
    with drive(place, python, "discordbase_0_1.py") as client:
        said = client.said()
    assert said == {
        "smoke": ["third party", "DiscordBase", True],
        "table": "users-of-2026",
        "count": 120,
        "got": {"id": "u7", "name": "Ada", "age": 7},
        "patched": {"id": "u7", "name": "Änne 🎈"},
        "deleted": None,
        "found": [{"id": "u7", "name": "Änne 🎈"}],
        "conflict": "RowConflict",
        "schema": "SchemaValidationError",
        "large": "PayloadTooLarge",
        "again": 119,
    }
    rows = [json.loads(text.removeprefix("DB1 ")) for text in place.contents("users-of-2026")]
    assert [row["id"] for row in rows] == [f"u{number}" for number in range(120) if number != 8]
    assert len(place.contents("discordbase-catalog")) == 2
