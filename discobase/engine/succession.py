"""Take over the database of a bot whose account is lost.

Nonces are for each author, so two bots that write one log would not keep out of each other's way.
So the old bot has to be shut out of the server first, which is asked of the server. Then its log is
read to its end, and the *claim* is made (:mod:`discobase.engine.log.claims`): a message in the old
bot's catalog, with the last position that is the old one's. The first claim counts, whoever reads;
so two bots that succeed the same one do not both go on. After it the new bot makes a catalog of its
own, whose superblock names the channels that are there, and which positions are whose: that one
message decides for all who log in as the new bot. Each step may be the last of a process: whoever
comes next with ``successor_of`` goes on from the claim.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial

from discobase.engine.base36 import base36
from discobase.engine.checkpoints.recovery import Recovery
from discobase.engine.checkpoints.store import CheckpointStore
from discobase.engine.follower import Follower
from discobase.engine.log.authors import Predecessor, hidden_text
from discobase.engine.log.catalogs import look, look_until_settled
from discobase.engine.log.claims import Claim, claim_content, first_claim
from discobase.engine.log.commit_log import CommitLog
from discobase.engine.log.creation import Found, find
from discobase.engine.log.frame import Limits
from discobase.engine.log.history import read_channel
from discobase.engine.log.leftovers import CATEGORY, remove
from discobase.engine.log.superblock import Superblock
from discobase.engine.log.topic import CATALOG, Part, topic_of
from discobase.engine.log.traces import forget, leave
from discobase.engine.replica import Head, Replica
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import Channel, Server
from discobase.engine.server.seen_as import seen_as
from discobase.engine.trouble import Troubles
from discobase.errors import DatabaseNotFound, DatabaseTakenOver, LogDamaged, SuccessionRefused
from discobase.key import Key

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Succession:
    """What a succession is about.

    Attributes:
        server: the seam, as the new bot.
        old: the id of the old bot's user.
        limits: what a message carries.
        place: which server it is, for errors.
        key: the key that the database is encrypted by; None for none.
    """

    server: Server
    old: int
    limits: Limits
    place: str
    key: Key | None


async def take_over(
    server: Server, old: int, limits: Limits, place: str, key: Key | None = None
) -> None:
    """See to it that the database that another bot has written is this one's. Two API calls where
    that is so already, else some fifteen, the reading of the log, and three times the server's
    settling time.

    Args:
        server: the seam.
        old: the id of the other bot's user.
        limits: what a message carries.
        place: which server it is, for errors.
        key: the key that the database is encrypted by; None for none.

    Raises:
        SuccessionRefused: it may not be: the other one can still write there, or this one has
            another database.
        KeyNeeded, WrongKey, NotEncrypted, PackageMissing: as for :func:`find
            <discobase.engine.log.creation.find>`.
        DatabaseTakenOver: a third bot has taken it over.
        DatabaseNotFound: the other one has no database there.
        LogDamaged, UpgradeNeeded: it cannot be read to its end.
        Refused, Uncertain: Discord refused, or did not answer.
    """
    if old == server.author:
        raise SuccessionRefused(
            f"successor_of={old} is this bot itself: give the id of the bot that it succeeds, or "
            f"leave it out."
        )
    if await _is_done(server, old):
        return
    succession = _Succession(server, old, limits, place, key)
    found = await _find(succession)
    if any(each.bot == server.author for each in found.superblock.predecessors):
        raise SuccessionRefused(
            f"the bot {server.author} was succeeded in this database before, and cannot come back: "
            f"let another bot succeed the bot {old}."
        )
    await _require_shut_out(succession, found.superblock)
    claim = await _claim(succession, found.superblock)
    await _make_catalog(succession, found.superblock, claim)


async def _find(succession: _Succession) -> Found:
    """Find the database of the old bot.

    Raises:
        SuccessionRefused: the text of its messages is not shown to this bot.
        DatabaseNotFound: it has none.
    """
    server, old, place = succession.server, succession.old, succession.place
    try:
        return await find(seen_as(server, old), place, succession.key)
    except DatabaseNotFound as error:
        view = await look(seen_as(server, old))
        told = [message for messages in view.read.values() for message in messages]
        if any(message.author == old and not message.content for message in told):
            raise hidden_text(old) from error
        raise DatabaseNotFound(
            place,
            f"none of the bot {old} that it may view (successor_of): let it into the private "
            f"category of that database first, or see that this is that bot's id",
        ) from error


async def _is_done(server: Server, old: int) -> bool:
    """Return whether this bot has taken over from the other one already.

    Raises:
        SuccessionRefused: it has another database.
    """
    view = await look_until_settled(server)
    if view.chosen is None:
        return False
    if any(each.bot == old for each in view.chosen.predecessors):
        return True
    raise SuccessionRefused(
        f"this bot has a database of its own in this server already, {view.chosen.database}, and "
        f"a bot has one in each: connect without successor_of; or delete that one with db.clean(), "
        f"if nobody wants it, and then take over what the bot {old} has written."
    )


async def _require_shut_out(succession: _Succession, block: Superblock) -> None:
    """See that the old bot cannot write any more, as far as the server tells."""
    for channel in {block.catalog, *block.lanes}:
        if await persist(succession.server, succession.server.may_write, succession.old, channel):
            raise SuccessionRefused(
                f"the bot {succession.old} is a member of {succession.place} and may write in the "
                f"channel {channel}: what it writes after the takeover would be lost. Shut it out "
                f"first: kick it from the server (or take its right to send messages in the "
                f"channels of the database), and reset its token in the developer portal, if you "
                f"can. Then connect again. Nothing was changed."
            )


async def _claim(succession: _Succession, block: Superblock) -> Claim:
    """Return the claim that counts, which is this bot's; make it where there is none.

    Raises:
        DatabaseTakenOver: it is another bot's.
    """
    server, old = succession.server, succession.old
    # What the old bot has sent last can be read by then.
    await server.sleep(server.settling)
    claim = first_claim(await read_channel(server, block.catalog), old)
    if claim is None:
        head = await _head(succession)
        content = claim_content(block.database, Predecessor(old, head.seq, head.chain))
        nonce = f"{block.database}.claim"
        await persist(server, server.send, block.catalog, content, (), nonce, mention=old)
    # One that came before it need not be readable yet, nor before another process's.
    await server.sleep(server.settling)
    claim = first_claim(await read_channel(server, block.catalog), old)
    if claim is None:
        raise LogDamaged(
            "the claim to succeed the old bot is not to be read: somebody deletes messages there",
            channel=block.catalog,
            step="Try again",
        )
    if claim.by != server.author:
        raise DatabaseTakenOver(claim.by, claim.of.last, block.catalog, claim.message)
    return claim


async def _head(succession: _Succession) -> Head:
    """Read the old bot's log to its end.

    Raises:
        LogDamaged, UpgradeNeeded: it cannot be read to its end.
    """
    reader = seen_as(succession.server, succession.old)
    found = await find(reader, succession.place, succession.key)
    replica = await reader.work(partial(Replica, len(found.superblock.lanes), None))
    try:
        return await _read(succession, reader, found, replica)
    finally:
        await reader.work(replica.close)


async def _read(succession: _Succession, reader: Server, found: Found, replica: Replica) -> Head:
    log = CommitLog(
        reader,
        found.superblock,
        Troubles(),
        key=succession.key,
        place=succession.place,
        heeds_claims=False,
    )
    recovery = Recovery(log, CheckpointStore(reader, found.superblock, succession.limits))
    follower = Follower(log, replica, recovery, hears=False)
    async with follower.turn:
        await follower.begin(found)
        await follower.make_sure()
    return replica.head


async def _make_catalog(succession: _Succession, block: Superblock, claim: Claim) -> None:
    """Make a catalog of this bot's, and write the superblock into it. Where another process of this
    bot was faster, remove it again.
    """
    server = succession.server
    parent = await _home(server, block)
    topic = topic_of(Part(server.author, block.database, CATALOG))
    catalog = await persist(server, server.create_channel, CATALOG, parent=parent, topic=topic)
    await leave(server, catalog.id)
    mine = replace(
        block,
        catalog=catalog.id,
        created=round(server.now(), 3),
        origin=0,  # of this bot's superblocks it is the first one
        predecessors=(*block.predecessors, claim.of),
    )
    nonce = f"{base36(catalog.id)}.own"
    sent = await persist(server, server.send, catalog.id, mine.to_content(), (), nonce)
    await server.sleep(server.settling)
    view = await look_until_settled(server, sent.id)
    if view.chosen is not None and view.chosen.catalog != catalog.id:
        await forget(server, {catalog.id})
        await remove(server, [catalog])
        return
    _log.warning(
        "this bot, %d, has taken the database %s over from the bot %d, from position %d on",
        server.author,
        block.database,
        succession.old,
        claim.of.last + 1,
    )


async def _home(server: Server, block: Superblock) -> int:
    """Return the category of the old catalog; a new one where it is in none."""
    channels: list[Channel] = await persist(server, server.channels)
    parent = next((each.parent for each in channels if each.id == block.catalog), None)
    return parent or (await persist(server, server.create_category, CATEGORY)).id
