"""Statements in SQL over the replica: run by discobase, or on a connection of the program's own."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from enum import Enum
from functools import partial
from numbers import Integral, Real
from typing import Any, cast

from discobase.binding import Binding
from discobase.engine.operations import Schema
from discobase.engine.replica import Replica
from discobase.engine.replica.checksums import Altered
from discobase.engine.replica.file import ReplicaFile, is_untrue
from discobase.engine.replica.guarded import Ended, Guarded, TooLong, guarded
from discobase.errors import InvalidStatement, Unavailable, WaitTimeout
from discobase.queries.sql_rows import SqlRow, SqlRows, hint
from discobase.queries.views import columns_of, named_apart, view_of
from discobase.records.fingerprint import missing_values
from discobase.records.secrets import holds_secrets
from discobase.source import Source

_TAKEN = (type(None), str, bytes, bytearray, memoryview)
"""Parameters that SQLite takes as they are."""

_LACKS = re.compile(r"no such (table|column|function): (\S+)")

_NEAR = re.compile(r'near "(\w+)": syntax error')

_NOT_THE_STATEMENT = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM}
)
"""What SQLite says where the computer is at fault: a large sort needs room on the disk."""

_CODE = 0xFF
"""The part of SQLite's extended codes that is the code (sqlite.org/rescode.html)."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What statements can name: the columns of each view."""

    columns: Mapping[str, Sequence[str]]

    def explained(self, text: str, statement: str) -> str:
        """Return SQLite's text of an error, with the nearest names where it lacks one, and with
        quotes where a table's name may be a word of SQL.
        """
        if near := _NEAR.match(text):
            return text + self._quoted(near[1])
        found = _LACKS.match(text)
        if found is None or found[1] == "function":
            return text
        name = found[2].strip('"').rpartition(".")[2]
        if found[1] == "table":
            return f"{text}: {hint(name, self.columns) or 'there are none yet.'}"
        return f"{text}: {hint(name, self._columns_in(statement))}"

    def _quoted(self, word: str) -> str:
        meant = [each for each in self.columns if each.lower() == word.lower()]
        return "".join(f' (a table is named so: it is written FROM "{each}")' for each in meant)

    def _columns_in(self, statement: str) -> list[str]:
        words = {word.lower() for word in re.findall(r"\w+", statement)}
        named = [each for each in self.columns if each.lower() in words] or [*self.columns]
        return list(dict.fromkeys(name for each in named for name in self.columns[each]))


class Sql:
    """Statements over the tables of one database.

    Args:
        source: where it reads.
        bindings: returns what ties its attached tables to it, by name.
    """

    def __init__(self, source: Source, bindings: Callable[[], Mapping[str, Binding[Any]]]) -> None:
        self._source = source
        self._bindings = bindings

    def rows(
        self, statement: str, parameters: object, timeout: float | None, *, fresh: bool
    ) -> SqlRows:
        """Run a statement, and return all of its rows.

        Raises:
            InvalidStatement: it cannot be run.
            WaitTimeout: it took too long, and was interrupted.
            Unavailable: there is no room for what it needs.
        """
        end = None if timeout is None else time.monotonic() + timeout
        if not isinstance(cast("object", statement), str):
            raise InvalidStatement(f"a statement is a text, and not {statement!r}.")
        self._source.freshen(fresh=fresh)
        replica = self._source.replica("the statement")
        return replica.with_file(partial(self._rows_of, replica, statement, parameters, end))

    def connection(self, timeout: float | None, *, fresh: bool) -> Guarded:
        """Return a connection that only reads."""
        self._source.freshen(fresh=fresh)
        replica = self._source.replica("the connection")
        made = replica.with_file(partial(self._open, replica))
        made.limit(timeout)
        return made

    def _rows_of(
        self,
        replica: Replica,
        statement: str,
        parameters: object,
        end: float | None,
        file: ReplicaFile,
    ) -> SqlRows:
        with closing(self._open(replica, file)) as connection:
            connection.limit(None if end is None else max(0.0, end - time.monotonic()))
            try:
                cursor = connection.execute(statement, parameters)
                if cursor.description is None:
                    raise InvalidStatement("there is no statement in it that selects anything.")
                names = tuple(column[0] for column in cursor.description)
                return SqlRows(names, (SqlRow.of(row, names) for row in cursor.fetchall()))
            except TooLong:
                raise WaitTimeout(
                    "the statement took longer than its timeout, and was interrupted."
                ) from None
            except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
                if isinstance(error, sqlite3.Error) and _is_of_the_file(error):
                    raise
                raised = _refusal(error)
            raise raised

    def _open(self, replica: Replica, file: ReplicaFile) -> Guarded:
        schemas = self._schemas(replica)
        views: dict[str, str] = {}
        known: dict[str, Sequence[str]] = {}
        bindings = self._bindings()
        for view, table in named_apart(schemas).items():
            schema = schemas[table]
            views[view] = view_of(
                table,
                schema,
                replica.layouts.get(table),
                _Defaults(bindings.get(table)),
                secret_fields(bindings.get(table)),
                with_sums=file.is_kept,
            )
            known[view] = columns_of(schema)
        return guarded(
            file,
            views,
            adapt=adapted,
            explain=_Known(known).explained,
            failing=replica.note_failure,
        )

    def _schemas(self, replica: Replica) -> dict[str, Schema | None]:
        """Return what is known of the fields of each table: by its class, or else by the class that
        has written to it last.
        """
        schemas: dict[str, Schema | None] = {
            name: layout.newest for name, layout in replica.layouts.items()
        }
        for name, binding in self._bindings().items():
            schemas[name] = binding.schema.declared
        return schemas


