"""The reference page of the commands, made of the app: ``python -m discobase.cli.reference``."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any

import typer

from discobase.cli.app import app
from discobase.cli.exit_status import MEANINGS
from discobase.cli.plain import COMMANDS

_HEAD = """\
# The commands

<!-- This page is made by `python -m discobase.cli.reference`; a test holds it to that. -->

[How to use them](../howto/command-line.md) is told elsewhere. They need the extra `cli`; `demo`
and `serve` do not. `discobase COMMAND --help` says the same as this page. An option for the
connection may stand before the command or behind it.
"""


def page() -> str:
    """Return the page."""
    whole: Any = typer.main.get_command(app)
    return "\n".join(_lines(whole)) + "\n"


def _lines(whole: Any) -> Iterator[str]:
    yield _HEAD
    yield "## The connection\n"
    yield from _options(whole)
    yield "\n## The exit status\n"
    yield "| status | meaning |"
    yield "|---|---|"
    yield from (f"| {status} | {meaning} |" for status, meaning in MEANINGS.items())
    for name, command in whole.commands.items():
        yield f"\n## `{name}`\n"
        yield _paragraphs(command.help)
        if name in COMMANDS:
            yield f"\n`discobase {name} --help` has its options."
        else:
            yield f"\n```text\ndiscobase {name} {_usage(command)}\n```\n"
            yield from _options(command)


def _usage(command: Any) -> str:
    arguments = [each for each in command.params if not hasattr(each, "is_flag")]
    shown = [each.metavar if each.required else f"[{each.metavar}]" for each in arguments]
    return " ".join([*shown, "[OPTIONS]"])


def _options(command: Any) -> Iterator[str]:
    yield "| | |"
    yield "|---|---|"
    for each in command.params:
        if getattr(each, "hidden", False):
            continue
        told = [(each.help or "").replace("|", "\\|")]
        if not hasattr(each, "is_flag"):
            yield f"| `{each.metavar}` | {told[0]} |"
            continue
        if each.envvar:
            told.append(f"From `{each.envvar}` where it is left out.")
        if each.show_default and each.default not in (None, False, ""):
            told.append(f"{_default(each.default)} where it is left out.")
        yield f"| {_names(each)} | {' '.join(told)} |"


def _names(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if option.is_flag:
        return names
    return f"{names} `{option.metavar.replace('|', ' ')}`"


def _default(value: Any) -> str:
    return str(getattr(value, "value", value))


def _paragraphs(text: str) -> str:
    return inspect.cleandoc(text)


if __name__ == "__main__":
    sys.stdout.write(page())
