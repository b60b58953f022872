"""What bodies say of emojis: a name, and a picture as a data URI.

Source: Discord's page "Emoji", and "Image Data" of the API reference.
"""

from __future__ import annotations

import base64
import re

from discobase.local.rest.forms.form import Form

_NAME = re.compile(r"[A-Za-z0-9_]*")
_LARGEST = 256 * 1024
"""Bytes of a picture (Discord's page "Emoji")."""

_DATA = re.compile(r"data:image/(png|jpeg|gif|webp|avif);base64,([A-Za-z0-9+/]*={0,2})")
_BEGINNINGS = {
    "png": re.compile(rb"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
    "jpeg": re.compile(rb"\xff\xd8\xff"),
    "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "avif": re.compile(rb"....ftypavi[fs]", re.DOTALL),
}
"""How files of each kind begin. What follows is not looked at."""


def read_name(form: Form, *, needed: bool) -> str | None:
    """Read an emoji's name: 2 to 32 letters, digits and underscores."""
    name = form.text("name", shortest=2, longest=32, needed=needed)
    if name is not None and not _NAME.fullmatch(name):
        form.wrong("name", "STRING_TYPE_REGEX", "String value did not match validation regex.")
        return None
    return name


def read_image(form: Form) -> str | None:
    """Read a picture; return its kind, as ``png``."""
    text = form.body.get("image")
    if text is None:
        form.wrong("image", "BASE_TYPE_REQUIRED", "This field is required")
        return None
    found = _DATA.fullmatch(text) if isinstance(text, str) else None
    if found is None or len(found[2]) % 4:
        form.wrong("image", "IMAGE_INVALID", "Invalid image data")
        return None
    kind, data = found[1], base64.b64decode(found[2])
    if len(data) > _LARGEST:
        form.wrong("image", "BINARY_TYPE_MAX_SIZE", "File cannot be larger than 256.0 kb.")
        return None
    if not _BEGINNINGS[kind].match(data):
        form.wrong("image", "IMAGE_INVALID", "Invalid image data")
        return None
    return kind
