"""Visitors see what they have saved, whichever process answers them: a middleware, synchronous and
asynchronous.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponseBase

from discobase.contrib.django.configuration import configuration
from discobase.contrib.django.connection import database
from discobase.contrib.own_saves import COOKIE, SECONDS_KEPT, Positions, position_of, reads

Answer = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class OwnSavesMiddleware:
    """Leaves the position of what a request has saved in a cookie, and has the visitor's next
    request wait for it. Put it before ``SessionMiddleware``.

    Args:
        get_response: what answers.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response
        self._positions = Positions(database(), configuration().own_saves_seconds)
        # Python 3.11's own does not know what Django marks.
        self._is_async = iscoroutinefunction(get_response)  # pyright: ignore[reportDeprecated]
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer a request."""
        if self._is_async:
            return self._acall(request)
        seen = self._positions.seen(position_of(request.COOKIES.get(COOKIE, "")))
        before = self._positions.head()
        response = cast("HttpResponseBase", self._get_response(request))
        return self._marked(request, response, before, seen=seen)

    async def _acall(self, request: HttpRequest) -> HttpResponseBase:
        position = position_of(request.COOKIES.get(COOKIE, ""))
        seen = True
        if position is not None:
            seen = await sync_to_async(self._positions.seen, thread_sensitive=False)(position)
        before = self._positions.head()
        response = await cast("Awaitable[HttpResponseBase]", self._get_response(request))
        return self._marked(request, response, before, seen=seen)

    def _marked(
        self, request: HttpRequest, response: HttpResponseBase, before: int | None, *, seen: bool
    ) -> HttpResponseBase:
        head = self._positions.head()
        if head != before and not (reads(request.method or "GET") and not response.cookies):
            response.set_cookie(
                COOKIE, str(head), max_age=SECONDS_KEPT, httponly=True, samesite="Lax"
            )
        elif not seen:
            response.delete_cookie(COOKIE, samesite="Lax")
        return response
