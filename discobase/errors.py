"""The exceptions discobase raises, as one tree.

Every class says in its first line what went wrong; every message names the value that caused it and
what to do now. Where the effect of a write is not known, the exception says so: it is an
:exc:`OutcomeUnknown`.

::

    DiscobaseError
    ├── UsageError                  the call does not fit the state or the arguments
    │   ├── NotConnected            used before login or after close
    │   ├── AlreadyConnected        a second login while the first one lives
    │   ├── WouldDeadlock           a blocking call made on the thread that would have to answer it
    │   ├── TableError              a class that cannot be a table, or is not one yet
    │   ├── TableNotFound           the database has no table of that name (with the nearest names)
    │   ├── UnknownField            a field no such table has (with the nearest names)
    │   │   └── UnknownAttribute    an attribute no such class has (with the nearest names)
    │   ├── WrongExpression         what is no expression, or makes no sense for its field
    │   ├── WrongOperand            a field compared with a value that its type does not take
    │   ├── InvalidStatement        a statement in SQL that cannot be run (with the nearest names)
    │   ├── WrongSearch             what is searched for is no search, or nothing is searched there
    │   ├── PathRefused             a path where no export is written, or none can be read
    │   ├── ImportRefused           what an export holds does not go into this database
    │   ├── OriginalNotFound        no database of the older discobase 1.0.0 is in that server
    │   ├── RecordNotSaved          update, delete or refresh of a record that has never been saved
    │   ├── MoveRefused             the database cannot move to that server
    │   ├── ReadOnly                a write through a database that was made to be read only
    │   ├── FrameRefused            a data frame cannot be made of values, or records of it
    │   └── PackageMissing          a package is not installed that one of the extras brings
    ├── ConnectError                the connection could not be made, or has ended for good
    │   ├── BadToken                Discord refused the bot token
    │   ├── KeyNeeded               the database is encrypted, and no key was given
    │   ├── WrongKey                it is encrypted by another key than the one that was given
    │   ├── NotEncrypted            a key was given, and the database is not encrypted
    │   ├── KeyChanged              it is encrypted by another key than before, or not any more
    │   ├── ServerNotFound          the bot is in no server of that name
    │   ├── DatabaseNotFound        there is no database, and what only reads creates none
    │   ├── ServerAmbiguous         the bot is in several servers of that name
    │   ├── MissingPermission       the bot may not do what a database needs
    │   ├── ServerFull              no room for the channels of a database
    │   ├── NoncesIgnored           the server does not keep Discord's word on nonces
    │   ├── SuccessionRefused       a bot may not take a database over, or not yet
    │   ├── IdentifyLimit           not raised any more
    │   └── Disconnected            the connection ended while a call was waiting
    ├── Unavailable                 Discord did not answer, or refused; nothing was written
    ├── WaitTimeout                 the time given was too short; nothing was written
    ├── OutcomeUnknown              the write may or may not have happened
    ├── RecordError                 something about one record
    │   ├── RecordNotFound          no record fits, or it has been deleted
    │   ├── SeveralRecords          more than one record fits where one was asked for
    │   ├── UniqueViolation         another record has this value in a unique field
    │   ├── ConflictError           the record was written by somebody else in the meantime
    │   ├── UnstorableValue         the value would not come back as it went in
    │   ├── RecordTooLarge          more than one message of Discord can carry
    │   ├── RecordRefused           Discord's filters refuse what the record says
    │   └── RecordOutdated          a stored record does not fit the table's fields any more
    ├── ExportFailed                the file of an export could not be written
    ├── ExportDamaged               a file is no export, or not as it was written
    ├── LogDamaged                  the log in Discord was edited, forged or has lost a message
    │   └── ChannelDeleted          a channel of the database has been deleted, with all it held
    ├── UpgradeNeeded               the database was written by a later version of discobase
    └── DatabaseEnded               nobody writes to this database any more
        ├── DatabaseDeleted         it was deleted, or is being deleted
        └── DatabaseTakenOver       another bot has taken it over
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Literal

from discobase._version import __version__
from discobase.shown import in_full

KeyKind = Literal["key", "passphrase", "none"]
"""By what a database is encrypted: 32 bytes, or a passphrase; or it is not."""


class DiscobaseError(Exception):
    """Anything discobase raises on purpose.

    It comes whole through pickle, as between the processes of a pool, and through ``copy``: class,
    message, attributes and notes.
    """

    def __reduce__(self) -> tuple[object, ...]:
        # Python's own calls the class with `args`, the message alone; few take it as all there is.
        state = dict(self.__dict__)
        if "__notes__" in state:
            state["__notes__"] = list(state["__notes__"])  # a copy is told things of its own
        return _bare, (type(self), self.args), state


class UsageError(DiscobaseError):
    """The call does not fit the state it is made in, or its arguments."""


class NotConnected(UsageError):
    """The database is used before login, or after close."""


class AlreadyConnected(UsageError):
    """A second login while the first one lives."""


class WouldDeadlock(UsageError):
    """A blocking call was made on the thread that would have to answer it."""


class TableError(UsageError):
    """A class that cannot be a table, or is not one yet."""


def _nearest(name: str, known: list[str]) -> list[str]:
    if name == "id" and "pk" in known:
        return ["pk"]
    return get_close_matches(name, known, n=3)


class TableNotFound(UsageError, LookupError):
    """A table is named that the database does not have.

    Args:
        database: the database's name.
        table: the name as it was given.
        known: the names there are.
    """

    def __init__(self, database: str, table: str, known: Iterable[str]) -> None:
        self.table = table
        self.known: list[str] = sorted(known)
        lower = {name.lower(): name for name in self.known}
        self.nearest: list[str] = [
            lower[name] for name in get_close_matches(table.lower(), lower, n=3)
        ]
        meant = " or ".join(map(repr, self.nearest))
        there = f"there are {', '.join(self.known)}." if self.known else "it has none yet."
        super().__init__(
            f"{database!r} has no table {table!r}: {f'did you mean {meant}?' if meant else there}"
        )


class UnknownField(UsageError, TypeError):
    """A field is named that the table does not have.

    Args:
        table: the table's name.
        field: the name as it was given.
        known: the names there are.
        hint: what to do, where that is known; otherwise the nearest names are told.
    """

    def __init__(self, table: str, field: str, known: Iterable[str], hint: str = "") -> None:
        self.table = table
        self.field = field
        self.known: list[str] = sorted(known)
        self.nearest: list[str] = _nearest(field, self.known)
        meant = " or ".join(repr(name) for name in self.nearest)
        hint = hint or (
            f"did you mean {meant}?" if meant else f"its fields are {', '.join(self.known)}."
        )
        super().__init__(f"table {table!r} has no field {field!r}: {hint}")


class UnknownAttribute(UnknownField, AttributeError):
    """An attribute is named that a table's class does not have, or a model in its fields.

    Args:
        owner: what was asked for it, as in ``User`` or ``User.address``.
        attribute: the name as it was given.
        known: the names of the fields there are.
        others: other names that may be meant, such as those of methods.
        hint: what to do, where that is known; otherwise the nearest names are told.
    """

    def __init__(
        self,
        owner: str,
        attribute: str,
        known: Iterable[str],
        others: Iterable[str] = (),
        hint: str = "",
    ) -> None:
        self.table = owner
        self.field = attribute
        self.known: list[str] = sorted(known)
        others = sorted(others)
        self.nearest: list[str] = _nearest(attribute, [*self.known, *others])
        meant = " or ".join(repr(name) for name in self.nearest)
        hint = hint or (f"did you mean {meant}?" if meant else f"{self._there(others)}.")
        UsageError.__init__(self, f"{owner} has no attribute {attribute!r}: {hint}")

    def _there(self, others: Iterable[str]) -> str:
        if self.known:
            return f"its fields are {', '.join(self.known)}"
        operators = ", ".join(others)
        return f"it has no fields{f', and the operators {operators}' if operators else ''}"


class WrongExpression(UsageError, TypeError):
    """Something is given for an expression that is none, or the expression makes no sense: its
    field's type does not have the operator, or it is of another table.
    """


class WrongOperand(UsageError, ValueError):
    """A field is compared, or computed, with a value that its type does not take.

    Args:
        place: the field, and what leads on from there, as in ``User.address.city``.
        value: the value.
        why: what is wrong with it.
    """

    def __init__(self, place: str, value: object, why: str) -> None:
        self.place = place
        self.value = value
        super().__init__(f"{place} with {in_full(value)}: {why}.")


class InvalidStatement(UsageError, ValueError):
    """A statement in SQL that cannot be run: it is none, names what is not there, or would change
    something.
    """


class WrongSearch(UsageError, ValueError):
    """What was given to search for is no search: no text, too long, or only what is not to be
    found; or the table has nothing that is searched.
    """


class OriginalNotFound(UsageError):
    """There is no database of the older package discobase 1.0.0 in the server, or none that is
    believed; nothing was written.
    """


class RecordNotSaved(UsageError):
    """Update, delete or refresh of a record that has never been saved."""


class MoveRefused(UsageError):
    """The database cannot move to that server: the message says why, and what to do. It stays where
    it is.
    """


class ReadOnly(UsageError):
    """A write through a database that was made with ``read_only=True``; nothing was sent."""


class PathRefused(UsageError):
    """A path where an export is not written, or where none can be read; nothing was touched."""


class ImportRefused(UsageError):
    """What an export holds does not go into this database.

    Args:
        message: what of it, why, and what to do.
        table: the table's name.
        pk: the record's primary key; None where no record is the reason.
        line: the export's line with it; None where the database is the reason.

    Attributes:
        table: the table's name.
        pk: the record's primary key; None where no record is the reason.
        line: the export's line with it; None where the database is the reason.
    """

    def __init__(
        self, message: str, *, table: str, pk: int | None = None, line: int | None = None
    ) -> None:
        self.table = table
        self.pk = pk
        self.line = line
        super().__init__(message)


class FrameRefused(UsageError):
    """A data frame cannot be made of values, or records cannot be made of it; none was made.

    Args:
        message: what of it, why, and what to do.
        row: the row, counted from 0; None where no row is the reason.
        column: the column; None where no column is the reason.

    Attributes:
        row: the row, counted from 0; None where no row is the reason.
        column: the column; None where no column is the reason.
    """

    def __init__(self, message: str, *, row: int | None = None, column: str | None = None) -> None:
        self.row = row
        self.column = column
        super().__init__(message)


class PackageMissing(UsageError, ImportError):
    """A package is not installed that one of discobase's extras brings.

    Args:
        package: the package's name.
        extra: the extra's name.
    """

    def __init__(self, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"this needs the package {package!r}, which is not installed, or cannot be imported: "
            f"pip install {package}. Or install discobase with its extra {extra!r} from where you "
            f'have it: pip install ".[{extra}]" in a clone, or "discobase[{extra}] @ '
            f'git+https://HOST/PATH/discobase.git@COMMIT" (a plain discobase[{extra}] would be an '
            f"older package by other people)."
        )


class ConnectError(DiscobaseError):
    """The connection could not be made, or has ended for good."""


class BadToken(ConnectError):
    """Discord refused the bot token."""


class KeyNeeded(ConnectError):
    """The database is encrypted, and no key was given; nothing was written.

    Args:
        place: which server.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"the database in {place} is encrypted: give its key, by Database(name, key=...), or "
            f"to a command by --key or DISCOBASE_KEY. Without it nobody can read it, or write to "
            f"it. Nothing was written."
        )


