"""The history of a database as its users see it: which commit changed what, when, and who wrote it.

The log has what was saved, and not what was there before. Secrets are masked, by what is known of
the table now.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from discobase.engine.operations import (
    Constrain,
    Declare,
    Delete,
    Introduce,
    Operation,
    Put,
    Release,
    Require,
    Seal,
)
from discobase.engine.past import PastCommit
from discobase.engine.replica import Layout
from discobase.engine.server.seam import time_of
from discobase.engine.together import names_of
from discobase.queries.views import forms_of
from discobase.records.secrets import MASK


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """What a commit did to one record.

    Attributes:
        table: the name of its table.
        pk: its primary key.
        values: what is stored of it from there on, as JSON has it, secrets masked; None where it
            was deleted.
    """

    table: str
    pk: int
    values: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class LoggedCommit:
    """A commit of the log.

    Attributes:
        position: its position: the :attr:`version <discobase.Table.version>` of the records that it
            saved.
        time: when it was written, in UTC, by Discord's clock.
        writer: the id of the connection that wrote it.
        label: what that is called, as in "web-1 gunicorn discobase/2.0.0" (the `label` of its
            :class:`~discobase.Database`); None where nobody can tell.
        channel: the id of the channel that it is in.
        message: the id of its message.
        changes: what it did to records, in order.
        notes: what else it did, in words.
        operations: how many lines it has in the log; None where nobody can tell.
        size: the bytes that they take, before compression; None where nobody can tell.
        unread: why neither changes nor notes are there, in words; None where they are.
    """

    position: int
    time: datetime
    writer: str
    label: str | None
    channel: int
    message: int
    changes: Sequence[LoggedChange]
    notes: Sequence[str]
    operations: int | None
    size: int | None
    unread: str | None


class Tellers:
    """Tells commits as users see them.

    Args:
        layouts: how the tables are laid out now, by name.
        labels: what writers are called, by their ids.
        secret: the fields of each table that its class, in this program, knows to be secret.
    """

    def __init__(
        self,
        layouts: Mapping[str, Layout],
        labels: Mapping[str, str],
        secret: Mapping[str, Collection[str]],
    ) -> None:
        self._layouts = layouts
        self._labels = labels
        self._secret = secret
        self._masked_in = cache(self._fields_to_mask)

    def tell(self, past: PastCommit) -> LoggedCommit:
        """Return a commit as users see it."""
        return LoggedCommit(
            past.seq,
            datetime.fromtimestamp(time_of(past.message), UTC),
            past.writer,
            self._labels.get(past.writer),
            past.channel,
            past.message,
            tuple(self._changes(past.operations)),
            tuple(_notes(past.operations)),
            past.count,
            past.size,
            past.unread,
        )

    def _changes(self, operations: Iterable[Operation]) -> Iterator[LoggedChange]:
        for operation in operations:
            match operation:
                case Put(table, pk, data, number):
                    values = self._masked(table, number, json.loads(data))
                    yield LoggedChange(table, pk, values)
                case Delete(table, pk):
                    yield LoggedChange(table, pk, None)
                case _:
                    pass

    def _masked(self, table: str, number: int, values: dict[str, Any]) -> dict[str, Any]:
        masked = self._masked_in(table, number)
        return {
            name: MASK if name in masked and value is not None else value
            for name, value in values.items()
        }

    def _fields_to_mask(self, table: str, number: int) -> frozenset[str]:
        """Return the fields that are secret by the schema that a record was put under, by any later
        one, or by the class.
        """
        layout = self._layouts.get(table)
        fields = set(self._secret.get(table, ()))
        for at, schema in layout.schemas.items() if layout is not None else ():
            if at >= number:
                fields |= {each for each in schema.names if "password" in forms_of(schema, each)[1]}
        return frozenset(fields)


def _notes(operations: Iterable[Operation]) -> Iterator[str]:
    for operation in operations:
        match operation:
            case Declare(table=table):
                yield f"says which fields {table} has"
            case Constrain(table=table, field=field):
                yield f"makes {_named(table, field)} unique"
            case Release(table=table, field=field):
                yield f"lets {_named(table, field)} be unique no longer"
            case Introduce(label=label):
                yield f"says that its writer is called {label}"
            case Require(version=version):
                yield f"requires discobase {version}"
            case Seal(generation=generation):
                yield f"ends this generation of the log: the next one is {generation}"
            case _:
                pass


def _named(table: str, field: str) -> str:
    return " and ".join(f"{table}.{name}" for name in names_of(field))
