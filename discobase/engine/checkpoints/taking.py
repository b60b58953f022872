"""The state of a moment as a checkpoint: its facts, and its bytes."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.packing import hash_of_packed, pack
from discobase.engine.log.superblock import Superblock
from discobase.engine.replica import Replica


def take(
    replica: Replica, superblock: Superblock, *, before: int, writer: str, time: float
) -> tuple[Manifest, bytes]:
    """Read the state as it is now, and seal it as the generation is. Takes seconds for a million
    records, beside all else.

    Args:
        replica: where it is read.
        superblock: the generation that the checkpoint is to be of.
        before: the message of the checkpoint before it; 0 where there is none.
        writer: who writes it.
        time: when, in seconds since 1970.
    """
    sealing = superblock.sealing
    with contextlib.closing(replica.snapshot()) as snapshot:
        packed = pack(snapshot.lines())
        lanes = snapshot.lane_ends(len(superblock.lanes), superblock.floor)
        manifest = Manifest(
            database=superblock.database,
            generation=superblock.generation,
            seq=snapshot.head.seq,
            chain=snapshot.head.chain,
            state=snapshot.hash,
            size=snapshot.size,
            packed=len(packed),
            hash=hash_of_packed(packed, sealing),
            records=snapshot.records,
            lanes=lanes,
            before=before,
            writer=writer,
            time=time,
        )
    return manifest, sealing.close("state", str(manifest.seq), manifest.hash, packed)


def take_first(
    replica: Replica, superblock: Superblock, *, writer: str, time: float
) -> tuple[Manifest, bytes]:
    """Read the state as it is now, for a generation to come, in whose lanes there is nothing yet.
    As :func:`take`.
    """
    manifest, packed = take(replica, superblock, before=0, writer=writer, time=time)
    return replace(manifest, lanes=(0,) * len(superblock.lanes)), packed
