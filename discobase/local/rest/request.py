"""The body of a request: JSON, or multipart with ``payload_json`` and ``files[n]``."""

from __future__ import annotations

import json
import re
from email.message import Message
from typing import NamedTuple

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from discobase.local import refusals, wire
from discobase.local.state.drafts import NewFile

_FILE_FIELD = re.compile(r"files?\[(\d{1,3})\]|file(\d{0,3})")
_DRAINED = 4
"""How many times the limit is read of what is too large, so that the client hears the answer:
a guess."""


class Body(NamedTuple):
    """A request's body, read, and as it was sent."""

    json: object
    files: dict[int, NewFile]
    raw: bytes = b""


async def read_body(request: web.BaseRequest, limit: int) -> Body:
    """Read the body of a request.

    Args:
        request: the request.
        limit: the most bytes it may have.

    Raises:
        Refusal: it is too large, or neither JSON nor multipart.
    """
    if not request.body_exists:
        return Body(None, {})
    raw = await _read(request, limit)
    if not raw:
        return Body(None, {})
    if request.content_type == "multipart/form-data":
        try:
            return _read_multipart(raw, request.headers["Content-Type"])._replace(raw=raw)
        except (LookupError, TypeError, ValueError) as error:
            # What email's parser makes of odd headers.
            raise refusals.invalid_json() from error
    return Body(_parse(raw), {}, raw)


async def _read(request: web.BaseRequest, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.content.iter_any():
            size += len(chunk)
            if size <= limit:
                chunks.append(chunk)
            elif size > _DRAINED * limit:
                break
    except (web.RequestPayloadError, HttpProcessingError, ConnectionError) as error:
        # Cut short, its client gone with it perhaps, or not packed in the way that the headers say.
        # Nothing more is to be read of it: aiohttp would, and log what it meets.
        request.content.feed_eof()
        raise refusals.invalid_json() from error
    if size > limit:
        raise refusals.too_large()
    return b"".join(chunks)


def _parse(raw: bytes) -> object:
    try:
        value = wire.read(raw)
        if rb"\u" in raw:
            # An escape can stand for half a character, which no Unicode text holds.
            json.dumps(value, ensure_ascii=False).encode()
    except ValueError as error:
        raise refusals.invalid_json() from error
    return value


def _read_multipart(raw: bytes, content_type: str) -> Body:
    boundary = _header(content_type).get_param("boundary")
    if not isinstance(boundary, str):
        raise refusals.invalid_json()
    payload: object = None
    files: dict[int, NewFile] = {}
    for head, content in _parts(raw, b"--" + boundary.encode()):
        disposition = _header(head)
        name = str(disposition.get_param("name"))
        if name == "payload_json":
            payload = _parse(content)
        elif found := _FILE_FIELD.fullmatch(name):
            number = int(found[1] or found[2] or 0)
            files[number] = NewFile(_file_name(disposition), content)
    return Body(payload, files)


def _parts(raw: bytes, delimiter: bytes) -> list[tuple[str, bytes]]:
    """Return the parts of a multipart body: the value of Content-Disposition, and the content."""
    parts: list[tuple[str, bytes]] = []
    start = raw.find(delimiter)
    while start >= 0:
        start += len(delimiter)
        end = raw.find(b"\r\n" + delimiter, start)
        gap = raw.find(b"\r\n\r\n", start)
        if end < 0 or gap < 0:
            break
        lines = raw[start:gap].decode("utf-8", "replace").split("\r\n")
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip().lower() == "content-disposition":
                parts.append((value.strip(), raw[gap + 4 : end]))
        start = end + 2
    return parts


def _header(value: str) -> Message:
    header = Message()
    header["Content-Type"] = value
    return header


def _file_name(disposition: Message) -> str:
    name = disposition.get_param("filename")
    if isinstance(name, tuple):
        return name[2]
    return "unknown" if name is None else name
