"""The documents say what is so: commands, links, errors, permissions."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import discobase
from discobase import errors
from discobase.engine.server.permissions import NEEDED

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [*ROOT.glob("*.md"), *sorted(ROOT.glob("docs/**/*.md"))]
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
LINK_TO_A_HEADING = re.compile(r"\]\((?!https?://)([^)#\s]*)#([^)\s]+)\)")


def commands() -> list[str]:
    return re.findall(r"```sh\n(.+)\n```", README)


def test_the_readme_has_two_lines_of_set_up_and_ci_runs_the_second():
    demo, tests = commands()
    assert demo.endswith("python -m discobase demo")
    assert tests.endswith("tox")
    assert tests in (ROOT / ".ci/run").read_text().splitlines()


@pytest.mark.parametrize("until", [1, 2], ids=["the first", "the first two"])
def test_the_blocks_of_the_readme_can_be_pasted_into_a_prompt(until, tmp_path):
    """At Python's own prompt an empty line ends a block, also one in the midst of it."""
    blocks = re.findall(r"```python\n(.+?)```", README, re.DOTALL)[:until]
    ran = subprocess.run(
        [sys.executable, "-q", "-i"],
        input="\n".join(blocks) + "\nprint('at', 'its', 'end')\n",
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Error" not in ran.stderr, ran.stderr
    assert "1 Ada\n2 Grace\n3 Edsger\n" in ran.stdout
    assert ("has 'ada@example.org' already" in ran.stdout) == (until > 1)
    assert ran.stdout.endswith("at its end\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page):
    lost = [
        link
        for link in LINK.findall(page.read_text())
        if not (page.parent / link).resolve().exists()
    ]
    assert lost == []


def headings(page: Path) -> set[str]:
    """What links call the headings of a page: as GitHub does, and Sphinx."""
    text = re.sub(r"^(`{3,}).*?^\1$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    words = (re.sub(r"\[(.*?)\]\(.*?\)", r"\1", title).lower() for title in titles)
    return {re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_heading_leads_to_one(page):
    lost = [
        f"{link}#{heading}"
        for link, heading in LINK_TO_A_HEADING.findall(page.read_text())
        if heading not in headings((page.parent / link) if link else page)
    ]
    assert lost == []


def test_the_readme_leads_to_every_page_for_users():
    pages = {str(page.relative_to(ROOT)) for page in ROOT.glob("docs/**/*.md")}
    of_the_server = {page for page in pages if page.startswith("docs/local-")}
    of_the_reference = {page for page in pages if page.startswith("docs/reference/")}
    indexes = {page for page in pages if page.endswith("index.md")}
    linked = {link for link in LINK.findall(README) if link.startswith("docs/")}
    assert pages - of_the_server - of_the_reference - indexes <= linked
    assert "docs/reference/index.md" in linked  # which leads to the other ones: test_reference.py


def test_every_error_stands_in_the_list_of_errors():
    page = (ROOT / "docs/errors.md").read_text()
    named = {name for line in page.splitlines() for name in re.findall(r"`(\w+)`", line[:40])}
    public = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.DiscobaseError) and kind is not errors.DiscobaseError
    }
    assert public <= named


def test_the_permissions_on_the_page_are_those_that_the_code_asks_for():
    page = (ROOT / "docs/howto/bot-setup.md").read_text()
    rows = re.findall(r"^\| ([\w ]+) \| (\d+) \| ", page, re.MULTILINE)
    assert sum(int(value) for _, value in rows) == NEEDED.value
    assert f"Together they are {NEEDED.value}." in page
    assert set(re.findall(r"permissions=(\d+)", page + README)) == {str(NEEDED.value)}


def test_the_architecture_names_every_module_and_every_room_of_the_embedded_server():
    page = (ROOT / "docs/explanations/architecture.md").read_text()
    package = ROOT / "discobase"
    modules = {path.relative_to(package).as_posix() for path in package.rglob("*.py")}
    modules = {path for path in modules if not path.endswith(("__init__.py", "_version.py"))}
    local = {path for path in modules if path.startswith("local/")}
    rooms = {path.split("/")[1] + ("/" if path.count("/") > 1 else "") for path in local}
    assert [name for name in sorted(modules - local) if f"`{name}`" not in page] == []
    assert [name for name in sorted(rooms) if f"`{name}`" not in page] == []
    named = set(re.findall(r"^\| (`.+?`) \| ", page, re.MULTILINE))
    named = {name.strip("`") for row in named for name in row.split(", ") if ".py" in name}
    there = modules | {path.removeprefix("local/") for path in local}
    assert named - there == set(), "the architecture names modules that are not there"


NEEDS_DJANGO_SET_UP = ("contrib.django.admin", "contrib.django.models")
"""The modules that can be imported only where Django has its settings."""


def test_every_method_that_the_architecture_names_exists():
    page = (ROOT / "docs/explanations/architecture.md").read_text()
    names = [
        module.name
        for module in pkgutil.walk_packages(discobase.__path__, "discobase.")
        if not module.name.endswith(("__main__", *NEEDS_DJANGO_SET_UP))
    ]
    classes = {
        name: kind
        for module in names
        for name, kind in inspect.getmembers(importlib.import_module(module), inspect.isclass)
        if kind.__module__.startswith("discobase.")
    }
    named = {
        (owner, member)
        for owner, member in re.findall(r"`([A-Z]\w+)\.(\w+)`", page)
        if owner in classes
    }
    assert len(named) > 20
    for owner, member in named:
        kind = classes[owner]
        assert hasattr(kind, member) or f"self.{member}" in inspect.getsource(kind), (owner, member)


def test_the_page_of_environment_variables_has_those_that_the_code_looks_at():
    page = (ROOT / "docs/environment.md").read_text()
    code = "".join(path.read_text() for path in (ROOT / "discobase").rglob("*.py"))
    looked_at = re.findall(r"""environ\S*["'](\w+)["']""", code)
    of_commands = set(re.findall(r"""envvar="(\w+)\"""", code))
    assert {*looked_at} | of_commands == set(re.findall(r"^\| `(\w+)` ", page, re.MULTILINE))
    assert len(looked_at) == code.count("environ.get(") + code.count("environ[")
