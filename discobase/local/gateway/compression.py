"""How gateway frames are packed: plain text, or one zlib or zstd stream for each connection."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any

Packer = Callable[[str], str | bytes]
"""What packs one frame; text goes out as a text frame, bytes as a binary one."""

_BYTES = "surrogateescape"
"""What becomes of half characters in a text: bytes that are no UTF-8, which a fault put there."""


def packer_for(name: str | None) -> Packer:
    """Return what packs frames as a client asks with ``compress=`` in the gateway's address.

    zstd needs the ``zstandard`` package; without it zstd is answered in plain text, which clients
    accept.
    """
    if name == "zlib-stream":
        return _zlib_stream()
    if name == "zstd-stream":
        return _zstd_stream()
    return _plain


def _plain(text: str) -> str | bytes:
    return text if text.isascii() else text.encode(errors=_BYTES)


def _zlib_stream() -> Packer:
    stream = zlib.compressobj(level=1)

    def pack(text: str) -> bytes:
        return stream.compress(text.encode(errors=_BYTES)) + stream.flush(zlib.Z_SYNC_FLUSH)

    return pack


def _zstd_stream() -> Packer:
    try:
        zstandard: Any = import_module("zstandard")
    except ImportError:
        return _plain
    stream = zstandard.ZstdCompressor().compressobj()

    def pack(text: str) -> bytes:
        packed: bytes = stream.compress(text.encode(errors=_BYTES))
        rest: bytes = stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        return packed + rest

    return pack
