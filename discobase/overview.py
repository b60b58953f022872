"""A database as a notebook shows it: its tables, with how many records each has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from discobase import markup
from discobase.opened import StoredTable
from discobase.table import Table


def database_html(
    title: str, stored: Sequence[StoredTable], attached: Mapping[str, type[Table]]
) -> str:
    """Return the tables that are stored, and those that are attached and have no record yet.

    Args:
        title: what the database is, and how.
        stored: those that are there; none where there is no connection.
        attached: the classes of this program, by the names of their tables.
    """
    rows = [
        (each.name, f"{each.records:,}", ", ".join(each.fields), _class_of(each.name, attached))
        for each in stored
    ]
    there = {each.name for each in stored}
    rows += [
        (name, "", ", ".join(model.model_fields), model.__name__)
        for name, model in attached.items()
        if name not in there
    ]
    if not rows:
        return markup.block(title)
    shown = rows[: markup.MOST_ROWS]
    told = markup.of_how_many(len(shown), len(rows), "tables")
    return markup.table(["table", "records", "fields", "class"], shown, title, told)


def _class_of(name: str, attached: Mapping[str, type[Table]]) -> str:
    model = attached.get(name)
    return "" if model is None else model.__name__
