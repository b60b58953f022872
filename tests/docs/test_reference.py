"""The exported names are the documented ones, and each says what it is."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

import discobase
import discobase.contrib.flask
import discobase.local
from discobase import errors

PAGE = (Path(__file__).parents[2] / "docs/reference/index.md").read_text()
ROLE = re.compile(r"\{py:\w+\}`~([\w.]+)\.(\w+)`")
PACKAGES = {
    package.__name__: package for package in (discobase, discobase.local, discobase.contrib.flask)
}

exported = pytest.mark.parametrize("name", PACKAGES)


def section(name: str) -> str:
    """What the page says of a package."""
    return PAGE.partition(f"\n## `{name}`\n")[2].partition("\n## ")[0]


@exported
def test_the_names_on_the_page_are_the_exported_ones_and_lead_to_what_is_exported(name):
    package = PACKAGES[name]
    named = {found: module for module, found in ROLE.findall(section(name))}
    assert named.keys() == set(package.__all__) - {"__version__"}
    assert ("__version__" in package.__all__) == (f"{name}.__version__" in section(name))
    for found, module in named.items():
        kept = importlib.import_module(module)
        assert getattr(kept, found) is getattr(package, found), f"{module}.{found}"


def described(thing: object) -> bool:
    """Whether a docstring is its own, and not the one that a dataclass or a base makes up."""
    text = thing.__doc__ or ""
    return bool(text) and not text.startswith(f"{getattr(thing, '__name__', '')}(")


def is_error(thing: object) -> bool:
    return inspect.isclass(thing) and issubclass(thing, errors.DiscobaseError)


def members(kind: type) -> list[tuple[str, object]]:
    """What a class offers itself: methods and properties."""
    return [
        (name, getattr(member, "__func__", member))
        for name, member in vars(kind).items()
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
    assert len(offered) > 10
    assert [each for each, method in offered.items() if not described(method)] == []
