"""What is wrong with what was typed, in a sentence that names the argument and its value.

typer 0.29 brings a click of its own, and does not offer the kinds of its errors: they are told by
their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any


def sentence_of(error: Any) -> str:
    """Return what is wrong.

    Args:
        error: a ``ClickException`` of typer's.
    """
    kind, of = type(error).__name__, getattr(error, "param", None)
    if kind == "NoSuchOption":
        return no_such_option(str(error.option_name), _options(error.ctx))
    if kind == "MissingParameter" and of is not None:
        return f"{_name(of)} is missing."
    if kind == "BadParameter" and of is not None:
        return f"{_name(of)}{_value(error)}: {_reason(error)}"
    return sentence(str(error.format_message()))


def sentence(text: str) -> str:
    """Return a text on one line, with an end."""
    line = " ".join(text.split())
    return line if line.endswith((".", "?")) else f"{line}."


def where_help_is(error: Any) -> str:
    """Return the command whose help says more."""
    context = getattr(error, "ctx", None)
    return "discobase --help" if context is None else f"{context.command_path} --help"


def no_such_option(typed: str, known: Iterable[str]) -> str:
    """Return what is wrong with an option that there is not, and which is the nearest.

    Args:
        typed: what was typed; what is no option is unexpected where it stands.
        known: the options that there are.
    """
    if not typed.startswith("-"):
        return f"{typed!r} stands where nothing is expected."
    near = get_close_matches(typed.partition("=")[0], [*known], n=1)
    return f"there is no option {typed}." + (f" Did you mean {near[0]}?" if near else "")


def _options(context: Any) -> Iterator[str]:
    """Yield the options of a command, and of those that it stands behind."""
    while context is not None:
        for each in context.command.params:
            if not getattr(each, "hidden", False):
                yield from (name for name in each.opts if name.startswith("-"))
        context = context.parent


def _name(parameter: Any) -> str:
    """Return how a command's help names an argument, or an option."""
    is_option = parameter.opts[0].startswith("-")
    return str(parameter.opts[0] if is_option else parameter.metavar or parameter.name)


def _value(error: Any) -> str:
    """Return the value that is refused, where pydantic has refused it and tells."""
    told = getattr(error.__cause__, "errors", None)
    return "" if told is None else f" cannot be {told()[0]['input']!r}"


def _reason(error: Any) -> str:
    text = str(error.message).removeprefix("Value error, ")
    return sentence(text[:1].lower() + text[1:])
