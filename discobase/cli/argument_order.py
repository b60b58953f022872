"""Options that are about the connection, wherever they stand in a command."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice

END = "--"
"""What stands before arguments that are none, whatever they look like."""


def connection_first(
    arguments: Sequence[str], with_value: Collection[str], flags: Collection[str]
) -> list[str]:
    """Return arguments in the order in which the parser knows them: what is about the connection
    before the command.

    Args:
        arguments: as they were typed.
        with_value: options that have a value behind them, as ``--server``.
        flags: those without one.
    """
    ahead: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for argument in left:
        name, has_value, _ = argument.partition("=")
        if argument == END:
            rest += [argument, *left]
        elif name in with_value and has_value:
            ahead.append(argument)
        elif name in with_value:
            ahead += [argument, *islice(left, 1)]
        elif argument in flags:
            ahead.append(argument)
        else:
            rest.append(argument)
    return ahead + rest