class WrongKey(ConnectError):
    """The database is encrypted by another key than the one that was given, or somebody without the
    key has altered what it says of itself; nothing was written.

    Args:
        passphrase: whether the database has a passphrase.
        given: whether a passphrase was given.
    """

    def __init__(self, *, passphrase: bool, given: bool) -> None:
        self.passphrase = passphrase
        self.given = given
        kinds = {True: "a passphrase", False: "a key of 32 bytes"}
        if passphrase == given:
            what = f"{kinds[given]} was given, as it has to be, but it is another one"
        else:
            what = f"it has {kinds[passphrase]}, and {kinds[given]} was given"
        super().__init__(
            f"the key is not that of the database: {what}. Give the one that it has, and "
            f"see that it is the right server. (Where both are right somebody has altered the "
            f"superblock, in its channel 'catalog'.) Nothing was written."
        )


class NotEncrypted(ConnectError):
    """A key was given, and the database is not encrypted; nothing was written.

    Args:
        place: which server.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"a key was given, and the database in {place} is not encrypted: it was created "
            f"without one, and what this program saves would be readable. If it was encrypted "
            f"before, somebody has put another superblock in its place: look into its channel "
            f"'catalog'. If it never was, leave key= out. Nothing was written."
        )


class KeyChanged(ConnectError):
    """The key of the database was changed by somebody who had it (:meth:`Database.vacuum
    <discobase.Database.vacuum>`), and this program has the former one: a login with it is refused,
    and the connections that there were have ended. Nothing was written.

    Args:
        generation: the first generation of the log with another key.
        time: when that was, in seconds since 1970, by the clock of who did it.
        writer: the id of who did it, as the log has it.
        label: what the log calls that one; empty where nothing is known.
        before: what the database had until then.
        now: what it has by now, after however many changes.
    """

    def __init__(
        self,
        *,
        generation: int,
        time: float,
        writer: str,
        label: str,
        before: KeyKind,
        now: KeyKind,
    ) -> None:
        self.generation = generation
        self.time = time
        self.writer = writer
        self.label = label
        self.before: KeyKind = before
        self.now: KeyKind = now
        what = "this database was encrypted" if before == "none" else "the key was changed"
        by = f"the connection {writer}" + (f" ({label!r})" if label else "")
        super().__init__(
            f"{what} {_when(time)} by {by}, with generation {generation} of its log; with what "
            f"this program has it cannot go on. {self._what_to_do()}. Nothing was written."
        )

    def _what_to_do(self) -> str:
        if self.now == "none":
            return "The database is not encrypted any more: log in without key="
        given = "a passphrase" if self.now == "passphrase" else "a key of 32 bytes"
        return (
            f"It has {given} by now: ask whoever did it for that, and log in with it, by "
            f"Database(name, key=...)"
        )


def _when(time: float) -> str:
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time)
    except (OverflowError, ValueError):
        return "at a time that there is not"
    return f"on {when:%Y-%m-%d at %H:%M:%S} UTC"


class ServerNotFound(ConnectError):
    """The bot is in no server of that name, or with that id.

    Args:
        name: the server's name or id, as the database gives it.
        present: the names of the servers that the bot is in.
        invite: the link that adds the bot to a server, with the permissions a database needs.
        why: what leads there, where it is not what the program has named, as in "the database has
            moved to".
    """

    def __init__(
        self, name: str, present: Sequence[str], invite: str, *, why: str | None = None
    ) -> None:
        self.name = name
        self.present: list[str] = list(present)
        self.invite = invite
        where = ", ".join(repr(other) for other in present) or "none at all"
        if why is not None:
            super().__init__(
                f"{why} the server {name}, which the bot is not in (it is in: {where}): open "
                f"{invite} to add it there."
            )
            return
        if name.isdecimal():
            super().__init__(
                f"the bot is in no server with the id {name}, or of that name (it is in: {where}). "
                f"Open {invite} to add the bot to it, or give the id of one that it is in."
            )
            return
        super().__init__(
            f"the bot is in no server named {name!r} (it is in: {where}). Bots cannot create "
            f"servers any more, so: "
            f"make a server of that name in Discord, then open {invite} to add the bot to it. (On "
            f"the embedded server, `discobase serve` takes its name by --server.)"
        )


class DatabaseNotFound(ConnectError):
    """There is no database in the server, and what was asked for creates none: a login that only
    reads (``read_only=True``), or a deletion.

    Args:
        place: which server.
        why: what follows from that, where it is not that of ``read_only=True``.
    """

    def __init__(self, place: str, why: str | None = None) -> None:
        self.place = place
        follows = why or (
            "a program that only reads (read_only=True) creates none: the first login of one that "
            "may write does"
        )
        super().__init__(
            f"{place} holds no database of this bot, and {follows}. Is this the right server, and "
            f"the right bot?"
        )


class ServerAmbiguous(ConnectError):
    """The bot is in several servers of that name."""


class MissingPermission(ConnectError):
    """The bot may not do what a database needs, in the server or in one of its channels.

    Where a save raises it, nothing was written. While it is raised, searches go on with what is
    known; all goes on by itself when the bot may do again what it has to.

    Args:
        server: the server's name.
        missing: the permissions that are missing, in Discord's words.
        invite: the link that grants them, in the server, when it is opened again.
        channel: the name of the channel that is meant, or its id where the bot is not told the
            name; None where it is the whole server.
        timed_out: whether they are missing because the bot is timed out.
    """

    def __init__(
        self,
        server: str,
        missing: Sequence[str],
        invite: str,
        channel: str | None = None,
        *,
        timed_out: bool = False,
    ) -> None:
        self.server = server
        self.missing: list[str] = list(missing)
        self.invite = invite
        self.channel = channel
        self.timed_out = timed_out
        super().__init__(f"{self._what()}. {self._what_to_do()}")

    def _what(self) -> str:
        where = f"in the server {self.server!r}"
        if self.channel is not None:
            where = f"in the channel {self.channel!r} of the server {self.server!r}"
        return f"{where} the bot lacks: {', '.join(self.missing)}"

    def _what_to_do(self) -> str:
        if self.timed_out:
            return "It is timed out: remove the timeout (in the bot's menu in the member list)."
        if self.channel is None:
            return f"Grant it in the server's role settings, or open {self.invite} again."
        return (
            f"Allow it for the bot in the permissions of that channel, or of its category (Edit "
            f"Category, Permissions); if the server denies it too, open {self.invite} again. "
            f"{self._what_follows()}"
        )

    def _what_follows(self) -> str:
        if self.missing == ["manage_channels"]:
            return "Until then no channels are made in it, and those that are there stay in use."
        return "Until then what needs it is refused, and nothing is created in its place."


class ServerFull(ConnectError):
    """No room for the channels of a database (Discord allows 500 channels in a server)."""


class NoncesIgnored(ConnectError):
    """The server does not keep Discord's word on nonces, on which every save rests.

    At a login, or later: then nothing is written any more, while reads go on. What was found is
    kept in the database for a day at the most, and the server is not asked again before that: not
    by a login with `allow_unsafe` either. Deleting that message in the catalog (it begins with
    ``{"nonces":``) has the next login ask.

    Args:
        place: which server.
        fault: what it did.
    """

    def __init__(self, place: str, fault: str) -> None:
        self.place = place
        self.fault = fault
        super().__init__(
            f"{place} does not keep Discord's word on nonces: {fault}. Where several programs save "
            f"at once there, records that were saved could be lost again. Use a server that "
            f"enforces nonces; or log in with allow_unsafe=True, and let one program alone write. "
            f"This is kept, and may have been found up to a day ago: if the server was mended "
            f"since, delete the message that says 'nonces' in the channel 'catalog', and the next "
            f"login asks the server again."
        )


class SuccessionRefused(ConnectError):
    """A bot may not take a database over, or not yet: the message says why, and what to do. Nothing
    was changed.
    """


class IdentifyLimit(ConnectError):
    """Not raised any more: a database whose bot has no gateway logins left today works on without,
    and says so in the log and in :meth:`Database.status <discobase.Database.status>`.
    """


class Disconnected(ConnectError):
    """The connection ended while a call was waiting; nothing that the call asked for was
    written.
    """


class Unavailable(DiscobaseError):
    """Discord did not answer, or refused the request; nothing was written."""


class WaitTimeout(DiscobaseError, TimeoutError):
    """The time given was too short; nothing was written."""


class OutcomeUnknown(DiscobaseError):
    """The write may or may not have happened. To save the same object again stores it once."""


class RecordError(DiscobaseError):
    """Something about one record."""


class RecordNotFound(RecordError, LookupError):
    """No record fits, or it has been deleted."""


class SeveralRecords(RecordError, LookupError):
    """More than one record fits where exactly one was asked for."""


class UniqueViolation(RecordError):
    """Another record has this value in a unique field, or was to be written with it together.

    Args:
        table: the table's name.
        field: the unique field; of fields that are unique together, their names with commas.
        value: the value, as it is stored; a tuple of theirs.
        pk: the primary key of the record that has it already, or of the one that would have had it.
        written: whether that one was to be written together with this one.
    """

    def __init__(
        self, table: str, field: str, value: object, pk: int, *, written: bool = False
    ) -> None:
        self.table = table
        self.field = field
        self.value = value
        self.pk = pk
        super().__init__(
            f"{table}.{field} is unique, and {_holder(pk, value, written=written)}; nothing was "
            f"written."
        )

    @classmethod
    def of_fields(
        cls,
        table: str,
        fields: Sequence[str],
        values: Sequence[object],
        pk: int,
        *,
        written: bool = False,
    ) -> UniqueViolation:
        """Return the error for one field, or for several that are unique together."""
        if len(fields) == 1:
            return UniqueViolation(table, fields[0], values[0], pk, written=written)
        error = UniqueViolation(table, ", ".join(fields), tuple(values), pk)
        named = f"{table}: {_enumerated(fields)} are unique together"
        error.args = (
            f"{named}, and {_holder(pk, error.value, written=written)}; nothing was written.",
        )
        return error


def _holder(pk: int, value: object, *, written: bool) -> str:
    if written:
        return f"two of the records that were to be written have {value!r}"
    return f"record {pk} has {value!r} already"


class DuplicatesFound(UniqueViolation):
    """A field cannot be made unique, for records share a value already.

    The class asks for it now, and the records are older. Give all but one of them other values, or
    delete them: deletes, and updates that take a shared value away, go through. Or let the field
    have a default of None, which is no value, where it is a default that they share.

    Args:
        table: the table's name.
        field: the field.
        value: the first shared value, as it is stored; None where the records lack the field.
        groups: for each shared value the primary keys of the records that have it. Not all, where
            there are many.
        values: how many values are shared.
    """

    def __init__(
        self, table: str, field: str, value: object, groups: Sequence[Sequence[int]], values: int
    ) -> None:
        self.table = table
        self.field = field
        self.value = value
        self.groups: list[tuple[int, ...]] = [tuple(group) for group in groups]
        self.values = values
        self.pk: int = self.groups[0][0]
        named = "; ".join(_enumerated(group) for group in self.groups)
        more = f"; and {values - len(groups)} more values" if values > len(groups) else ""
        shown = "the same value, as a default" if value is None else repr(value)
        RecordError.__init__(
            self,
            f"{table}.{field} cannot be made unique: some records share a value, the first of them "
            f"{shown} (pk {named}{more}). Nothing was written. Give all but one of them another "
            f"value or delete them, which goes through; let the field have a default of None, "
            f"which is no value; or take Unique() away.",
        )

    @classmethod
    def among(
        cls,
        table: str,
        fields: Sequence[str],
        shared: Sequence[object],
        groups: Sequence[Sequence[int]],
        values: int,
    ) -> DuplicatesFound:
        """Return the error for one field, or for several that are to be unique together."""
        if len(fields) == 1:
            return DuplicatesFound(table, fields[0], shared[0], groups, values)
        error = DuplicatesFound(table, ", ".join(fields), tuple(shared), groups, values)
        error.args = (error.args[0].replace("Unique()", "UniqueTogether()"),)
        return error


class SchemaConflict(RecordError):
    """A field is unique as a class of another program loads it, and this program's class has other
    rules for the field, so it could not tell whether a value is new. Nothing was written.

    Updates that leave the field as it is go through, and deletes do. Run the version of the program
    that the other one is, or give the constraint up with :meth:`Database.drop_unique
    <discobase.Database.drop_unique>`.

    Args:
        table: the table's name.
        field: the unique field.
        others: the fields that are unique together with it.
    """

    def __init__(self, table: str, field: str, *others: str) -> None:
        self.table = table
        given = ", ".join(map(repr, (table, field, *others)))
        field = ", ".join((field, *others))
        self.field: str = field
        super().__init__(
            f"{table}.{field} is unique by the rules of another class than this program's, which "
            f"has another type or other validators for it: so it may not give it new values (nor "
            f"change other fields, where that class has a validator of the whole). "
            f"Nothing was written. Run the version of the program that made it so, or give the "
            f"constraint up with db.drop_unique({given}): the next save by a class "
            f"that has it asks for it again, by its own rules."
        )


class ConflictError(RecordError):
    """The record was written by somebody else in the meantime: refresh it, and decide again.

    Args:
        table: the table's name.
        pk: the record's primary key.
        expected: the version the write was made conditional on.
        found: the version the record has.
    """

    def __init__(self, table: str, pk: int, *, expected: int, found: int) -> None:
        self.table = table
        self.pk = pk
        self.expected = expected
        self.found = found
        super().__init__(
            f"record {pk} of {table!r} is at version {found}, not {expected}: somebody wrote it "
            f"in the meantime. "
            f"Nothing was written; refresh() it and decide again."
        )


class UnstorableValue(RecordError, ValueError):
    """The value would not come back from the database as it went in; nothing was sent."""


class RecordTooLarge(RecordError, ValueError):
    """More than one message of Discord can carry, or one commit hold; nothing was sent.

    Args:
        size: the bytes it comes to.
        limit: the bytes there is room for; None where only the server knows.
        compressed: whether they are counted after compression.
    """

    def __init__(self, size: int, limit: int | None, *, compressed: bool = True) -> None:
        self.size = size
        self.limit = limit
        if not compressed:
            super().__init__(
                f"this comes to {size:,} bytes before compression, and one commit holds {limit:,}; "
                f"nothing was sent. Store less in one record, or fewer records at once."
            )
            return
        if limit is None:
            super().__init__(
                f"this comes to {size:,} bytes (compressed), which this server does not take in "
                f"one message; nothing was written. Store less in one record, and make "
                f"attachment_limit what the server allows."
            )
            return
        super().__init__(
            f"this comes to {size:,} bytes (compressed), and one message carries {limit:,}; "
            f"nothing was sent. {_what_to_store(limit)}"
        )


class RecordRefused(RecordError):
    """Discord's filters refuse what the record says, or its table has no primary key left, since a
    record with the largest was put there; nothing was written.
    """


class RecordOutdated(RecordError):
    """A stored record does not fit the table's fields any more.

    Args:
        message: what is wrong with which record, and what to do.
        table: the table's name.
        pk: the record's primary key.
        reasons: what is wrong, by the place where it is; no stored values.
    """

    def __init__(
        self,
        message: str,
        *,
        table: str | None = None,
        pk: int | None = None,
        reasons: Mapping[str, str] | None = None,
    ) -> None:
        self.table = table
        self.pk = pk
        self.reasons: Mapping[str, str] = reasons or {}
        super().__init__(message)


class ExportFailed(DiscobaseError):
    """The file of an export could not be written; what was at its path is as it was."""


class ExportDamaged(DiscobaseError):
    """A file is no export, or not as it was written: altered, or cut.

    Args:
        message: what is wrong, where, and what to do.
        line: the first line that is wrong, from 1 on; 0 where it is no export at all.

    Attributes:
        line: the first line that is wrong, from 1 on; 0 where it is no export at all.
    """

    def __init__(self, message: str, *, line: int) -> None:
        self.line = line
        super().__init__(message)


class LogDamaged(DiscobaseError):
    """The log in Discord was edited or forged, or has lost a message.

    Args:
        what: what is wrong, in a sentence.
        position: the position in the log, or None where the superblock is meant.
        channel: the id of the channel.
        message: the id of the message, where there is one.
        step: what to do next, in a sentence; empty where `what` says it.
    """

    def __init__(
        self,
        what: str,
        *,
        position: int | None = None,
        channel: int | None = None,
        message: int | None = None,
        step: str = "Call db.verify(), which names all that is wrong",
    ) -> None:
        self.position = position
        self.channel = channel
        self.message = message
        text = what + _place(position, channel, message)
        super().__init__(f"{text}. {step}" if step else text)


class ChannelDeleted(LogDamaged):
    """A channel of the database has been deleted, with all it held. A process that has the database
    open, and may write, makes it again by itself; its saves wait for that. Arguments and attributes
    are those of :exc:`LogDamaged`.
    """


class UpgradeNeeded(DiscobaseError):
    """The database was written by a later version of discobase, in a form that this one does not
    know, or its operator requires a later one (:meth:`Database.require_version
    <discobase.Database.require_version>`): upgrade this program's discobase. This program writes
    nothing any more, and goes on reading what it has.

    Args:
        what: what is of such a form, as in "a frame of format 2".
        needs: the version of discobase that is needed; None where the database does not say.
        position: the position in the log, where it is known.
        channel: the id of the channel.
        message: the id of the message.
    """

    def __init__(
        self,
        what: str,
        needs: str | None,
        *,
        position: int | None = None,
        channel: int | None = None,
        message: int | None = None,
    ) -> None:
        self.needs = needs
        self.position = position
        self.channel = channel
        self.message = message
        wanted = f"discobase {needs} or later" if needs else "a later discobase than this"
        super().__init__(
            f"the database holds {what}{_place(position, channel, message)}, which needs {wanted}; "
            f"this is discobase {__version__}. Upgrade it: until then this program writes nothing."
        )


class DatabaseEnded(DiscobaseError):
    """Nobody writes to this database any more, and that is final: the subclass says why. Where it
    is of none, a later generation of the database was not begun with the key of this connection.
    What this process has of it can be read until it is closed.
    """


class DatabaseDeleted(DatabaseEnded):
    """The database was deleted, or is being deleted (:meth:`Database.clean
    <discobase.Database.clean>`): the next login creates a new, empty one.

    Args:
        what: how that is known, in a sentence without its end.
        channel: the id of the channel that tells.
    """

    def __init__(self, what: str, channel: int | None = None) -> None:
        self.channel = channel
        super().__init__(
            f"{what}{_place(None, channel, None)}. Nothing is written to it any more: close this "
            f"connection. A login of a program that may write finishes the deletion, if need be, "
            f"and creates a new, empty database."
        )


class DatabaseTakenOver(DatabaseEnded):
    """Another bot has taken the database over, or claims to (``successor_of``): what this bot
    writes there counts for nobody any more, and it writes nothing.

    Args:
        by: the id of the other bot's user.
        last: the last position of this bot.
        channel: the id of the channel that tells.
        message: the id of the message there.
    """

    def __init__(self, by: int, last: int, channel: int, message: int) -> None:
        self.by = by
        self.last = last
        self.channel = channel
        self.message = message
        super().__init__(
            f"the bot {by} has taken this database over from position {last + 1} on"
            f"{_place(None, channel, message)}. Nothing is written as this bot any more: connect "
            f"with the other one's token. Where nobody was to take it over, delete that message, "
            f"take the other bot's right to write there, and connect again."
        )


_MOST_BYTES = 24 * 1024 * 1024
"""What files may have in one message, whatever is set: a request has 25 MiB (message resource,
"Create Message"), and some of it is the form around them."""


def _what_to_store(limit: int) -> str:
    if limit >= _MOST_BYTES:
        return (
            "Store less in one record: that is the most that a message of Discord's takes, "
            "whatever attachment_limit is."
        )
    return (
        f"Store less in one record; or raise attachment_limit, if your server allows larger files, "
        f"up to {_MOST_BYTES:,} bytes."
    )


def _bare(kind: type[DiscobaseError], args: tuple[Any, ...]) -> DiscobaseError:
    """Return an error with its message, and without what its class sets."""
    error = kind.__new__(kind, *args)
    error.args = args
    return error


def _enumerated(named: Sequence[object]) -> str:
    *others, last = map(str, named)
    return f"{', '.join(others)} and {last}"


def _place(position: int | None, channel: int | None, message: int | None) -> str:
    named = (("position", position), ("channel", channel), ("message", message))
    where = [f"{label} {value}" for label, value in named if value is not None]
    return f" ({', '.join(where)})" if where else ""
