"""What cannot be undone is done when its name has been said back, and not before."""

from __future__ import annotations

import shlex
import sys

from discobase.errors import UsageError


def confirm(what: str, name: str, given: str | None) -> None:
    """Return if somebody has said a name back: behind ``--confirm``, or when they are asked.

    Args:
        what: what is about to happen, as a sentence.
        name: the name.
        given: what stands behind ``--confirm``; None where nothing does.

    Raises:
        UsageError: it is another name, or nobody can be asked.
    """
    if given is None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError(
                f"{what} Nothing was done: nobody can be asked, so say --confirm "
                f"{shlex.quote(name)}."
            )
        print(f"{what}\nType {name!r} to go on: ", end="", file=sys.stderr, flush=True)
        given = sys.stdin.readline().rstrip("\n")
    if given != name:
        raise UsageError(f"{given!r} is not {name!r}: nothing was done.")
