"""What a text that is being typed may go on with, for a shell as for Discord.

Who asks says which names there are, and which of them fit what is typed: a shell goes on with what
stands there, and in Discord people choose from a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from discobase.typed.filters import OPERATORS

Fitting = Callable[[str, Iterable[str]], list[str]]
"""Returns the names that fit what is typed of one."""


def begun(typed: str, names: Iterable[str]) -> list[str]:
    """Return the names that begin with what is typed."""
    return [name for name in names if name.startswith(typed)]


def alike(typed: str, names: Iterable[str]) -> list[str]:
    """Return the names that begin with what is typed, in whatever case, and then those that have it
    in them.
    """
    wanted = typed.lower()
    having = [name for name in names if wanted in name.lower()]
    return sorted(having, key=lambda name: not name.lower().startswith(wanted))


def conditions(typed: str, places: Iterable[str], fitting: Fitting) -> list[str]:
    """Return how a condition may go on: a place with all operators where it is the one that is
    meant, and each with ``=`` where several may be.

    Args:
        typed: what is typed of it, in which no operator stands.
        places: where in a record a condition may look.
        fitting: which of them fit.
    """
    return _with_operators(typed, fitting(typed, places), OPERATORS)


def assignments(typed: str, fields: Iterable[str], fitting: Fitting) -> list[str]:
    """Return how an assignment may go on: fields, which get a value."""
    return _with_operators(typed, fitting(typed, fields), ("=",))


def orders(typed: str, places: Iterable[str], fitting: Fitting) -> list[str]:
    """Return how an order may go on: with one more place behind those that are there, forwards, and
    then those that can be meant backwards.

    Args:
        typed: places with commas between them, a ``-`` before one for the other way round.
        places: by what can be sorted.
        fitting: which of them fit.
    """
    before, comma, last = typed.rpartition(",")
    name = last.strip()
    found = fitting(name.removeprefix("-"), places)
    signs = ("-",) if name.startswith("-") else ("", "-")
    return [f"{before}{comma}{sign}{each}" for sign in signs for each in found]


def _with_operators(typed: str, fitting: Sequence[str], operators: Sequence[str]) -> list[str]:
    offered: list[str] = []
    for name in fitting:
        is_meant = name == typed or len(fitting) == 1
        offered += [name + each for each in (operators if is_meant else ("=",))]
    return offered
