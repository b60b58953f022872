"""Commands that read. Each blocks, on a thread of its own, and costs no API call."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from discobase.commands import rendering
from discobase.commands.operated import Operated, stored
from discobase.commands.remembered import Page, Task
from discobase.commands.replies import Button, Reply
from discobase.counted import counted
from discobase.engine.server.interactions import SentFile
from discobase.errors import UsageError
from discobase.posted import code, cut
from discobase.query import Query
from discobase.table import Table
from discobase.typed.field_types import type_of
from discobase.typed.rows import columns_of, row_of, write_csv, write_lines
from discobase.typed.search_box import searched
from discobase.typed.values import ordered, place_of

_PER_PAGE = 20
"""Tables, or values, on a page."""

_LONGEST_WHERE = 200
"""Characters of the conditions above what they have found. A guess."""

_UNFIT = (
    "What does not fit the class that the answering program has of this table is not shown: "
    "`discobase bot`, which has no classes, shows it, and `discobase export` writes it."
)

_SPARE = 64 << 10
"""Bytes of a request that are no file's."""


def tables(database: Operated, page: Page) -> Reply:
    """List the tables."""
    known = database.stored_tables()
    page = _within(page, len(known), _PER_PAGE)
    shown = known[page.number * _PER_PAGE :][:_PER_PAGE]
    rows = [
        {"table": each.name, "records": f"{each.records:,}", "fields": ", ".join(each.fields)}
        for each in shown
    ]
    title = f"{database.name}: {counted(len(known), 'table')}"
    if not known:
        return Reply(title, "There are none yet.")
    text = rendering.table(rows, ("table", "records", "fields"))
    return Reply(title, text, _pages(page, len(known), _PER_PAGE))


def schema(database: Operated, page: Page) -> Reply:
    """Show a table's fields."""
    task = page.task
    known, model = stored(database, task.table), database.open_table(task.table)
    alone = {names[0] for names in known.unique if len(names) == 1}
    fields = [*model.model_fields]
    page = _within(page, len(fields), _PER_PAGE)
    rows = [
        {
            "field": name,
            "type": type_of(model, name),
            "default": _default(model, name),
            "unique": "yes" if name in alone else "",
        }
        for name in fields[page.number * _PER_PAGE :][:_PER_PAGE]
    ]
    title = f"{task.table}: {counted(len(fields), 'field')}"
    if not rows:
        return Reply(title, "No class has declared any.")
    text = rendering.table(rows, ("field", "type", "default", "unique"))
    together = [names for names in known.unique if len(names) > 1]
    if together:
        text += rendering.names("Unique together: ", [" + ".join(names) for names in together])
    return Reply(title, text, _pages(page, len(fields), _PER_PAGE))


def table(database: Operated, page: Page) -> Reply:
    """Show the records of a table."""
    task = page.task
    model = database.open_table(task.table)
    return _records(page, model, model.find())


def find(database: Operated, page: Page) -> Reply:
    """Show the records of which something is true."""
    task = page.task
    model = database.open_table(task.table)
    return _records(page, model, searched(model, task.where))


def get(database: Operated, page: Page) -> Reply:
    """Show one record."""
    task = page.task
    return shown_record(task.table, database.open_table(task.table).get(task.pk))


def column(database: Operated, page: Page) -> Reply:
    """Show the values of a field, the most frequent first, and how often each occurs."""
    task = page.task
    model = database.open_table(task.table)
    pairs = sorted(_counts(model, task.column).items(), key=lambda pair: -pair[1])
    page = _within(page, len(pairs), _PER_PAGE)
    shown = [(_as_json(value), n) for value, n in pairs[page.number * _PER_PAGE :][:_PER_PAGE]]
    title = f"{task.table}.{task.column}: {counted(len(pairs), 'value')}"
    if not pairs:
        return Reply(title, "The table has no records.")
    return Reply(title, rendering.counts(shown), _pages(page, len(pairs), _PER_PAGE))


def tablestats(database: Operated, page: Page) -> Reply:
    """Show how much is in a table: of each field the values, and how many records have none."""
    task = page.task
    known, model = stored(database, task.table), database.open_table(task.table)
    every = model.find().skip_outdated()
    fields = [*model.model_fields]
    page = _within(page, len(fields), _PER_PAGE)
    rows: list[dict[str, Any]] = []
    for name in fields[page.number * _PER_PAGE :][:_PER_PAGE]:
        values = _counted(every, place_of(model, (name,)))
        rows.append({"field": name, **values})
    newest = every.max(model.version) if known.records else None
    text = rendering.facts(
        {
            "records": f"{known.records:,}",
            "fields": len(fields),
            "unique": "; ".join(", ".join(names) for names in known.unique) or "-",
            "newest version": newest or "-",
        }
    )
    if rows:
        text += "\n" + rendering.table(rows, ("field", "values", "none", "least", "greatest"))
    return Reply(f"{task.table}", text, _pages(page, len(fields), _PER_PAGE))


