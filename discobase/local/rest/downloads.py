"""The downloads of attachments, at addresses that this server has signed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import web

from discobase.local.gateway.connection import reset
from discobase.local.platform import Platform
from discobase.local.rest.forms.form import as_snowflake
from discobase.local.state.onlookers import PREFIX

ROUTE = "/attachments/{channel_id}/{attachment_id}/{name}"
"""The route by which faults of downloads are set."""

_HARMLESS = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff"}
"""A file that is a web page must not act as one of this server's own pages in a browser."""


class _Place(NamedTuple):
    channel_id: int
    attachment_id: int
    name: str


async def download(platform: Platform, request: web.BaseRequest) -> web.Response:
    """Answer a request for a file, and count it."""
    platform.requests.downloads += 1
    place = _place(unquote(request.path))
    channel_id = None if place is None else place.channel_id
    fault = platform.faults.take_request(request.method, ROUTE, channel_id)
    if fault is not None:
        await asyncio.sleep(fault.delay)
        if fault.reset:
            reset(request.transport)
        if fault.replaces_answer:
            return web.Response(status=fault.status or 500, headers=fault.headers)
    return _file(platform, request.path, request.query)


def look(platform: Platform, request: web.BaseRequest) -> web.Response:
    """Answer a request for a file by somebody who only looks: it is in no count, and no fault takes
    it.
    """
    return _file(platform, request.path.removeprefix(PREFIX), request.query)


def _file(platform: Platform, path: str, query: Mapping[str, str]) -> web.Response:
    place = _place(unquote(path))
    if place is None or not platform.signer.good(path, query):
        return _gone()
    file = platform.attachments.find(place.attachment_id)
    if file is None or (file.channel_id, file.name) != (place.channel_id, place.name):
        return _gone()
    headers = {"Content-Type": file.type or "application/octet-stream", **_HARMLESS}
    return web.Response(body=file.content, headers=headers)


def _gone() -> web.Response:
    return web.Response(status=404, text="This content is no longer available.")


def _place(path: str) -> _Place | None:
    match path.strip("/").split("/"):
        case [_, channel, attachment, name]:
            channel_id, attachment_id = as_snowflake(channel), as_snowflake(attachment)
            if channel_id is None or attachment_id is None:
                return None
            return _Place(channel_id, attachment_id, name)
        case _:
            return None
