"""What comes of a frame that a fault damages on its way to a client."""

from __future__ import annotations

import json

from discobase.local import wire
from discobase.local.behaviour.faults import EventFault

_NO_UTF8 = "\udcff"
"""The byte FF, which stands nowhere in UTF-8, as Python writes it in a text (surrogateescape)."""

_FLUSH = 4
"""Bytes of the mark of zlib's by which clients know that a frame is whole (Discord's page
"Gateway", "Transport Compression")."""


def damaged(frame: str, fault: EventFault) -> str:
    """Return the text of a frame as it is sent, and sent again to whoever resumes."""
    middle = len(frame) // 2
    if fault.action == "alter":
        return wire.text({**json.loads(frame), **(fault.payload or {})})
    if fault.action == "truncate":
        return frame[:middle]
    if fault.action == "misencode":
        return frame[:middle] + _NO_UTF8 + frame[middle:]
    return frame


def corrupted(packed: str | bytes) -> bytes:
    """Return a packed frame that does not go on with its stream: its bits are the others."""
    raw = packed if isinstance(packed, bytes) else packed.encode()
    return bytes(byte ^ 0xFF for byte in raw[:-_FLUSH]) + raw[-_FLUSH:]