def export(database: Operated, task: Task, limit: int) -> Reply:
    """Give the records of a table as a file.

    Args:
        database: the database.
        task: what was asked for; its field is the format.
        limit: bytes that a file may have.
    """
    model = database.open_table(task.table)
    rows = map(row_of, model.find().skip_outdated().iterate())
    text = io.StringIO()
    if task.column == "jsonl":
        count = write_lines(rows, text)
    else:
        count = write_csv(rows, columns_of(model), text)
    data = text.getvalue().encode()
    if len(data) > limit - _SPARE:
        raise UsageError(
            f"the records of {task.table!r} take {len(data):,} bytes, and a file may have "
            f"{limit:,} here: `discobase export` on a command line writes them all."
        )
    name = f"{_file_name(task.table)}.{task.column or 'csv'}"
    title = f"{task.table}: {counted(count, 'record')}"
    said = "Secrets are masked."
    if unfit := model.find().count() - count:
        said = f"**{counted(unfit, 'record')} more are not in it.** {_UNFIT}\n{said}"
    return Reply(title, said, files=[SentFile(name, data)])


def shown_record(table: str, record: Table, *, title: str = "") -> Reply:
    """Return a record as it is shown; what has no room there comes as a file."""
    cells = row_of(record)
    text, is_whole = rendering.record(cells)
    files = []
    if not is_whole:
        whole = json.dumps(cells, ensure_ascii=False, indent=2).encode()
        files = [SentFile(f"{_file_name(table)}-{record.pk}.json", whole)]
    return Reply(title or f"{table} {record.pk}, version {record.version}", text, files=files)


Reader = Callable[[Operated, Page], Reply]
"""What shows a page of something."""

READERS: dict[str, Reader] = {
    "tables": tables,
    "schema": schema,
    "table": table,
    "find": find,
    "get": get,
    "column": column,
    "tablestats": tablestats,
}
"""By the names of the commands."""


def _records(page: Page, model: type[Table], query: Query[Table]) -> Reply:
    task = page.task
    chosen = ordered(query, model, task.order)
    total = chosen.count()
    page = _within(page, total, rendering.ROWS)
    first = page.number * rendering.ROWS
    records = chosen.skip_outdated().offset(first).limit(rendering.ROWS)
    rows = [row_of(record) for record in records.iterate()]
    title = f"{task.table}: {counted(total, 'record')}"
    text = f"where {code(cut(task.where, _LONGEST_WHERE))}\n" if task.where else ""
    text += rendering.table(rows, columns_of(model)) if rows else ""
    if len(rows) < min(rendering.ROWS, total - first):
        text += f"\n{_UNFIT}"
    return Reply(title, text or "There are none.", _pages(page, total, rendering.ROWS))


def _counts(model: type[Table], name: str) -> dict[Any, int]:
    """Return how often each value of a field occurs.

    Raises:
        UsageError: they cannot be counted.
    """
    field = place_of(model, (name,))
    try:
        return model.find().skip_outdated().group_by(field).count()
    except UsageError as error:
        raise UsageError(
            f"the values of {name!r} cannot be counted: they are lists, models or dictionaries."
        ) from error


def _counted(every: Query[Table], field: Any) -> dict[str, Any]:
    """Return what is said of a field's values; nothing of what cannot be counted, or compared."""
    try:
        values = every.group_by(field).count()
    except UsageError:  # lists and models are no keys
        return {}
    told: dict[str, Any] = {
        "values": f"{len(values) - (None in values):,}",
        "none": f"{values.get(None, 0):,}",
    }
    try:
        told["least"], told["greatest"] = _as_json(every.min(field)), _as_json(every.max(field))
    except (UsageError, TypeError):
        return told
    return told


def _as_json(value: object) -> object:
    """Return a value of a field as it is shown."""
    return value if value is None or isinstance(value, str) else str(value)


def _default(model: type[Table], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return ""
    return "computed" if field.default_factory is not None else str(field.default)


def _within(page: Page, total: int, size: int) -> Page:
    """Return a page that there is: there may be fewer since its button was shown."""
    return replace(page, number=min(page.number, max(0, (total - 1) // size)))


def _pages(page: Page, total: int, size: int) -> list[Button]:
    """Return the buttons that lead through pages; none where there is one page."""
    last = max(0, (total - 1) // size)
    if not last:
        return []
    at = page.number
    steps = (("First", 0), ("Back", at - 1), ("Next", at + 1), ("Last", last))
    buttons = [
        Button(label, ("page", page.key, str(to), label), works=0 <= to <= last and to != at)
        for label, to in steps
    ]
    here = Button(f"{at + 1:,} of {last + 1:,}", ("page", page.key, "here"), works=False)
    return [*buttons[:2], here, *buttons[2:]]


def _file_name(table: str) -> str:
    return "".join(each if each.isascii() and each.isalnum() else "_" for each in table)[:50]
