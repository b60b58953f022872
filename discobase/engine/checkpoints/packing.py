"""The bytes of a checkpoint: its lines, packed and unpacked a piece at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.log.frame import COMPRESSION_LEVEL, GZIP
from discobase.engine.log.sealing import PLAIN, Sealing
from discobase.engine.replica import NotTheState

_PIECE, _STEP = 1 << 18, 1 << 22
"""Bytes that are taken, and that come of them, in one step: a guess."""


def pack(chunks: Iterable[bytes]) -> bytes:
    """Return lines as they are stored. Takes seconds for a million records, in which other threads
    run.
    """
    packing = zlib.compressobj(COMPRESSION_LEVEL, wbits=GZIP)
    return b"".join([*map(packing.compress, chunks), packing.flush()])


def unpack(packed: bytes, manifest: Manifest) -> Iterator[bytes]:
    """Yield what was packed, and no more than the manifest says.

    Raises:
        NotTheState: it is not what the manifest says.
    """
    unpacking = zlib.decompressobj(GZIP)
    left = manifest.size
    for start in range(0, len(packed), _PIECE):
        piece = packed[start : start + _PIECE]
        if unpacking.eof:
            raise NotTheState("it goes on after its end")
        while piece and not unpacking.eof:
            try:
                # One byte more than a step, or than there may be, so that what is longer shows.
                chunk = unpacking.decompress(piece, min(left, _STEP) + 1)
            except zlib.error as error:
                raise NotTheState(f"it cannot be decompressed: {error}") from error
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
            piece = unpacking.unconsumed_tail
    if left != 0 or not unpacking.eof or unpacking.unused_data:
        raise NotTheState("it does not have the size that was said of it")


def hash_of_packed(packed: bytes, sealing: Sealing = PLAIN) -> str:
    """Return the hash by which a manifest knows the packed bytes."""
    return sealing.hash("state", packed)
