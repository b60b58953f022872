"""What whoever runs a database asks of it: its state, its past, and changes of all of it."""

from __future__ import annotations

from collections.abc import Callable

from discobase.arguments import (
    checked_confirm,
    checked_flag,
    checked_lanes,
    checked_number,
    checked_other_server,
    checked_position,
    checked_progress,
    checked_version,
    checked_wait,
)
from discobase.connectable import Connectable
from discobase.engine.changes import Request, RequireVersion
from discobase.engine.checkpoints.keeper import Checkpoint
from discobase.engine.interface import Move, Vacuum
from discobase.engine.lost import LostCommit
from discobase.engine.repair.loss import Repair
from discobase.engine.verification.report import Report
from discobase.errors import UsageError
from discobase.history import LoggedCommit, Tellers
from discobase.key import NO_KEY, Key, NoKey, checked_key
from discobase.progress import Progress
from discobase.progress_bar import callback_for
from discobase.queries.sql import secret_fields
from discobase.shown import shortened
from discobase.status import Status
from discobase.table import Table, bindings_of
from discobase.target import is_given
from discobase.timeouts import DATABASE_TIMEOUT, DatabaseTimeout
from discobase.token import hidden

_LONGEST_HISTORY = 1_000
"""Commits that a history has at once: their messages are held in memory."""

_LARGEST_POSITION = 2**63 - 1
"""Whole numbers that SQLite knows are no larger."""


class Maintained(Connectable):
    """What can be looked after: checked, cleared up, moved, repaired and deleted."""

    _tables: dict[str, type[Table]]
    """The attached tables, which the database holds."""

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
            Unavailable: Discord refused it or did not answer, or another vacuum was faster: the old
                generation goes on. Or the new one is in force, and channels of the old one, with
                what was deleted, could not be deleted yet, for want of an answer or of permissions
                in them, or because others protect them: the error says so, and names them. The next
                login deletes them, if it can.
            OutcomeUnknown: the time was over, and it may be done: keep both keys, where the key was
                to change, until a login has shown which of them counts. Or it is not known which
                generation goes on; all who are connected will find out.
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
            Unavailable: Discord refused it or did not answer, or another change of generation was
                faster: the database stays where it is. Or it has moved, and the old channels could
                not be deleted yet; the error says so.
            OutcomeUnknown: the time was over, or else it is not known in which server it goes on;
                all who are connected will find out.
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
        secret = {name: secret_fields(each) for name, each in bindings_of(self._tables).items()}
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
            OutcomeUnknown: the time was over, with `confirm`, or else it is not known whether it is
                done.
            LogDamaged: the database has no superblock any more.
            DatabaseNotFound: there is no database.
            DatabaseEnded: nobody writes to it any more.
            ServerFull, MissingPermission: there is no room for its channels, or no right.
            UpgradeNeeded: a later version has written something that this one cannot read.
            WaitTimeout: it took longer, without `confirm`.
            ConnectError: the login for it could not be made; the class says why.
        """
        said, limit = checked_confirm(confirm), checked_wait(timeout)
        known = None if is_given(token) or is_given(api_url) else self._source.target
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
            OutcomeUnknown: it took longer, and was given up; what was begun can be finished.
            ConnectError: the login for it could not be made; the class says why.
        """
        if name != self.name:
            raise UsageError(
                f"nothing was deleted: this database is {self.name!r}, and clean() was told "
                f"{shortened(name)}. Say the name of the one that is to be deleted."
            )
        limit = self._source.timeout if timeout is DATABASE_TIMEOUT else checked_wait(timeout)
        known = None if is_given(token) or is_given(api_url) else self._source.target
        self._source.clean(known or self._target(hidden(token), api_url)(), limit)

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
