"""The database as its users see it: its tables, login and logout."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar, cast, overload

from discobase.arguments import (
    Target,
    check_callback,
    check_database,
    checked_cache,
    checked_confirm,
    checked_flag,
    checked_lanes,
    checked_number,
    checked_other_server,
    checked_position,
    checked_progress,
    checked_server,
    checked_staleness,
    checked_table_name,
    checked_version,
    checked_wait,
    target,
)
from discobase.attached import AttachedTables
from discobase.binding import Binding
from discobase.commands import Commands, serves
from discobase.connected import Connected
from discobase.engine.changes import DropUnique, Request, RequireVersion
from discobase.engine.checkpoints.keeper import Checkpoint
from discobase.engine.interface import Move, Vacuum
from discobase.engine.log.frame import Limits
from discobase.engine.lost import LostCommit
from discobase.engine.repair.loss import Repair
from discobase.engine.together import together
from discobase.engine.trouble import Trouble
from discobase.engine.verification.report import Report
from discobase.errors import TableError, UsageError
from discobase.feed import Feed
from discobase.feed.settings import checked_feed
from discobase.history import LoggedCommit, Tellers
from discobase.interactive import cell_of
from discobase.key import NO_KEY, Key, NoKey, checked_key
from discobase.label import checked_label, default_label
from discobase.opened import StoredTable, is_opened_from, open_table, stored_tables
from discobase.overview import database_html
from discobase.portal import users_frame
from discobase.progress import Progress
from discobase.progress_bar import callback_for
from discobase.queries.sql import Sql, secret_fields
from discobase.queries.sql_rows import SqlRows
from discobase.reruns import close_earlier, note
from discobase.session import LoginTask, Session
from discobase.session_source import SessionSource
from discobase.shown import shortened
from discobase.status import Status
from discobase.table import Table, bind
from discobase.timeouts import (
    DATABASE_TIMEOUT,
    USUAL_STALENESS,
    DatabaseTimeout,
    UsualStaleness,
)
from discobase.token import hidden
from discobase.transfer.exporting import ExportFormat, ExportReport, export_all
from discobase.transfer.importing import ImportReport, import_all
from discobase.transfer.original import import_original
from discobase.transfer.original_report import OriginalReport

T = TypeVar("T", bound=Table)

_LONGEST_HISTORY = 1_000
"""Commits that a history has at once: their messages are held in memory."""

_LARGEST_POSITION = 2**63 - 1
"""Whole numbers that SQLite knows are no larger."""


class Database:
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
        staleness = checked_staleness(max_staleness, gateway=gateway)
        self._gateway = gateway
        self._server = name if server is None else server
        self._cache = checked_cache(cache)
        self._limits = Limits(attachment=attachment_limit)
        check_callback(on_trouble)
        self._on_trouble = on_trouble
        self._key = checked_key(held)
        self._feed = checked_feed(feed, encrypted=self._key is not None, read_only=read_only)
        self._label = None if label is None else checked_label(label)
        self._tables: dict[str, type[Table]] = {}
        self._opened: dict[str, type[Table]] = {}
        self._source = SessionSource(
            name,
            timeout=timeout,
            capacity=self._limits.payload,
            max_staleness=staleness,
            read_only=checked_flag("read_only", read_only),
        )
        self._serves = serves(weakref.ref(self), commands, gateway=gateway)
        # Not a method: a database that refers to itself is not collected when nobody holds it.
        self._sql = Sql(self._source, partial(_bindings, self._tables))

    def __repr__(self) -> str:
        state = "connected" if self._source.connected else "not connected"
        keyed = "" if self._key_by_now is None else ", with a key"
        return f"<Database {self.name!r}: {state}{keyed}, {len(self._tables)} tables>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: whether there is a connection, and the tables. No API call;
        never waits, nor connects.
        """
        stored = stored_tables(self._source) if self._source.ready else []
        return database_html(repr(self), stored, self._tables)

    @property
    def name(self) -> str:
        """The database's name."""
        return self._source.name

    @property
    def tables(self) -> AttachedTables:
        """The attached tables, by name: ``db.tables["User"]``, or ``db.tables.User``."""
        return AttachedTables(self._tables)

    @property
    def ready(self) -> bool:
        """Whether the database can be used at once, without waiting for a login, in this process.
        No API call; never waits, nor connects.
        """
        return self._source.ready

    @property
    def head(self) -> int:
        """The position of the last commit that this process knows of, 0 before the first. No API
        call.

        Positions count the commits of all writers: 1, 2, 3 ... without gaps. A record's
        :attr:`version <discobase.Table.version>` is the position of the commit that wrote it.
        Another process can wait for one: see :meth:`wait_for`. Take the head where the last write
        was a delete, which leaves no version.

        Raises:
            NotConnected: there is no connection.
        """
        return self._source.replica().head.seq

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
        table = checked_table_name(name)
        if table in self._tables:
            return self._tables[table]
        self._source.freshen(fresh=checked_flag("fresh", fresh))
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
            NotConnected: there is no connection.
            DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`.
        """
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

    def require_version(self, version: str, *, lower: bool = False) -> None:
        """Have only programs with this version of discobase, or a later one, write from here on,
        and open the database. Block; one API call, and none where it is so already.

        For a rolling upgrade: deploy the new version everywhere, then require it. A worker that was
        forgotten writes nothing after that: its calls raise :exc:`UpgradeNeeded
        <discobase.errors.UpgradeNeeded>`, at once where it is connected, and its logins fail.
        Versions before 2.0 do not know of such a requirement, and stop at any.

        Args:
            version: as in "2.1": not above the one that runs. Its numbers count: what comes before
                a release, as 2.1.0.dev0 and 2.1rc1, counts as that release, here and in the
                programs that are let in.
            lower: whether older versions are to be allowed again, where a later one is required.

        Raises:
            UsageError: it is no version, or above the one that runs; or a later one is required,
                and `lower` is not said.
            NotConnected: there is no connection.
            DiscobaseError: as for :meth:`Table.save <discobase.Table.save>`.
        """
        preparations = [RequireVersion(checked_version(version), checked_flag("lower", lower))]
        timeout = self._source.timeout
        purpose = f"requiring discobase {version}"
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
            UsageError: the timeout is none.
            NotConnected: there is no connection.
            Unavailable: it needs more room than there is; or `fresh`, and Discord could not be
                read.
        """
        limit = self._source.timeout if timeout is DATABASE_TIMEOUT else checked_wait(timeout)
        return self._sql.rows(statement, parameters, limit, fresh=fresh)

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
            UsageError: the timeout is none.
            NotConnected: there is no connection.
            Unavailable: `fresh`, and Discord could not be read.
        """
        limit = self._source.timeout if timeout is DATABASE_TIMEOUT else checked_wait(timeout)
        return self._sql.connection(limit, fresh=fresh)

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
            _bindings(self._tables),
            server=server,
            tables=tables,
            authors=authors,
            add=add,
            progress=progress,
        )

    # Connecting

    def login_thread(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        allow_unsafe: bool = False,
        successor_of: int | None = None,
    ) -> threading.Thread:
        """Start the thread that connects, and return it. Do not wait: see :meth:`wait_ready`.

        The thread is a daemon; it ends when the connection does.

        In a notebook or at a prompt, a cell that is run again closes the connection of before, also
        where it has made a new :class:`Database` in the place of that one's.

        Args:
            token: the bot's token; from ``DISCOBASE_TOKEN`` where it is left out. ``local`` starts
                the embedded server in this process, ``local:PATH`` the one that keeps its state in
                that file, and joins it if another process runs it already. A relative path is taken
                from the folder in which the process is now; ``~`` is the home folder.
            api_url: the REST API of another server that speaks Discord's; from
                ``DISCOBASE_API_URL`` where it is left out.
            allow_unsafe: whether to go on where that server does not enforce nonces as Discord
                does. What programs save at the same time may be lost there, so let one program
                alone write.
            successor_of: the id of the bot whose account is lost, and whose database this one takes
                over: once, see `docs/howto/succession.md`. Where that is done already it changes
                nothing.

        Raises:
            AlreadyConnected: the database is connected, or connecting.
            BadToken: there is no token, or it can be none.
            UsageError: the address of the API is no text, the path leads nowhere, or `successor_of`
                is no id.
        """
        token = hidden(token)
        return self._log_in(
            token, api_url, allow_unsafe=allow_unsafe, successor_of=successor_of
        ).portal.thread

    def login_task(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        allow_unsafe: bool = False,
        successor_of: int | None = None,
    ) -> LoginTask:
        """Connect in the background, and return a handle at once.

        The handle has ``result``, ``exception``, ``done`` and ``cancel``, and can be awaited. It
        finishes when the connection ends. It need not be kept: the login goes on without it.

        Args and errors as for :meth:`login_thread`.
        """
        token = hidden(token)
        return self._log_in(
            token, api_url, allow_unsafe=allow_unsafe, successor_of=successor_of
        ).ended

    def login_lazily(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        server: str | int | None = None,
        cache: str | os.PathLike[str] | None = None,
        label: str | None = None,
        allow_unsafe: bool = False,
    ) -> None:
        """Connect when the database is first used, in each process that uses it, and not now.
        Return at once.

        For modules that many processes load: of a web application before its workers are forked,
        of its commands, of a reloader. Whoever uses the database first waits until it is there. A
        login that has failed by what may pass, such as a network that is gone, or a bot that is not
        in the server yet, is made anew by the first use ten seconds later; until then each use
        raises why it has failed. After :meth:`close`, which the end of the interpreter does where
        nobody else has, nothing connects by itself any more.

        Where the database is connected, or connecting, this changes nothing.

        Args:
            token: as for :meth:`login_thread`, and so are those that can be left out; looked up and
                checked at the first use.
            api_url: as for :meth:`login_thread`.
            server: in the place of what the database was made with, where the settings of a
                deployment say so.
            cache: likewise.
            label: likewise.
            allow_unsafe: as for :meth:`login_thread`.

        Raises:
            UsageError: `server`, `cache`, `label` or `allow_unsafe` makes no sense.
        """
        token = hidden(token)
        given: dict[str, Any] = {
            "server": checked_server(server),
            "cache": checked_cache(cache),
            "label": None if label is None else checked_label(label),
        }
        instead = {name: value for name, value in given.items() if value is not None}
        checked_flag("allow_unsafe", allow_unsafe)
        where = self._target(token, api_url, allow_unsafe=allow_unsafe)
        self._source.log_in_when_used(lambda: replace(where(), **instead))

    def login(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        allow_unsafe: bool = False,
        successor_of: int | None = None,
    ) -> None:
        """Connect, and block until the database is closed from another thread, or by Ctrl-C, which
        closes it.

        Args as for :meth:`login_thread`.

        Raises:
            ConnectError: the connection could not be made, or not kept; the class says why.
            AlreadyConnected: the database is connected, or connecting.
        """
        token = hidden(token)
        session = self._log_in(
            token, api_url, allow_unsafe=allow_unsafe, successor_of=successor_of, awaited=True
        )
        try:
            session.wait_ended()
        except BaseException:
            session.close()
            raise

    def wait_ready(
        self,
        timeout: float | None = None,
        *,
        progress: Callable[[Progress], object] | bool | None = None,
    ) -> None:
        """Block until the database can be used, or raise why it never will.

        The gateway session may begin later. Until it does the log is read every few seconds for
        what other processes save.

        Args:
            timeout: seconds to wait; None, as it is where it is left out, for no limit.
            progress: called with a :class:`Progress <discobase.Progress>` whenever there is news of
                one, once the login takes longer than two seconds; on this thread, and what it
                raises is raised here. True shows a bar where `tqdm` is installed and standard error
                is a terminal, and nothing elsewhere.

        Raises:
            NotConnected: there has been no login.
            UsageError: the timeout, or what is to be told of progress, is none.
            WaitTimeout: it is not ready yet.
            ConnectError: it never will be: :exc:`BadToken`, :exc:`ServerNotFound`,
                :exc:`MissingPermission` ...
        """
        limit = checked_wait(timeout)
        with callback_for(checked_progress(progress)) as told:
            self._source.session().engine("wait_ready", limit, told)

    def conn(
        self,
        token: str | None = None,
        *,
        api_url: str | None = None,
        timeout: float | DatabaseTimeout | None = DATABASE_TIMEOUT,
        allow_unsafe: bool = False,
        successor_of: int | None = None,
        progress: Callable[[Progress], object] | bool | None = None,
    ) -> Connected[Database]:
        """Connect for the length of a ``with`` block, which closes the database at its end; ``async
        with`` works too.

        Args:
            token: as for :meth:`login_thread`.
            api_url: as for :meth:`login_thread`.
            timeout: seconds to wait until the database can be used; None for no limit. The
                database's own where it is left out.
            allow_unsafe: as for :meth:`login_thread`.
            successor_of: as for :meth:`login_thread`.
            progress: as for :meth:`wait_ready`; in ``async with`` it is called on the thread that
                waits, which is not the event loop's.

        Returns:
            A context manager, whose value is this database.

        Raises:
            UsageError: the timeout, or what is to be told of progress, is none.
        """
        token = hidden(token)
        limit = self._source.timeout if timeout is DATABASE_TIMEOUT else checked_wait(timeout)
        return Connected(
            self,
            begin=partial(
                self._log_in,
                token,
                api_url,
                allow_unsafe=allow_unsafe,
                successor_of=successor_of,
                awaited=True,
            ),
            wait=partial(self.wait_ready, limit, progress=checked_progress(progress)),
            close=self.close,
        )

    def close(self) -> None:
        """Finish what was asked for, close the connection and end its thread. Block until then.
        Harmless when not connected.

        Raises:
            WaitTimeout: the connection did not end within 20 s; what was left is abandoned.
        """
        self._source.close()

    def refresh(self) -> None:
        """See everything that was committed anywhere before this call. Block; one API call where
        there is nothing new.

        Reads need no such call to see what this process wrote, nor what the gateway has told it of.
        After it, they also see what another process has just finished saving.

        Raises:
            NotConnected: there is no connection.
            Unavailable: Discord could not be read.
        """
        self._source.refresh()

    def checkpoint(
        self, *, timeout: float | DatabaseTimeout | None = DATABASE_TIMEOUT
    ) -> Checkpoint:
        """Write the whole state at the head into Discord, so that who connects from now on reads it
        and the commits after it, and nothing older. Block; some four API calls, and one more for
        each message's worth of bytes above the first. Where the newest checkpoint has that state
        already it is returned, for one call and a download of all its bytes, by which it is known
        to be whole.

        There is no need to: a checkpoint is written in the background whenever reading the commits
        since the last one has come to cost more than reading a new one would. Commits and reads
        of this process go on meanwhile.

        Args:
            timeout: seconds to wait; None for no limit. The database's own where it is left out. A
                million small records take some 5 s.

        Returns:
            What was written, or was there.

        Raises:
            UsageError: the timeout is none.
            NotConnected: there is no connection.
            WaitTimeout: it takes longer, and was given up.
            Unavailable: Discord refused it or did not answer; others are writing at this moment; or
                this process holds the records in memory, since its disk is full.
            MissingPermission: the bot may not read, or write, in a channel.
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
            ReadOnly: the database was made with ``read_only=True``.
        """
        limit = self._source.timeout if timeout is DATABASE_TIMEOUT else checked_wait(timeout)
        return self._source.checkpoint(limit)

    def vacuum(
        self,
        *,
        lanes: int | None = None,
        key: bytes | str | NoKey | None = NO_KEY,
        progress: Callable[[Progress], object] | bool | None = None,
        timeout: float | None = None,
    ) -> Vacuum:
        """Leave behind what is no longer needed: make a new generation of the log, which begins
        with the records that there are now, and delete the old one from Discord. Block until then.

        What was deleted or replaced before the call is nowhere in the server any more: its messages
        are gone with their channels. Files on other disks, as replicas that are kept
        (``cache=``), still may have it.

        Saves wait for about a second, and searches for nothing. Other processes go on by
        themselves; where this one is killed meanwhile, either generation is in force, their saves
        wait for some 20 s at the most, and what is left over is removed by who connects later.
        Some twenty API calls with four lanes, and those of a checkpoint.

        Args:
            lanes: the number of channels that the log is to have, from 1 to 40: each takes about
                one commit a second, and costs a call whenever all are read. As many as before
                where it is left out.
            key: the key, or passphrase, that the database is to have from then on; None for none.
                It is as before where this is left out. This process goes on with it, and so do
                later logins of this object; all others end, and have to be given it:
                :exc:`KeyChanged <discobase.errors.KeyChanged>`.
            progress: called with a :class:`Progress <discobase.Progress>` whenever there is news,
                on this thread; what it raises is raised here, and may leave the vacuum half done,
                as a kill does. True shows a bar where `tqdm` is installed and standard error is a
                terminal.
            timeout: seconds to wait; None, as it is where it is left out, for no limit.

        Returns:
            What it has come to.

        Raises:
            UsageError: the number of lanes, the key, the timeout, or what is to be told of
                progress, is none.
            PackageMissing: a key is given, and the package that encrypts is not installed.
            NotConnected: there is no connection.
            WaitTimeout: it takes longer, and is given up; either generation is in force.
            Unavailable: Discord refused it or did not answer, or another vacuum was faster: the old
                generation goes on. Or the new one is in force, and channels of the old one, with
                what was deleted, could not be deleted yet, for want of an answer or of permissions
                in them, or because others protect them: the error says so, and names them. The next
                login deletes them, if it can.
            OutcomeUnknown: it is not known which generation goes on; all who are connected will
                find out.
            ServerFull: the server has no room for the new channels.
            MissingPermission: the bot may not make channels.
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
            ReadOnly: the database was made with ``read_only=True``.
        """
        # First of all: what follows may fail, and arguments stand in frames.
        held = key if key is None or isinstance(key, NoKey) else Key(key)
        del key
        wanted = checked_key(held) if isinstance(held, Key) else held
        chosen, limit = checked_lanes(lanes), checked_wait(timeout)
        with callback_for(checked_progress(progress)) as told:
            return self._source.vacuum(chosen, wanted, told, limit)

    def move(
        self,
        server: str | int,
        *,
        progress: Callable[[Progress], object] | bool | None = None,
        timeout: float | None = None,
    ) -> Move:
        """Have the database go on in another server of the same bot. Block until it does.

        It is a :meth:`vacuum` whose new channels are in that server: records, positions and
        versions stay as they are, what was deleted or replaced before the call is left behind, and
        the old channels are deleted. One of them stays, the catalog, and says where the database
        is: so a login by the old server's name, or id, leads to the new one, as one by its own name
        does. Keep the bot in the old server as long as programs log in there.

        Saves wait for about a second, and searches for nothing. Other processes go on by
        themselves. Where this one is killed meanwhile, the database is in one server or in the
        other one, and what is left over is removed by who connects later. Some thirty API calls
        with four lanes, those of a checkpoint, and on Discord 3 s of waiting before saves wait.

        Args:
            server: the other server's name, or its id. The bot has to be in it already, with the
                permissions that a database needs.
            progress: as for :meth:`vacuum`.
            timeout: as for :meth:`vacuum`.

        Returns:
            What it has come to.

        Raises:
            UsageError: the server, the timeout, or what is to be told of progress, is none.
            MoveRefused: it is the server that the database is in, or it has another database of
                this bot; nothing was changed.
            ServerNotFound, ServerAmbiguous: the bot is not in that server, or in several of that
                name; nothing was changed.
            MissingPermission: the bot may not do there what a database needs.
            ServerFull: that server has no room for its channels.
            NotConnected: there is no connection.
            WaitTimeout: it takes longer, and is given up; the database is in either server.
            Unavailable: Discord refused it or did not answer, or another change of generation was
                faster: the database stays where it is. Or it has moved, and the old channels could
                not be deleted yet; the error says so.
            OutcomeUnknown: it is not known in which server it goes on; all who are connected will
                find out.
            ConnectError: Discord could not be asked for the server.
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
            ReadOnly: the database was made with ``read_only=True``.
        """
        chosen, limit = checked_other_server(server), checked_wait(timeout)
        with callback_for(checked_progress(progress)) as told:
            return self._source.move(chosen, told, limit)

    def status(self) -> Status:
        """Return how the connection is: where in the log this process stands and since when, how
        the gateway is, what was asked of Discord, and what that has waited for. No API call; never
        waits, nor raises: for a health check, too, before a login and after its end.
        """
        return self._source.status()

    def lost(self) -> list[LostCommit]:
        """Return the commits that were written and do not count, or whose message is gone, as far
        as this process knows. Blocks only while a login is under way; no API call.

        Each is logged as an error when it is found. Empty unless somebody has deleted or altered
        messages of the log, a process stood still for minutes while it wrote, or the server does
        not enforce nonces: in the latter two cases their writers have written them again.

        Returns:
            What is lost, in the order in which it was written; each says why.

        Raises:
            NotConnected: there is no connection.
        """
        return self._source.lost()

    def history(
        self,
        *,
        before: int | None = None,
        limit: int = 50,
        largest: int = 1_000_000,
        fresh: bool = False,
    ) -> list[LoggedCommit]:
        """Return the last commits, newest first: when each was written, by whom, and what it did to
        which records. Block until they have been read again from the log.

        It ends where the present generation of the log begins (a :meth:`vacuum` deletes what came
        before), and where this process has begun at a checkpoint, of which it knows the last 1,024
        positions. Commits that do not count are in :meth:`lost`. What a record was before stands in
        the commit before that wrote it. Secrets are masked.

        One API call for each channel of the log that the commits are in, and one more for each
        further 100 messages of a channel between them; a download for each commit that is a file.

        Args:
            before: the position that they are below; None for the newest that this process knows.
                For the next page, the position of the last one.
            limit: how many they are at the most, from 1 to 1,000.
            largest: bytes that a commit may take, before compression, to be read: of a larger one
                position, time and writer are told.
            fresh: see also what any process has saved before this call. One API call.

        Raises:
            UsageError: an argument makes no sense.
            NotConnected: there is no connection.
            Unavailable: Discord could not be read.
            MissingPermission: the bot may not read a channel of the database.
            WaitTimeout: it took longer than the database's timeout.
            LogDamaged: a channel of the log is gone.
            UpgradeNeeded: a later version has written one of them.
            Disconnected: the connection ended meanwhile.
        """
        below = None if before is None else min(checked_position(before), _LARGEST_POSITION)
        number = checked_number("limit", limit, _LONGEST_HISTORY)
        most = checked_number("largest", largest, _LARGEST_POSITION)
        self._source.freshen(fresh=checked_flag("fresh", fresh))
        past = self._source.past(below, number, most)
        replica = self._source.replica("the history")
        secret = {name: secret_fields(each) for name, each in _bindings(self._tables).items()}
        tell = Tellers(replica.layouts, replica.writers.labels, secret).tell
        return [tell(each) for each in past]

    def verify(
        self,
        *,
        progress: Callable[[Progress], object] | bool | None = None,
        timeout: float | None = None,
    ) -> Report:
        """Read all that is written in Discord, and report what is not as it should be: holes in the
        log, altered commits, messages by others, checkpoints that do not hold, records of this
        process that are not what the log comes to. Block until then.

        Where the last login found the log damaged (:exc:`LogDamaged
        <discobase.errors.LogDamaged>`), so that there is no connection, it logs in for this alone,
        and opens nothing.

        It changes nothing, and saves and searches go on meanwhile. One API call for 100 commits in
        each lane, a download for each commit that is a file, and a few calls more: at Discord's
        limits 100,000 commits take about four minutes. It needs as much room on the disk as the
        records do.

        Args:
            progress: called with a :class:`Progress <discobase.Progress>`: at once with what it
                will cost, before anything is read, where there is a connection; and then whenever
                there is news; on this thread, and what it raises ends the verification and is
                raised here. True shows a bar where
                `tqdm` is installed and standard error is a terminal, and nothing elsewhere. What it
                will cost is logged, too, as information.
            timeout: seconds to wait; None, as it is where it is left out, for no limit.

        Returns:
            The report; ``report.sound`` is whether nothing is damaged, and ``print(report)`` shows
            what was found.

        Raises:
            NotConnected: there is no connection.
            UsageError: the timeout, or what is to be told of progress, is none.
            WaitTimeout: it is not finished yet; it is given up.
            Unavailable: Discord could not be read, or no disk has room to apply the log on.
            MissingPermission: the bot may not read a channel of the database.
            UpgradeNeeded: a later version has written something that this one cannot check.
            Disconnected: the connection ended meanwhile.
        """
        limit = checked_wait(timeout)
        with callback_for(checked_progress(progress)) as told:
            return self._source.verify(told, limit)

    def repair(
        self,
        *,
        confirm: str | None = None,
        token: str | None = None,
        api_url: str | None = None,
        progress: Callable[[Progress], object] | bool | None = None,
        timeout: float | None = None,
    ) -> Repair:
        """Begin a new generation of the log with what can be read of it, where nobody has the rest
        any more. Block until then.

        For a database that a login finds damaged (:exc:`LogDamaged
        <discobase.errors.LogDamaged>`), or of which :meth:`verify` says so. Without `confirm` it
        reads everything, changes nothing, and returns what would be lost; ``print`` shows that.
        With the ``confirm`` of that it is done, if still just that is lost.

        It begins at the newest checkpoint that holds, and goes on with the commits above it, also
        above those that are missing, as far as they can be applied by themselves. The old channels
        are deleted, as by :meth:`vacuum`. Whoever is connected and has the records goes on with
        them instead: then nothing is lost, and nothing is repaired. That is waited for, 40 s.

        It opens nothing, and logs in for itself, once for each call. Where it is interrupted either
        nothing is changed or it is done, and it can be called again. The calls of :meth:`verify`,
        and some twenty more where it is done.

        Args:
            confirm: what is said back, as the `confirm` of what the call before has returned.
            token: as for :meth:`login_thread`. Where it is left out: that of the last login, if
                there was one.
            api_url: as for :meth:`login_thread`.
            progress: called with a :class:`Progress <discobase.Progress>` whenever there is news,
                on this thread; what it raises is raised here, and ends it. True shows a bar where
                `tqdm` is installed and standard error is a terminal.
            timeout: seconds to wait; None, as it is where it is left out, for no limit.

        Returns:
            What would be lost, or was.

        Raises:
            UsageError: something else would be lost than what was said back, and nothing was
                changed; or the timeout, or what is to be told of progress, is none.
            ReadOnly: the database was made with ``read_only=True``.
            Unavailable: Discord did not answer, or refused; or nothing is to be lost, as a process
                that is connected has the records, or was faster. Nothing was changed.
            OutcomeUnknown: it is not known whether it is done.
            LogDamaged: the database has no superblock any more.
            DatabaseNotFound: there is no database.
            DatabaseEnded: nobody writes to it any more.
            ServerFull, MissingPermission: there is no room for its channels, or no right.
            UpgradeNeeded: a later version has written something that this one cannot read.
            WaitTimeout: it took longer, and was given up; it may be done.
            ConnectError: the login for it could not be made; the class says why.
        """
        said, limit = checked_confirm(confirm), checked_wait(timeout)
        known = None if token or api_url else self._source.target
        target = known or self._target(hidden(token), api_url)()
        with callback_for(checked_progress(progress)) as told:
            return self._source.repair(target, said, told, limit)

    def clean(
        self,
        name: str,
        *,
        token: str | None = None,
        api_url: str | None = None,
        timeout: float | DatabaseTimeout | None = DATABASE_TIMEOUT,
    ) -> None:
        """Delete the database, whole and for good: its channels, with all that was ever written
        there, its traces, and what this program keeps of it in its `cache`. Block until then.

        Other databases stay, and so do all channels that are not this one's, wherever they are. The
        category goes if it is empty then. Other processes that are connected write nothing any more
        (:exc:`DatabaseDeleted <discobase.errors.DatabaseDeleted>`), and this one is closed. The
        next login creates a new, empty database.

        It opens nothing, so that it works on what cannot be opened, too: connected or not, after a
        login that has failed, or without one. Where it is interrupted, whoever calls it again, or
        logs in to write, finishes it.

        Some 20 API calls, three of them for a login of its own, and on Discord 3 s of waiting.

        Args:
            name: the database's name once more, so that no other one is deleted by mistake.
            token: as for :meth:`login_thread`. Where it is left out: that of the last login, if
                there was one.
            api_url: as for :meth:`login_thread`.
            timeout: seconds to wait; None for no limit. The database's own where it is left out.

        Raises:
            UsageError: the name is another one, and nothing was done; or the timeout is none.
            ReadOnly: the database was made with ``read_only=True``.
            DatabaseNotFound: there is no database.
            DatabaseTakenOver: another bot has taken it over, and nothing was deleted.
            ServerNotFound: it has moved on by way of a server that the bot is not in, and nothing
                was deleted.
            MissingPermission: the bot may not read a channel of it.
            Unavailable: Discord did not answer, or refused: what was begun can be finished.
            WaitTimeout: it took longer, and was given up; what was begun can be finished.
            ConnectError: the login for it could not be made; the class says why.
        """
        if name != self.name:
            raise UsageError(
                f"nothing was deleted: this database is {self.name!r}, and clean() was told "
                f"{shortened(name)}. Say the name of the one that is to be deleted."
            )
        limit = self._source.timeout if timeout is DATABASE_TIMEOUT else checked_wait(timeout)
        known = None if token or api_url else self._source.target
        self._source.clean(known or self._target(hidden(token), api_url)(), limit)

    def wait_for(
        self, position: int, *, timeout: float | DatabaseTimeout | None = DATABASE_TIMEOUT
    ) -> None:
        """Block until this process has applied a commit, and so reads what it wrote.

        For what another process has just acknowledged: where one worker of a web server saves a
        record and redirects, and another one answers the request that follows, the first hands
        on the record's ``version``, in the session or in the address, and the second waits for it.

        No API call where the commit is known already, or an event of the gateway brings it, as a
        rule within moments. If none does, the log is read after a second, and then again in ever
        longer pauses.

        Args:
            position: the :attr:`version <discobase.Table.version>` of a record, or the
                :attr:`head` of a database.
            timeout: seconds to wait; 0 for a look, None for no limit. The database's own where it
                is left out.

        Raises:
            UsageError: the position or the timeout is none.
            WaitTimeout: it has not come; both positions are named.
            NotConnected: there is no connection.
            Disconnected: the connection ended meanwhile.
            LogDamaged, UpgradeNeeded: the log cannot be read to its end.
        """
        limit = self._source.timeout if timeout is DATABASE_TIMEOUT else checked_wait(timeout)
        self._source.wait_for(checked_position(position), limit)

    def _target(
        self,
        token: str | None,
        api_url: str | None,
        *,
        allow_unsafe: bool = False,
        successor_of: int | None = None,
    ) -> Callable[[], Target]:
        return partial(
            target,
            token,
            api_url,
            self._server,
            self._limits,
            allow_unsafe=allow_unsafe,
            gateway=self._gateway,
            cache=self._cache,
            read_only=self._source.read_only,
            label=default_label() if self._label is None else self._label,
            on_trouble=self._on_trouble,
            successor_of=successor_of,
            key=self._key_by_now,
            serves=self._serves,
            feed=self._feed,
        )

    @property
    def _key_by_now(self) -> Key | None:
        """The key that was given, or that the last connection has changed it to."""
        last = self._source.target
        return self._key if last is None else last.key

    def _log_in(
        self,
        token: str | None,
        api_url: str | None,
        *,
        allow_unsafe: bool,
        successor_of: int | None,
        awaited: bool = False,
    ) -> Session:
        where = self._target(token, api_url, allow_unsafe=allow_unsafe, successor_of=successor_of)
        cell = cell_of(users_frame())
        if cell is None:
            return self._source.log_in(where, awaited=awaited)
        close_earlier(cell, self._source, where())
        session = self._source.log_in(where, awaited=awaited)
        note(cell, self._source, self)
        return session


def _bindings(tables: Mapping[str, type[Table]]) -> Mapping[str, Binding[Any]]:
    return {name: vars(model)["_binding"] for name, model in tables.items()}


def _is_another_state_of(held: type[Table], model: type[Table]) -> bool:
    """Return whether a class comes from the same statement as the one that is a table already."""
    of = (model.__module__, model.__qualname__)
    return model is not held and of == (held.__module__, held.__qualname__)
