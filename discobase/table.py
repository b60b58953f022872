"""Tables: pydantic models whose instances save, find and delete themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar, cast, overload

from discobase.arguments import checked_flag
from discobase.attempts import name_attempt
from discobase.batches import ChangeReport
from discobase.binding import Binding
from discobase.bulk import SaveReport, delete_all, save_all
from discobase.engine.changes import Change, OnConflict
from discobase.engine.replica import Row
from discobase.errors import RecordNotFound, RecordNotSaved, TableError, UsageError
from discobase.frames.made_records import records_of
from discobase.progress import Progress
from discobase.query import Query, text_search
from discobase.records.as_html import record_html
from discobase.records.expressions.nodes import Expression
from discobase.records.outdated import OutdatedRecord
from discobase.records.record import (
    Record,
    holder_of,
    note_unknown_fields,
    place,
    primary_key,
    unknown_fields,
)
from discobase.records.together import refuse_as_elsewhere
from discobase.shown import in_full, shortened
from discobase.upsert import get_or_create, update_or_create

if TYPE_CHECKING:
    # Checkers find the fields of a model, its parameters, by pydantic's own metaclass.
    from pydantic._internal._model_construction import ModelMetaclass as TableType
else:
    from discobase.records.expressions.table_type import TableType

R = TypeVar("R", bound=Record)

T = TypeVar("T", bound="Table")


class Table(Record, metaclass=TableType):
    """A pydantic model that is a table of a database.

    Derive from it as from :class:`pydantic.BaseModel`, and attach the class with
    :meth:`Database.table <discobase.Database.table>`. Writing methods block until Discord has the
    change, and cost one API call, shared with whatever other threads write at the same time.
    Reading methods never block for Discord and cost none: they read this process's replica.

    An object is not tied to the thread that made it, but two threads should not save the same
    object at once.

    A class may have an ``__init__`` of its own. Loading a record does not call it; what is to be
    done at each loading goes into ``model_post_init``, or a validator.

    A table is in no field of a table: records refer to each other by primary key. A class derived
    from this one that is never attached is a model like others, and may be.

    Fields may have any name that pydantic allows, but for those that are
    :data:`~discobase.table.RESERVED`.
    """

    _binding: ClassVar[Binding[Any] | None] = None

    # Writing

    def save(self) -> Self:
        """Store a new record, or write the changed one. Block; one API call, often shared.

        Values are checked before anything is sent. One that is of another type than its field, as
        in ``balance: float = 0``, becomes one of the field's type if nothing is lost by that. What
        a loaded record has in fields that its class does not know is written back. The last writer
        wins; :meth:`update` can do better.

        Where a call ends without telling whether the record was written (:exc:`OutcomeUnknown`, or
        an interrupt such as Ctrl-C), the object, and each copy of it, remembers what was sent. The
        next call finds out, for the last 10,000 positions, and stores it once: if nothing was
        changed meanwhile, it returns what the first one would have.

        Returns:
            The object itself, with :attr:`pk` and :attr:`version` set.

        Raises:
            pydantic.ValidationError: a value does not fit its field.
            UnstorableValue: a value would not come back as it is.
            UniqueViolation: another record has a value that is unique.
            RecordNotFound: the record has been deleted meanwhile.
            RecordTooLarge: it is more than a message of Discord carries.
            RecordRefused: Discord's filters refuse what it says.
            NotConnected, TableError: there is no database to save to.
            Unavailable, WaitTimeout, Disconnected: nothing was written.
            OutcomeUnknown: it may have been written. Save the object again: that stores it once.
        """
        binding = self._bound()
        return self._write(binding, binding.change(self), "the save")

    def commit(self) -> Self:
        """Store a new record, or write the changed one: another name for :meth:`save`."""
        return self.save()

    def update(self, *, if_unchanged: bool = False) -> Self:
        """Write a record that has been saved before. Block; one API call, often shared.

        Args:
            if_unchanged: write only if nobody has written the record since this object was loaded
                or saved.

        Raises:
            RecordNotSaved: it has never been saved.
            ConflictError: somebody has written it in the meantime.
            DiscobaseError: as for :meth:`save`.
        """
        binding = self._bound()
        self._require_pk("update")
        version = self.version if checked_flag("if_unchanged", if_unchanged) else None
        return self._write(binding, binding.change(self, version=version), "the update")

    def delete(self, *, if_unchanged: bool = False) -> None:
        """Delete the record. Block; one API call, often shared. Afterwards the object is as if it
        had never been saved, but that fields which its class does not know stay with it.

        Args:
            if_unchanged: delete only if nobody has written the record since this object was loaded
                or saved.

        Raises:
            RecordNotSaved: it has never been saved.
            RecordNotFound: it has been deleted already.
            ConflictError: somebody has written it in the meantime.
            DiscobaseError: as for :meth:`save`.
        """
        if not isinstance(cast("object", self), Table):
            raise UsageError(
                f"delete() is called on a record, and not with {shortened(self)}: get it first, as "
                f"in User.get(1).delete(); or delete what a query finds, User.find(...).delete()."
            )
        binding = self._bound()
        self._require_pk("delete")
        version = self.version if checked_flag("if_unchanged", if_unchanged) else None
        binding.remove([self], [binding.removal(self, version=version)], "the delete")

    @classmethod
    def save_many(
        cls,
        records: Iterable[Self],
        *,
        on_conflict: OnConflict = "error",
        atomic: bool = False,
        progress: Callable[[Progress], object] | bool | None = None,
    ) -> SaveReport:
        """Save many records, in as few commits as they fit in: ten thousand small ones are one.

        Block; one API call for each commit, which has 20,000 records at the most, and what one
        message carries: about 20 MiB, compressed. So others need not wait long. Each commit holds
        or fails as a whole; the report says how many it took.

        Args:
            records: new and changed ones alike, each object once; consumed as they are sent.
            on_conflict: what becomes of a record where another one has a value of it that is
                unique. ``"error"``: nothing of its commit is written, and :exc:`UniqueViolation`
                is raised. ``"ignore"``: it is left out, and the object stays as it was.
                ``"update"``: if it is a new one it is written in the place of the other, whose
                primary key it gets, and whose fields that its class does not know stay; if it has
                been saved before, or two others are in its way, that is an error still. It is
                decided when the commit is made, so no other process can come between.
            atomic: whether all of it is to be one commit, which holds or fails as a whole, however
                many records there are. They are all made before anything is sent, and while the
                commit is made, and applied in each process, nothing else is committed there: some 2
                s for 100,000 small records.
            progress: called with a :class:`Progress <discobase.Progress>` at once and after each
                commit; True for a bar on the terminal, by `tqdm` where that is installed.

        Raises:
            UsageError: a new object is given twice, or a saved one twice in one commit; or an
                option is none.
            TableError: one is of another class.
            RecordTooLarge: `atomic`, and they are more than one commit carries. Nothing is written.
            DiscobaseError: as for :meth:`save`. The commits before the one that failed have been
                made, and their objects have a :attr:`version`.
        """
        return save_all(cls._bound(), records, on_conflict, progress, atomic=atomic)

    if TYPE_CHECKING:  # see `_delete_many`

        @classmethod
        def delete_many(
            cls,
            records: Iterable[Self],
            *,
            progress: Callable[[Progress], object] | bool | None = None,
        ) -> ChangeReport:
            """Delete many records, in as few commits as they fit in."""
            ...

    if TYPE_CHECKING:  # see `from_frame`

        @classmethod
        def from_frame(cls, frame: object, /) -> list[Self]:
            """Make a record of each row of a data frame, and save none of them."""
            ...

    @classmethod
    def get_or_create(
        cls, /, defaults: Mapping[str, object] | None = None, **equal: object
    ) -> tuple[Self, bool]:
        """Return the one record whose fields have these values, and whether it was made now. No API
        call where it is there, else one, and it blocks.

        Where one of the fields is :class:`~discobase.Unique` (and its value is not None), this is
        atomic: of any number of processes that call it at the same time one makes the record, and
        the others get that one. Where none is, two of them may make one each; a warning is logged.

        Args:
            defaults: what a record that is made has in other fields. A field that is itself called
                `defaults` has no place here.
            equal: field names and values, as for :meth:`find`.

        Returns:
            The record, and True if it was made.

        Raises:
            SeveralRecords: there are several.
            UniqueViolation: another record has what is in `defaults` and unique.
            UsageError: no value is given, or `pk`, or NaN; or `defaults` is no mapping.
            UnknownField, pydantic.ValidationError: a field or a value that the table does not take.
            DiscobaseError: as for :meth:`save`.
        """
        return get_or_create(cls._bound(), equal, defaults)

    @classmethod
    def update_or_create(
        cls, /, defaults: Mapping[str, object] | None = None, **equal: object
    ) -> tuple[Self, bool]:
        """Return the one record whose fields have these values, with `defaults` written into it, or
        made with them, and whether it was made. Block; one API call, and another one each time that
        somebody else has written the record in between.

        Atomic as :meth:`get_or_create` is: what others have written into other fields stays.

        Args:
            defaults: the fields to be written; without any, a record that is there is left alone.
            equal: field names and values, as for :meth:`find`.

        Returns:
            The record, and True if it was made.

        Raises:
            Unavailable: others kept writing the record.
            DiscobaseError: as for :meth:`get_or_create`.
        """
        return update_or_create(cls._bound(), equal, defaults)

    # Reading

    def refresh(self) -> Self:
        """Take over what the database holds now, also what other processes wrote. No API call.

        Raises:
            RecordNotSaved: it has never been saved.
            RecordNotFound: it has been deleted.
            RecordOutdated: it does not fit the table's fields any more.
        """
        fresh = type(self).get(self._require_pk("refresh"))
        object.__setattr__(self, "__dict__", dict(fresh.__dict__))
        object.__setattr__(self, "__pydantic_extra__", fresh.__pydantic_extra__)
        object.__setattr__(self, "__pydantic_fields_set__", fresh.model_fields_set)
        place(self, fresh.pk, fresh.version)
        note_unknown_fields(self, unknown_fields(fresh))
        return self

    @overload
    @classmethod
    def get(cls, pk: int, *, strict: Literal[True] = True, fresh: bool = False) -> Self: ...

    @overload
    @classmethod
    def get(cls, pk: int, *, strict: bool, fresh: bool = False) -> Self | None: ...

    @classmethod
    def get(cls, pk: int, *, strict: bool = True, fresh: bool = False) -> Self | None:
        """Return the record under a primary key. No API call.

        Args:
            pk: an integer, or what stands for one, as in ``"7"``.
            strict: whether there has to be one. Otherwise None stands for none.
            fresh: see also what any process has saved before this call. One API call.

        Raises:
            RecordNotFound: there is none, and `strict`.
            pydantic.ValidationError: it is no integer.
            RecordOutdated: it does not fit the table's fields any more.
            Unavailable: `fresh`, and Discord could not be read.
        """
        binding, strict = cls._bound(), checked_flag("strict", strict)
        binding.source.freshen(fresh=checked_flag("fresh", fresh))
        row = binding.row(primary_key(cls, pk))
        if row is not None:
            return binding.load(row)
        if strict:
            raise RecordNotFound(f"{binding.name!r} has no record {in_full(pk)}.")
        return None

    @classmethod
    def find(
        cls, /, *expressions: Expression | bool, fresh: bool = False, **equal: object
    ) -> Query[Self]:
        """Select the records of which all expressions are true, and whose fields have these values;
        all of them without arguments. Read nothing yet. No API call.

        Values are compared as the field's own type: ``find(price="1.50")`` on a decimal finds 1.5.
        The field's validators run on them, but for those that look at other fields (``info.data``).
        Models inside are compared by what is stored of them, private attributes left out.
        NaN equals nothing, as everywhere in Python: to find it, look through the records.

        Args:
            expressions: made of the class's attributes, as in ``User.age > 30``; a field of
                booleans is one by itself. Type checkers take them for booleans.
            fresh: see also what any process has saved before the query is first used. One API call
                then, which may raise :exc:`Unavailable`.
            equal: field names and values; ``pk`` and ``version`` as well.

        Raises:
            UnknownField: the table has no such field.
            WrongExpression: one is no expression (a real boolean, for example), or of another
                table.
            pydantic.ValidationError: the field does not allow the value.
            RecordOutdated: a record that was found does not fit the table's fields any more; raised
                when it is reached.
        """
        return Query(cls._bound(), equal, expressions, fresh=fresh)

    @overload
    @classmethod
    def find_unique(
        cls,
        /,
        *expressions: Expression | bool,
        strict: Literal[True] = True,
        fresh: bool = False,
        **equal: object,
    ) -> Self: ...

    @overload
    @classmethod
    def find_unique(
        cls, /, *expressions: Expression | bool, strict: bool, fresh: bool = False, **equal: object
    ) -> Self | None: ...

    @classmethod
    def find_unique(
        cls,
        /,
        *expressions: Expression | bool,
        strict: bool = True,
        fresh: bool = False,
        **equal: object,
    ) -> Self | None:
        """Return the one record of which all expressions are true, and whose fields have these
        values. No API call.

        Args:
            expressions: as for :meth:`find`.
            strict: whether there has to be exactly one. Otherwise None stands for none, and the
                first one for several.
            fresh: as for :meth:`find`; the API call is made at once.
            equal: field names and values, as for :meth:`find`.

        Raises:
            RecordNotFound: there is none, and `strict`.
            SeveralRecords: there are several, and `strict`.
            UsageError: `strict` or `fresh` is no bool.
            UnknownField, WrongExpression, pydantic.ValidationError: as for :meth:`find`.
        """
        found = cls.find(*expressions, fresh=fresh, **equal)
        if not checked_flag("strict", strict):
            return found.first()
        return found._one("strict=False")  # pyright: ignore[reportPrivateUsage] - of one package

    if TYPE_CHECKING:
        # Not in the class, where it would be in the way of a field of its name: see `search`.
        @classmethod
        def search(
            cls, text: str, /, *expressions: Expression | bool, fresh: bool = False, **equal: object
        ) -> Query[Self]:
            """Select records by the words in their texts."""
            ...

    # Records that do not fit any more

    @classmethod
    def outdated(cls) -> list[OutdatedRecord]:
        """Return the stored records that do not fit the table's fields any more, each with the
        reason, in the order of their primary keys. Load all others to see. No API call.
        """
        binding = cls._bound()
        read = map(binding.read, binding.rows())
        return [found for found in read if isinstance(found, OutdatedRecord)]

    @classmethod
    def raw(cls, pk: int) -> dict[str, Any]:
        """Return what is stored under a primary key, whether it fits the table's fields or not. No
        API call.

        Secrets stand in it as they are stored: in plain text.

        Args:
            pk: an integer, or what stands for one, as in ``"7"``.

        Returns:
            The values by the names of fields, as JSON has them.

        Raises:
            RecordNotFound: there is none.
            pydantic.ValidationError: it is no integer.
        """
        stored: dict[str, Any] = json.loads(cls._row(pk)[2])
        return stored

    @classmethod
    def discard(cls, pk: int) -> None:
        """Delete a record without loading it, whether it fits the table's fields or not. Block; one
        API call, often shared.

        Args:
            pk: an integer, or what stands for one, as in ``"7"``.

        Raises:
            RecordNotFound: there is none.
            pydantic.ValidationError: it is no integer.
            DiscobaseError: as for :meth:`save`.
        """
        cls._bound().discard(primary_key(cls, pk))

    # Within

    def _repr_html_(self) -> str:
        """Return the record as a notebook shows it: no more of it than its repr."""
        return record_html(self)

    def _write(self, binding: Binding[Self], change: Change, purpose: str) -> Self:
        binding.commit([self], [change], purpose)
        return self

    @classmethod
    def _row(cls, pk: int) -> Row:
        binding = cls._bound()
        row = binding.row(primary_key(cls, pk))
        if row is None:
            raise RecordNotFound(f"{binding.name!r} has no record {in_full(pk)}.")
        return row

    def _require_pk(self, what: str) -> int:
        if self.pk is None:
            raise RecordNotSaved(
                f"{what}() of {self!r}, which has never been saved, or was deleted: "
                f"save() stores it as a new one."
            )
        return self.pk

    @classmethod
    def _bound(cls) -> Binding[Self]:
        binding: Binding[Self] | None = vars(cls).get("_binding")
        if binding is None:
            raise TableError(
                f"{cls.__name__} is not attached to a database: put @db.table above its class "
                f"statement."
            )
        return binding


def search(
    table: type[T],
    text: str,
    /,
    *expressions: Expression | bool,
    fresh: bool = False,
    **equal: object,
) -> Query[T]:
    """Select the records that have words in their :class:`~discobase.Searchable` texts, those that
    fit best first. Read nothing yet. No API call.

    All words have to be there, in whatever order and whichever of the texts. Upper and lower case
    are the same, and accents are passed over. ``"two words"`` in quotes have to follow each other
    in one text; ``word*`` is what begins so; ``-word``, or ``-"two words"``, must not be there.
    Any other character is one between words: no text is refused for its syntax. A text without
    words finds nothing.

    It looks at what is stored: a default that a record was written without is not found.

    Args:
        table: the class.
        text: what is searched for.
        expressions: what else is to be true of the records, as for :meth:`Table.find`.
        fresh: as for :meth:`Table.find`.
        equal: field names and values, as for :meth:`Table.find`.

    Raises:
        WrongSearch: `text` is none, has more than 100 words, or says only what must not be there;
            or the table has no field that is searched.
        DiscobaseError, pydantic.ValidationError: as for :meth:`Table.find`.
    """
    bound: Binding[T] = table._bound()  # pyright: ignore[reportPrivateUsage] - its own
    return Query(bound, equal, expressions, fresh=fresh, search=text_search(bound, text))


if not TYPE_CHECKING:
    TableType._methods["search"] = search


def delete_many(
    cls: type[T],
    records: Iterable[T],
    *,
    progress: Callable[[Progress], object] | bool | None = None,
) -> ChangeReport:
    """Delete many records, in as few commits as they fit in. Block; one API call for each commit,
    which has 20,000 records at the most. Afterwards the objects are as if they had never been
    saved.

    A class that has a field of this name does not have the method: ``User.delete_many`` is the
    field there, and :meth:`Query.delete` is what is left.

    Args:
        cls: the table, as in ``User.delete_many(records)``.
        records: saved ones, each once; consumed as they are sent.
        progress: as for :meth:`Table.save_many`.

    Returns:
        How many records were deleted, in how many commits.

    Raises:
        RecordNotSaved: one has never been saved. Nothing of its commit is deleted.
        RecordNotFound: one has been deleted already. Nothing of its commit is deleted.
        UsageError: one is given twice.
        TableError: one is of another class.
        DiscobaseError: as for :meth:`Table.save`.
    """
    return delete_all(cls._bound(), records, progress)  # pyright: ignore[reportPrivateUsage] - its own


if not TYPE_CHECKING:
    TableType._methods["delete_many"] = delete_many


def from_frame(cls: type[T], frame: object, /) -> list[T]:
    """Make a record of each row of a data frame, and save none of them: give them to
    :meth:`Table.save_many`. Does not block; no API call.

    Columns are fields; what is missing in one of them gets its default, and what is missing in a
    row is None, where the field takes that. With a column ``pk`` each row is that record, with the
    frame's values in it, so that saving it writes it anew; a row without one is a new record. An
    index of pandas counts as columns if it has a name; one without a name has to be the numbers of
    rows.

    A class that has a field of this name does not have the method.

    Args:
        cls: the table, as in ``User.from_frame(frame)``.
        frame: a ``pandas.DataFrame``, a ``polars.DataFrame``, or a ``pyarrow.Table`` or
            ``pyarrow.RecordBatch``.

    Raises:
        FrameRefused: it is none of these, a column is no field, a field is missing that has no
            default, or a row does not fit. The row and the column are named.
        RecordOutdated: a record that a row is about does not fit the table's fields any more.
        NotConnected: there is a column ``pk``, and no connection.
        TableError: the class is not attached to a database.
    """
    return records_of(cls._bound(), frame)  # pyright: ignore[reportPrivateUsage] - its own


if not TYPE_CHECKING:
    TableType._methods["from_frame"] = from_frame


_METHODS = frozenset(
    {
        *("save", "commit", "update", "delete", "save_many", "refresh"),
        *("get", "find", "find_unique"),
        *("outdated", "raw", "discard"),
        # To come.
        *("get_or_create", "update_or_create", "history", "as_of", "changes"),
    }
)

_OF_PYDANTIC = frozenset({"model_extra", "model_fields", "model_fields_set"})

RESERVED = (
    _METHODS
    | {f"a{name}" for name in _METHODS}
    | {"pk", "version", "strict", "fresh"}
    | _OF_PYDANTIC
)
"""Names that no field of a table may have: what a table and its records do or will do, the same
with an ``a`` before it for asynchronous twins to come, the options of :meth:`Table.find` and
:meth:`Table.find_unique`, and what is asked of pydantic about a record.

