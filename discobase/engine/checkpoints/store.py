"""The checkpoints that are there: listed, read, written, and removed when they are old.

They stand in a channel of their own. A checkpoint is one message with the bytes as its attachments;
where one message cannot carry them, others with the first parts come before it, and the last one
names them and decides: without it there is no checkpoint. Nonces are random, so two writers at once
write two.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from discobase.engine.checkpoints.manifest import LONGEST, Manifest, is_part, part_content
from discobase.engine.checkpoints.packing import hash_of_packed, unpack
from discobase.engine.log.authors import may_tell
from discobase.engine.log.downloads import download
from discobase.engine.log.formats import mark
from discobase.engine.log.frame import Limits, cut_into_files
from discobase.engine.log.history import read_channel
from discobase.engine.log.sealing import Forged, Sealing
from discobase.engine.log.superblock import Superblock, random_name
from discobase.engine.operations import LaterFormat
from discobase.engine.replica import NotTheState, hash_of_state
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import (
    Message,
    NotFound,
    Refused,
    Server,
    Uncertain,
    seconds_between,
)

KEPT = 2
"""Checkpoints that are kept: should the newest be damaged, the one before it is read."""

AGE_SECONDS = 600.0
"""Below which nothing is removed: somebody may just be reading it, or writing its other parts."""

_MARK = mark("checkpoint")


class CheckpointDamaged(Exception):
    """The bytes of a checkpoint are not those that its manifest names, or are gone."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A checkpoint that is there."""

    message: Message
    manifest: Manifest

    @property
    def messages(self) -> frozenset[int]:
        """The messages that it consists of."""
        return frozenset({self.message.id, *self.manifest.parts})


@dataclass(frozen=True, slots=True)
class CheckpointListing:
    """What the channel holds.

    Args:
        stored: the checkpoints that count by what is said of them, the newest position first.
        ignored: messages that claim to be checkpoints and do not count, each with the reason.
        parts: parts of checkpoints, by message id.
        hidden: a bot that was succeeded and whose messages come without their text; None where all
            is shown.
    """

    stored: tuple[Stored, ...] = ()
    ignored: tuple[tuple[Message, str], ...] = ()
    parts: tuple[Message, ...] = ()
    hidden: int | None = None


