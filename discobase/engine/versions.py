"""Versions of discobase, compared: which of two is the later one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from discobase._version import __version__

Release = tuple[int, ...]
"""The numbers of a version, without zeros at the end: 2.1 and 2.1.0 are one."""

RELEASE = r"[0-9]{1,6}(?:\.[0-9]{1,6}){0,3}"
"""What a version is whose numbers are all there is of it. How many there may be is a guess."""

_BEGINS = re.compile(RELEASE)

_WHOLE = re.compile(
    rf"{RELEASE}"
    r"(?:[-_.]?(?:a|b|c|rc|alpha|beta|pre|preview)[-_.]?[0-9]*)?"
    r"(?:-[0-9]+|[-_.]?(?:post|rev|r)[-_.]?[0-9]*)?"
    r"(?:[-_.]?dev[-_.]?[0-9]*)?"
    r"(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?",
    re.ASCII | re.IGNORECASE,
)
"""A version as packages have them (PEP 440, appendix B), without an epoch: discobase has none."""


def release_of(version: str) -> Release:
    """Return the release of a version. What comes before a release, as 2.1.0.dev0 and 2.1rc1, knows
    what that one knows.

    Raises:
        ValueError: it is no version.
    """
    numbers = [int(number) for number in _numbers_of(version).split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def written_release(version: str) -> str | None:
    """Return the numbers of a version as it has them, as "2.1.0" of 2.1.0.dev0; None where it is no
    version.
    """
    return None if _WHOLE.fullmatch(version) is None else _numbers_of(version)


def _numbers_of(version: str) -> str:
    found = _BEGINS.match(version)
    if found is None:
        raise ValueError(f"{version!r} is no version")
    return found[0]


def latest(versions: Iterable[str]) -> str | None:
    """Return the latest of some versions; None where there are none."""
    return max(versions, key=release_of, default=None)


OWN = __version__
"""The version that runs."""
