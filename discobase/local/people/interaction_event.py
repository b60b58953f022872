"""The event by which a bot learns what a person did."""

from __future__ import annotations

from typing import Any

from discobase.local.people.offered_commands import IN_GUILD
from discobase.local.people.view import View
from discobase.local.platform import Platform
from discobase.local.state import payloads
from discobase.local.state.interactions import Interaction

Json = dict[str, Any]


def interaction_create(
    platform: Platform, view: View, interaction: Interaction, origin: str
) -> Json:
    """Return the data of an INTERACTION_CREATE.

    Args:
        platform: the server.
        view: makes the JSON of the message that it came from.
        interaction: what the person did.
        origin: scheme, host and port at which the bot reaches this server.
    """
    state, channel = platform.state, interaction.channel
    guild = state.guilds[channel.guild_id]
    person = state.users[interaction.user_id]
    allowed = str(state.permissions_in(channel, person.id))
    member = payloads.member(guild.members[person.id], person)
    body: Json = {
        "version": 1,
        "id": str(interaction.id),
        "application_id": str(interaction.bot.id),
        "type": interaction.type,
        "token": interaction.token,
        "data": interaction.data,
        "guild_id": str(guild.id),
        "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
        "channel_id": str(channel.id),
        "channel": {**payloads.channel(channel), "permissions": allowed},
        "member": {**member, "permissions": allowed},
        "locale": "en-US",
        "guild_locale": "en-US",
        "app_permissions": str(state.permissions_in(channel, interaction.bot.id)),
        "entitlements": [],
        "authorizing_integration_owners": {"0": str(guild.id)},
        "context": IN_GUILD,
        "attachment_size_limit": platform.settings.attachment_limit,
    }
    source = platform.message(channel.id, interaction.source_id)
    if source is not None:
        body["message"] = view.json(source, origin)
    return body
