"""Statements in SQL that take the variables of a notebook, by ``:name``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from discobase.errors import InvalidStatement

_PARTS = re.compile(
    r"'(?:[^']|'')*'"  # a text
    r'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]'  # a name
    r"|--[^\n]*|/\*.*?(?:\*/|$)"  # a comment
    r"|[:@$](\w+)",
    re.DOTALL,
)
"""What may have a colon in it that is no parameter's; and parameters (sqlite.org/lang_expr.html).
"""


def parameters_of(statement: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a statement's parameters stand for.

    Args:
        statement: the text.
        variables: the notebook's.

    Raises:
        InvalidStatement: the notebook has no variable of a parameter's name.
    """
    names = {found[1] for found in _PARTS.finditer(statement) if found[1] is not None}
    for name in sorted(names):
        if name not in variables:
            raise InvalidStatement(
                f"the statement has a parameter :{name}, and the notebook no variable {name}."
            )
    return {name: variables[name] for name in names}
