"""Answers that do not come from the API itself: of a server that is not well, and of Cloudflare.

In front of Discord stands Cloudflare. What it answers on its own is HTML, and has no ``Via``
header: by that clients tell one from the other (Discord's API reference, "Rate Limiting" and "HTTP
Response Codes").
"""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from typing import NamedTuple

from discobase.local import wire
from discobase.local.behaviour.limits import too_fast

VIA = "1.1 discobase"
"""The header of every answer that is the API's own."""

_USUAL_RETRY_AFTER = 0.1
"""Seconds that a 429 asks to wait where a fault says nothing else: a guess."""

_CLOUDFLARE = {
    520: "Web server is returning an unknown error",
    521: "Web server is down",
    522: "Connection timed out",
    523: "Origin is unreachable",
    524: "A timeout occurred",
    525: "SSL handshake failed",
    526: "Invalid SSL certificate",
    527: "Railgun error",
    529: "The service is overloaded",
    530: "Origin DNS error",
}


class Outage(NamedTuple):
    """An answer: status, text and headers, all of them."""

    status: int
    text: str
    headers: dict[str, str]


def usual(status: int) -> Outage:
    """Return what usually comes with a status."""
    if status == 429:
        return as_json(
            status,
            too_fast(_USUAL_RETRY_AFTER),
            {"Retry-After": str(ceil(_USUAL_RETRY_AFTER)), "X-RateLimit-Scope": "user"},
        )
    if status in _CLOUDFLARE:
        return _page(status, f"{status}: {_CLOUDFLARE[status]}")
    return as_json(status, {"message": f"{status}: {_phrase(status)}", "code": 0})


def banned() -> Outage:
    """Return what Cloudflare says to an address that made too many invalid requests."""
    return _page(403, "Sorry, you have been blocked")


def as_json(status: int, body: object, headers: dict[str, str] | None = None) -> Outage:
    """Return an answer of the API."""
    # discord.py 2.7.1 takes a Content-Type with a charset for plain text, and a 429 without Via
    # for a ban.
    return Outage(
        status,
        wire.text(body),
        {"Via": VIA, "Content-Type": "application/json", **(headers or {})},
    )


def _page(status: int, title: str) -> Outage:
    text = (
        f'<!DOCTYPE html>\n<html lang="en"><head><title>{title}</title></head>'
        f"<body><h1>{title}</h1></body></html>\n"
    )
    return Outage(status, text, {"Content-Type": "text/html; charset=UTF-8"})


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown Status"
