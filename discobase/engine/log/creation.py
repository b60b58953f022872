"""Find the database of a server, or create one there.

A database is a private category with a catalog channel, the lanes of the log, and a channel for
checkpoints. The superblock, a message in the catalog, names them all by id, so they may be renamed
and moved. Creating a database is: make the channels, leave a trace outside of them
(:mod:`discobase.engine.log.traces`), then write the superblock. That one message decides: before it
there is no database, after it there is.

Two writers may do so at the same moment. Each makes channels of its own and writes a superblock
into its own catalog; then each waits until an earlier one could be read, and looks at all of them
(:mod:`discobase.engine.log.catalogs`). Whoever wrote a later one removes what it made itself, and
nothing else. What was left by those who did not come to that is removed when it is old
(:mod:`discobase.engine.log.leftovers`); whoever was only slow finds it gone, and begins anew.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from discobase.engine.base36 import DIGITS
from discobase.engine.log.begun import refuse_unfinished
from discobase.engine.log.catalogs import View, look_until_settled
from discobase.engine.log.deletion import finish_deletions
from discobase.engine.log.departures import finish_moves
from discobase.engine.log.former import finish
from discobase.engine.log.frame import is_frame
from discobase.engine.log.history import read_channel
from discobase.engine.log.leftovers import CATEGORY, channels_in, remove, remove_leftovers
from discobase.engine.log.listing import Listing
from discobase.engine.log.lost_topics import channels_without_topics
from discobase.engine.log.marks import marks_in
from discobase.engine.log.moved import Coming, Moved
from discobase.engine.log.presence import require_present
from discobase.engine.log.superblock import ID_LENGTH, Superblock, is_superblock
from discobase.engine.log.topic import (
    CATALOG,
    CHECKPOINTS,
    LOG,
    Part,
    channels_of,
    has_ticket,
    part_of,
    topic_of,
)
from discobase.engine.log.traces import find_gone, forget, forget_gone, leave
from discobase.engine.log.unlocking import new_sealing, unlocked
from discobase.engine.server.retry import pause, persist
from discobase.engine.server.seam import (
    Channel,
    Forbidden,
    Message,
    NotFound,
    Refused,
    Server,
    Trace,
    Uncertain,
)
from discobase.errors import (
    ChannelDeleted,
    DatabaseDeleted,
    DatabaseNotFound,
    LogDamaged,
    ServerFull,
    Unavailable,
)
from discobase.key import Key

_log = logging.getLogger(__name__)

LANES = 4
"""Lanes of a new database: Discord takes about 5 messages in 5 s per channel (observed; docs#5646),
so four lanes take about 4 commits a second. More of them would take more, at a call each whenever
the lanes are read."""

_TRIES = 3
"""Times that a creation whose channels are deleted by others is begun anew, and that a catalog is
looked for in the list which can be had by its id: a guess. The first takes a process that stood
still for ten minutes, or a person; the second a right that comes back just then."""

REWRITING_SECONDS = 35.0
"""For which a log has to be without its superblock, or without a lane, before that is believed: a
process that heals it begins within 2 s and calls it damage after 30 (``checkpoints/healing.py``),
or waits for 30 before it makes a lane again, and what it has written need not be readable for 3
more."""


@dataclass(frozen=True, slots=True)
class Found:
    """A database, and what finding it has told.

    Attributes:
        superblock: what and where it is.
        catalog: the messages of its catalog, ascending.
        listing: how far each channel went.
    """

    superblock: Superblock
    catalog: Sequence[Message]
    listing: Listing

    @classmethod
    def of(cls, view: View, superblock: Superblock) -> Found:
        """Return the database that a view has chosen."""
        return cls(superblock, view.read[superblock.catalog], view.listing)


async def find_or_create(
    server: Server,
    *,
    lanes: int = LANES,
    key: Key | None = None,
    place: str = "this server",
    moved: bool = False,
) -> Found:
    """Find the database of a server, or create it if there is none.

    Costs 2 API calls where there is one; where it was created a moment ago that twice, and the
    server's settling time. Creating it costs about 20 more, and that time. What earlier creations
    have left is removed, which costs some more, once.

    Args:
        server: the seam.
        lanes: how many lanes a new one has.
        key: the key that it is encrypted by, or a new one is to be; None for none.
        place: which server it is, for errors.
        moved: whether it has moved here, so that none is created.

    Raises:
        Moved: it has moved to another server.
        Coming: one may be moving here.
        KeyNeeded, WrongKey, NotEncrypted, KeyChanged: the key is not that of the database; nothing
            was written.
        PackageMissing: the package that encrypts cannot be imported.
        LogDamaged: the server holds parts of a database, but not all.
        UpgradeNeeded: its database was written by a later version.
        ServerFull: there is no room for a new one.
        Unavailable: others keep deleting the channels of the new one, or the server's list of
            channels does not show what is there.
        Refused: the bot may not read or create its channels; :exc:`NotPermitted
            <discobase.engine.server.seam.NotPermitted>` where it may not read what is there.
    """
    for _ in range(_TRIES):
        try:
            view, gone = await _look(server)
        except DatabaseDeleted:
            await finish_deletions(server)
            continue
        if view.chosen is not None:
            if isinstance(view.ended, DatabaseDeleted):
                await finish_deletions(server)
            catalog = view.messages_beside(view.chosen)
            block = await unlocked(server, view.chosen, catalog, key, place=place)
            await _finish(server, view, block)
        elif moved:
            raise _gone_from(place)
        else:
            view, made = await _create(server, lanes, view, key)
            if view.chosen is None:
                continue
            await forget_gone(server, gone)
            catalog = view.messages_beside(view.chosen)
            block = await unlocked(server, view.chosen, catalog, key, place=place, made=made)
        if block.has_left(server.id):
            raise Moved(block)
        if await _is_whole(server, block, view.channels):
            return Found.of(view, block)
    raise Unavailable(
        "the channels of the new database were deleted by somebody while it was created, "
        f"{_TRIES} times"
    )


async def find(
    server: Server,
    place: str,
    key: Key | None = None,
    known: Superblock | None = None,
    held: Superblock | None = None,
    *,
    whole: bool = True,
) -> Found:
    """Find the database of a server, and change nothing there. 2 API calls; where it was created a
    moment ago that twice, and the server's settling time; some more where there is none.

    Args:
        server: the seam.
        place: which server it is, for errors.
        key: the key that it is encrypted by; None for none.
        known: a superblock whose keys have been derived already.
        held: that of an earlier generation, by which this process has read and written.
        whole: whether all lanes have to be there.

    Raises:
        DatabaseNotFound: there is none.
        Moved, Coming: as for :func:`find_or_create`.
        DatabaseDeleted: there was one, and its deletion is under way, or was interrupted.
        LogDamaged: `known` is not there, nor a later one; or as for :func:`find_or_create`.
        UpgradeNeeded, Refused: as for :func:`find_or_create`.
        KeyNeeded, WrongKey, NotEncrypted, KeyChanged, PackageMissing: the same.
    """
    while True:
        view, _ = await _look(server)
        if view.chosen is None:
            raise DatabaseNotFound(place)
        if known is not None and _is_before(view.chosen, known):
            # That one need not have the same key, nor be there any more: the next may only be late.
            raise LogDamaged(
                f"the superblock of generation {known.generation} is not there any more",
                channel=known.catalog,
            )
        catalog = view.messages_beside(view.chosen)
        block = await unlocked(
            server, view.chosen, catalog, key, place=place, made=known, held=held
        )
        if block.has_left(server.id):
            raise Moved(block)
        if not whole or await _is_whole(server, block, view.channels):
            return Found.of(view, block)


def _is_before(block: Superblock, other: Superblock) -> bool:
    return block.database == other.database and block.generation < other.generation


async def _finish(server: Server, view: View, block: Superblock) -> None:
    """Do what others have left undone in this server."""
    await remove_leftovers(server, view, view.newest)
    if view.catalog is not None:
        held = view.generations
        await finish(server, view.catalog, view.channels, held, block, now=view.newest)
        await finish_moves(server, view.catalog, view.read[view.catalog], block, view.newest)


def _gone_from(place: str) -> LogDamaged:
    return LogDamaged(
        f"the database was moved to {place}, and is not there any more: somebody has deleted its "
        f"channels",
        step="Where nobody wants it any more, db.clean() removes what still tells of it",
    )


async def _look(server: Server) -> tuple[View, list[Trace]]:
    """Look for the database; where there is none, see that there was none.

    Returns:
        The server, and the traces of databases whose catalogs are gone.

    Raises:
        LogDamaged: the server holds parts of a database, but not all.
        SuccessionRefused: this bot has begun to take one over.
        DatabaseDeleted, NotPermitted, Unavailable: as for :func:`_search`.
    """
    view, gone = await _search(server)
    if view.chosen is None:
        _refuse_moved(server, view)
        await _refuse_lost_topics(server, view.channels)
        await refuse_unfinished(server, view.channels)
        view = await _look_for_superblock(server, view)
    return view, gone


def _refuse_moved(server: Server, view: View) -> None:
    """See that no catalog says that its database was to move away, and not any more where it is.

    Raises:
        LogDamaged: one does.
    """
    for catalog, messages in view.read.items():
        for message, mark in marks_in(server, messages):
            if mark.source == server.id:
                raise LogDamaged(
                    "the superblock is gone which says where the database is, and it may have "
                    "moved away; a new database is not created beside it",
                    channel=catalog,
                    message=message,
                    step=f"Connect with server={mark.target}. Where nobody wants that database any "
                    f"more, db.clean() removes what there is of it",
                )


async def _search(server: Server, waited_for: int = 0) -> tuple[View, list[Trace]]:
    """Look for the database until no earlier one can come to light; where there is none, see that
    none is hidden from the bot.

    Args:
        server: the seam.
        waited_for: the id of a message since which the server's settling time has passed.

    Returns:
        The server, and the traces of databases whose catalogs are gone.

    Raises:
        DatabaseDeleted: there was one, which somebody is deleting.
        Coming: one may be moving here.
        NotPermitted: a channel of a database of this bot may not be read.
        Unavailable: the list of channels does not show one that may.
    """
    for _ in range(_TRIES):
        view = await look_until_settled(server, waited_for)
        await _require_readable(server, view.channels)
        if (first := view.first_coming) is not None and view.ended is None:
            catalog, message, mark = first
            raise Coming(mark, catalog, message, view.newest)
        if view.chosen is not None:
            return view, []
        if view.ended is not None:
            raise view.ended
        gone = await find_gone(server, view.channels)
        if gone is not None:
            return view, gone
        await server.sleep(server.settling)
    raise Unavailable(
        "a channel of a database of this bot is there, but the server does not list it"
    )


async def _is_whole(server: Server, block: Superblock, channels: Iterable[Channel]) -> bool:
    """See that all lanes of a database are there; return False where it has changed to another
    generation since it was looked for. Where one is gone, a process that has the database open may
    just be making it again: that is waited for.

    Raises:
        ChannelDeleted: a lane is gone.
    """
    listed = {channel.id for channel in channels}
    unlisted = [lane for lane in block.lanes if lane not in listed]
    began, attempt = server.monotonic(), 0
    while True:
        try:
            await require_present(server, block, unlisted)
        except ChannelDeleted as error:
            now = (await look_until_settled(server)).chosen
            if now is None or (now.database, now.generation) != (block.database, block.generation):
                return False
            if server.monotonic() - began >= REWRITING_SECONDS:
                raise _not_made_again(block, error) from error
            await server.sleep(pause(server, attempt))
            attempt += 1
        else:
            return True


def _not_made_again(block: Superblock, error: ChannelDeleted) -> ChannelDeleted:
    return ChannelDeleted(
        f"the {block.names[error.channel or 0]} of the database has been deleted, with all it "
        f"held, and nobody has made it again for {REWRITING_SECONDS:.0f} s",
        channel=error.channel,
        step=(
            "A process that has the database open, and may write, does that by itself: leave it "
            "running, and try again. Where there is none, db.repair() begins anew with what can "
            "be read, and says what is lost"
        ),
    )


async def _require_readable(server: Server, channels: Iterable[Channel]) -> None:
    """See that every channel of this bot's databases may be read: one that may not looks empty, and
    a new database would be created beside it.

    Raises:
        NotPermitted: one of them may not.
    """
    for channel in channels_of(channels, server.author):
        # Gone since the channels were listed: another writer removes what it has made.
        with contextlib.suppress(NotFound):
            await persist(server, server.require_readable, channel.id)


async def _refuse_lost_topics(server: Server, channels: Sequence[Channel]) -> None:
    """See that no database of this bot is here whose channels are not known by their topics any
    more: a new one would be created beside it. No API call where no channel looks like one.

    Raises:
        LogDamaged: there is one.
    """
    async for channel, message in channels_without_topics(server, channels):
        raise _untold(server, channel, message)


def _untold(server: Server, channel: Channel, message: Message) -> LogDamaged:
    block = Superblock.from_content(message.content) if is_superblock(message.content) else None
    topic = "discobase database BOT/DATABASE ROLE, as in its other channels"
    if block is not None:
        topic = repr(topic_of(Part(server.author, block.database, CATALOG)))
    return LogDamaged(
        f"the channel {channel.name!r} is of a database of this bot, and has lost its topic, by "
        f"which it is found; a new database is not created beside it. Give it its topic again: "
        f"{topic}",
        channel=channel.id,
        message=message.id,
        step="",
    )


async def _create(
    server: Server, lanes: int, view: View, key: Key | None
) -> tuple[View, Superblock | None]:
    """Create a database.

    Returns:
        The server as it is then, with no database where others have taken its channels away; and
        the superblock that was written, which need not be the one that counts.
    """
    identity = "".join(DIGITS[int(server.random() * 36)] for _ in range(ID_LENGTH))
    encryption, sealing = await new_sealing(server, identity, 1, key)  # may fail: before all else
    category = await _make_category(server, view)
    await remove_leftovers(server, view, category.id)
    try:
        mine = await _make_channels(server, identity, category, lanes)
        mine = replace(mine, encryption=encryption, sealing=sealing)
        await leave(server, mine.catalog)
        # Others may have created one since that look, which may be hidden by now. Of two who come
        # to this the later one sees the other's trace.
        view, _ = await _search(server)
    except (Forbidden, ServerFull, Uncertain, Coming):
        await _undo(server, identity, category)
        raise
    except Refused:
        if not _are_gone({category.id}, await _undo(server, identity, category)):
            raise
        return View(view.began, (), {}, {}), None
    if view.chosen is not None:
        await _tidy(server, view, mine, category)
        return view, None
    nonce = f"{identity}.superblock"
    try:
        sent = await persist(server, server.send, mine.catalog, mine.to_content(), (), nonce)
    except NotFound:
        # Nothing is removed where the catalog is there: an earlier try may have taken effect.
        if not _are_gone({mine.catalog}, await persist(server, server.channels)):
            raise
        await _undo(server, identity, category)
        return View(view.began, (), {}, {}), None
    await server.sleep(server.settling)
    try:
        view, _ = await _search(server, sent.id)
    except Coming:  # its mark was first
        await _undo(server, identity, category)
        raise
    await _tidy(server, view, mine, category)
    return view, mine


async def _make_category(server: Server, view: View) -> Channel:
    try:
        return await persist(server, server.create_category, CATEGORY)
    except ServerFull:
        if not await remove_leftovers(server, view, view.newest):
            raise
        return await persist(server, server.create_category, CATEGORY)


async def _make_channels(
    server: Server, identity: str, category: Channel, lanes: int
) -> Superblock:
    made: list[int] = []
    for role in (CATALOG, *(f"{LOG}{number}" for number in range(lanes)), CHECKPOINTS):
        topic = topic_of(Part(server.author, identity, role))
        channel = await persist(
            server, server.create_channel, role, parent=category.id, topic=topic
        )
        made.append(channel.id)
    catalog, *numbered, checkpoints = made
    return Superblock(
        database=identity,
        generation=1,
        catalog=catalog,
        lanes=tuple(numbered),
        checkpoints=checkpoints,
        created=round(server.now(), 3),
    )


async def _undo(server: Server, identity: str, category: Channel) -> list[Channel] | None:
    """Remove what a creation has made before its superblock, as far as that can be done at once,
    and return the channels that there were; None where that is not known.

    The rest is left over, for another one to remove.
    """
    present: list[Channel] | None = None
    with contextlib.suppress(Refused, Uncertain):
        present = await server.channels()
        made = _made_for(server, identity, present)
        await forget(server, {channel.id for channel in made})
        for channel in [*made, category]:
            with contextlib.suppress(NotFound):
                await server.delete_channel(channel.id)
    return present


def _are_gone(channels: set[int], present: list[Channel] | None) -> bool:
    return present is not None and not channels & {channel.id for channel in present}


def _made_for(server: Server, identity: str, channels: Iterable[Channel]) -> list[Channel]:
    """Return all that was made for a database: also what was made twice, for want of an answer."""
    return [
        channel
        for channel in channels
        if (part := part_of(channel, server.author)) and part.database == identity
    ]


async def _tidy(server: Server, view: View, mine: Superblock, category: Channel) -> None:
    """Remove what was made here and is not of the database."""
    made = _made_for(server, mine.database, view.channels)
    if view.chosen is not None and view.chosen.database == mine.database:
        # It may have changed to another generation, or moved away, while this process stood still;
        # what has a ticket somebody is making, or has made.
        kept = {view.catalog, *channels_in(view.chosen)}
        kept |= {channel.id for channel in made if has_ticket(channel, server.author)}
        await remove(server, [channel for channel in made if channel.id not in kept])
    else:
        _log.info("another writer created the database first: removing the channels made here")
        await forget(server, {mine.catalog})
        await remove(server, [*made, category])


async def _look_for_superblock(server: Server, view: View) -> View:
    """Where a log is there and no superblock, look again until there is one, or until that has been
    so for :data:`REWRITING_SECONDS`: a process that holds the database, or a person, may just be
    writing it again, or another writer have created the database since that look.

    No API call more where the server holds no log, else 3 or more a look.

    Returns:
        The server as it is now. Where no database is chosen it holds no log.

    Raises:
        LogDamaged: there is a log, and its superblock is gone for good, or its catalog.
    """
    began = looked = server.monotonic()
    attempt = 0
    while view.chosen is None and (lane := await _log_without_catalog(server, view.channels)):
        is_there = _has_catalog(server, lane, view.channels)
        if attempt and not is_there:
            raise _headless(lane)
        if looked - began >= REWRITING_SECONDS:
            raise _without_superblock(lane)
        if is_there:
            await server.sleep(pause(server, attempt))
        attempt += 1
        looked = server.monotonic()  # what is found may be as old as this
        view = await look_until_settled(server)
    return view


def _has_catalog(server: Server, lane: Channel, channels: Iterable[Channel]) -> bool:
    """Return whether the catalog of a lane's database is listed."""
    told = part_of(lane, server.author)
    return told is not None and any(
        part.database == told.database and part.role == CATALOG
        for channel in channels
        if (part := part_of(channel, server.author))
    )


async def _log_without_catalog(server: Server, channels: Iterable[Channel]) -> Channel | None:
    """Find a lane with frames in it, where no catalog says what database it belongs to."""

    def holds_frame(message: Message) -> bool:
        return message.author == server.author and is_frame(message.content)

    for lane in channels:
        part = part_of(lane, server.author)
        if part is None or not part.role.startswith(LOG):
            continue
        with contextlib.suppress(NotFound):
            # Others may have written into it first.
            if any(map(holds_frame, await read_channel(server, lane.id, until=holds_frame))):
                return lane
    return None


def _headless(lane: Channel) -> LogDamaged:
    return LogDamaged(
        f"the channel {lane.name!r} holds a log, but the catalog that describes its database is "
        f"gone, or may not be seen by the bot; a new database is not created beside it, for its "
        f"data would seem lost. {_ADVICE}",
        channel=lane.id,
        step="",
    )


def _without_superblock(lane: Channel) -> LogDamaged:
    return LogDamaged(
        f"the channel {lane.name!r} holds a log, but the superblock that describes its database is "
        f"gone from the catalog, and nobody has written it again for {REWRITING_SECONDS:.0f} s; a "
        f"new database is not created beside it, for its data would seem lost. A process that has "
        f"the database open, and may write, writes the superblock again by itself: leave it "
        f"running, and try again. {_ADVICE}",
        channel=lane.id,
        step="",
    )


_ADVICE = (
    "Call db.repair(): it says whether the channels that are left tell enough to go on with them. "
    "Delete nothing as long as the records are wanted, for they are in the channels of the "
    f"category {CATEGORY!r}; only where they are not is deleting that category the way to begin "
    "anew."
)
