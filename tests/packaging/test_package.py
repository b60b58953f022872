"""What is installed: files, names, dependencies, and the direction of its imports."""

from __future__ import annotations
import __future__

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email.parser import Parser
from importlib.metadata import requires
from pathlib import Path
from types import ModuleType

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.version import Version

import discobase
from discobase.local import LocalDiscord
from tests.packaging.extras import PROGRAMS, extras_for_users, lowest_versions
from tests.packaging.floors import pinned

pytestmark = pytest.mark.one_python

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"
"""Builds a wheel or a source distribution, without an environment of its own."""


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build one from a folder, and return its path: `build_sdist` or `build_wheel`."""

    def built(what: str, source: Path) -> Path:
        target = tmp_path_factory.mktemp(what)
        build = run([sys.executable, "-c", BUILD, what, str(target)], source)
        assert build.returncode == 0, build.stderr
        (path,) = target.iterdir()
        return path

    return built


@pytest.fixture(scope="module")
def source_distribution(tmp_path_factory, built):
    """The source distribution. It is built from a copy: setuptools leaves its traces."""
    source = tmp_path_factory.mktemp("source")
    of_the_project = ("setup.cfg", "pyproject.toml", "tox.ini", "toxfile.py", "LICENSE")
    for file in (*map(ROOT.joinpath, of_the_project), *ROOT.glob("*.md"), ROOT / "MANIFEST.in"):
        shutil.copy(file, source)
    bytecode = shutil.ignore_patterns("__pycache__")
    for folder in ("discobase", "changelog.d", "tests/packaging", ".ci"):
        shutil.copytree(ROOT / folder, source / folder, ignore=bytecode)
    for file in ROOT.glob("tests/*.py"):
        shutil.copy(file, source / "tests")
    with tarfile.open(built("build_sdist", source)) as archive:
        yield archive


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, built, source_distribution):
    """The wheel, built of what the source distribution holds."""
    target = tmp_path_factory.mktemp("unpacked")
    source_distribution.extractall(target, filter="data")
    (unpacked,) = target.iterdir()
    with zipfile.ZipFile(built("build_wheel", unpacked)) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel):
    (path,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(path).decode())


def test_the_wheel_carries_every_source_file_of_the_package_and_its_type_marker(wheel):
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "discobase").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    installed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert "discobase/py.typed" in installed
    assert installed == sources


def test_beside_the_package_the_wheel_has_what_installers_read_and_nothing_else(wheel):
    beside = {name.partition(".dist-info/")[2] for name in wheel.namelist()} - {""}
    assert beside == {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
        "top_level.txt",
    }
    kinds = {path.suffix for path in map(Path, wheel.namelist()) if path.parts[0] == "discobase"}
    assert kinds == {".py", ".typed", ".html", ".css", ".js", ".svg"}


def test_the_source_distribution_has_what_the_package_is_built_of_and_nothing_else(
    source_distribution,
):
    files = [each.name for each in source_distribution.getmembers() if each.isfile()]
    held = {name.partition("/")[2] for name in files}
    beside = {name for name in held if not name.startswith(("discobase/", "discobase.egg-info/"))}
    assert beside == {
        "CHANGELOG.md",
        "LICENSE",
        "MANIFEST.in",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
        "setup.cfg",
    }


def test_the_wheel_carries_version_licence_and_python_floor(wheel, metadata):
    assert metadata["Version"] == discobase.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert (metadata["License"], metadata.get_all("License-File")) == ("MIT", ["LICENSE"])
    assert any(name.endswith("LICENSE") for name in wheel.namelist())


def test_what_the_wheel_says_of_itself_is_what_an_index_takes(wheel):
    (path,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    said = Metadata.from_email(wheel.read(path), validate=True)
    assert said.description_content_type == "text/markdown"
    assert said.description == (ROOT / "README.md").read_text()


def test_the_version_is_above_that_of_the_package_that_the_index_holds_and_the_readme_says_it():
    assert Version(discobase.__version__) > Version("1.0.0")
    readme = (ROOT / "README.md").read_text()
    assert f"This is discobase {discobase.__version__}:" in readme
    assert f"`discobase>={discobase.__version__}`" in readme


def test_running_needs_three_packages_and_no_more(metadata):
    needed = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    names = {re.match(r"[\w.-]+", line).group().lower() for line in needed}
    assert names == {"discord.py", "pydantic", "janus"}


def test_nothing_is_imported_but_those_three_and_what_they_require_themselves():
    brought = {
        "discord.py": {"aiohttp"},
        "aiohttp": {"yarl"},
        "pydantic": {"pydantic_core", "typing_extensions"},
    }
    allowed = {"discobase", "discord", "pydantic", "janus"}.union(*brought.values())
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "discobase").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    # The plugin is imported by pytest itself, what encrypts where a key is given, what the command
    # line is made of where a command is run that needs it, and what is for a framework where that
    # is used. Packages of data frames are named for type checkers alone, and imported by name.
    frameworks = {"flask", "click", "cachelib", "_typeshed", "django", "asgiref"}
    optional = {"pytest", "cryptography", "typer", "rich", "pandas", "polars"} | frameworks
    assert imported - sys.stdlib_module_names - allowed == optional
    for name, packages in brought.items():
        required = {Requirement(each).name.replace("-", "_") for each in requires(name)}
        assert packages <= required


def test_the_lowest_version_of_all_that_users_and_tests_have_installed_is_named_and_tried_by_tox():
    setup, tox = ConfigParser(interpolation=None), ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    tox.read(ROOT / "tox.ini")
    extras = setup["options.extras_require"]
    listed = [setup["options"]["install_requires"]]
    listed += [extras[name] for name in ("test", *extras_for_users())]
    needed = {
        Requirement(line).name
        for lines in listed
        for line in lines.splitlines()
        if line and not line.startswith("#")
    }
    assert {each.partition("==")[0] for each in pinned()} == needed
    assert tox["testenv:floors"]["commands_pre"].strip() == "python -m tests.packaging.floors"


def test_the_tests_run_on_each_extra_for_users_in_the_versions_that_it_names():
    tested = lowest_versions("test").items()
    for extra in extras_for_users():
        assert lowest_versions(extra).items() <= tested, extra


def test_each_extra_for_users_has_a_program_that_uses_it():
    assert {path.stem.removeprefix("uses_") for path in PROGRAMS.glob("uses_*.py")} == set(
        extras_for_users()
    )


def test_the_dev_extra_holds_all_the_others():
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = setup["options.extras_require"]
    (held,) = re.findall(r"discobase\[(.*)\]", extras["dev"])
    assert set(held.split(",")) == set(extras) - {"dev"}


def test_the_package_exports_exactly_what_it_names():
    assert set(discobase.__all__) <= set(dir(discobase))  # which loads them
    visible = {
        name
        for name, value in vars(discobase).items()
        if not name.startswith("_") and not isinstance(value, ModuleType | __future__._Feature)
    }
    # Modules are visible because something imports them; one of them is offered.
    assert visible | {"__version__", "errors"} == set(discobase.__all__)
    assert discobase.errors.DiscobaseError is discobase.DiscobaseError
    assert len(discobase.__all__) == len(set(discobase.__all__))


def test_names_are_loaded_for_a_star_too_and_a_name_that_is_not_there_is_named():
    taken: dict[str, object] = {}
    exec("from discobase import *", taken)
    assert set(discobase.__all__) <= set(taken)
    with pytest.raises(AttributeError, match="'discobase' has no attribute 'Tables'"):
        getattr(discobase, "Tables")  # noqa: B009 - the checkers know that it is not there


def test_a_database_offers_what_is_for_users_and_nothing_else():
    offered = {name for name in dir(discobase.Database) if not name.startswith("_")}
    about_itself = {"name", "ready", "head", "refresh", "wait_for", "lost", "history"}
    tables = {"tables", "table", "open_table", "stored_tables", "drop_unique"}
    sql = {"sql", "sqlite"}
    operating = {
        "status",
        "checkpoint",
        "require_version",
        "verify",
        "clean",
        "vacuum",
        "repair",
        "move",
    }
    transfer = {"export", "import_", "import_original"}
    logins = {"conn", "login", "login_lazily", "login_task", "login_thread", "wait_ready", "close"}
    assert offered == about_itself | tables | sql | operating | transfer | logins


def test_the_import_contracts_hold():
    lint = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ]
    check = run(lint, ROOT)
    assert check.returncode == 0, check.stdout + check.stderr


WITHOUT_TYPER = """
import sys
sys.modules["typer"] = sys.modules["rich"] = None  # as where they are not installed
from discobase.cli import main
print(main(["tables"]), main([]), main(["demo", "--keep", "."]))
main(["--version"])
"""


def test_the_demo_and_the_server_work_without_what_the_command_line_is_made_of(tmp_path):
    told = run([sys.executable, "-c", WITHOUT_TYPER], tmp_path)
    assert told.stdout.splitlines() == ["2 2 1", f"discobase {discobase.__version__}"]
    assert "discobase tables: this needs the package 'typer'" in told.stderr
    assert '"discobase[cli] @ git+https://' in told.stderr
    assert "'.' exists already" in told.stderr


WITHOUT_CRYPTOGRAPHY = """
import sys
sys.modules["cryptography"] = None  # as where it is not installed
import discobase, discobase.cli, discobase.local
database = discobase.Database("shop")
@database.table
class Item(discobase.Table):
    name: str
