"""What ties a table class to its source: a name, a codec, and the requests made of it."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from discobase.attempts import attempt_in, attempted
from discobase.engine.changes import (
    Change,
    Insert,
    OnConflict,
    Placed,
    Remove,
    Replace,
    Request,
    TextIndexWanted,
    new_key,
)
from discobase.engine.replica import has_fts5
from discobase.errors import TableError
from discobase.once import once
from discobase.portal import users_frame
from discobase.records.codec import Codec
from discobase.records.compatibility import incompatibility
from discobase.records.model import inner_models, undefined_name
from discobase.records.outdated import OutdatedRecord, reasons_for
from discobase.records.record import (
    Record,
    note_attempt,
    note_holder,
    place,
    place_loaded,
)
from discobase.schema import NOTHING_BESIDE, TableSchema

if TYPE_CHECKING:
    from discobase.engine.replica import Row
    from discobase.source import Source


R = TypeVar("R", bound=Record)

_log = logging.getLogger(__name__)


class Binding(Generic[R]):
    """One table class in one database.

    Args:
        source: where it reads and writes.
        name: the table's name.
        model: its class, whose annotations may name what is defined later.

    Attributes:
        statements: what queries keep of the SQL that they have made, by the shapes of their plans.
    """

    def __init__(self, source: Source, name: str, model: type[R]) -> None:
        self.source = source
        self.name = name
        self._model = model
        self._successor: Binding[Any] | None = None
        self.statements: dict[Any, Any] = {}

    def prepare(self) -> None:
        """Say now what is wrong with the class, unless it names what is not defined yet: then its
        first use completes it.

        Raises:
            TableError: its annotations make no sense for a table.
        """
        if undefined_name(self._model, _users_names()) is None:
            _ = self.codec

    @once
    def codec(self) -> Codec[R]:
        """How its records are written and read.

        Raises:
            TableError: the annotations of the class cannot be resolved, or make no sense for a
                table.
        """
        codec = Codec(self._model, self.name, _users_names())
        if codec.searched and not has_fts5():
            raise TableError(
                f"{self._model.__name__} has a field that is Searchable(), and the SQLite of this "
                f"Python, {sqlite3.sqlite_version}, was built without FTS5, which finds words: use "
                f"another build, or leave the mark out."
            )
        self.source.want_texts(TextIndexWanted(self.name, codec.searched))
        _keep_tables_apart(self._model)
        return codec

    @once
    def schema(self) -> TableSchema[R]:
        """What the class says of the table's fields, and what the log lacks of that."""
        return TableSchema(self.codec, self.name)

    # Classes of one name, one after the other

    @property
    def latest(self) -> Binding[Any]:
        """That of the class which is the table now: this one, or one that has taken its place."""
        latest: Binding[Any] = self
        while latest._successor is not None:
            latest = latest._successor
        return latest

    def give_way(self, successor: Binding[Any]) -> None:
        """Let another class take the place of this one, whose objects are saved as the other would
        from now on.

        Raises:
            TableError: it does not load what this one stored.
        """
        old, new = self._model, successor._model
        # One that names what is not defined yet says later what is wrong with it.
        complete = undefined_name(old) is None and undefined_name(new) is None
        if complete and (difference := incompatibility(old, new)):
            raise TableError(
                f"{new.__name__} cannot take the place of the class that is the table "
                f"{self.name!r}, for records are stored that it does not load: {difference}. Give "
                f"a new field a default, and let the others take what they took; or attach it as "
                f"another table, with @db.table(name=...), or to a new Database(...)."
            )
        _log.info(
            "%s takes the place of the class of its name as table %r of %r",
            new.__name__,
            self.name,
            self.source.name,
        )
        self._successor = successor

    def of(self, record: Record) -> Binding[Any] | None:
        """Return the binding of a record's class if it is this table: this one, or that of a class
        which was the table before it, or is it now.
        """
        if type(record) is self._model:
            return self
        other: Binding[Any] | None = vars(type(record)).get("_binding")
        return other if other is not None and other.latest is self.latest else None

    def _taken_over(self, data: str, pk: int | None, known: Collection[str]) -> str:
        """Return what this class stores of a record whose class was the table before it.

        Args:
            data: what that class stores.
            pk: the record's primary key, if it was saved.
            known: the fields of that class. Others of the record stay as they are stored.
        """
        values: dict[str, Any] = json.loads(data)
        if pk is not None and (row := self.row(pk)) is not None:
            stored: dict[str, Any] = json.loads(row[2])
            values = {name: stored[name] for name in stored if name not in known} | values
        return self.codec.encode(self.codec.decode(json.dumps(values)))

    # What is asked of the source

    def change(
        self, record: R, *, version: int | None = None, on_conflict: OnConflict = "error"
    ) -> Insert | Replace:
        """Return what saving a record comes to: an insert, or a new text for the record it is.

        Args:
            record: new, or saved before.
            version: what a record that was saved before has to be at, where that matters.
            on_conflict: what becomes of it where another one has a value of it that is unique.

        Raises:
            UnstorableValue, pydantic.ValidationError: see :meth:`Codec.encode
                <discobase.records.codec.Codec.encode>`.
        """
        data = self.codec.encode(record)
        if self._successor is not None:
            data = self.latest._taken_over(data, record.pk, self._model.model_fields)
        if record.pk is None:
            return Insert(self.name, data, attempt_in(record), on_conflict)
        return Replace(self.name, record.pk, data, version, attempt_in(record), on_conflict)

    def commit(self, records: Sequence[R], changes: Sequence[Change], purpose: str) -> Placed:
        """Commit changes that put records of this table, all or none, wait until Discord has them,
        and note in the records where they are. One API call, often shared; where the log lacks the
        class's schema, what it says of that goes into the same commit, or into some before it where
        there are many records.

        Args:
            records: of each change, in order.
            changes: what is to be done.
            purpose: a name for it in errors, as in "the save".
        """
        key = new_key()
        with attempted(records, changes, key):
            placed = self.commit_changes(changes, purpose, key)
        last = {pk: at for at, pk in enumerate(placed.pks) if at not in placed.ignored}
        for index, (record, pk) in enumerate(zip(records, placed.pks, strict=True)):
            if index in placed.ignored:
                note_attempt(record, None)
                continue
            # Where two of them have become one record, it is the last one: nothing has the version
            # 0, so that the other one is not taken for unchanged.
            is_last = not placed.updated or last[pk] == index
            place(record, pk, placed.versions[index] if is_last else 0)
            if index in placed.updated and (row := self.row(pk)) is not None:
                self.codec.carry_unknown(record, row[2])
        return placed

    def commit_changes(
        self,
        changes: Sequence[Change],
        purpose: str,
        key: str,
        *,
        beside: Mapping[str, str] = NOTHING_BESIDE,
    ) -> Placed:
        """Commit changes of this table, all or none, and wait until Discord has them. One API call,
        often shared.

        Args:
            changes: what is to be done, in order: deletes, or what puts records.
            purpose: a name for it in errors.
            key: what the request is called in the log.
            beside: the schemas of other tables, by their names, where changes put records of these,
                too. The log has them already.
        """
        source = self.source
        if all(isinstance(change, Remove) for change in changes):  # the class has no say in that
            return source.commit(Request(changes, purpose=purpose, timeout=source.timeout, key=key))
        return self.latest.schema.commit(source, changes, purpose, key, beside=beside)

    def removal(self, record: R, *, version: int | None = None) -> Remove:
        """Return what deleting a record comes to, which was saved before.

        Args:
            record: the record.
            version: what it has to be at, where that matters.
        """
        assert record.pk is not None
        return Remove(self.name, record.pk, version, attempt_in(record))

    def remove(self, records: Sequence[R], removals: Sequence[Remove], purpose: str) -> None:
        """Delete records, all or none, wait until Discord has it, and note that in them. One API
        call, often shared.

        Args:
            records: of each removal, in order.
            removals: what :meth:`removal` gave.
            purpose: a name for it in errors, as in "the delete".
        """
        key = new_key()
        with attempted(records, removals, key):
            self.commit_changes(removals, purpose, key)
        for record in records:
            place(record, None, None)

    def discard(self, pk: int) -> None:
        """Delete the record under a primary key, and wait until Discord has it. One API call, often
        shared.
        """
        source = self.source
        source.commit(
            Request([Remove(self.name, pk)], purpose="the discard", timeout=source.timeout)
        )

    def row(self, pk: int) -> Row | None:
        """Return the row under a primary key, or None. No API call."""
        return self.source.replica().get(self.name, pk)

    def rows(self) -> list[Row]:
        """Return all rows, in the order of their primary keys. No API call."""
        return self.source.replica().select(self.name, [])

    def load(self, row: Row) -> R:
        """Return the record that a row of the replica holds.

        Raises:
            RecordOutdated: it was written under another schema, and does not fit this one.
        """
        found = self.read(row)
        if isinstance(found, OutdatedRecord):
            raise found.error()
        return found

    def read(self, row: Row) -> R | OutdatedRecord:
        """Return the record that a row of the replica holds, or why it does not fit its class."""
        pk, version, data = row
        record = self.codec.decoded(data)
        if isinstance(record, Exception):
            return OutdatedRecord(self.name, pk, version, reasons_for(self._model, record), data)
        place(record, pk, version)
        return record

    def load_all(
        self, pks: Sequence[int], versions: Sequence[int], texts: Sequence[str]
    ) -> list[R] | None:
        """Return the records that rows of the replica hold, made at once; None where they have to
        be read one by one.

        Args:
            pks: the primary key of each row.
            versions: its version.
            texts: its data.
        """
        records = self.codec.decoded_all(texts)
        if records is not None:
            place_loaded(records, pks, versions)
        return records


def _keep_tables_apart(model: type[Record]) -> None:
    """Refuse a table in a field of a table, also one that is made a table later.

    What is stored would be a copy: without the primary key, saving it would make a second record;
    with it, an old state would overwrite the record. A reference is a primary key, in a field that
    says so, and such an annotation stays free for a better one.
    """
    inside = [inner for inner in inner_models(model) if issubclass(inner, Record)]
    for inner in inside:
        if inner is model or vars(inner).get("_binding") is not None:
            raise TableError(
                f"{model.__name__} has {inner.__name__} in a field, which is a table itself: store "
                f"the record's primary key in an int field, or let the field have a model that is "
                f"no table."
            )
    for inner in inside:
        note_holder(inner, model.__name__)


def _users_names() -> dict[str, Any] | None:
    """Return what names stand for where the package was called, as in the function that has the
    class in it.
    """
    frame = users_frame()
    return None if frame is None else dict(frame.f_locals)
