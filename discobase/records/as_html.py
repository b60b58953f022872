"""Records as HTML, with no more of them than their repr shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from discobase import markup
from discobase.records.outdated import OutdatedRecord

if TYPE_CHECKING:
    from discobase.records.record import Record


def record_html(record: Record) -> str:
    """Return one record, field by field."""
    if _shows_itself_otherwise(type(record)):
        return markup.block(repr(record))
    return markup.facts(type(record).__name__, _shown(record))


def records_html(
    model: type[Record], records: Sequence[Record | OutdatedRecord], title: str, told: str
) -> str:
    """Return records in rows.

    Args:
        model: their class.
        records: those that are shown, or why one does not load.
        title: what they are.
        told: how many there are.
    """
    if _shows_itself_otherwise(model):
        return markup.table(["record"], [[_line(each)] for each in records], title, told)
    rows = [_row(each) for each in records]
    names = [*dict.fromkeys(name for row in rows for name in row)]
    return markup.table(names, [[row.get(name, "") for name in names] for row in rows], title, told)


def _row(record: Record | OutdatedRecord) -> dict[str, Any]:
    if isinstance(record, OutdatedRecord):
        return {"pk": record.pk, "(does not load)": record.reason}
    return dict(_shown(record))


def _line(record: Record | OutdatedRecord) -> str:
    return record.reason if isinstance(record, OutdatedRecord) else repr(record)


def _shown(record: Record) -> Iterable[tuple[str, Any]]:
    for name, value in record.__repr_args__():
        yield name or "", value


def _shows_itself_otherwise(model: type[Record]) -> bool:
    """Return whether a class has a repr of its own, which may hide what the fields would show."""
    return model.__repr__ is not BaseModel.__repr__
