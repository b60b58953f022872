"""Take over what the older package discobase 1.0.0 has stored: which tables, and into which."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, cast

from discobase.arguments import checked_flag, checked_progress, checked_server
from discobase.binding import Binding
from discobase.counted import counted
from discobase.engine.server.seam import Channel, Message
from discobase.errors import OriginalNotFound, ReadOnly, UsageError
from discobase.progress_bar import callback_for
from discobase.session_source import SessionSource
from discobase.shown import shortened
from discobase.transfer.original_layout import CATALOGUE, NoOriginal, OriginalEntry, entry_in
from discobase.transfer.original_marks import Marks
from discobase.transfer.original_report import NotTaken, OriginalReport, OriginalTable
from discobase.transfer.original_server import OriginalServer
from discobase.transfer.original_table import OriginalTaking


@dataclass(slots=True)
class _Catalogue:
    """The catalogue of an original database.

    Args:
        channels: the server's channels, by their ids.
        tables: what is said of each table, by its name: the newest word on it, as 1.0.0 itself
            takes it.
        earlier: what was said before that, of other channels, by the id of the channel.
        not_understood: messages that say nothing.
    """

    channels: Mapping[int, Channel]
    tables: dict[str, OriginalEntry] = field(default_factory=dict[str, OriginalEntry])
    earlier: dict[int, OriginalEntry] = field(default_factory=dict[int, OriginalEntry])
    not_understood: list[NotTaken] = field(default_factory=list[NotTaken])

    def add(self, entry: OriginalEntry) -> None:
        """Take in what a message says, which is newer than those before it."""
        before = self.tables.get(entry.name)
        if before is not None:
            self.earlier[before.table_channel] = before
        self.earlier.pop(entry.table_channel, None)
        self.tables[entry.name] = entry

    @property
    def entries(self) -> list[OriginalEntry]:
        """What is said of all tables, of those first that 1.0.0 itself would take."""
        return [*self.tables.values(), *self.earlier.values()]

    def entry(self, asked: str | int) -> OriginalEntry | None:
        """Return what is said of a table that is asked for by its name, or by its channel's id."""
        if isinstance(asked, str):
            return self.tables.get(asked)
        return next((entry for entry in self.entries if entry.table_channel == asked), None)

    def channel_of(self, entry: OriginalEntry) -> Channel | None:
        """Return the channel that has a table's records, if it is there."""
        channel = self.channels.get(entry.table_channel)
        return None if channel is None or channel.is_category else channel


def import_original(
    source: SessionSource,
    bindings: Mapping[str, Binding[Any]],
    *,
    server: object,
    tables: object,
    authors: object,
    add: object,
    progress: object,
) -> OriginalReport:
    """Take over what 1.0.0 has stored. See :meth:`discobase.Database.import_original`.

    Args:
        source: the database that is written to.
        bindings: its tables, by their names.
        server: as there.
        tables: as there.
        authors: as there.
        add: as there.
        progress: as there.
    """
    given, wanted = checked_server(server), _checked_tables(tables, bindings)
    others, may_add = _checked_authors(authors), checked_flag("add", add)
    asked = checked_progress(progress)
    target = source.session().target
    if source.read_only:
        raise ReadOnly(
            f"{source.name!r} was made with read_only=True: nothing is imported into it."
        )
    source.refresh()
    place = target.server if given is None else given
    marks = Marks(source)
    with (
        callback_for(asked) as told,
        OriginalServer(source.name, target, place, source.timeout) as original,
    ):
        believed = {original.bot, *others}
        catalogue = _read_catalogue(original, believed, place)
        chosen = _chosen(catalogue, bindings, wanted)
        if not may_add:
            _refuse_filled(chosen, source, marks)
        found: list[OriginalTable] = []
        for entry in catalogue.entries:
            channel, binding = catalogue.channel_of(entry), chosen.get(entry)
            if channel is None or binding is None:
                problem = _problem(catalogue, entry, all_asked_for=wanted is None)
                found.append(
                    OriginalTable(name=entry.name, channel=entry.table_channel, problem=problem)
                )
                continue
            taking = OriginalTaking(
                original,
                entry,
                channel,
                believed=believed,
                binding=binding,
                marks=marks,
                told=told,
            )
            found.append(taking.run())
        return OriginalReport(
            server=place,
            tables=tuple(found),
            not_understood=tuple(catalogue.not_understood),
            calls=original.calls,
        )


# What is given


def _checked_tables(
    tables: object, bindings: Mapping[str, Binding[Any]]
) -> dict[str | int, Binding[Any]] | None:
    """Return the tables that are asked for, by their names there or by their channels' ids; None
    for all of the same name.
    """
    if tables is None:
        return None
    if not isinstance(tables, Mapping):
        raise UsageError(
            f"tables={shortened(tables)}: give a dictionary, of names in the original database and "
            f'of tables here, as in {{"user": User}}.'
        )
    asked: dict[str | int, Binding[Any]] = {
        _checked_key(name): _binding_of(table, bindings)
        for name, table in cast("Mapping[Any, object]", tables).items()
    }
    if not asked:
        raise UsageError("tables={} asks for nothing: name a table, or leave it out for all.")
    into = [binding.name for binding in asked.values()]
    for name in into:
        if into.count(name) > 1:
            raise UsageError(
                f"tables= has two original tables taken into {name!r}: take one, and the other by "
                f"another call with add=True."
            )
    return asked


