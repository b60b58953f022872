"""The changelog: each fragment of the next release is one, and is of the form of its items."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]
CATEGORIES = [each["directory"] for each in CONFIGURATION["type"]]
FRAGMENTS = sorted((ROOT / CONFIGURATION["directory"]).glob("+*"))


def test_the_page_on_fragments_names_their_categories_and_the_changelog_has_a_place_for_them():
    page = (ROOT / CONFIGURATION["directory"] / "README.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == CATEGORIES
    changelog = (ROOT / CONFIGURATION["filename"]).read_text()
    assert changelog.count(CONFIGURATION["start_string"]) == 1


@pytest.mark.parametrize("path", FRAGMENTS, ids=[path.name for path in FRAGMENTS])
def test_each_fragment_has_a_category_and_is_written_as_an_item(path):
    assert re.fullmatch(rf"\+[\w-]+\.({'|'.join(CATEGORIES)})\.md", path.name)
    text = path.read_text().strip()
    assert text
    assert not text.startswith(("-", "#", "*"))
    linked = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert [link for link in linked if not (ROOT / link).exists()] == []
