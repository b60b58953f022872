"""What tells programs on this machine, and the server's own page, from web pages of others.

A page that a browser loads from elsewhere can make it ask a server on this machine. It is known by
its ``Origin``, by ``Sec-Fetch-Site``, or, where a name of its own leads to this machine, by the
``Host``.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

_NAMES = {"127.0.0.1", "localhost", "::1"}
_SAME_ORIGIN = {None, "none", "same-origin"}


def names_this_machine(request: web.BaseRequest) -> bool:
    """Return whether the client calls this server by a name that only this machine has."""
    try:
        name = urlsplit(f"//{request.headers.get('Host', '')}").hostname
    except ValueError:
        return False
    return name in _NAMES


def is_local(request: web.BaseRequest) -> bool:
    """Return whether a program of this machine or this server's own page asks."""
    headers = request.headers
    return (
        names_this_machine(request)
        and headers.get("Origin") in {None, f"http://{headers['Host']}"}
        and headers.get("Sec-Fetch-Site") in _SAME_ORIGIN
    )
