"""The pictures are what the script draws, for light pages and dark ones, and are described."""

from __future__ import annotations

import importlib.util
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
_spec = importlib.util.spec_from_file_location("pictures", DOCS / "pictures.py")
pictures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pictures)

IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
SHOWN = [
    (page, words, picture)
    for page in sorted(DOCS.rglob("*.md"))
    for words, picture in IMAGE.findall(page.read_text())
]


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_the_file_is_what_the_script_draws(name):
    file = pictures.FOLDER / f"{name}.svg"
    drawn = pictures.PICTURES[name]().svg()
    assert file.read_text("utf-8") == drawn, "run: python docs/pictures.py"
    root = ET.fromstring(drawn)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert len(texts) > 5
    assert "prefers-color-scheme: dark" in drawn


def test_every_picture_is_there_and_says_in_words_what_it_shows():
    for page, words, picture in SHOWN:
        assert (page.parent / picture).exists(), (page, picture)
        assert len(words.split()) > 5, (page, picture)
    shown = {Path(picture).stem for _, _, picture in SHOWN}
    assert pictures.PICTURES.keys() <= shown
