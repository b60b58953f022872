"""The package discbase 0.5.0: one channel as a store of texts and files, over discord.py."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.thirdparty.clients import drive
from tests.thirdparty.environments import python_with, versions_in

pytestmark = pytest.mark.thirdparty

ITS_OWN_TESTS = (
    "test_e2e.test_client_state",
    "test_e2e.test_dump.TestDump.test_dump_text",
    "test_e2e.test_dump.TestDump.test_dump_image_invalid_url",
    "test_e2e.test_dump.TestDump.test_dump_image_invalid_online_url",
    "test_e2e.test_retrieve.TestRetrieve.test_retrieve_invalid_record_id",
)
"""Those that need no picture (the package leaves its own out) and no record on its author's
server."""


@pytest.fixture(scope="module")
def python():
    made = python_with("discbase-and-requests", "discbase==0.5.0", "requests")
    assert versions_in(made, "discbase") == {"discbase": "0.5.0"}
    return made


def test_as_it_is_installed_it_cannot_be_imported():
    """It imports requests, which its metadata does not ask for."""
    python = python_with("discbase", "discbase==0.5.0")
    command = [python, "-I", "-c", "import discbase.Client"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.endswith("ModuleNotFoundError: No module named 'requests'\n")


def test_beside_requests_texts_and_files_are_stored_and_read(place, python, tmp_path):
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n" + bytes(range(256)) * 500)
    with drive(place, python, "discbase_0_5.py", picture) as client:
        said = client.said()
    assert said == {
        "alive": True,
        "text": ["some message", True],
        "files": [2, True],
        "copy": True,
        "missing": "unable to retrieve message with id: 12345 -- error: "
        "404 Not Found (error code: 10008): Unknown Message",
        "stopped": False,
    }
    assert place.contents("general") == ["some message", "with media", ""]


def test_the_tests_it_brings_along_pass(place, python):
    environment = {"E2E_BOT_TOKEN": place.rest.token, "E2E_CHANNEL_ID": str(place.channel)}
    with drive(place, python, "run_unittest.py", *ITS_OWN_TESTS, **environment) as client:
        client.said()
        assert re.search(r"Ran 8 tests in .*\n\nOK\n$", client.errors)
    assert place.contents("general") == ["foo"]