class _Defaults(Mapping[str, Any]):
    """The stored forms of a class's defaults, made when one is asked for: few are."""

    def __init__(self, binding: Binding[Any] | None) -> None:
        self._binding = binding

    def __getitem__(self, name: str) -> Any:
        if self._binding is None:
            raise KeyError(name)
        value = missing_values(self._binding.codec.model)[name]
        try:
            return self._binding.codec.stored_form(name, value)
        except (ValueError, RecursionError):
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(() if self._binding is None else missing_values(self._binding.codec.model))

    def __len__(self) -> int:
        return len(list(iter(self)))


def secret_fields(binding: Binding[Any] | None) -> list[str]:
    """Return the fields of a table's class whose values may be secrets; none where there is no
    class.
    """
    if binding is None:
        return []
    fields = binding.codec.model.model_fields.items()
    return [name for name, field in fields if holds_secrets(field.annotation)]


def adapted(parameters: object) -> Any:
    """Return parameters as SQLite takes them, each as a column of its type has it.

    Raises:
        sqlite3.ProgrammingError: they are neither a sequence nor a mapping.
    """
    if isinstance(parameters, Mapping):
        named = cast("Mapping[str, object]", parameters)
        return {name: _adapted(value) for name, value in named.items()}
    if isinstance(parameters, Sequence) and not isinstance(parameters, str | bytes):
        return [_adapted(value) for value in cast("Sequence[object]", parameters)]
    raise sqlite3.ProgrammingError(
        f"parameters={parameters!r}: give a list or tuple for question marks, or a dictionary for "
        f":names."
    )


def _adapted(value: object) -> object:
    if isinstance(value, Enum):
        return _adapted(value.value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real | Decimal):
        return float(value)
    if isinstance(value, datetime):
        moment = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        return str(moment)
    if isinstance(value, date | clock_time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, _TAKEN):
        return cast("object", value)
    # UUIDs, paths, addresses and URLs are texts in JSON; of others their texts would say nothing.
    written = type(value).__module__.partition(".")[0] in {"uuid", "pathlib", "ipaddress"}
    return str(value) if written else value


def _is_of_the_file(error: sqlite3.Error) -> bool:
    """Return whether an error says that the file is at fault, and not the statement, which can have
    SQLite make texts that are none.
    """
    has_code = hasattr(error, "sqlite_errorcode")
    return isinstance(error, Altered | Ended) or (has_code and is_untrue(error))


def _refusal(error: Exception) -> Exception:
    if getattr(error, "sqlite_errorcode", 0) & _CODE in _NOT_THE_STATEMENT:
        return Unavailable(f"the statement could not be run: {error}. Is the disk full?")
    return InvalidStatement(str(error))
