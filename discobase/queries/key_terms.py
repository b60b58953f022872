"""The keys of a table's fields, as SQL has them: in a key column, or computed while it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from discobase.engine.changes import IndexWanted
from discobase.engine.keys import Kind
from discobase.engine.replica import KeyColumn, Layout, computed_key, key_unknown, table_name

if TYPE_CHECKING:
    from discobase.binding import Binding
    from discobase.records.expressions.text_search import TextSearch

_ROOM = 30_000
"""Values that one statement binds. SQLite takes 32,766 (sqlite.org/limits.html)."""


@dataclass(frozen=True, slots=True)
class KeyTerm:
    """The key of a field in SQL.

    Args:
        table: the table's name.
        sql: the expression; NULL, or :data:`~discobase.engine.replica.columns.KEYLESS`, where the
            key of a row is not known.
        kind: how the keys are made.
        column: the key column, which has an index; None where SQL computes the key.
        is_known: whether every row has its key, or the statement is not to be.
    """

    table: str
    sql: str
    kind: Kind
    column: KeyColumn | None
    is_known: bool

    @property
    def unknown(self) -> str:
        """The condition for rows whose key is not known."""
        if self.column is None:
            return f"{self.sql} IS NULL"
        return key_unknown(self.table, self.column)


class KeyTerms:
    """The keys of the fields of one table, for one statement.

    Args:
        binding: the table.
        layout: how it is laid out.
        trusting: whether key columns are taken for whole; the statement has to look.

    Attributes:
        binding: the table.
        layout: how it is laid out now.
        trusting: whether key columns are taken for whole.
        search: the search that the index of texts answers: the statement's rows all fit it.
        arguments: what the statement binds.
    """

    def __init__(
        self,
        binding: Binding[Any],
        layout: Layout,
        *,
        trusting: bool,
        search: TextSearch | None = None,
    ) -> None:
        self.binding = binding
        self.layout = layout
        self.search = search
        self.trusting = trusting
        self._found: dict[str, KeyTerm | None] = {}
        self.arguments: dict[str, object] = {}

    def bind(self, value: object) -> str:
        """Return what stands for a value in the statement."""
        name = f"p{len(self.arguments)}"
        self.arguments[name] = value
        return f":{name}"

    @property
    def whole(self) -> tuple[KeyColumn, ...]:
        """The key columns that the statement takes for whole."""
        terms = [term for term in self._found.values() if term is not None and term.is_known]
        return tuple([term.column for term in terms if term.column is not None])

    @property
    def others(self) -> list[KeyColumn]:
        """The other key columns that the statement looks into."""
        terms = [term for term in self._found.values() if term is not None]
        return [term.column for term in terms if term.column is not None and not term.is_known]

    @property
    def computed(self) -> list[str]:
        """The fields whose keys SQL computes."""
        found = self._found.items()
        return [name for name, term in found if term is not None and term.column is None]

    def is_full(self, more: int) -> bool:
        """Return whether the statement has no room for so many more values: Python looks for them
        then.
        """
        return len(self.arguments) + more > _ROOM

    def of(self, name: str) -> KeyTerm | None:
        """Return the key of a field; None where its values have none. Ask for an index where there
        could be one.
        """
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> KeyTerm | None:
        binding, layout = self.binding, self.layout
        kind = binding.codec.kinds[name]
        if kind == "opaque":
            return None
        field = binding.schema.fields[name]
        if column := layout.columns.get((name, field.fingerprint)):
            # Qualified: SQLite takes the bare name of a column that is not there for a string.
            sql = f"{table_name(binding.name)}.{column.name}"
            return KeyTerm(binding.name, sql, kind, column, is_known=self.trusting)
        if layout.is_current(name, field.fingerprint):
            binding.source.want_index(IndexWanted(binding.name, name, field.fingerprint))
        own = _own(layout, name, field.fingerprint)
        if not own:
            return None
        sql = computed_key(binding.name, KeyColumn.of(name, field), own)
        return KeyTerm(binding.name, sql, kind, None, is_known=False)


def _own(layout: Layout, name: str, fingerprint: str) -> list[int]:
    schemas: Mapping[int, Any] = layout.schemas
    return [number for number in schemas if layout.fingerprint(number, name) == fingerprint]
