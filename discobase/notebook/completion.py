"""Completion of what only this package knows: the fields of tables in calls, the tables and columns
in statements, and the words behind ``%discobase``.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable
from typing import Any

from discobase import Database, Table
from discobase.errors import DiscobaseError
from discobase.notebook.options import SUBCOMMANDS

_IDENTIFIER = "discobase"

_IN_COMMAND = re.compile(r"^\s*%%?discobase\s+(?:(\w+)\s+(?:\S+\s+)*)?(\S*)$")
"""A line with the command, up to where a word is being typed."""

_IN_SQL = re.compile(r"^\s*(?:%%discobase\s+sql\b[^\n]*\n|%discobase\s+sql\s)")

_WORD = re.compile(r"\w*$")

_IN_CALL = re.compile(
    r"\b([A-Za-z_]\w*)\."
    r"(find|find_unique|search|get_or_create|update_or_create)\([^()]*?(?:(?<=[(,])|(?<=[(,]\s))\s*(\w*)$"
)
"""The beginning of a call of a table's, up to where the name of a field may be typed."""

_IN_TABLES = re.compile(r"\b([A-Za-z_]\w*)\.tables(?:\.|\[[\"'])(\w*)$")
"""Where the name of an attached table is typed."""

_KEYWORDS = {
    "find": ("pk", "version", "fresh"),
    "find_unique": ("pk", "version", "strict", "fresh"),
}


class Completion:
    """Says what may come next in a cell.

    Args:
        shell: the shell of IPython.
        chosen: returns the database that statements are about.
    """

    def __init__(self, shell: Any, chosen: Callable[[], Database]) -> None:
        self._shell = shell
        self._chosen = chosen

    def matcher(self) -> Callable[[Any], dict[str, Any]]:
        """Return what IPython asks (``Completer.custom_matchers``, by its API of version 2)."""
        core: Any = importlib.import_module("IPython.core.completer")

        def discobase_matcher(context: Any) -> dict[str, Any]:
            text, offset = context.full_text, _offset(context)
            fragment, words = self.words(text, offset)
            return {
                "completions": [core.SimpleCompletion(text=word) for word in words],
                "matched_fragment": fragment,
                # In Python there are others that are right, too.
                "suppress": bool(words) and _is_no_python(text[:offset]),
            }

        decorate = core.context_matcher(identifier=_IDENTIFIER, priority=100)
        made: Callable[[Any], dict[str, Any]] = decorate(discobase_matcher)
        return made

    def words(self, text: str, offset: int) -> tuple[str, list[str]]:
        """Return what is being typed, and what it may become.

        Args:
            text: the cell.
            offset: where in it somebody is typing.
        """
        before = text[:offset]
        if _IN_SQL.match(before):
            return _beginning_so(_WORD.search(before), 0, self._in_sql())
        line = before.rpartition("\n")[2]
        if found := _IN_COMMAND.match(line):
            return _beginning_so(found, 2, self._in_command(found[1]))
        if found := _IN_TABLES.search(before):
            return _beginning_so(found, 2, self._attached(found[1]))
        found = _IN_CALL.search(before)
        return _beginning_so(found, 3, () if found is None else self._in_call(found[1], found[2]))

    def _in_command(self, command: str | None) -> Iterable[str]:
        if command is None:
            return SUBCOMMANDS
        return {"connect": ("local", "--token-env", "--as"), "sql": ("--fresh", "--as")}.get(
            command, ()
        )

    def _in_sql(self) -> Iterable[str]:
        try:
            database = self._chosen()
            if not database.ready:
                return ()
            stored = database.stored_tables()
        except DiscobaseError:
            return ()
        names = [each.name for each in stored]
        return dict.fromkeys(
            [*names, "pk", "version", *(field for each in stored for field in each.fields)]
        )

    def _attached(self, name: str) -> Iterable[str]:
        database = self._shell.user_ns.get(name)
        return database.tables if isinstance(database, Database) else ()

    def _in_call(self, name: str, method: str) -> Iterable[str]:
        table = self._shell.user_ns.get(name)
        if not isinstance(table, type) or not issubclass(table, Table):
            return ()
        fields = [*table.model_fields, *_KEYWORDS.get(method, ())]
        return [f"{field}=" for field in fields]


def is_ours(matcher: Any) -> bool:
    """Return whether something that IPython asks for completions is this module's."""
    return getattr(matcher, "matcher_identifier", None) == _IDENTIFIER


def _is_no_python(before: str) -> bool:
    line = before.rpartition("\n")[2]
    return bool(_IN_SQL.match(before) or _IN_COMMAND.match(line))


def _offset(context: Any) -> int:
    text: str = context.full_text
    column: int = context.cursor_position
    return sum(len(line) + 1 for line in text.split("\n")[: context.cursor_line]) + column


def _beginning_so(
    found: re.Match[str] | None, group: int, words: Iterable[str]
) -> tuple[str, list[str]]:
    typed = "" if found is None else found[group]
    lower = typed.lower()
    return typed, [word for word in words if word.lower().startswith(lower)]
