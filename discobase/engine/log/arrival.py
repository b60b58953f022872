"""Go to where a database has moved, and see that it can be found there.

The superblock that decides stands in the catalog that was left. Whoever comes first writes it into
the new one, too: the process that moves the database, another one that follows, or a later login at
either server. Who finds only the mark of a move there asks the catalog that was left.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from discobase.engine.base36 import base36
from discobase.engine.log.catalogs import superblocks_in, tickets_given_up
from discobase.engine.log.creation import Found, find
from discobase.engine.log.departures import undo
from discobase.engine.log.former import give_up_ticket
from discobase.engine.log.history import read_channel, read_pages
from discobase.engine.log.last_words import is_deleted
from discobase.engine.log.leftovers import YOUTH
from discobase.engine.log.marks import Mark
from discobase.engine.log.moved import Coming, Moved
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.unlocking import unlocked
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import (
    UNKNOWN_MESSAGE,
    Message,
    NotFound,
    Server,
    seconds_between,
)
from discobase.errors import DatabaseNotFound, LogDamaged, ServerNotFound, Unavailable
from discobase.key import Key

_PATIENCE = 30.0
"""Seconds for which it is waited whether a move comes to something: a move takes a few seconds from
its mark on, where it does not die. A guess."""

_PAUSE = 2.0
"""Seconds between two looks meanwhile: a guess."""


class _Fate(Enum):
    """What has become of a move."""

    MADE = "made"
    UNDONE = "undone"
    OPEN = "open"


async def arrive(server: Server, block: Superblock, *, writes: bool, made: bool = False) -> Server:
    """Go to the server that a database has moved to, and return it. Two API calls; three more, and
    the server's settling time, where its superblock was not there yet. Of the new catalog one page
    is read, or three where it was not there: Discord gives five in five seconds (observed), which
    all processes of a bot share, and saves wait.

    Args:
        server: the server that it has left.
        block: the superblock that says so, with what seals it.
        writes: whether something may be written.
        made: whether this process has just made it, so that it cannot be there yet.

    Raises:
        ServerNotFound, MissingPermission: the bot is not there, or may not do there what it must.
        ConnectError: Discord refused, or did not answer.
        Unavailable: its superblock is not there yet, and may not be written.
        Refused, Uncertain: the same.
    """
    there = await _elsewhere(server, block.server, f"the database {block.database} has moved to")
    if made or not await _is_there(there, block):
        if not writes:
            raise Unavailable(
                f"the database has moved to the server {there.name!r}, and cannot be found there "
                f"yet, since whoever moved it was not done: the first program that connects and "
                f"may write finishes that"
            )
        await _write(there, block)
    return there


async def find_anywhere(
    server: Server, place: str, key: Key | None, *, writes: bool
) -> tuple[Server, Found]:
    """Find a database in the server that it is in by now, whether all its lanes are there or not.
    For each server on the way the calls of :func:`find <discobase.engine.log.creation.find>`, and
    those of :func:`arrive`.

    Args:
        server: the server in which it is looked for first.
        place: which server that is, for errors.
        key: the key that it is encrypted by; None for none.
        writes: whether something may be written on the way.

    Raises: as those two.
    """
    generation = 0
    while True:
        try:
            return server, await find(server, place, key, whole=False)
        except Moved as moved:
            require_onward(server, moved.superblock, generation)
            generation = moved.superblock.generation
            server = await arrive(server, moved.superblock, writes=writes)
            place = f"the server {server.name!r}"


def require_onward(server: Server, block: Superblock, generation: int) -> None:
    """See that a superblock leads on from the one that has led to its server.

    Args:
        server: the server in which it stands.
        block: the superblock.
        generation: that of the one before; 0 where there was none.

    Raises:
        LogDamaged: it leads back.
    """
    if block.generation <= generation:
        raise LogDamaged(
            f"it was moved from server to server, and each of them names another one "
            f"(generation {generation}, server {server.id})",
            channel=block.catalog,
        )


async def settle(server: Server, coming: Coming, key: Key | None, *, writes: bool) -> None:
    """Find out what becomes of a move of which only the mark is here, and do what follows from it:
    then look again. Three API calls, and some more.

    Args:
        server: the server with the mark.
        coming: the mark.
        key: the key that the database is encrypted by; None for none.
        writes: whether something may be written.

    Raises:
        Unavailable: that is not known yet.
        LogDamaged: nobody can find out any more.
        DatabaseNotFound: it came to nothing, which may not be tidied up.
        ServerNotFound: the bot is not in the other server.
        ConnectError, Refused, Uncertain: as for :func:`arrive`.
    """
    mark = coming.mark
    source = await _elsewhere(server, mark.source, "a database may be moving here from")
    until = server.monotonic() + _PATIENCE
    while True:
        fate, block = await _fate(source, mark, key)
        if fate is _Fate.OPEN and writes and seconds_between(coming.message, coming.newest) > YOUTH:
            given_up = await give_up_ticket(source, mark.catalog, mark.ticket)
            fate = _Fate.UNDONE if given_up else fate
        if fate is not _Fate.OPEN:
            break
        if server.monotonic() >= until:
            raise coming
        await server.sleep(_PAUSE)
    if block is not None:
        await arrive(source, block, writes=writes)
    elif writes:
        await undo(server, mark)
    else:
        raise DatabaseNotFound(f"the server {server.name!r}")


async def _elsewhere(server: Server, other: int, why: str) -> Server:
    try:
        return await server.elsewhere(other)
    except ServerNotFound as error:
        raise ServerNotFound(f"{other}", error.present, error.invite, why=why) from error


async def _fate(source: Server, mark: Mark, key: Key | None) -> tuple[_Fate, Superblock | None]:
    """Return what has become of a move, by the catalog that was to be left; and the superblock, if
    it was made.

    Raises:
        LogDamaged: that catalog is gone, or says nothing.
        KeyNeeded, WrongKey, NotEncrypted: what it says cannot be believed with this key.
    """
    try:
        messages = await read_channel(source, mark.catalog)
    except NotFound:
        raise _untold(source, mark) from None
    if any(is_deleted(source, message) for message in messages):
        return _Fate.UNDONE, None
    held = superblocks_in(source, messages) or ()
    if not held:
        raise _untold(source, mark)
    counting = next((block for _, block in held if block.generation == mark.generation), None)
    if counting is not None and counting.ticket == mark.ticket:
        return _Fate.MADE, await _unlocked(source, counting, messages, key)
    later = [block for _, block in held if block.generation >= mark.generation]
    if later:
        await _unlocked(source, later[0], messages, key)
    is_undone = later or mark.ticket in tickets_given_up(source, messages)
    return (_Fate.UNDONE if is_undone else _Fate.OPEN), None


async def _unlocked(
    source: Server, block: Superblock, messages: Sequence[Message], key: Key | None
) -> Superblock:
    return await unlocked(source, block, messages, key, place=f"the server {source.name!r}")


def _untold(source: Server, mark: Mark) -> LogDamaged:
    return LogDamaged(
        f"the database {mark.database} was to move here from the server {source.name!r}, where its "
        f"catalog, the channel {mark.catalog}, does not say any more whether it has: somebody has "
        f"deleted it, or its superblock",
        step="Where nobody wants that database any more, db.clean() removes what there is of it",
    )


async def _is_there(there: Server, block: Superblock) -> bool:
    """Return whether a catalog has a superblock, or a later one, or is gone: it may have moved on,
    or was deleted, as whoever looks for the database will see. One API call where it is; two where
    it is not.
    """
    messages: list[Message] = []
    try:
        async for page in read_pages(there, block.catalog):
            messages += page
            held = superblocks_in(there, messages)
            if held is None or any(each.generation >= block.generation for _, each in held):
                return True
    except NotFound:
        return True
    return False


async def _write(there: Server, block: Superblock) -> None:
    """Write a superblock into its own catalog, and wait until it can be read."""
    nonce = f"{block.database}{base36(block.generation)}:there"
    try:
        await persist(there, there.send, block.catalog, block.to_content(), (), nonce)
    except NotFound as error:
        if error.code != UNKNOWN_MESSAGE:  # it was there, and is deleted: there is a later one
            raise
    if not await _is_there(there, block):
        await there.sleep(there.settling)
