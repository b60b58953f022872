"""A body that is read field by field; what is wrong becomes Discord's tree of errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from discobase.local import refusals

_LARGEST_SNOWFLAKE = (1 << 63) - 1
"""Ids have 63 bits in SQLite; those of Discord reach the 64th in the year 2084."""


class Form:
    """A JSON object being read; ask for its fields, then :meth:`check`.

    A field that does not fit reads as ``None`` and is remembered.

    Args:
        body: what was sent.
        within: the form that this one is a part of and that remembers its mistakes.
        path: where in that form it stands, with dots for depth.

    Raises:
        Refusal: 50035, the body is no object.
    """

    def __init__(self, body: object, within: Form | None = None, path: str = "") -> None:
        if not isinstance(body, dict):
            error = {
                "code": "DICT_TYPE_CONVERT",
                "message": "Only dictionaries may be used in a DictType",
            }
            raise refusals.invalid_form({"_errors": [error]})
        self.body = cast("dict[str, Any]", body)
        self._errors: dict[str, Any] = {}
        self._within = within
        self._path = path

    def __contains__(self, name: str) -> bool:
        return name in self.body

    def wrong(self, path: str, code: str, message: str) -> None:
        """Remember that the field at ``path`` (dots for depth), or the whole, does not fit.

        A field that is wrong itself and one with wrong fields inside are not mixed: the first that
        is found stays.
        """
        if self._within is not None:
            self._within.wrong(f"{self._path}.{path}", code, message)
        node = self._errors
        for key in filter(None, path.split(".")):
            if "_errors" in node:
                break
            node = node.setdefault(key, {})
        if not node.keys() - {"_errors"}:
            node.setdefault("_errors", []).append({"code": code, "message": message})

    def check(self) -> None:
        """End the reading.

        Raises:
            Refusal: 50035, with all that was wrong.
        """
        if self._errors:
            raise refusals.invalid_form(self._errors)

    def text(
        self,
        name: str,
        *,
        longest: int,
        shortest: int = 0,
        needed: bool = False,
        trimmed: bool = False,
    ) -> str | None:
        """Read a string field; ``None`` where it is missing or null."""
        value = self.body.get(name)
        if trimmed and isinstance(value, str):
            value = value.strip()
        if value is None:
            if needed:
                self.wrong(name, "BASE_TYPE_REQUIRED", "This field is required")
            return None
        if not isinstance(value, str):
            self.wrong(name, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return None
        if shortest and not shortest <= len(value) <= longest:
            self.wrong(
                name, "BASE_TYPE_BAD_LENGTH", f"Must be between {shortest} and {longest} in length."
            )
            return None
        if len(value) > longest:
            self.wrong(name, "BASE_TYPE_MAX_LENGTH", f"Must be {longest} or fewer in length.")
            return None
        return value

    def integer(self, name: str, *, least: int = 0, most: int = (1 << 53) - 1) -> int | None:
        """Read an integer field; digits in a string count as well."""
        value = self.body.get(name)
        if value is None:
            return None
        number = as_integer(value)
        if number is None:
            self.wrong(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
            return None
        if number < least:
            self.wrong(
                name, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {least}."
            )
            return None
        if number > most:
            self.wrong(
                name, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}."
            )
            return None
        return number

    def snowflake(self, name: str) -> int | None:
        """Read an id field."""
        value = self.body.get(name)
        if value is None:
            return None
        number = as_snowflake(value)
        if number is None:
            self.wrong(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
            return None
        return number

    def boolean(self, name: str) -> bool | None:
        """Read a true-or-false field."""
        value = self.body.get(name)
        if value is None or isinstance(value, bool):
            return value
        self.wrong(name, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return None

    def choice(self, name: str, choices: Iterable[int]) -> int | None:
        """Read an integer field out of a few."""
        value = self.integer(name)
        allowed = tuple(choices)
        if value is not None and value not in allowed:
            listed = ", ".join(map(str, allowed))
            self.wrong(name, "BASE_TYPE_CHOICES", f"Value must be one of ({listed}).")
            return None
        return value

    def part(self, name: str) -> Form | None:
        """Read a field that is an object, as a form that hands its mistakes on to this one."""
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            message = "Only dictionaries may be used in a DictType"
            self.wrong(name, "DICT_TYPE_CONVERT", message)
            return None
        return Form(cast("object", value), self, name)

    def ids(self, name: str, *, most: int) -> list[int] | None:
        """Read a list of ids, none of them twice."""
        items = self.items(name)
        if items is None:
            return None
        found: list[int] = []
        for number, item in enumerate(items):
            id_ = as_snowflake(item)
            if id_ is None:
                message = f'Value "{item}" is not snowflake.'
                self.wrong(f"{name}.{number}", "NUMBER_TYPE_COERCE", message)
            elif id_ in found:
                message = "The set already contains this value"
                self.wrong(f"{name}.{number}", "SET_TYPE_ALREADY_CONTAINS_VALUE", message)
            else:
                found.append(id_)
        if len(found) > most:
            self.wrong(name, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        return found

    def items(self, name: str) -> list[object] | None:
        """Read a list of anything."""
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            self.wrong(name, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return None
        return cast("list[object]", value)

    def objects(self, name: str, *, most: int) -> list[dict[str, Any]] | None:
        """Read a list of objects."""
        items = self.items(name)
        if items is None:
            return None
        if len(items) > most:
            self.wrong(name, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
            return None
        for number, item in enumerate(items):
            if not isinstance(item, dict):
                message = "Only dictionaries may be used in a DictType"
                self.wrong(f"{name}.{number}", "DICT_TYPE_CONVERT", message)
                return None
        return cast("list[dict[str, Any]]", items)


def as_integer(value: object) -> int | None:
    """Return the integer that a JSON number or a string of digits stands for, else ``None``."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit():
        return int(value) if len(value) <= 20 else None
    return None


def as_snowflake(value: object) -> int | None:
    """Return the id that a JSON value stands for, else ``None``."""
    number = as_integer(value)
    return None if number is None or not 0 <= number <= _LARGEST_SNOWFLAKE else number


def id_in_path(name: str, text: str) -> int:
    """Return an id that is part of a request's path.

    Raises:
        Refusal: 50035, it is none.
    """
    number = as_snowflake(text)
    if number is None:
        raise refusals.invalid_field(
            name, "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.'
        )
    return number


def from_query(query: Mapping[str, str], *names: str) -> Form:
    """Return the query parameters of these names, to be read as a form."""
    return Form({name: query[name] for name in names if name in query})
