"""Where the log of a generation begins: with nothing, or behind an earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discobase.engine.checkpoints.bundle import Carried, read_bundle
from discobase.engine.checkpoints.store import (
    CheckpointDamaged,
    CheckpointListing,
    CheckpointStore,
)
from discobase.engine.log.authors import hidden_text
from discobase.engine.log.frame import GENESIS
from discobase.engine.log.superblock import Base, Superblock
from discobase.engine.replica import Head
from discobase.engine.server.seam import Server
from discobase.engine.verification.checkpoints import Held
from discobase.engine.verification.report import Finding
from discobase.errors import LogDamaged


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the lanes of a generation go on from.

    Attributes:
        head: the position above which every other one is looked at.
        held: the checkpoint of that position; None where there is none, or none that can be read.
        frames: the commits between that checkpoint and the lanes.
        findings: what is wrong with it.
    """

    head: Head = Head(0, GENESIS)  # noqa: RUF009 - it is immutable
    held: Held | None = None
    frames: Sequence[Carried] = ()
    findings: Sequence[Finding] = ()


async def beginning_of(
    server: Server, store: CheckpointStore, superblock: Superblock, listing: CheckpointListing
) -> Beginning:
    """Look where the log of a generation begins. No API call for the first one; else some
    downloads, and a call for each message of its bundle.

    Raises:
        Uncertain: it could not be read.
        SuccessionRefused: it is by a bot that was succeeded, and its text is not shown to this one.
    """
    base = superblock.base
    if base is None:
        return Beginning()
    found = [stored for stored in listing.stored if stored.message.id == base.checkpoint]
    if not found:
        if listing.hidden is not None:
            raise hidden_text(listing.hidden)
        return _without(base, superblock, "is gone, or was altered", base.checkpoint)
    try:
        packed = await store.verified(found[0])
        frames = await read_bundle(server, superblock)
    except CheckpointDamaged as error:
        return _without(base, superblock, f"is damaged: {error}", base.checkpoint)
    except LogDamaged as error:
        return _without(base, superblock, f"cannot be gone on from: {error}", base.bundle)
    return Beginning(found[0].manifest.head, Held(found[0], packed), frames)


def _without(base: Base, superblock: Superblock, why: str, message: int) -> Beginning:
    """Return where the lanes begin, where what came before cannot be read."""
    what = f"the checkpoint with which this generation of the log begins {why}"
    finding = Finding("damage", what, base.seq, superblock.checkpoints, message)
    return Beginning(Head(base.seq, base.chain), findings=[finding])
