"""What a program wants of a feed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import cast

from discobase.engine.log.topic import CATALOG, CHECKPOINTS, LOG
from discobase.errors import UsageError
from discobase.shown import shortened

_LONGEST_NAME = 100
"""Characters of a channel's name (channel resource, "Channel Object")."""

_OWN = (CATALOG, CHECKPOINTS)
"""Names that the database's own channels have, beside those of its lanes."""

_LEAST_SECONDS = 1.0
"""Between two messages. Discord lets a bot post about five in five seconds in one channel (topics,
rate limits, tells it by headers alone), and nobody reads faster."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A channel in which this program posts the changes that it commits, for people to read.

    Args:
        channel: its name, as Discord has names of text channels: up to 100 characters, without
            capitals and blanks.
        tables: the names of the tables whose changes are posted; None for all.
        hide: fields whose values are not shown, by the names of their tables. Those of secrets
            (pydantic's ``SecretStr`` and ``SecretBytes``) are hidden anyway.
        values: whether the values of the fields are shown, or only which records were written.
        every: the seconds between two messages at the least, from 1 on. What is written meanwhile
            is posted together.

    Raises:
        UsageError: one of them makes no sense.
    """

    channel: str = "changes"
    tables: Collection[str] | None = None
    hide: Mapping[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])
    values: bool = True
    every: float = 5.0

    def __post_init__(self) -> None:
        _check_channel(self.channel)
        _check_tables(self.tables)
        _check_hidden(self.hide)
        _check_values(self.values)
        _check_every(self.every)

    def posts(self, table: str) -> bool:
        """Return whether changes of a table are posted."""
        return self.tables is None or table in self.tables

    def shown(self, table: str, fields: Collection[str]) -> frozenset[str]:
        """Return those of a table's fields whose values are shown, as far as it is told here."""
        return frozenset(fields).difference(self.hide.get(table, ()))


def _check_channel(name: object) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise UsageError(
            f"{shortened(name)} is no name for a feed's channel: give a text of 1 to "
            f"{_LONGEST_NAME} characters, as in feed='changes'."
        )
    if name in _OWN or name.startswith(LOG):
        raise UsageError(
            f"{name!r} is what a channel of the database itself is called: give the feed another "
            f"name, as in feed='changes'."
        )
    if not all(each.isalnum() or each in "-_" for each in name.removeprefix("#")) and not any(
        map(str.isspace, name)
    ):
        raise UsageError(
            f"{name!r} is no name that a text channel of Discord has: it may have letters, digits, "
            f"dashes and underscores."
        )
    as_discord_has_it = "-".join(name.lower().removeprefix("#").split())
    if name != as_discord_has_it:
        raise UsageError(
            f"{name!r} is no name that a text channel of Discord has: write {as_discord_has_it!r}."
        )


def _check_tables(tables: object) -> None:
    if tables is None:
        return
    if not _are_texts(tables):
        raise UsageError(
            f"tables={shortened(tables)}: give names of tables, as in ['orders'], or leave "
            f"it out for all of them."
        )


def _check_hidden(hide: object) -> None:
    if not _name_texts(hide):
        raise UsageError(
            f"hide={shortened(hide)}: give the fields' names for each table, as in "
            f"{{'orders': ['card']}}."
        )


def _name_texts(hide: object) -> bool:
    if not isinstance(hide, Mapping):
        return False
    given = cast("Mapping[object, object]", hide)
    return all(isinstance(table, str) and _are_texts(names) for table, names in given.items())


def _are_texts(names: object) -> bool:
    if not isinstance(names, Collection) or isinstance(names, str):
        return False
    given = list(cast("Collection[object]", names))
    return bool(given) and all(isinstance(each, str) for each in given)


def _check_values(values: object) -> None:
    if not isinstance(values, bool):
        raise UsageError(f"values={shortened(values)}: give True or False.")


def _check_every(every: object) -> None:
    is_number = isinstance(every, int | float) and not isinstance(every, bool)
    if not is_number or not _LEAST_SECONDS <= cast("float", every) < inf:
        raise UsageError(f"every={shortened(every)}: give a number of seconds, 1 or more.")


def checked_feed(feed: object, *, encrypted: bool, read_only: bool) -> Feed | None:
    """Return the feed that a database is given: a :class:`Feed`, or the name of its channel.

    Args:
        feed: what was given; None for no feed.
        encrypted: whether a key is given as well.
        read_only: whether the program writes nothing.

    Raises:
        UsageError: it is no feed, or the database can have none.
    """
    if feed is None:
        return None
    chosen = Feed(feed) if isinstance(feed, str) else feed
    if not isinstance(chosen, Feed):
        raise UsageError(
            f"feed={shortened(feed)}: give the name of a channel, a discobase.Feed, or leave it "
            f"out."
        )
    if encrypted:
        raise UsageError(
            "a feed posts in plain text what key= encrypts: leave one of them out. Nothing was "
            "connected."
        )
    if read_only:
        raise UsageError(
            "a feed posts what this program writes, and with read_only=True it writes nothing: "
            "give the feed to the programs that write."
        )
    return chosen
