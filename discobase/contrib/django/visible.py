"""What of the tables staff may see in the admin: which tables, and which of their fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from django import conf
from pydantic import Secret, SecretBytes, SecretStr

from discobase import StoredTable, Table
from discobase.contrib.django.configuration import configuration
from discobase.contrib.django.connection import database
from discobase.errors import TableNotFound

_CACHE = "discobase.contrib.django.cache.DiscobaseCache"


def visible_tables() -> list[StoredTable]:
    """Return the tables that are shown, by name. No API call, unless it connects.

    Sessions and caches are not among them: who reads the key of a session is whoever has it, and
    what is in a cache was pickled. Nor are those that the setting names.
    """
    hidden = set(_kept_by_django()) | set(configuration().admin_hidden)
    return [each for each in database().stored_tables() if each.name not in hidden]


def visible_table(name: str) -> type[Table]:
    """Return the class of a table that is shown: the program's own, or what the log tells of it.

    Raises:
        TableNotFound: there is none of that name, or it is not shown.
    """
    names = [each.name for each in visible_tables()]
    if name not in names:
        raise TableNotFound(database().name, name, names)
    return database().open_table(name)


def visible_fields(table: type[Table], name: str) -> list[str]:
    """Return the names of the fields that are shown: all but those that are in no ``repr`` or no
    dump of a record, and those that the setting names.

    Args:
        table: the class.
        name: the table's name.
    """
    hidden = configuration().admin_hidden
    return [
        field
        for field, info in table.model_fields.items()
        if info.repr and not info.exclude and f"{name}.{field}" not in hidden
    ]


def open_fields(table: type[Table], name: str) -> list[str]:
    """Return those of the shown fields by whose values records may be found and sorted: a secret
    could be guessed by asking which records have it.
    """
    return [
        field
        for field in visible_fields(table, name)
        if not _holds_secrets(table.model_fields[field].annotation)
    ]


def _kept_by_django() -> Iterator[str]:
    yield configuration().session_table
    for cache in conf.settings.CACHES.values():
        if cache.get("BACKEND") == _CACHE:
            yield str(cache.get("LOCATION") or "cache")


def _holds_secrets(annotation: Any) -> bool:
    origin = get_origin(annotation) or annotation
    is_one = isinstance(origin, type) and issubclass(origin, (Secret, SecretStr, SecretBytes))
    return is_one or any(map(_holds_secrets, get_args(annotation)))
