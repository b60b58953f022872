"""Requests, tried at the head: each for itself in a savepoint, with a verdict of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from discobase.engine.changes import Change, Insert, Placed, Remove, Replace, Request
from discobase.engine.operations import Declare, Delete, Operation, Put, Schema
from discobase.engine.replica.layout import Layouts
from discobase.engine.replica.positions import Head
from discobase.engine.replica.tables import Tables
from discobase.errors import ConflictError, DiscobaseError, RecordNotFound

Verdict = Placed | DiscobaseError
"""What became of one request: where its changes are placed, or the error that kept them out."""


@dataclass(slots=True)
class Proposal:
    """The requests that hold at the head, applied but not yet settled."""

    seq: int
    chain: str
    operations: list[Operation] = field(default_factory=list[Operation])
    verdicts: list[Verdict] = field(default_factory=list[Verdict])


class Proposals:
    """Tries requests on the writing connection, inside a transaction.

    Args:
        connection: the writing one.
        tables: the records at the head.
        layouts: how their tables are laid out.
    """

    def __init__(self, connection: sqlite3.Connection, tables: Tables, layouts: Layouts) -> None:
        self._connection = connection
        self._tables = tables
        self._layouts = layouts

    def propose(self, requests: Iterable[Request], head: Head) -> Proposal:
        """Apply the requests that hold on the state at the head, each after those before it.

        A request holds or fails as a whole, for itself alone.
        """
        proposal = Proposal(seq=head.seq + 1, chain=head.chain)
        for request in requests:
            proposal.verdicts.append(self._try(request, proposal))
        return proposal

    def _try(self, request: Request, proposal: Proposal) -> Verdict:
        self._connection.execute("SAVEPOINT request")
        try:
            return self._place(request, proposal)
        except DiscobaseError as error:
            self._tables.forget()
            self._connection.execute("ROLLBACK TO request")
            return error
        finally:
            # After some errors, such as a full disk, SQLite has rolled back by itself.
            if self._connection.in_transaction:
                self._connection.execute("RELEASE request")

    def _place(self, request: Request, proposal: Proposal) -> Placed:
        placed = Placed(proposal.seq)
        operations = self._declare(request.schemas, proposal.seq)
        for change in request.changes:
            operation = self._operation(change)
            self._tables.apply(operation, proposal.seq)
            operations.append(operation)
            placed.pks.append(operation.pk)
        if not operations:
            placed.seq = proposal.seq - 1
        proposal.operations += operations
        return placed

    def _declare(self, schemas: Mapping[str, str], seq: int) -> list[Operation]:
        """Declare what the log lacks of the schemas, and return the operations that this takes."""
        operations: list[Operation] = []
        for table, schema in schemas.items():
            declaration = self._declaration(table, schema)
            if declaration is not None:
                self._tables.apply(declaration, seq)
                operations.append(declaration)
        return operations

    def _operation(self, change: Change) -> Put | Delete:
        """Return what a change comes to at this state."""
        match change:
            case Insert(table=table, data=data):
                return Put(table, self._tables.next_pk(table), data)
            case Replace(table=table, pk=pk, data=data, version=version):
                self._require(table, pk, version)
                return Put(table, pk, data)
            case Remove(table=table, pk=pk, version=version):
                self._require(table, pk, version)
                return Delete(table, pk)

    def _require(self, table: str, pk: int, version: int | None) -> None:
        found = self._tables.seq_of(table, pk)
        if found is None:
            raise RecordNotFound(f"record {pk} of {table!r} has been deleted; nothing was written.")
        if version is not None and found != version:
            raise ConflictError(table, pk, expected=version, found=found)

    def _declaration(self, table: str, text: str) -> Declare | None:
        """Return what has to be declared for a writer whose classes have this schema.

        A schema takes effect when it is first seen, and an older one does not come back: programs
        of two versions may write side by side, and a newer one may have dropped a mark. But no
        writer is let down that counts on a unique field: where the table lacks it, it is declared
        again, beside what the others ask for.
        """
        layout = self._layouts.of(table)
        if text in layout.met:
            return None
        if not self._layouts.was_declared(table, text):
            return Declare(table, text)
        wanted = Schema.from_json(text)
        if all(name in layout.keyed and layout.keyed[name].unique for name in wanted.unique):
            layout.met.add(text)
            return None
        return Declare(table, self._layouts.schema(table).joined(wanted).to_json())
