"""The admin API under ``/_local/``: the commands over HTTP, for other processes.

It is for tests and for the processes that share a file. It speaks JSON, needs no token, and is
reached only over the loopback interface; requests that a web page made are refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from inspect import isawaitable
from typing import Any, cast

from aiohttp import web

from discobase.errors import DiscobaseError, UsageError
from discobase.local import wire
from discobase.local.behaviour.profiles import Profile
from discobase.local.control.admin_people import people_commands
from discobase.local.control.control import Control
from discobase.local.loopback import is_local
from discobase.local.people.people import People
from discobase.local.refusals import Refusal
from discobase.local.rest.request import read_body

Json = dict[str, Any]
Command = Callable[[Json], object]

_LARGEST_BODY = 1024 * 1024
"""Bytes of a request: a guess, far above what any command needs."""

_IDS = {
    "channel",
    "channel_id",
    "interaction_id",
    "message",
    "message_id",
    "person_id",
    "server_id",
    "user",
}
"""Arguments that are ids, and may be given as strings, as everywhere in Discord's JSON."""


class Admin:
    """The admin API.

    Args:
        control: the commands.
        people: those who act at command.
        path: of the server's file, by which processes that share it know each other.
    """

    def __init__(self, control: Control, people: People, path: str | None) -> None:
        self._control = control
        self._path = path
        self._commands: dict[str, Command] = {
            "GET /_local": self._describe,
            "GET /_local/requests": lambda _: control.requests.as_json(),
            "DELETE /_local/requests": lambda _: control.reset_requests(),
            "POST /_local/join": self._join,
            "POST /_local/servers": lambda body: {"id": str(control.create_server(**body))},
            "POST /_local/bots": lambda body: {"token": control.create_bot(**body)},
            "PUT /_local/members": lambda body: control.add_bot(**body),
            "DELETE /_local/members": lambda body: control.remove_bot(**body),
            "PUT /_local/permissions": lambda body: control.set_permissions(**body),
            "PATCH /_local/settings": lambda body: control.set(**body),
            "GET /_local/limits": lambda _: control.limits.as_json(),
            "PUT /_local/limits": lambda body: control.set_limits(_profile(body)),
            "POST /_local/faults": lambda body: control.fault(**body),
            "POST /_local/event-faults": lambda body: control.event_fault(**body),
            "DELETE /_local/faults": lambda _: control.clear_faults(),
            "DELETE /_local/messages": lambda body: control.delete_message(**body),
            "PATCH /_local/messages": lambda body: control.edit_message(**body),
            "DELETE /_local/gateways": lambda body: control.drop_gateways(**body),
            **people_commands(people),
        }

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer one request: 200 with a JSON body, or 400 with ``{"error": ...}``."""
        if not is_local(request):
            return _json(403, {"error": "the admin API is for programs on this machine only"})
        command = self._commands.get(f"{request.method} {request.path.rstrip('/')}")
        if command is None:
            return _json(404, {"error": "no such command", "commands": list(self._commands)})
        try:
            body = (await read_body(request, limit=_LARGEST_BODY)).json
            if not isinstance(body, dict | None):
                raise UsageError("the body is a JSON object.")
            answer = command(_with_ids(cast("Json", body or {})))
            return _json(200, await answer if isawaitable(answer) else answer)
        except (DiscobaseError, Refusal, TypeError, ValueError) as error:
            return _json(400, {"error": str(error)})

    def _describe(self, body: Json) -> Json:
        return {
            **body,
            "path": self._path,
            "pid": os.getpid(),
            "token": self._control.default_token,
        }

    def _join(self, body: Json) -> Json:
        guild_id = self._control.join(**body)
        return {"token": self._control.default_token, "server": str(guild_id)}


def _profile(body: Json) -> str | Profile:
    """Return a profile by its name alone, or as it describes itself."""
    return str(body["name"]) if body.keys() == {"name"} else Profile.from_json(body)


def _json(status: int, body: object) -> web.Response:
    headers = {"Content-Type": "application/json"}
    return web.Response(status=status, body=wire.text(body).encode(), headers=headers)


def _with_ids(body: Json) -> Json:
    return {
        name: int(value) if name in _IDS and value is not None else value
        for name, value in body.items()
    }