with database.conn("local"):
    print(Item(name="x").save().version)
try:
    discobase.Database("shop", key=bytes(range(32)))
except discobase.errors.PackageMissing as error:
    print(isinstance(error, ImportError), "discobase[crypto] @ git+https://" in str(error))
    print(": pip install cryptography. " in str(error), 'pip install ".[crypto]"' in str(error))
"""


def test_all_but_a_key_works_without_what_encrypts(tmp_path):
    told = run([sys.executable, "-c", WITHOUT_CRYPTOGRAPHY], tmp_path)
    assert (told.stdout.split(), told.stderr) == (["1"] + ["True"] * 4, "")


BEFORE_AND_AFTER = """
import sys, discobase
database = discobase.Database("shop")
try:
    database.login("a.b.c", api_url=sys.argv[1])
except discobase.errors.BadToken:
    print("discobase.local" in sys.modules)
with database.conn("local"):
    print("discobase.local" in sys.modules)
"""


def test_the_embedded_server_is_imported_by_the_logins_that_need_it():
    with LocalDiscord() as elsewhere:
        ran = run([sys.executable, "-c", BEFORE_AND_AFTER, elsewhere.api_url], ROOT)
    assert (ran.returncode, ran.stdout.split()) == (0, ["False", "True"]), ran.stderr
