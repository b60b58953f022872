"""What people type to say which records are meant, and what is to stand in them: ``age>30``.

Nothing here knows of a table. A condition is a place in a record, an operator and a text; whether
there is such a field, and what the text stands for in it, is told where the table is known.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from discobase.errors import UsageError

OPERATORS = ("!=", "<=", ">=", "=", "<", ">", "~")
"""Those there are, so that of two which begin alike the longer one comes first."""

_PLAIN_STEP = re.compile(r"[^\s\"!<>=~.]+(?: +[^\s\"!<>=~.]+)*")
_QUOTED_STEP = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition.

    Attributes:
        path: where in a record: a field, and the steps that lead into it.
        operator: one of :data:`OPERATORS`.
        text: what stands behind it.
    """

    path: tuple[str, ...]
    operator: str
    text: str

    def __str__(self) -> str:
        return f"{written(self.path)}{self.operator}{self.text}"


def condition(typed: str) -> Condition:
    """Return what somebody has typed as a condition: ``age>30``, ``city=Berlin``,
    ``address.city!=Rome``, ``title~emma``; a name with other characters in quotes: ``"a.b"=1``.

    Raises:
        UsageError: it is none.
    """
    path, end = _path(typed)
    operator = next((each for each in OPERATORS if typed.startswith(each, end)), None)
    if operator is None or not path:
        raise UsageError(
            f"{typed!r} is no condition: write FIELD, an operator and a value without blanks "
            f"around it, as in age>30 or city=Berlin. The operators are {' '.join(OPERATORS)}, and "
            f"the shell wants quotes around < and >."
        )
    text = typed[end + len(operator) :]
    if operator == "=" and text.startswith("="):  # as programmers write it
        text = text[1:]
    return Condition(path, operator, text)


def assignment(typed: str) -> tuple[str, str]:
    """Return a field's name and the text of its value, of ``name=Ada``.

    Raises:
        UsageError: it is no such thing.
    """
    path, end = _path(typed)
    if len(path) != 1 or not typed.startswith("=", end):
        raise UsageError(
            f"{typed!r} gives no field a value: write FIELD=VALUE, as in name=Ada, and lists and "
            f'models as JSON, as in \'tags=["a", "b"]\'.'
        )
    return path[0], typed[end + 1 :]


def written(path: tuple[str, ...]) -> str:
    """Return a place in a record as it is typed: its steps with dots between them, in quotes where
    they have other characters than names do.
    """
    return ".".join(
        name if _PLAIN_STEP.fullmatch(name) else json.dumps(name, ensure_ascii=False)
        for name in path
    )


def _path(typed: str) -> tuple[tuple[str, ...], int]:
    """Return the steps that a text begins with, and where they end."""
    steps: list[str] = []
    at = 0
    while True:
        if quoted := _QUOTED_STEP.match(typed, at):
            try:
                steps.append(str(json.loads(quoted[0])))
            except ValueError:
                return (), 0
            at = quoted.end()
        elif plain := _PLAIN_STEP.match(typed, at):
            steps.append(plain[0])
            at = plain.end()
        else:
            return (), 0
        if not typed.startswith(".", at):
            return tuple(steps), at
        at += 1
