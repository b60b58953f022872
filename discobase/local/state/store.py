"""The one SQLite file that holds the server's state, or a private temporary one.

Every call is one SQLite transaction (or part of one begun with :meth:`Store.transaction`) and is
over, in the operating system's hands, when it returns. ``synchronous=OFF`` is enough for what is
promised here: an answered write survives the death of this process, ``kill -9`` included, because
the file's pages are the kernel's by then; it may not survive a power cut. One thread uses a store:
the one it was made for; another one may close it, once that one is gone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Any, NamedTuple

from discobase.local import wire
from discobase.local.state.file_format import APPLICATION_ID, VERSION, make_private

_TABLES = """
create table if not exists meta (name text primary key, value text not null) without rowid;
create table if not exists objects (
    kind text not null, owner integer not null, id integer not null, data text not null,
    primary key (kind, owner, id)
) without rowid;
create table if not exists messages (
    id integer primary key, channel_id integer not null, author_id integer not null, head text not
    null, files text
);
create index if not exists messages_by_channel on messages (channel_id);
create table if not exists attachments (
    id integer primary key, channel_id integer not null, message_id integer not null,
    name text not null, type text, content blob not null
);
create index if not exists attachments_by_message on attachments (message_id);
create table if not exists nonces (
    author_id integer not null, channel_id integer not null, nonce text not null,
    message_id integer not null, sent real not null, primary key (author_id, channel_id, nonce)
) without rowid;
create index if not exists nonces_by_time on nonces (sent);
create table if not exists pins (
    message_id integer primary key, channel_id integer not null, pinned real not null
);
create index if not exists pins_by_channel on pins (channel_id, pinned);
create table if not exists newest (
    channel_id integer primary key, message_id integer not null
);
create trigger if not exists newest_of_channel after insert on messages begin
    insert into newest values (new.channel_id, new.id) on conflict (channel_id)
    do update set message_id = max(message_id, excluded.message_id);
