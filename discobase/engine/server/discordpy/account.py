"""What a login asks of discord.py's client: who the bot is, and which servers it is in."""

from __future__ import annotations

import time
from collections.abc import Mapping

from discord.http import Route

from discobase.engine.server.discordpy.access import membership
from discobase.engine.server.discordpy.client import GatewayClient
from discobase.engine.server.discordpy.errors import translated
from discobase.engine.server.login import BotIdentity, Gateway, Membership
from discobase.engine.server.seam import SETTLING
from discobase.engine.server.usage import Identifies


class BotAccount:
    """The account behind a token; implements :class:`~discobase.engine.server.login.Account`.

    Args:
        client: the client that is to be logged in.
    """

    def __init__(self, client: GatewayClient) -> None:
        self._client = client

    async def log_in(self, token: str) -> BotIdentity:
        """See :meth:`~discobase.engine.server.login.Account.log_in`."""
        with translated():
            user = await self._client.log_in(token)
        # Discord says nothing of it; a server that shows at once what was written may.
        settling = max(0.0, float(user.get("settling_seconds", SETTLING)))
        return BotIdentity(int(user["id"]), settling)

    async def application(self) -> int:
        """See :meth:`~discobase.engine.server.login.Account.application`."""
        with translated():
            return int((await self._client.http.application_info())["id"])

    async def gateway(self) -> Gateway:
        """See :meth:`~discobase.engine.server.login.Account.gateway`."""
        with translated():
            answer = await self._client.http.request(Route("GET", "/gateway/bot"))
        # Not every server that speaks Discord's API has a limit to tell of.
        left: Mapping[str, int] = answer.get("session_start_limit") or {}
        remaining, reset_seconds = left.get("remaining", 1), left.get("reset_after", 0) / 1000
        if "remaining" in left:
            resets_at = time.monotonic() + reset_seconds
            self._client.usage.identifies = Identifies(remaining, left.get("total"), resets_at)
        return Gateway(
            url=answer["url"],
            remaining=remaining,
            total=left.get("total"),
            reset_seconds=reset_seconds,
        )

    async def servers(self, limit: int, after: int | None) -> list[Membership]:
        """See :meth:`~discobase.engine.server.login.Account.servers`."""
        with translated():
            page = await self._client.http.get_guilds(limit, after=after, with_counts=False)
        return [membership(raw) for raw in page]
