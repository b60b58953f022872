"""Where the command line begins: with all commands, or with those that need no extra.

What a command needs takes a while to import, and is imported below, where Ctrl-C is expected.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

_INTERRUPTED = 130
"""As :mod:`discobase.cli.exit_status` has it, which may not be imported yet."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: what stands behind the program's name; from the process where left out.

    Returns:
        The exit status: see :data:`discobase.cli.exit_status.MEANINGS`.
    """
    try:
        return _run([*(sys.argv[1:] if arguments is None else arguments)])
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(given: Sequence[str]) -> int:
    from discobase.cli import plain  # noqa: PLC0415 - Ctrl-C ends it without a word

    if plain.has(given):
        return plain.main(given)
    try:
        from discobase.cli.app import run  # noqa: PLC0415 - it imports what the extra brings
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "click", "rich"):
            raise
        return plain.without_the_extra(given)
    return run(given)
