"""A client of the admin API, from any process, without an event loop."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from typing import Any, cast
from urllib.parse import urlsplit

from discobase.errors import UsageError
from discobase.local import wire

_ANSWER_SECONDS = 10.0
"""How long a server may take to answer a command: a guess."""


def call_admin(origin: str, method: str, path: str, body: object = None) -> dict[str, Any]:
    """Send one command to the admin API; block until it is answered.

    Args:
        origin: the server's, ``http://127.0.0.1:PORT``.
        method: of the command.
        path: of the command, ``/_local/...``.
        body: its arguments.

    Raises:
        ConnectionError: nobody answers there.
        UsageError: the server refuses the command.
    """
    connection = HTTPConnection(urlsplit(origin).netloc, timeout=_ANSWER_SECONDS)
    try:
        connection.request(method, path, wire.text(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, HTTPException, ValueError) as error:
        raise ConnectionError(f"no server answers at {origin}: {error}") from error
    finally:
        connection.close()
    found = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    if response.status != 200:
        raise UsageError(f"the server at {origin} refuses {method} {path}: {found.get('error')}")
    return found