class CheckpointStore:
    """The checkpoints of one generation of a database.

    Args:
        server: the seam.
        superblock: where they are.
        limits: what a message carries.
    """

    def __init__(self, server: Server, superblock: Superblock, limits: Limits) -> None:
        self._server = server
        self._superblock = superblock
        self._limits = limits

    @property
    def _sealing(self) -> Sealing:
        return self._superblock.sealing

    async def list(self, end: int | None = None) -> CheckpointListing:
        """Look at what there is. One API call for 100 messages, and one to see that it ends, where
        it is not known where.

        Args:
            end: the channel's last id, where it has just been listed.

        Raises:
            Refused, Uncertain: the channel is gone, or could not be read.
        """
        messages = await read_channel(self._server, self._superblock.checkpoints, end=end)
        stored: list[Stored] = []
        ignored: list[tuple[Message, str]] = []
        for message in messages:
            if not message.content.startswith(_MARK):
                continue
            found = self._manifest_in(message)
            if isinstance(found, Manifest):
                stored.append(Stored(message, found))
            else:
                ignored.append((message, found))
        stored.sort(key=lambda each: (-each.manifest.seq, each.message.id))
        own = (message for message in messages if message.author == self._server.author)
        parts = (message for message in own if is_part(message.content))
        before = {each.bot for each in self._superblock.predecessors}
        blank = (each.author for each in messages if each.author in before and not each.content)
        return CheckpointListing(tuple(stored), tuple(ignored), tuple(parts), next(blank, None))

    def _manifest_in(self, message: Message) -> Manifest | str:
        """Return what a message says, or why it does not count."""
        try:
            manifest = Manifest.from_content(message.content, self._sealing)
        except LaterFormat as later:
            if not self._is_believed(message, None):
                return "it is by somebody else"
            return f"it is {later.what}"
        if not self._is_believed(message, manifest):
            return "it is by somebody else"
        if manifest is None:
            return "its text was altered"
        if not manifest.is_of(self._superblock):
            return "it is of another database, or another generation"
        return manifest

    def _is_believed(self, message: Message, manifest: Manifest | None) -> bool:
        """Return whether a message is by a bot that may say what was at its position."""
        seq = manifest.seq if manifest is not None else 0
        before = self._superblock.predecessors
        return may_tell(before, self._server.author, message.author, seq)

    async def read(self, stored: Stored) -> bytes:
        """Return the packed bytes of a checkpoint, checked. A download for each attachment, and a
        call for each of its parts.

        Raises:
            CheckpointDamaged: they are not what was written, or are gone.
            Uncertain: they could not be read.
        """
        try:
            messages = [await self._part(part) for part in stored.manifest.parts]
            files = [await download(self._server, each) for each in [*messages, stored.message]]
        except Refused as error:
            raise CheckpointDamaged(f"its bytes are gone: {error}") from error
        manifest, sealing = stored.manifest, self._sealing
        closed = b"".join(file for each in files for file in each)
        try:
            packed = sealing.open("state", str(manifest.seq), manifest.hash, closed)
        except Forged as error:
            raise CheckpointDamaged(f"its bytes are not what was written: {error}") from error
        if (len(packed), hash_of_packed(packed, sealing)) != (manifest.packed, manifest.hash):
            raise CheckpointDamaged("its bytes are not those that were written")
        return packed

    async def verified(self, stored: Stored) -> bytes:
        """Return the packed bytes of a checkpoint that holds the state that it names. As
        :meth:`read`, and seconds of work for a million records, beside all else.

        Raises:
            CheckpointDamaged: it does not hold that state.
            Uncertain: it could not be read.
        """
        packed, manifest = await self.read(stored), stored.manifest
        try:
            state = await self._server.aside(lambda: hash_of_state(unpack(packed, manifest)))
        except NotTheState as error:
            raise CheckpointDamaged(str(error)) from error
        if state != manifest.state:
            raise CheckpointDamaged("it does not hold the state that it names")
        return packed

    async def _part(self, part: int) -> Message:
        return await persist(self._server, self._server.message, self._superblock.checkpoints, part)

    async def write(self, manifest: Manifest, closed: bytes) -> Stored:
        """Write a checkpoint. One API call for each message that it takes.

        Args:
            manifest: its facts, without the parts.
            closed: its bytes, sealed.

        Returns:
            The checkpoint, as it is stored.

        Raises:
            TooLarge: no message can name all of its parts.
            Refused: the server refused it.
            Uncertain: there was no answer. It may be there.
        """
        size = max(1, self._limits.payload)
        pieces = [closed[start : start + size] for start in range(0, max(1, len(closed)), size)]
        longest, sealing = replace(manifest, parts=(1 << 63,) * (len(pieces) - 1)), self._sealing
        if len(longest.to_content(sealing)) > LONGEST:
            raise TooLarge(f"a checkpoint of {len(closed):,} bytes, in {len(pieces)} messages")
        ticket = random_name(self._server)
        parts: list[int] = []
        for number, piece in enumerate(pieces[:-1]):
            sent = await self._send(
                part_content(ticket, number, sealing), f"{ticket}-{number}", piece
            )
            parts.append(sent.id)
        whole = replace(manifest, parts=tuple(parts))
        content = whole.to_content(sealing)
        return Stored(await self._send(content, f"s{manifest.seq}", pieces[-1]), whole)

    async def _send(self, content: str, stem: str, data: bytes) -> Message:
        files = cut_into_files(stem, self._sealing.suffix or "jsonl.gz", data, self._limits)
        channel, nonce = self._superblock.checkpoints, f"checkpoint.{random_name(self._server)}"
        return await persist(self._server, self._server.send, channel, content, files, nonce)

    async def tidy(self, listing: CheckpointListing, newest: Stored) -> None:
        """Remove what is old: all checkpoints but the two newest and the one that the generation
        begins at, and parts that no checkpoint names. One API call for each message. What cannot be
        removed is left for the next one.

        Args:
            listing: what is there, or was a moment ago.
            newest: the checkpoint that was just written.
        """
        others = [each for each in listing.stored if each.message.id != newest.message.id]
        base = self._superblock.base
        first = [each for each in others if base is not None and each.message.id == base.checkpoint]
        kept = [*[newest, *others][:KEPT], *first]
        held = {part for each in kept for part in each.messages}
        candidates = [*(each.message for each in listing.stored), *listing.parts]
        for message in candidates:
            old = seconds_between(message.id, newest.message.id) > AGE_SECONDS
            if message.id in held or not old:
                continue
            with contextlib.suppress(NotFound, Refused, Uncertain):
                await self._server.delete_message(message.channel, message.id)


class TooLarge(Exception):
    """A checkpoint has more parts than its message can name."""