def _checked_key(name: object) -> str | int:
    if isinstance(name, str | int) and not isinstance(name, bool):
        return name
    raise UsageError(
        f"tables= asks for {shortened(name)}: give the name of an original table, or the id of the "
        f"channel that has its records."
    )


def _binding_of(table: object, bindings: Mapping[str, Binding[Any]]) -> Binding[Any]:
    asked = vars(table).get("_binding") if isinstance(table, type) else table
    for name, binding in bindings.items():
        if asked in (name, binding):
            return binding
    raise UsageError(
        f"tables= names {shortened(table)}, which is no table of this database: attach it with "
        f"@db.table. There are: {', '.join(bindings) or 'none'}."
    )


def _checked_authors(authors: object) -> frozenset[int]:
    is_several = isinstance(authors, list | tuple | set | frozenset)
    given = cast("Collection[object]", authors) if is_several else [None]
    if not all(isinstance(each, int) and not isinstance(each, bool) and each > 0 for each in given):
        raise UsageError(
            f"authors={shortened(authors)}: give the user ids of bots, which are integers, in a "
            f"list."
        )
    return frozenset(cast("Collection[int]", given))


# What is there


def _read_catalogue(original: OriginalServer, believed: set[int], place: str | int) -> _Catalogue:
    channels = {channel.id: channel for channel in original.channels()}
    found = [
        channels[id_]
        for id_ in sorted(channels)
        if channels[id_].name == CATALOGUE and not channels[id_].is_category
    ]
    if not found:
        raise OriginalNotFound(
            f"the server {place!r} has no channel {CATALOGUE!r} that the bot can see, so there is "
            f"no database of discobase 1.0.0: is it another server? Give it with server=."
        )
    catalogue = _Catalogue(channels)
    messages = [
        message for channel in found for page in original.pages(channel) for message in page
    ]
    for message in sorted(messages, key=lambda message: message.id):
        try:
            catalogue.add(_entry_of(message, believed))
        except NoOriginal as reason:
            catalogue.not_understood.append(
                NotTaken(message.channel, message.id, message.author, str(reason), message.content)
            )
    if not catalogue.tables:
        raise OriginalNotFound(_no_tables(catalogue, place))
    return catalogue


def _entry_of(message: Message, believed: set[int]) -> OriginalEntry:
    if message.author not in believed:
        raise NoOriginal(f"it was written by the user {message.author}, who is not believed")
    return entry_in(message.content)


def _no_tables(catalogue: _Catalogue, place: str | int) -> str:
    where = f"the channel {CATALOGUE!r} of the server {place!r}"
    if not catalogue.not_understood:
        return f"{where} is empty: no table was ever made there."
    authors = sorted({str(each.author) for each in catalogue.not_understood})
    return (
        f"{where} describes no table that is believed: {catalogue.not_understood[0]}. Its messages "
        f"are by {', '.join(authors)}. Was the original database kept by another bot? Then name it "
        f"with authors=[...]."
    )


def _chosen(
    catalogue: _Catalogue,
    bindings: Mapping[str, Binding[Any]],
    wanted: Mapping[str | int, Binding[Any]] | None,
) -> dict[OriginalEntry, Binding[Any]]:
    """Return which table each original one is to be taken into."""
    if wanted is None:
        return {
            entry: bindings[same]
            for name, entry in catalogue.tables.items()
            if (same := _same_name(name, bindings)) is not None
        }
    chosen: dict[OriginalEntry, Binding[Any]] = {}
    for asked, binding in wanted.items():
        entry = catalogue.entry(asked)
        if entry is None:
            near = get_close_matches(str(asked), catalogue.tables, n=1)
            there = ", ".join(sorted(catalogue.tables))
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {there}."
            raise UsageError(
                f"tables= asks for {asked!r}, and the original database has no such table: {hint}"
            )
        chosen[entry] = binding
    return chosen


def _same_name(name: str, bindings: Mapping[str, Binding[Any]]) -> str | None:
    """Return the table whose name 1.0.0 would have written so."""
    same = [table for table in bindings if table.lower() == name]
    if len(same) > 1:
        raise UsageError(
            f"the original table {name!r} could be any of {', '.join(map(repr, same))}: say which "
            f"with tables=."
        )
    return same[0] if same else None


def _refuse_filled(
    chosen: Mapping[OriginalEntry, Binding[Any]], source: SessionSource, marks: Marks
) -> None:
    """Refuse tables that hold records, unless an import into them has begun."""
    for entry, binding in chosen.items():
        count = source.replica().count(binding.name)
        if count and marks.find(entry.table_channel, binding.name) is None:
            raise UsageError(
                f"the table {binding.name!r} holds {counted(count, 'record')}, and no import of "
                f"this original table into it has begun. Nothing was imported. To add the "
                f"original's records to those, give add=True; or take them into another table, "
                f"with tables=."
            )


def _problem(catalogue: _Catalogue, entry: OriginalEntry, *, all_asked_for: bool) -> str:
    """Return why a table is not taken."""
    channel = entry.table_channel
    if catalogue.channel_of(entry) is None:
        return f"its channel {channel} is gone, or hidden from the bot"
    if channel in catalogue.earlier:
        return (
            f"1.0.0 has made a table of this name anew, and does not look into the channel "
            f"{channel} any more. To take its records, too, name it by that, as in "
            f"tables={{{channel}: ...}}, with add=True"
        )
    if all_asked_for:
        return (
            "this program has no table of its name: attach a class for it, or say with tables= "
            "which one it is"
        )
    return "it was not asked for"
