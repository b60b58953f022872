"""Every example in the documents and docstrings runs, and prints what it says it prints."""

from __future__ import annotations

from doctest import ELLIPSIS
from pathlib import Path

import pytest
from sybil.document import Document, PythonDocStringDocument
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

from discobase.local.process import shared

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted(ROOT.glob("docs/**/*.md"))]
MODULES = sorted(ROOT.glob("discobase/**/*.py"))


def document(path: Path) -> Document:
    if path.suffix == ".md":
        blocks = PythonCodeBlockParser(doctest_optionflags=ELLIPSIS)
        return Document.parse(str(path), blocks, SkipParser())
    return PythonDocStringDocument.parse(str(path), DocTestParser(ELLIPSIS))


@pytest.fixture(autouse=True)
def _empty_server(monkeypatch):
    """Each page begins with an empty server, as with whoever reads it: others use its names."""
    monkeypatch.setattr(shared._servers, "_own", None)
    yield
    if shared._servers._own is not None:
        shared._servers._own._server.close()


@pytest.mark.parametrize(
    "path",
    [path for path in PAGES + MODULES if [*document(path).examples()]],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_examples_run_from_top_to_bottom(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = document(path)
    examples.namespace["__name__"] = "__main__"  # as where they are typed in, or run as a script
    for example in examples.examples():
        example.evaluate()
