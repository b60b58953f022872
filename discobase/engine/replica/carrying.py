"""What an export holds, as operations at this state: its records under their own primary keys, its
schemas under their numbers, and what is unique.

All of it may be asked for again: what is there already comes to nothing, and what is there
otherwise is never displaced.
"""

from __future__ import annotations

from discobase.engine.changes import CarryIn, CarryNext, CarrySchema, CarryUnique
from discobase.engine.operations import Constrain, Declare, Delete, Names, Operation, Put, Schema
from discobase.engine.replica.columns import KeyColumn
from discobase.engine.replica.layout import Layouts
from discobase.engine.replica.tables import Tables
from discobase.engine.together import names_of
from discobase.errors import ImportRefused, SchemaConflict


def put_of(change: CarryIn, tables: Tables, layouts: Layouts) -> Put | int:
    """Return the put that a record comes to; the position that wrote it, where it is there.

    Raises:
        ImportRefused: another record is there, or the log has no schema of that number.
    """
    table, pk = change.table, change.pk
    if change.schema and change.schema not in layouts.of(table).schemas:
        raise ImportRefused(
            f"record {pk} of {table!r} was written under schema {change.schema}, which the log "
            f"does not have; it was not written.",
            table=table,
            pk=pk,
        )
    seq = tables.seq_of(table, pk)
    if seq is None:
        return Put(table, pk, change.data, change.schema)
    if tables.stored(table, pk) != (change.schema, change.data):
        raise ImportRefused(
            f"{table!r} has another record {pk} by now, of position {seq}; that of the export was "
            f"not written. Let no other program write while an import is under way.",
            table=table,
            pk=pk,
        )
    return seq


def declaration_of(wanted: CarrySchema, layouts: Layouts) -> Declare | None:
    """Return the declaration that a schema comes to; None where it is there.

    Raises:
        ImportRefused: the number is another schema's.
    """
    held = layouts.of(wanted.table).schemas.get(wanted.number)
    if held is None:
        return Declare(wanted.table, wanted.schema, wanted.number)
    if held == Schema.from_json(wanted.schema):
        return None
    raise ImportRefused(
        f"{wanted.table!r} has another schema {wanted.number} by now than the export; it was not "
        f"imported. Let no other program write while an import is under way.",
        table=wanted.table,
    )


def raising_of(wanted: CarryNext, tables: Tables) -> tuple[Operation, ...]:
    """Return what raises a table's next primary key: a record that is put and deleted again, which
    is called nothing. Nothing where the key is as high.
    """
    if tables.next_pk(wanted.table) >= wanted.next:
        return ()
    pk = wanted.next - 1
    return Names(""), Put(wanted.table, pk, "{}"), Delete(wanted.table, pk)


def constraint_of(wanted: CarryUnique, layouts: Layouts) -> Constrain | None:
    """Return the constraint that makes a field unique; None where it is unique in that way.

    Raises:
        SchemaConflict: the log does not tell the field's value of each record.
        DuplicatesFound: records share a value.
    """
    table, name = wanted.table, wanted.field
    layout = layouts.of(table)
    column = KeyColumn.of(name, layout.schemas[wanted.schema].fields[name])
    held = layout.unique_column(name)
    if held is not None and held.identity == column.identity:
        return None
    layouts.add_column(table, column)
    if not layouts.is_known(table, column):
        raise SchemaConflict(table, *names_of(name))
    return Constrain(table, name, wanted.schema)