The list is closed: no later version refuses a class that this one takes. A method by another name
gives way to a field of that name, in that field's class: :func:`delete_many` is found by the
metaclass, after the fields. What can be done with many records
belongs to :class:`~discobase.Query`, whose names are in nobody's way.
"""


def save_once(record: T, key: str) -> T:
    """Save a new record as :meth:`Table.save` does, and once for a key: however often, and in
    however many processes, one of the same values is saved under it.

    Args:
        record: the record.
        key: what nobody else calls anything: for as long as the last 10,000 positions.

    Raises: as :meth:`Table.save`.
    """
    binding: Binding[T] = vars(type(record))["_binding"]
    name_attempt(record, binding.change(record), key)
    return record.save()


def bind(table: type[Table], binding: Binding[Any], *, before: type[Table] | None = None) -> None:
    """Attach a class to its database.

    Args:
        table: the class.
        binding: what ties it to the database.
        before: the class whose place it takes, if there is one.

    Raises:
        TableError: it is attached already, or is in a field of a table; a field has a name that is
            :data:`RESERVED`, or its annotations make no sense for a table; or it does not load what
            the class before it stored.
    """
    held: Binding[Any] | None = vars(table).get("_binding")
    if held is not None:
        raise TableError(
            f"{table.__name__} is attached already, as {held.name!r} of {held.source.name!r}: a "
            f"class can be a table of one database, once. Derive a class from it for another one."
        )
    if holder := holder_of(table):
        raise TableError(
            f"{table.__name__} cannot be a table, for {holder} has it in a field: store primary "
            f"keys there, in an int field, or let the field have a model that is no table."
        )
    if taken := sorted(RESERVED & table.model_fields.keys()):
        name = taken[0]
        raise TableError(
            f"{table.__name__} has a field {name!r}, a name that tables keep for themselves: "
            f"rename it, as in `{name}_: ...`. If it is to be given as {name!r} all the same, as "
            f"from JSON, write `{name}_: ... = Field(alias={name!r})`, and `model_config = "
            f"ConfigDict(validate_by_name=True)` above it."
        )
    refuse_as_elsewhere(table)
    binding.prepare()
    if before is not None:
        before._bound().give_way(binding)  # pyright: ignore[reportPrivateUsage] - as below
    table._binding = binding  # pyright: ignore[reportPrivateUsage] - the one place it is set


def bindings_of(tables: Mapping[str, type[Table]]) -> Mapping[str, Binding[Any]]:
    """Return what binds each of some attached classes to its table, by the tables' names."""
    return {name: vars(model)["_binding"] for name, model in tables.items()}
