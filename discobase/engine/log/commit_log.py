"""The commit log: write-once positions, striped over the lanes.

The one idea that everything rests on: a nonce that the server enforces is a write-once register. A
second message by the same author with the same nonce is not created; the first one comes back
instead (message resource, "Create Message"). The nonce of a frame is made of its position, so every
position is written once, by whoever comes first, in whichever process; and to send again after a
lost answer does no harm.

Discord remembers a nonce for "the past few minutes" only. So an answer is trusted only while this
writer knows that the position was empty no longer than
:data:`~discobase.engine.log.last_look.TRUST` ago: before that it looks whether there is anything
newer, and if it finds afterwards that the answer took longer (a process may stand still for an hour
between two lines), it reads the lane back before it believes that it has won. The same read-back
serves servers that do not enforce nonces at all.

Where two messages carry one position all the same, every reader takes the one with the lowest id
whose chain fits (:func:`decide`): invariant I3. Every frame that is read is checked against the
hash in its header, and chained by that of the frame before: invariant I4.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from discobase.engine.log.entry import Entry, decide
from discobase.engine.log.frame import Draft
from discobase.engine.log.read_log import ReadLog
from discobase.engine.log.sending import TRIES, Sending
from discobase.engine.log.superblock import Superblock
from discobase.engine.server.seam import Message, Server
from discobase.engine.trouble import Troubles
from discobase.engine.versions import OWN, release_of
from discobase.errors import LogDamaged
from discobase.key import Key
from discobase.progress import Gauge


class CommitLog(ReadLog):
    """The log of one generation of a database, written by one writer and read by anybody.

    Args:
        server, superblock, troubles, gauge, key, place, heeds_claims: those of :class:`ReadLog
            <discobase.engine.log.read_log.ReadLog>`.
        version: the version of discobase that writes.

    Attributes:
        enforced: whether the server enforces nonces.
        release: that version.
        sending: what is sent of what is appended.
    """

    def __init__(
        self,
        server: Server,
        superblock: Superblock,
        troubles: Troubles,
        *,
        gauge: Gauge | None = None,
        version: str = OWN,
        key: Key | None = None,
        place: str = "this server",
        heeds_claims: bool = True,
    ) -> None:
        super().__init__(
            server,
            superblock,
            troubles,
            gauge=gauge,
            key=key,
            place=place,
            heeds_claims=heeds_claims,
        )
        self._own_from = superblock.own_from
        self.release = release_of(version)
        self.enforced = True
        self.sending = Sending(self)

    async def append(
        self,
        draft: Draft,
        *,
        after: int,
        chain: str,
        tries: int = TRIES,
        tried: int = 0,
        patience: float | None = None,
    ) -> Entry:
        """Write a position, and return what it holds afterwards: the draft, or the frame of another
        writer that came first.

        Settled by the answer or by the gateway's echo, whichever comes first (discord.py holds back
        the answer to the call that empties a bucket, by up to 5 s). Costs one API call; one more
        where it took longer than a nonce is sure to be remembered, or where the server does not
        enforce nonces.

        Args:
            draft: the frame.
            after: a message id of its lane, below anything the position can hold.
            chain: the hash of the last applied frame.
            tries: how often it is sent where there is no answer.
            tried: how often something was sent to this position before, and had no answer.
            patience: the time, by a clock that does not go back, up to which it is tried without a
                connection, as long as nothing was sent to this position; None where a try without
                one counts as one without an answer.

        Raises:
            Unanswered: no try had an answer. What the position holds, now or later, is not known.
            NothingSent: there was no connection, and nothing was sent.
            NoncesIgnored, DatabaseEnded: nothing may be written any more; nothing was.
            Unavailable: the server refused it; nothing was written.
            OutcomeUnknown: the server refused it, after a try whose outcome is unknown.
            LogDamaged: the position was written before, and its message deleted since.
            UpgradeNeeded: the position holds a frame of a later format.
            Superseded: the log goes on in another generation.
            Uncertain, Refused: it was sent, and the log could not be read afterwards.
        """
        if (refusal := self.stop.ended or self.stop.refusal) is not None:
            raise copy.copy(refusal)
        seq, began = draft.header.seq, self.last_look.moment()
        if seq < self._own_from:
            self.require_taken_over(seq)
        try:
            entry = await self.sending.until_known(
                draft, after=after, tries=tries, tried=tried, patience=patience
            )
            if not self.enforced or self.last_look.doubtful():
                found = await self.sending.look_again(seq, after, "was sent")
                entry = _holder(found, chain) or entry
        except LogDamaged:
            # A lane that is gone is no damage where the log has gone on elsewhere.
            await self.catalog.require_current()
            raise
        if entry.header.hash == draft.header.hash:
            self.last_look.confirm(began)
            self.sending.note_written(entry, draft)
        else:
            self.sending.note_lost()
        return entry

    def require_taken_over(self, seq: int) -> None:
        """See that a position is this bot's to write: below it the log is its predecessors'.

        Raises:
            LogDamaged: what they have written there is gone.
        """
        if seq < self._own_from:
            raise LogDamaged(
                f"the log ends below position {self._own_from - 1}, up to which another "
                f"bot has written it: messages of that bot have been deleted",
                position=seq,
                channel=self.superblock.lane_of(seq),
            )

    def is_echo(self, message: Message) -> bool:
        """Return whether a message that has arrived is what this writer has just sent, and settle
        the append that waits for it.

        Nobody needs to read such a message: its header is known, and the committer applies it. Not
        so where nonces are not enforced: then it may be one of two.
        """
        if not self.enforced or message.author != self.server.author:
            return False
        return self.sending.is_echo(message)


def _holder(found: Sequence[Entry], chain: str) -> Entry | None:
    """Return what holds a position, of all messages that carry it: the one that counts, unless an
    older one had used it up before. Whether others have gone on above that is for the follower to
    find out.
    """
    first = min(found, key=lambda entry: entry.message.id, default=None)
    if first is None or first.header.chain != chain:
        return first
    return decide(found, chain)
