"""The database as its users see it: what it is made with, its tables, and what is read of them."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Never, TypeVar, cast, overload

from discobase.arguments import (
    check_callback,
    check_database,
    checked_cache,
    checked_flag,
    checked_staleness,
    checked_table_name,
    checked_wait,
)
from discobase.attached import AttachedTables
from discobase.binding import Binding
from discobase.commands import Commands, serves
from discobase.counted import counted
from discobase.engine.changes import DropUnique, Request
from discobase.engine.log.frame import Limits
from discobase.engine.together import together
from discobase.engine.trouble import Trouble
from discobase.errors import TableError, UsageError
from discobase.feed import Feed
from discobase.feed.settings import checked_feed
from discobase.key import NO_KEY, Key, NoKey, checked_key
from discobase.label import checked_label
from discobase.maintained import Maintained
from discobase.opened import StoredTable, is_opened_from, open_table, stored_tables
from discobase.overview import database_html
from discobase.progress import Progress
from discobase.queries.sql import Sql
from discobase.queries.sql_rows import SqlRows
from discobase.session_source import SessionSource
from discobase.shown import shortened
from discobase.table import Table, bind, bindings_of
from discobase.target import target
from discobase.timeouts import (
    DATABASE_TIMEOUT,
    USUAL_STALENESS,
    DatabaseTimeout,
    UsualStaleness,
)
from discobase.transfer.exporting import ExportFormat, ExportReport, export_all
from discobase.transfer.importing import ImportReport, import_all
from discobase.transfer.original import import_original
from discobase.transfer.original_report import OriginalReport

T = TypeVar("T", bound=Table)

_NAMED_OTHERWISE = {
    "connect": "conn() connects, in a with statement, and login_thread() for good",
    "commit": "each save is a commit of its own, and save_many() one for many records",
    "execute": "sql() runs a statement that reads",
    **dict.fromkeys(("find", "get", "query", "select"), "a table finds its records: User.find()"),
    **dict.fromkeys(("save", "insert", "add", "update"), "a record saves itself: User(...).save()"),
    "delete": "a record deletes itself, and clean() the whole database",
}
"""What people look for here, as others have it, and where it is."""


class Database(Maintained):
    """A Discord server, used as a database.

    Making one connects to nothing. Attach tables with :meth:`table`, then connect: with
    :meth:`conn` around the work, or with :meth:`login_thread` or :meth:`login_task` once for the
    life of the process. All methods may be called from any thread.

    In a process forked from a connected one, the database connects again by itself when it is first
    used, with one warning.

    Args:
        name: the Discord server's name. Bots cannot make servers: the bot has to be in one of this
            name (the embedded server makes it).
        server: another name, or the id, where `name` is not the server's, or not unique. Digits
            that are the name of none are taken for an id.
        timeout: seconds that a blocking call waits for Discord at most; None for no limit. 0, here
            as everywhere, is a look: only what needs no answer of Discord's can be done so.
        attachment_limit: bytes that one file may have on this server; 10 MiB unless it is boosted.
        gateway: whether to hear of what others write, by a session at Discord's gateway. Without
            it, for short jobs, no login to the gateway is spent, of which a bot has 1000 a day, and
            the log is read when a search wants it, never by itself.
        max_staleness: seconds that it may be old what `get`, `find` and what is made of them read.
            Where it is older the log is read first: an API call where there is nothing new, shared
            by all who read meanwhile. 0 is as `fresh=True` each time, None for no limit. Left out,
            it is 10 without the gateway, and None with it: what it tells is current within moments,
            and while it is lost the log is read every ten seconds, without making a search wait.
        cache: a folder in which the records are kept between runs, so that a login reads only what
            is new; made where it is not there. One process at a time has it, and one database:
            another one does without, and warns of that. A relative path is taken from the folder in
            which the process is now; ``~`` is the home folder.
        read_only: whether this program only reads: each write raises :exc:`ReadOnly
            <discobase.errors.ReadOnly>`, nothing is sent, and no database is created. The bot needs
            no more than to see the channels and their history.
        label: what this program is called where its commits are named: in :meth:`lost`, in errors
            and in the log, with its first commit. The host's name, the program's and the version of
            discobase where it is left out, as in "web-1 gunicorn discobase/2.0.0"; "" for none.
        key: what the database is encrypted by: 32 random bytes, or a passphrase of at least eight
            characters, as a text. The first login creates the database encrypted, and each later
            one needs the same: nobody can read it without, and nobody can get a lost key back. What
            is kept on this computer is not encrypted (``docs/explanations/security.md``). It needs
            the extra ``crypto``. Left out, the database is not encrypted.
        on_trouble: called with a :class:`Trouble` when something is wrong that no call of this
            program may be failing for: damage, lost commits, writes that are blocked, and when that
            is over. On a thread of its own, for one after the other: it may take its time, and use
            this database. What it raises is logged.
        commands: whether people look at this database, and change it, by commands in Discord: those
            who have the permission Manage Server, or another one, of ``Commands(permission=...)``.
            A login registers them where they are not there, for an API call or two.
        feed: a channel in which the changes that this program commits are posted for people to
            read, some seconds later: its name, or a :class:`Feed <discobase.Feed>` with more
            settings. It is made where it is not there, private as the database's own channels are.
            One API call for each message, of which there is one in five seconds at the most; no
            save waits for it. Left out, nothing is posted.

    Raises:
        UsageError: one of them makes no sense.
        PackageMissing: a key is given, and the package that encrypts is not installed.
    """

    def __init__(
        self,
        name: str,
        *,
        server: str | int | None = None,
        timeout: float | None = 60.0,
        attachment_limit: int = Limits().attachment,
        gateway: bool = True,
        max_staleness: float | UsualStaleness | None = USUAL_STALENESS,
        cache: str | os.PathLike[str] | None = None,
        read_only: bool = False,
        label: str | None = None,
        on_trouble: Callable[[Trouble], object] | None = None,
        key: bytes | str | NoKey = NO_KEY,
        commands: Commands | bool = False,
        feed: Feed | str | None = None,
    ) -> None:
        # First of all: what follows may fail, and arguments stand in frames.
        held = key if isinstance(key, NoKey) else Key(key)
        del key
        check_database(name, server, timeout, attachment_limit)
        check_callback(on_trouble)
        known = checked_key(held)
        limits = Limits(attachment=attachment_limit)
        source = SessionSource(
            name,
            timeout=timeout,
            capacity=limits.payload,
            max_staleness=checked_staleness(max_staleness, gateway=gateway),
            read_only=checked_flag("read_only", read_only),
        )
        where = partial(
            target,
            server=name if server is None else server,
            limits=limits,
            gateway=gateway,
            cache=checked_cache(cache),
            read_only=read_only,
            label=None if label is None else checked_label(label),
            on_trouble=on_trouble,
            serves=serves(weakref.ref(self), commands, gateway=gateway),
            feed=checked_feed(feed, encrypted=known is not None, read_only=read_only),
        )
        super().__init__(source, known, where)
        self._tables: dict[str, type[Table]] = {}
        self._opened: dict[str, type[Table]] = {}
        # Not a method: a database that refers to itself is not collected when nobody holds it.
        self._sql = Sql(self._source, partial(bindings_of, self._tables))

    def __repr__(self) -> str:
        state = "connected" if self._source.connected else "not connected"
        keyed = "" if self._key_by_now is None else ", with a key"
        return f"<Database {self.name!r}: {state}{keyed}, {counted(len(self._tables), 'table')}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: whether there is a connection, and the tables. No API call;
        never waits, nor connects.
        """
        stored = stored_tables(self._source) if self._source.ready else []
        return database_html(repr(self), stored, self._tables)

    if not TYPE_CHECKING:  # with it, checkers would take each misspelt method for one

        def __getattr__(self, name: str) -> Never:
            """Say where it is, if it is elsewhere."""
            where = f": {_NAMED_OTHERWISE[name]}" if name in _NAMED_OTHERWISE else ""
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}{where}",
                name=name,
                obj=self,
            )

    @property
    def tables(self) -> AttachedTables:
        """The attached tables, by name: ``db.tables["User"]``, or ``db.tables.User``."""
        return AttachedTables(self._tables)

    # Tables

    @overload
    def table(self, model: type[T], /) -> type[T]: ...

    @overload
    def table(self, /, *, name: str | None = None) -> Callable[[type[T]], type[T]]: ...

    def table(
        self, model: type[T] | None = None, /, *, name: str | None = None
    ) -> type[T] | Callable[[type[T]], type[T]]:
        """Attach a class: ``@db.table`` above it, or ``@db.table(name="people")``. Connected or
        not; costs no API call.

        A class of the same module and qualified name as the table's takes its place: the cell of a
        notebook was run again, or the module loaded anew. It has to load what the other one stored:
        a field that it adds has a default, and one that both have takes what it took. Objects of
        the old class are saved to the table as the new one would: with the new fields as they are
        stored, or by default. The old class goes on finding objects of its own.

        Args:
            model: the class, derived from :class:`Table`.
            name: the table's name, up to 100 characters; the class's by default.

        Raises:
            TableError: it is no such class, is attached already, or the name is taken or none; it
                does not load what the class whose place it takes stored; or its annotations make no
                sense for a table, as those that name a table. Where they name a class that is
                defined later, that is seen at the first use of the table.
        """
        if model is None:
            return lambda model: self._attach(model, name)
        return self._attach(model, name)

    def _attach(self, model: type[T], name: str | None) -> type[T]:
        given = cast("object", model)  # whatever a decorator may be put above
        if not (isinstance(given, type) and issubclass(given, Table)) or given is Table:
            named = isinstance(given, str)
            hint = f" For another name, write @db.table(name={given!r})." if named else ""
            raise TableError(
                f"{model!r} is no table: it has to be a class derived from discobase.Table.{hint}"
            )
        table = checked_table_name(model.__name__ if name is None else name)
        held = self._tables.get(table)
        if held is model:
            raise TableError(
                f"{self.name!r} has a table {table!r} already, and it is this very class: attach "
                f"it once."
            )
        if held is not None and not _is_another_state_of(held, model):
            raise TableError(
                f"{self.name!r} has a table {table!r} already, {held!r}: give this one another "
                f"name with @db.table(name=...)."
            )
        bind(model, Binding[Any](self._source, table, model), before=held)
        self._tables[table] = model
        return model

    def open_table(self, name: str, *, fresh: bool = False) -> type[Table]:
        """Return a class for a table that is there, for programs that have none of their own. No
        API call.

        It is made of what the log says of the table: types, defaults, what is unique. Where that is
        plain JSON alone, as in what was declared before 2.0, values are of any type. An enum is the
        values of its members, and what a class makes a default of by a function has none here. Its
        validators are not known. So what they would refuse or change is stored as it is given; and
        where they have to do with a unique field, new values of that field are refused
        (:exc:`SchemaConflict <discobase.errors.SchemaConflict>`). Fields that only earlier or other
        classes have are carried along, unseen.

        The table stays what it was for all other programs: neither its schema nor its constraints
        change. If the table's fields change meanwhile, the class goes on as an older version of a
        program would; call this again for the new ones.

        A table that is attached in this program is returned as its class. An opened one is none of
        :attr:`tables`, and may be attached later.

        Args:
            name: the table's name.
            fresh: see also what any process has saved before this call. One API call.

        Raises:
            TableNotFound: there is no such table; the nearest names are in the error.
            UsageError: the name is no text, or `fresh` no bool.
            NotConnected: there is no connection.
            Unavailable: `fresh`, and Discord could not be read.
        """
        table, is_fresh = checked_table_name(name), checked_flag("fresh", fresh)
        if table in self._tables:
            return self._tables[table]
        self._source.freshen(fresh=is_fresh)
        held = self._opened.get(table)
        layout = self._source.replica("opening the table").layouts.get(table)
        if held is None or not is_opened_from(held, layout):
            held = self._opened[table] = open_table(self._source, table)
        return held

    def stored_tables(self, *, fresh: bool = False) -> list[StoredTable]:
        """Return the tables that the database has, by name, with how many records each has and what
        is known of its fields; those as well for which this program has no class. No API call.

        Args:
            fresh: see also what any process has saved before this call. One API call.

        Raises:
            UsageError: `fresh` is no bool.
            NotConnected: there is no connection.
            Unavailable: `fresh`, and Discord could not be read.
        """
        self._source.freshen(fresh=checked_flag("fresh", fresh))
        return stored_tables(self._source)

    def drop_unique(self, table: str | type[Table], field: str, *others: str) -> None:
        """Have a field unique no longer, or several together, for all programs. Block; one API
        call.

        A class without the mark does not do that: the constraint is the database's, once a class
        has asked for it. Programs whose classes still have the mark ask for it again with their
        next write, so change those first.

        Args:
            table: the table's name, or its class.
            field: the field's name.
            others: the names of those with which it is unique together.

        Raises:
            TableError: no such field is unique, or not together with these.
            UsageError: what is given for a field is no text.
            NotConnected: there is no connection.
            DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`.
        """
        for each in (field, *others):
            if not isinstance(cast("object", each), str):
                raise UsageError(f"drop_unique() takes the names of fields, not {shortened(each)}.")
        known = {**self._opened, **self._tables}
        names = [name for name, model in known.items() if model is table]
        name = names[0] if names else str(table)
        layout = self._source.replica().layouts.get(name)
        column = together((field, *others)) if others else field
        if layout is None or layout.unique_column(column) is None:
            what = f"unique field {field!r}"
            if others:
                what = f"fields {', '.join(map(repr, (field, *others)))} that are unique together,"
            raise TableError(f"{self.name!r} has no {what} in a table {name!r}.")
        preparations = [DropUnique(name, column)]
        purpose = f"dropping the unique field {field!r}"
        timeout = self._source.timeout
        self._source.commit(
            Request((), preparations=preparations, purpose=purpose, timeout=timeout)
        )

    # SQL

    def sql(
        self,
        statement: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        timeout: float | DatabaseTimeout | None = DATABASE_TIMEOUT,
        fresh: bool = False,
    ) -> SqlRows:
        """Run a statement that only reads, and return its rows. No API call.

        Each table is a view of its name, with the columns `pk`, `version` and one for each field.
        Conditions on other columns than `pk` look through the whole table; :meth:`Table.find
        <discobase.Table.find>` has indexes. Ctrl-C interrupts it, and so does the timeout.

        Args:
            statement: in SQLite's SQL; just one.
            parameters: a sequence for question marks, or a mapping for :names. Moments, durations,
                decimals, enums and UUIDs stand for what their columns have.
            timeout: seconds that it may take; None for no limit. The database's own where it is
                left out.
            fresh: see also what any process has saved before this call. One API call.

        Raises:
            InvalidStatement: it cannot be run, or would write. The nearest names are in the error.
            WaitTimeout: it took longer, and was interrupted.
            UsageError: the timeout is none, or `fresh` no bool.
            NotConnected: there is no connection.
            Unavailable: it needs more room than there is; or `fresh`, and Discord could not be
                read.
        """
        limit = self._source.timeout if timeout is DATABASE_TIMEOUT else checked_wait(timeout)
        return self._sql.rows(statement, parameters, limit, fresh=checked_flag("fresh", fresh))

    def sqlite(
        self,
        *,
        timeout: float | DatabaseTimeout | None = DATABASE_TIMEOUT,
        fresh: bool = False,
    ) -> sqlite3.Connection:
        """Return a connection of the standard library's, on which statements can read the tables as
        :meth:`sql` does, for what takes one: ``pandas.read_sql``, say. No API call.

        Nothing can be written, attached or loaded on it. It sees what this process knows at each
        statement; what is attached as a table later, another connection has. Close it: a statement
        that is not read to its end keeps SQLite from clearing up. Like any connection it is for the
        thread that made it. After :meth:`close`, in a forked process, and where the records
        had to be built anew in another file, it raises ``sqlite3.ProgrammingError``: call this
        again.

        Args:
            timeout: seconds that each of its calls may take, after which it raises
                ``sqlite3.OperationalError``; None for no limit. The database's own where it is left
                out.
            fresh: as for :meth:`sql`.

        Raises:
            UsageError: the timeout is none, or `fresh` no bool.
            NotConnected: there is no connection.
            Unavailable: `fresh`, and Discord could not be read.
        """
        limit = self._source.timeout if timeout is DATABASE_TIMEOUT else checked_wait(timeout)
        return self._sql.connection(limit, fresh=checked_flag("fresh", fresh))

    # Out and in

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        format: ExportFormat | None = None,  # noqa: A002 - the name that people know
        overwrite: bool = False,
        fresh: bool = False,
        progress: Callable[[Progress], object] | bool | None = None,
    ) -> ExportReport:
        """Write what the database holds at this moment into a file: all tables, with or without a
        class in this program. Block; no API call.

        The file has all values in plain text, secrets as well; only this user may read it. It takes
        its place in one step, once it is whole. Saves and searches go on meanwhile, and what is
        saved meanwhile is not in it.

        Args:
            path: of the file. An earlier export there is replaced; anything else is not.
            format: ``"jsonl"`` for lines of JSON, ``"sqlite"`` for a SQLite file that has real
                columns beside them; by the end of the path where it is left out: ``.jsonl`` and
                ``.ndjson``, or ``.sqlite``, ``.sqlite3`` and ``.db``.
            overwrite: whether a file that is no export is replaced, too. One that is open as a
                database, or is another file of this package's, never is.
            fresh: see also what any process has saved before this call. One API call.
            progress: called with a :class:`Progress <discobase.Progress>` whenever some thousand
                records are written; on this thread, and what it raises is raised here, and nothing
                is written. True shows a bar where `tqdm` is installed and standard error is a
                terminal.

        Returns:
            What was written.

        Raises:
            PathRefused: nothing is written at such a path.
            ExportFailed: the file could not be written, as on a full disk; what was there is as it
                was.
            UsageError: another argument makes no sense, or the path does not say the format.
            NotConnected: there is no connection.
            Unavailable: `fresh`, and Discord could not be read; or the records of this process
                cannot be read.
        """
        return export_all(
            self._source, path, format=format, overwrite=overwrite, fresh=fresh, progress=progress
        )

    def import_(
        self,
        path: str | os.PathLike[str],
        *,
        progress: Callable[[Progress], object] | bool | None = None,
    ) -> ImportReport:
        """Put what an export holds into this database: tables with their schemas and what is unique
        in them, and all records under their primary keys. Block; one API call for as many records
        as one commit holds, and some four more.

        The file is checked first, and held against what the database has; nothing is written where
        something is wrong. The tables of the export have to be empty here, or to hold a part of
        that very export: so an import that was interrupted, or killed, is gone on with by calling
        again, and nothing is there twice. Other tables do not matter. Let no other program write
        these tables until this has returned.

        Versions are positions in the log of a database, and do not come along: each record has that
        of the commit that brings it.

        Args:
            path: of the file, of either format.
            progress: as for :meth:`export`; what it raises ends the import, which may be gone on
                with.

        Returns:
            What was done.

        Raises:
            PathRefused: there is no such file.
            ExportDamaged: it is no export, or altered, or cut; ``.line`` says where.
            ImportRefused: the database has other records in a table, or would not take what is in
                the file; ``.line``, ``.table`` and ``.pk`` say which.
            NotConnected: there is no connection.
            DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`, with a note of how
                much was imported before.
        """
        return import_all(self._source, path, progress)

    # Data of others

    def import_original(
        self,
        *,
        server: str | int | None = None,
        tables: Mapping[str | int, type[Table] | str] | None = None,
        authors: Collection[int] = (),
        add: bool = False,
        progress: Callable[[Progress], object] | bool | None = None,
    ) -> OriginalReport:
        """Take over the records of a database that the older package discobase 1.0.0 has written,
        by other people. Block until then.

        Its channels are only read. Each record goes through the class of the table here, and what
        that refuses is named in the report, and left where it is. Stop the programs that write
        there first: what they change behind the reading is not seen.

        How far it has come is stored with the records, in the same commits. Called again, after a
        crash as well, it goes on from there: it takes what is new, and tries once more what could
        not be taken. What has been taken is not looked at again, whatever became of it since.

        Two API calls for a login of its own, one for the list of channels, one for each hundred
        messages, one for each thousand records, one for each table, and one to see what others have
        written; some more where records have unique values that are taken. No more than some
        thousand records are held at a time, and what is left for the report.

        Args:
            server: the name or the id of the Discord server that has them, in which the bot has to
                be; this database's own where it is left out.
            tables: which of the tables there are taken, and into which here, as in ``{"user":
                User}``; by name, or by the id of the channel that has the records. Left out, each
                goes into the table of its name: 1.0.0 writes names in lower case.
            authors: the user ids of other bots whose messages are believed, besides this one's:
                that of the bot which kept the database, where this is another one. This one needs
                Message Content in the developer portal then.
            add: whether a table may hold records that came from elsewhere.
            progress: called with a :class:`Progress <discobase.Progress>` for each hundred
                messages, on this thread; what it raises ends the import and is raised here. True
                shows a bar where `tqdm` is installed and standard error is a terminal.

        Returns:
            What was taken, and what was not and why: ``print(report)`` shows it.

        Raises:
            OriginalNotFound: there is no such database in that server, or none that is believed.
            UsageError: a table holds other records, or could be several, or there is none of a
                name in `tables`; or so many records do not fit a class that it is the wrong one.
            ServerNotFound: the bot is in no such server.
            MissingPermission: it may not read a channel there.
            ConflictError: another import takes the same table over at the same time.
            NotConnected: there is no connection.
            ReadOnly: the database was made with ``read_only=True``.
            DiscobaseError: as for :meth:`Table.save_many <discobase.Table.save_many>`. After any
                error, what had been taken stays: import again.
        """
        return import_original(
            self._source,
            bindings_of(self._tables),
            server=server,
            tables=tables,
            authors=authors,
            add=add,
            progress=progress,
        )


def _is_another_state_of(held: type[Table], model: type[Table]) -> bool:
    """Return whether a class comes from the same statement as the one that is a table already."""
    of = (model.__module__, model.__qualname__)
    return model is not held and of == (held.__module__, held.__qualname__)
