"""What users import stands in the reference, each name once, and says what it is."""

from __future__ import annotations

import importlib
import inspect
import re
from collections import ChainMap, Counter
from pathlib import Path

import pytest

import discobase
import discobase.contrib.django
import discobase.contrib.flask
import discobase.local
from discobase import errors
from tests.contrib import django_site  # noqa: F401 - sets Django up, before what needs its settings

FOLDER = Path(__file__).parents[2] / "docs/reference"
DIRECTIVE = re.compile(r"^\.\. auto(class|function):: ([\w.]+)\.(\w+)$", re.MULTILINE)
PACKAGES = {
    package.__name__: package
    for package in (
        discobase,
        discobase.local,
        discobase.contrib.flask,
        discobase.contrib.django,
    )
}
BESIDE = {"__version__", "errors", "DiscobaseError"}
"""What is exported and stands elsewhere: on the first page, and on the page of errors."""

exported = pytest.mark.parametrize("name", PACKAGES)


def named() -> Counter[tuple[str, str, str]]:
    """The kinds, modules and names that the pages have directives for."""
    pages = sorted(FOLDER.glob("*.md"))
    return Counter(each for page in pages for each in DIRECTIVE.findall(page.read_text()))


def test_each_name_stands_once_and_is_there():
    found = named()
    assert {each for each, times in found.items() if times > 1} == set()
    for kind, module, name in found:
        thing = getattr(importlib.import_module(module), name)
        assert inspect.isclass(thing) == (kind == "class"), name


@exported
def test_the_names_on_the_pages_are_the_exported_ones(name):
    here = {found for _, module, found in named() if module == name}
    assert here == set(PACKAGES[name].__all__) - BESIDE


def test_what_is_beside_them_stands_elsewhere():
    assert ">>> discobase.__version__" in (FOLDER / "index.md").read_text()
    page = (FOLDER.parent / "errors.md").read_text()
    assert ".. automodule:: discobase.errors\n   :members:\n" in page


def test_every_page_of_the_reference_stands_in_its_contents():
    index = (FOLDER / "index.md").read_text()
    listed = {
        line
        for block in re.findall(r"```{toctree}(.+?)```", index, re.DOTALL)
        for line in block.split()
    }
    assert {page.stem for page in FOLDER.glob("*.md")} - {"index"} <= listed


def test_each_method_and_property_of_a_database_stands_once_under_what_it_is_for():
    page = (FOLDER / "database.md").read_text()
    found = re.findall(r"^\.\. auto(?:method|property):: Database\.(\w+)$", page, re.MULTILINE)
    offered = [name for name in dir(discobase.Database) if not name.startswith("_")]
    assert sorted(found) == sorted(offered)


def described(thing: object) -> bool:
    """Whether a docstring is its own, and not the one that a dataclass or a base makes up."""
    text = thing.__doc__ or ""
    return bool(text) and not text.startswith(f"{getattr(thing, '__name__', '')}(")


def is_error(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, errors.DiscobaseError)


def members(kind: type) -> list[tuple[str, object]]:
    """What a class and its bases of this package offer: methods and properties."""
    own = [each for each in kind.__mro__ if each.__module__.startswith("discobase")]
    return [
        (name, getattr(member, "__func__", member))
        for name, member in ChainMap(*(vars(each) for each in own)).items()
        if not name.startswith("_")
        and (inspect.isroutine(getattr(member, "__func__", member)) or isinstance(member, property))
    ]


@exported
def test_each_exported_name_and_each_of_its_methods_has_a_docstring(name):
    package = PACKAGES[name]
    things = {each: getattr(package, each) for each in package.__all__ if each != "__version__"}
    if package is discobase:
        things |= {each: thing for each, thing in vars(errors).items() if is_error(thing)}
    assert [each for each, thing in things.items() if not described(thing)] == []
    offered = {
        f"{each}.{member}": method
        for each, thing in things.items()
        if inspect.isclass(thing)
        for member, method in members(thing)
    }
    assert [each for each, method in offered.items() if not described(method)] == []


def test_there_are_methods_whose_docstrings_are_looked_at():
    kinds = [getattr(discobase, name) for name in discobase.__all__ if name != "__version__"]
    assert len([each for kind in kinds if inspect.isclass(kind) for each in members(kind)]) > 50
