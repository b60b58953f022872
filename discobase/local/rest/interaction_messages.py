"""The messages of interactions: answers and follow-ups, written, changed, deleted, and told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from discobase.local.platform import Platform
from discobase.local.state import payloads
from discobase.local.state.commands import CHAT_INPUT
from discobase.local.state.drafts import EPHEMERAL, LOADING, Changes, Draft
from discobase.local.state.interactions import COMMAND, COMPONENT, Interaction
from discobase.local.state.store import MessageRow

Json = dict[str, Any]

_COMMAND_MESSAGE, _MENU_MESSAGE = 20, 23
"""Types of messages that answer commands (Discord's page "Message", "Message Types")."""


def post(
    platform: Platform,
    interaction: Interaction,
    draft: Draft,
    *,
    ephemeral: bool,
    followup: bool = False,
) -> MessageRow:
    """Write a message as an answer or follow-up, for all or for the person alone."""
    flags = draft.flags | (EPHEMERAL if ephemeral else 0)
    draft = replace(draft, flags=flags, **_kind(interaction, followup=followup))
    draft.more.update(_origin(platform, interaction, followup=followup))
    author_id, channel = interaction.bot.id, interaction.channel
    if ephemeral:
        message = platform.ephemeral.create(channel, author_id, draft, interaction.user_id)
    else:
        message = platform.messages.create(channel, author_id, draft)
        platform.broadcast.message_created(message, None)
    if followup:
        interaction.followup_ids.append(message.id)
    else:
        interaction.original_id = message.id
    interaction.notify()
    return message


def edit(
    platform: Platform, interaction: Interaction, message: MessageRow, changes: Changes
) -> MessageRow:
    """Change a message of an interaction; one that was deferred gets its text by that."""
    flags = flags_of(message)
    if flags & LOADING:
        told = flags if changes.flags is None else changes.flags
        changes = replace(changes, flags=told & ~LOADING, silent=True)
    edited = platform.messages.edit(message, changes)
    if not platform.ephemeral.replace(edited):
        platform.broadcast.message_updated(edited)
    interaction.notify()
    return edited


def delete(platform: Platform, interaction: Interaction, message: MessageRow) -> None:
    """Remove a message of an interaction."""
    platform.messages.delete([message.id])
    if not platform.ephemeral.remove(message.id):
        platform.broadcast.messages_deleted(interaction.channel, [message.id], bulk=False)
    interaction.notify()


def flags_of(message: MessageRow) -> int:
    """Return a message's flags."""
    return int(message.fields()["flags"])


def _kind(interaction: Interaction, *, followup: bool) -> Json:
    """Return a message's type, or what it replies to (assumed: Discord names neither)."""
    replied_to = interaction.original_id if followup else interaction.source_id
    if interaction.type == COMMAND and not followup:
        typed = interaction.data["type"] == CHAT_INPUT
        return {"type": _COMMAND_MESSAGE if typed else _MENU_MESSAGE}
    if replied_to is None:
        return {}
    channel = interaction.channel
    place = {"channel_id": str(channel.id), "guild_id": str(channel.guild_id)}
    return {"reference": {"type": 0, "message_id": str(replied_to), **place}}


def _origin(platform: Platform, interaction: Interaction, *, followup: bool) -> Json:
    """Return the fields of a message that say which interaction it came of."""
    application_id = str(interaction.bot.id)
    metadata = _metadata(platform, interaction)
    if followup and interaction.original_id is not None:
        metadata["original_response_message_id"] = str(interaction.original_id)
    fields: Json = {
        "application_id": application_id,
        "webhook_id": application_id,
        "interaction_metadata": metadata,
    }
    if interaction.type == COMMAND and not followup:
        fields["interaction"] = {
            "id": str(interaction.id),
            "type": COMMAND,
            "name": interaction.data["name"],
            "user": metadata["user"],
        }
    return fields


def _metadata(platform: Platform, interaction: Interaction) -> Json:
    fields: Json = {
        "id": str(interaction.id),
        "type": interaction.type,
        "user": payloads.user(platform.state.users[interaction.user_id]),
        "authorizing_integration_owners": {"0": str(interaction.channel.guild_id)},
    }
    if interaction.type == COMPONENT:
        fields["interacted_message_id"] = str(interaction.source_id)
    if interaction.cause is not None:
        fields["triggering_interaction_metadata"] = _metadata(platform, interaction.cause)
    return fields
