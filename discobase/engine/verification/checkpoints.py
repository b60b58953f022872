"""The checkpoints that are there: whether each can be read, and is of this log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.store import (
    CheckpointDamaged,
    CheckpointListing,
    CheckpointStore,
    Stored,
)
from discobase.engine.replica import NotTheState
from discobase.engine.server.retry import persist
from discobase.engine.server.seam import NotFound, Server
from discobase.engine.verification.judgement import Judged
from discobase.engine.verification.replay import Replay
from discobase.engine.verification.report import Finding, Severity


@dataclass(frozen=True, slots=True)
class Held:
    """A checkpoint that holds what it says.

    Attributes:
        stored: the checkpoint.
        packed: its bytes.
    """

    stored: Stored
    packed: bytes


def ignored(listing: CheckpointListing) -> list[Finding]:
    """Return the messages that claim to be checkpoints, and are none that anybody reads."""
    return [
        Finding(
            "note",
            f"a checkpoint that is not read: {why}",
            channel=message.channel,
            message=message.id,
        )
        for message, why in listing.ignored
    ]


async def look_into(
    server: Server, store: CheckpointStore, stored: Stored
) -> Held | Finding | None:
    """Read a checkpoint, and return it if it holds what it says; None where it was removed
    meanwhile, as old ones are. A download for each attachment, and a call for each of its parts.

    Raises:
        Uncertain: it could not be read.
    """
    try:
        return Held(stored, await store.verified(stored))
    except CheckpointDamaged as error:
        there = await _is_there(server, stored)
        return _damaged(stored, str(error)) if there else None


async def _is_there(server: Server, stored: Stored) -> bool:
    message = stored.message
    try:
        await persist(server, server.message, message.channel, message.id)
    except NotFound:
        return False
    return True


async def compare(
    held: Held, chain: str | None, replay: Replay, following: Sequence[Judged]
) -> Finding | None:
    """Return in what way a checkpoint is not what the log comes to at its position, which the
    replay has reached; go on from it where the log alone did not come so far.

    Args:
        held: the checkpoint.
        chain: what the log goes on with above its position; None where nobody knows that.
        replay: what the log comes to.
        following: the next position of each lane.
    """
    manifest = held.stored.manifest
    if any(_is_overlooked(each, manifest) for each in following):
        return _of(
            held.stored,
            "damage",
            "a checkpoint that names later messages than it includes: who connects from now on "
            "overlooks commits",
        )
    if chain not in {None, manifest.chain}:
        return _of(held.stored, "damage", "a checkpoint of another history than the log's")
    if not replay.known:
        try:
            await replay.restore(held.packed, manifest)
        except NotTheState as error:
            return _of(held.stored, "damage", f"a checkpoint that cannot be loaded: {error}")
    elif (await replay.state()).hash != manifest.state:
        return _of(
            held.stored,
            "damage",
            "a checkpoint with other records than the log comes to: who connects from now on "
            "gets those",
        )
    return None


def _is_overlooked(judged: Judged, manifest: Manifest) -> bool:
    """Return whether a position above a checkpoint is not read by who begins there."""
    last = manifest.lanes[judged.seq % len(manifest.lanes)]
    return judged.entry is not None and judged.entry.message.id <= last


def _damaged(stored: Stored, why: str) -> Finding:
    return _of(stored, "warning", f"a checkpoint that is damaged, and not read: {why}")


def _of(stored: Stored, severity: Severity, what: str) -> Finding:
    message = stored.message
    return Finding(severity, what, stored.manifest.seq, message.channel, message.id)