end;
"""


class MessageRow(NamedTuple):
    """A message as it is kept.

    ``head`` is its JSON without attachments and closing brace, ``files`` the attachments as a JSON
    list.
    """

    id: int
    channel_id: int
    author_id: int
    head: str
    files: str | None

    def fields(self) -> dict[str, Any]:
        """Return what ``head`` says."""
        fields: dict[str, Any] = json.loads(self.head + "}")
        return fields


class AttachmentRow(NamedTuple):
    """A file as it is kept."""

    id: int
    channel_id: int
    message_id: int
    name: str
    type: str | None
    content: bytes


class NonceRow(NamedTuple):
    """That a nonce was used: by whom, where, for which message, when (Unix seconds)."""

    author_id: int
    channel_id: int
    nonce: str
    message_id: int
    sent: float


class Store:
    """The file.

    Args:
        path: of the file, made if missing; ``None`` for one of its own that vanishes with the
            store.
    """

    def __init__(self, path: str | PathLike[str] | None) -> None:
        if path is not None:
            make_private(fspath(path))
        self._sql = sqlite3.connect(
            "" if path is None else fspath(path),
            isolation_level=None,
            cached_statements=256,
            check_same_thread=False,
        )
        try:
            self._prepare("memory" if path is None else "wal")
        except BaseException:
            self._sql.close()
            raise

    def _prepare(self, journal: str) -> None:
        self._sql.execute("pragma synchronous=off")
        self._sql.execute("pragma cache_size=-65536")
        marks = f"pragma application_id = {APPLICATION_ID}; pragma user_version = {VERSION};"
        self._sql.executescript(f"begin immediate; {marks} {_TABLES} commit;")
        # After the first commit: so the mark stands in the file itself, where it is looked for,
        # and not in the write-ahead log.
        self._sql.execute(f"pragma journal_mode={journal}")

    @property
    def changes(self) -> int:
        """How many rows were written since the file was opened."""
        return self._sql.total_changes

    def close(self) -> None:
        """Close the file."""
        self._sql.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Make the calls inside one transaction; an exception undoes them."""
        self._sql.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._sql.execute("rollback")
            raise
        self._sql.execute("commit")

    def meta(self, name: str) -> str | None:
        """Return a value that :meth:`set_meta` left."""
        found = self._sql.execute("select value from meta where name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def set_meta(self, name: str, value: str) -> None:
        """Keep a value under a name."""
        self._sql.execute("insert or replace into meta values (?, ?)", (name, value))

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """Return all objects of a kind, by owner and id."""
        rows = self._sql.execute(
            "select data from objects where kind = ? order by owner, id", (kind,)
        )
        return [json.loads(data) for (data,) in rows]

    def put_object(
        self,
        kind: str,
        owner: int,
        id: int,  # noqa: A002
        data: dict[str, Any],
    ) -> None:
        """Write an object, over the one of the same kind, owner and id."""
        row = (kind, owner, id, wire.text(data))
        self._sql.execute("insert or replace into objects values (?, ?, ?, ?)", row)

    def remove_object(self, kind: str, owner: int, id: int) -> None:  # noqa: A002
        """Remove an object, if it is there."""
        self._sql.execute(
            "delete from objects where kind = ? and owner = ? and id = ?", (kind, owner, id)
        )

    def insert_message(
        self, message: MessageRow, attachments: Iterable[AttachmentRow] = ()
    ) -> None:
        """Write a new message and its files."""
        self._sql.execute("insert into messages values (?, ?, ?, ?, ?)", message)
        self.insert_attachments(attachments)

    def insert_attachments(self, attachments: Iterable[AttachmentRow]) -> None:
        """Write new files."""
        for attachment in attachments:
            self._sql.execute("insert into attachments values (?, ?, ?, ?, ?, ?)", attachment)

    def update_message(
        self, message: MessageRow, added: Iterable[AttachmentRow], removed: Iterable[int]
    ) -> None:
        """Write a changed message; its new files come, those of the ids ``removed`` go."""
        with self.transaction():
            change = (message.head, message.files, message.id)
            self._sql.execute("update messages set head = ?, files = ? where id = ?", change)
            self.insert_attachments(added)
            self._sql.executemany(
                "delete from attachments where id = ?", ((id_,) for id_ in removed)
            )

    def delete_messages(self, ids: Sequence[int]) -> None:
        """Remove messages with their files."""
        with self.transaction():
            for id_ in ids:
                self._sql.execute("delete from messages where id = ?", (id_,))
                self._sql.execute("delete from attachments where message_id = ?", (id_,))
                self._sql.execute("delete from pins where message_id = ?", (id_,))

    def delete_channel_messages(self, channel_id: int) -> None:
        """Remove all of a channel's messages with their files."""
        self._sql.execute("delete from messages where channel_id = ?", (channel_id,))
        self._sql.execute("delete from attachments where channel_id = ?", (channel_id,))
        self._sql.execute("delete from pins where channel_id = ?", (channel_id,))
        self._sql.execute("delete from newest where channel_id = ?", (channel_id,))

    def message(self, channel_id: int, id: int) -> MessageRow | None:  # noqa: A002
        """Return one message, if the channel has it."""
        row = self._sql.execute("select * from messages where id = ?", (id,)).fetchone()
        return MessageRow(*row) if row is not None and row[1] == channel_id else None

    def newest(self, channel_id: int, before: int, limit: int) -> list[MessageRow]:
        """Return the newest messages with ids below ``before``, newest first."""
        rows = self._sql.execute(
            "select * from messages where channel_id = ? and id < ? order by id desc limit ?",
            (channel_id, before, limit),
        )
        return [MessageRow(*row) for row in rows]

    def oldest(self, channel_id: int, after: int, limit: int) -> list[MessageRow]:
        """Return the oldest messages with ids above ``after``, oldest first."""
        rows = self._sql.execute(
            "select * from messages where channel_id = ? and id > ? order by id limit ?",
            (channel_id, after, limit),
        )
        return [MessageRow(*row) for row in rows]

    def set_pin(self, message: MessageRow, pinned: float | None) -> None:
        """Write a message that was pinned at a moment (Unix seconds), or is not any more."""
        with self.transaction():
            self._sql.execute(
                "update messages set head = ? where id = ?", (message.head, message.id)
            )
            if pinned is None:
                self._sql.execute("delete from pins where message_id = ?", (message.id,))
            else:
                row = (message.id, message.channel_id, pinned)
                self._sql.execute("insert or replace into pins values (?, ?, ?)", row)

    def pins(self, channel_id: int, before: float, limit: int) -> list[tuple[MessageRow, float]]:
        """Return the messages pinned before a moment, the latest pin first, and when it was."""
        rows = self._sql.execute(
            "select messages.*, pinned from pins join messages on messages.id = message_id"
            " where pins.channel_id = ? and pinned < ? order by pinned desc limit ?",
            (channel_id, before, limit),
        )
        return [(MessageRow(*row[:-1]), row[-1]) for row in rows]

    def count_pins(self, channel_id: int) -> int:
        """Return how many pins a channel has."""
        query = "select count(*) from pins where channel_id = ?"
        return int(self._sql.execute(query, (channel_id,)).fetchone()[0])

    def last_message_ids(self) -> dict[int, int]:
        """Return the id of the newest message that each channel ever had, deleted or not.

        A trigger keeps them, which works under an older version too: it knows nothing of them. What
        was deleted before the file had one is not known any more.
        """
        self._sql.execute(
            "insert or ignore into newest"
            " select channel_id, max(id) from messages group by channel_id"
        )
        return dict(self._sql.execute("select channel_id, message_id from newest"))

    def largest_id(self) -> int:
        """Return the largest id in use, 0 in an empty file."""
        query = (
            "select max(id) from (select max(id) as id from messages"
            " union select max(id) from objects union select max(id) from attachments"
            " union select max(message_id) from nonces union select max(message_id) from newest)"
        )
        return int(self._sql.execute(query).fetchone()[0] or 0)

    def attachment(self, id: int) -> AttachmentRow | None:  # noqa: A002
        """Return one file with its content."""
        row = self._sql.execute("select * from attachments where id = ?", (id,)).fetchone()
        return None if row is None else AttachmentRow(*row)

    def insert_nonce(self, nonce: NonceRow) -> None:
        """Keep a nonce, over an earlier use of the same."""
        self._sql.execute("insert or replace into nonces values (?, ?, ?, ?, ?)", nonce)

    def nonces(self, since: float) -> list[NonceRow]:
        """Return the nonces sent at or after ``since`` (Unix seconds), oldest first."""
        rows = self._sql.execute("select * from nonces where sent >= ? order by sent", (since,))
        return [NonceRow(*row) for row in rows]

    def forget_nonces(self, before: float) -> None:
        """Remove the nonces sent before a moment (Unix seconds)."""
        self._sql.execute("delete from nonces where sent < ?", (before,))
