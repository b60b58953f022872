"""What people do with the bot's commands, heard and answered over discord.py."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, cast

import discord
from discord.http import Route

from discobase.engine.server.discordpy.application import Application
from discobase.engine.server.discordpy.client import GatewayClient
from discobase.engine.server.discordpy.errors import answered
from discobase.engine.server.interactions import Heard, Json, SentFile
from discobase.engine.server.seam import Refused

EVENT = "INTERACTION_CREATE"
"""What the gateway calls it."""

_TAKEN = frozenset({10062, 40060})
"""What is said of an interaction that has an answer, or is not known any more: somebody else has
answered it, or its three seconds are over ("JSON Error Codes")."""


class BotInteractions:
    """Implements :class:`~discobase.engine.server.interactions.Interactions`.

    Args:
        client: the client, logged in.
        application: the bot's application.
    """

    def __init__(self, client: GatewayClient, application: Application) -> None:
        self._client = client
        self._application = application
        self._heard: Heard | None = None

    def listen(self, heard: Heard | None) -> None:
        """See :meth:`~discobase.engine.server.interactions.Interactions.listen`."""
        self._heard = heard

    def handle(self, raw: Mapping[str, Any]) -> None:
        """Take the data of an event."""
        if self._heard is not None:
            self._heard(raw)

    async def answer(self, interaction: int, token: str, body: Json) -> bool:
        """See :meth:`~discobase.engine.server.interactions.Interactions.answer`."""
        route = Route(
            "POST",
            "/interactions/{interaction_id}/{interaction_token}/callback",
            interaction_id=interaction,
            interaction_token=token,
        )
        try:
            with answered():
                await self._client.http.request(route, json=body)
        except Refused as error:
            if error.code in _TAKEN:
                return False
            raise
        return True

    async def complete(self, token: str, body: Json, files: Sequence[SentFile] = ()) -> None:
        """See :meth:`~discobase.engine.server.interactions.Interactions.complete`."""
        route = Route(
            "PATCH",
            "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
            webhook_id=await self._application.known_id(),
            webhook_token=token,
        )
        with answered():
            if not files:
                await self._client.http.request(route, json=body)
                return
            named = [{"id": number, "filename": file.name} for number, file in enumerate(files)]
            form: list[dict[str, Any]] = [
                {"name": "payload_json", "value": json.dumps({**body, "attachments": named})}
            ]
            sent = [discord.File(BytesIO(file.data), file.name) for file in files]
            form += [
                {
                    "name": f"files[{number}]",
                    "value": file.fp,
                    "filename": file.filename,
                    "content_type": "application/octet-stream",
                }
                for number, file in enumerate(sent)
            ]
            await self._client.http.request(route, form=form, files=sent)

    async def commands(self, server: int) -> list[Json]:
        """See :meth:`~discobase.engine.server.interactions.Interactions.commands`."""
        with answered():
            held = await self._client.http.get_guild_commands(
                await self._application.known_id(), server
            )
            return [cast("Json", command) for command in held]

    async def register(self, server: int, commands: Sequence[Json]) -> None:
        """See :meth:`~discobase.engine.server.interactions.Interactions.register`."""
        with answered():
            await self._client.http.bulk_upsert_guild_commands(
                await self._application.known_id(), server, cast("Any", list(commands))
            )
