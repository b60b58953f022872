"""Bugs that are kept to be planted: what each does to the code, and which tests are to catch it.

A bug is a file in ``bugs/``. Its first paragraph says in words what goes wrong, and why that must
be caught; then come the tests that are nearest to it; then the change itself::

    Frames by anybody are taken for the bot's: a person's copy of one would count.

    Caught by: tests/engine/test_log.py::test_what_is_by_somebody_else_is_no_frame

    --- discobase/engine/log/commit_log.py
    @@
    -        if message.author != self.server.author:
    -            return None
             try:

That is a unified diff without numbers of lines. The code around a bug is edited all the time:
`patch` would look for other places when the numbers are wrong, and might plant something else than
what is meant. Here the lines before the change have to stand in the file as they are, exactly once;
where they do not, the bug has to be written anew, and nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
"""The checkout. It is never changed: bugs are planted into copies."""

FOLDER = Path(__file__).parent / "bugs"

_TESTS = "Caught by: "
_FILE = "--- "
_HUNK = "@@"


class DoesNotApply(Exception):
    """A bug whose lines are not in the code any more, or stand there more than once."""


@dataclass(frozen=True, slots=True)
class Change:
    """Lines of one file, and what comes in their place."""

    file: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Bug:
    """A bug that can be planted.

    Attributes:
        name: the name of its file.
        words: what goes wrong with it.
        tests: those that are nearest to it, as pytest takes them.
        changes: what it does to the code.
    """

    name: str
    words: str
    tests: tuple[str, ...]
    changes: tuple[Change, ...]

    @property
    def files(self) -> dict[str, list[Change]]:
        """Its changes, by file."""
        files: dict[str, list[Change]] = {}
        for change in self.changes:
            files.setdefault(change.file, []).append(change)
        return files


def read(path: Path) -> Bug:
    """Read a bug from its file."""
    head, *files = f"\n{path.read_text('utf-8')}".split(f"\n{_FILE}")
    words, *_ = head.strip().split("\n\n")
    tests = [line.removeprefix(_TESTS) for line in head.splitlines() if line.startswith(_TESTS)]
    changes = [change for text in files for change in _changes(text)]
    return Bug(path.stem, words.replace("\n", " "), tuple(tests), tuple(changes))


def every() -> list[Bug]:
    """Read all bugs that there are, by name."""
    return [read(path) for path in sorted(FOLDER.glob("*.patch"))]


def planted(text: str, changes: list[Change]) -> str:
    """Return the text of a file with changes made to it.

    Raises:
        DoesNotApply: lines are not there, or more than once.
    """
    for change in changes:
        lines = re.compile(rf"^(?={re.escape(change.before)})", re.MULTILINE)
        places = [found.start() for found in lines.finditer(text)]
        if len(places) != 1:
            times = f"{len(places)} times"
            raise DoesNotApply(f"{change.file} has these lines {times}:\n{change.before}")
        text = text[: places[0]] + change.after + text[places[0] + len(change.before) :]
    return text


def plant(bug: Bug, root: Path) -> None:
    """Plant a bug in a copy of the tree.

    Raises:
        DoesNotApply: its lines are not there, or more than once.
    """
    for file, changes in bug.files.items():
        path = root / file
        path.write_text(planted(path.read_text("utf-8"), changes), "utf-8")


def _changes(text: str) -> list[Change]:
    file, *hunks = text.split(f"\n{_HUNK}\n")
    lines = [hunk.splitlines() for hunk in hunks]
    return [Change(file, _side(hunk, "-"), _side(hunk, "+")) for hunk in lines]


def _side(hunk: list[str], sign: str) -> str:
    """Return one side of a hunk: what stands on both sides, and what has this sign."""
    return "".join(f"{line[1:]}\n" for line in hunk if line[:1] in ("", " ", sign))
