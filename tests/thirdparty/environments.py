"""Environments of their own for third-party code, made once and kept beside tox's.

What is asked for by name comes from the indexes that pip, npm and apt are set up for; a test whose
client cannot be had is skipped, with what the installer said.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / ".tox" / "thirdparty-clients"
_MADE = "made"
_INSTALL_SECONDS = 240


def python_with(name: str, *requirements: str) -> Path:
    """The Python of a virtual environment with these packages and no others of ours."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    place = ROOT / f"python{version}" / name
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not _is_made(place, requirements):
        _run("Python", place, sys.executable, "-m", "venv", str(place))
        _run(name, place, str(python), "-I", "-m", "pip", "install", "--quiet", *requirements)
        _mark_made(place, requirements)
    return python


def versions_in(python: Path, *packages: str) -> dict[str, str]:
    """Which versions of packages an environment has."""
    code = "import importlib.metadata as m, sys; [print(m.version(p)) for p in sys.argv[1:]]"
    command = [python, "-I", "-c", code, *packages]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(zip(packages, found.stdout.split(), strict=True))


def node_modules_with(name: str, *packages: str) -> Path:
    """A ``node_modules`` folder with these packages."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node.js with npm is not installed")
    place = ROOT / "node" / name
    if not _is_made(place, packages):
        (place / "package.json").write_text('{"private": true}')
        quiet = ("--no-audit", "--no-fund", "--loglevel=error")
        _run(name, place, npm, "install", *quiet, *packages)
        _mark_made(place, packages)
    return place / "node_modules"


def debian_package(name: str) -> Path:
    """The folder in which a Debian package was unpacked, not installed."""
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or dpkg is None:
        pytest.skip(f"{name} comes from Debian's archive, and there is no apt here")
    place = ROOT / "debian" / name
    if not _is_made(place, (name,)):
        _run(name, place, apt, "download", "--quiet", name)
        [archive] = place.glob("*.deb")
        _run(name, place, dpkg, "-x", str(archive), str(place))
        _mark_made(place, (name,))
    return place


def source_of(package: str, version: str) -> Path:
    """The folder with the source of a Python package as its makers publish it, tests included."""
    place = ROOT / "sources" / f"{package}-{version}"
    wanted = f"{package}=={version}"
    if not _is_made(place, (wanted,)):
        download = ("-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:")
        _run(package, place, sys.executable, *download, wanted)
        [archive] = place.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(place, filter="data")
        _mark_made(place, (wanted,))
    [source] = [path for path in place.iterdir() if path.is_dir()]
    return source


def _is_made(place: Path, wanted: tuple[str, ...]) -> bool:
    """Whether it is there, whole, and of these packages; what is not is cleared away."""
    stamp = place / _MADE
    if stamp.exists() and stamp.read_text() == " ".join(wanted):
        return True
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return False


def _mark_made(place: Path, wanted: tuple[str, ...]) -> None:
    (place / _MADE).write_text(" ".join(wanted))


def _run(what: str, folder: Path, *command: str) -> None:
    try:
        subprocess.run(
            command, cwd=folder, check=True, capture_output=True, timeout=_INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{what} was not installed within {_INSTALL_SECONDS} s")
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()[-500:]
        pytest.skip(f"{what} cannot be had here: {said}")
