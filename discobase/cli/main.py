"""Where the command line begins: with all commands, or with those that need no extra."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from discobase.cli import plain
from discobase.errors import PackageMissing


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: what stands behind the program's name; from the process where left out.

    Returns:
        The exit status: see :data:`discobase.cli.exit_status.MEANINGS`.
    """
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    if plain.has(given):
        return plain.main(given)
    try:
        from discobase.cli.app import run  # noqa: PLC0415 - it imports what the extra brings
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "click", "rich"):
            raise
        return plain.without_the_extra(given, PackageMissing("typer", "cli"))
    return run(given)
