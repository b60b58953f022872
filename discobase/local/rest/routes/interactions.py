"""Answering interactions and following them up. The token in the path is all that is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from discobase.local import refusals
from discobase.local.platform import Platform
from discobase.local.refusals import Refusal
from discobase.local.rest import interaction_messages
from discobase.local.rest.call import Call
from discobase.local.rest.forms.commands import read_choices
from discobase.local.rest.forms.components import read_modal
from discobase.local.rest.forms.form import Form, id_in_path
from discobase.local.rest.forms.messages import read_changes, read_new_message
from discobase.local.rest.interaction_messages import flags_of
from discobase.local.rest.response import NO_CONTENT, Reply, ok
from discobase.local.rest.routing import Route
from discobase.local.state import interactions
from discobase.local.state.commands import STRING
from discobase.local.state.drafts import EPHEMERAL, LOADING, Changes, Draft
from discobase.local.state.entities import Bot
from discobase.local.state.interactions import Interaction
from discobase.local.state.store import MessageRow

Json = dict[str, Any]

_KINDS = (
    interactions.PONG,
    interactions.MESSAGE,
    interactions.DEFERRED_MESSAGE,
    interactions.DEFERRED_UPDATE,
    interactions.UPDATE,
    interactions.CHOICES,
    interactions.MODAL,
    interactions.LAUNCH_ACTIVITY,
)


def create_response(call: Call) -> Reply:
    """Answer an interaction, once."""
    interaction = _to_answer(call)
    if interaction.answer is not None:
        raise refusals.already_acknowledged()
    form = Form(call.body)
    kind = form.choice("type", _KINDS)
    if kind == interactions.LAUNCH_ACTIVITY:
        raise refusals.not_served("answers of the type LAUNCH_ACTIVITY")
    if kind is None or not interaction.fits(kind):
        form.wrong("type", "BASE_TYPE_CHOICES", "This interaction cannot be answered in this way.")
    form.check()
    message = _respond(replace(call, body=form.body.get("data") or {}), interaction, kind or 0)
    interaction.answer = kind
    interaction.notify()
    if call.query.get("with_response", "").lower() not in {"1", "true"}:
        return NO_CONTENT
    return Reply(200, _description(call, interaction, message))


def _respond(call: Call, interaction: Interaction, kind: int) -> MessageRow | None:
    """Do what an answer says; its mistakes are under ``data`` in the tree of errors."""
    respond = _RESPONSES.get(kind)
    if respond is None:
        return None
    try:
        return respond(call, interaction)
    except Refusal as refusal:
        if refusal.errors is not None:
            refusal.errors = {"data": refusal.errors}
        raise


def _message(call: Call, interaction: Interaction) -> MessageRow:
    new = read_new_message(call, interaction.channel)
    ephemeral = _is_ephemeral(call)
    return interaction_messages.post(call.platform, interaction, new.draft, ephemeral=ephemeral)


def _deferred_message(call: Call, interaction: Interaction) -> MessageRow:
    ephemeral = _is_ephemeral(call)
    draft = Draft(flags=LOADING)
    return interaction_messages.post(call.platform, interaction, draft, ephemeral=ephemeral)


def _deferred_update(_: Call, interaction: Interaction) -> None:
    interaction.original_id = interaction.source_id


def _update(call: Call, interaction: Interaction) -> MessageRow:
    interaction.original_id = interaction.source_id
    message = _original(call, interaction)
    return interaction_messages.edit(
        call.platform, interaction, message, read_changes(call, message)
    )


def _choices(call: Call, interaction: Interaction) -> None:
    form = Form(call.body)
    kind = _focused(interaction.data.get("options") or [])
    choices = read_choices(form, kind)
    if "choices" not in form:
        form.wrong("choices", "BASE_TYPE_REQUIRED", "This field is required")
    form.check()
    interaction.choices = choices


def _modal(call: Call, interaction: Interaction) -> None:
    form = Form(call.body)
    modal = read_modal(form)
    form.check()
    interaction.modal = modal


_RESPONSES: dict[int, Callable[[Call, Interaction], MessageRow | None]] = {
    interactions.MESSAGE: _message,
    interactions.DEFERRED_MESSAGE: _deferred_message,
    interactions.DEFERRED_UPDATE: _deferred_update,
    interactions.UPDATE: _update,
    interactions.CHOICES: _choices,
    interactions.MODAL: _modal,
}


def _focused(options: list[Json]) -> int:
    """Return the type of the option that is being typed."""
    for option in options:
        if option.get("focused"):
            return int(option["type"])
        if "options" in option:
            return _focused(option["options"])
    return STRING


def _is_ephemeral(call: Call) -> bool:
    return bool((Form(call.body).integer("flags") or 0) & EPHEMERAL)


def _description(call: Call, interaction: Interaction, message: MessageRow | None) -> str:
    """Return what an answer has led to, for who asks for it."""
    about: Json = {
        "id": str(interaction.id),
        "type": interaction.type,
        "channel_id": str(interaction.channel.id),
        "guild_id": str(interaction.channel.guild_id),
    }
    if message is None:
        return ok({"interaction": about}).text
    flags = flags_of(message)
    about["response_message_id"] = str(message.id)
    about["response_message_loading"] = bool(flags & LOADING)
    about["response_message_ephemeral"] = bool(flags & EPHEMERAL)
    body = ok({"interaction": about}).text
    if flags & LOADING:
        return body
    shown = call.platform.message_json.of(message, call.viewer)
    return f'{body[:-1]},"resource":{{"type":{interaction.answer},"message":{shown}}}}}'


def create_followup(call: Call) -> Reply:
    """Follow an answer up; the first after a deferred one is the answer itself."""
    interaction = _to_follow_up(call)
    new = read_new_message(call, interaction.channel)
    original = call.platform.message(interaction.channel.id, interaction.original_id)
    if original is not None and flags_of(original) & LOADING:
        changes = _deferred_text(original, new.draft)
        message = interaction_messages.edit(call.platform, interaction, original, changes)
    else:
        ephemeral = _is_ephemeral(call)
        message = interaction_messages.post(
            call.platform, interaction, new.draft, ephemeral=ephemeral, followup=True
        )
    return _shown(call, message)


def _deferred_text(message: MessageRow, draft: Draft) -> Changes:
    return Changes(
        content=draft.content,
        embeds=draft.embeds,
        flags=flags_of(message) | draft.flags,
        files=draft.files,
        components=draft.components,
    )


def get_followup(call: Call) -> Reply:
    """Return a message of the interaction."""
    return _shown(call, _chosen(call, _to_follow_up(call)))


def update_followup(call: Call) -> Reply:
    """Change a message of the interaction."""
    interaction = _to_follow_up(call)
    message = _chosen(call, interaction)
    changes = read_changes(call, message)
    return _shown(call, interaction_messages.edit(call.platform, interaction, message, changes))


def delete_followup(call: Call) -> Reply:
    """Delete a message of the interaction."""
    interaction = _to_follow_up(call)
    interaction_messages.delete(call.platform, interaction, _chosen(call, interaction))
    return NO_CONTENT


def _chosen(call: Call, interaction: Interaction) -> MessageRow:
    """Return the message that a path names: the answer itself, or a follow-up by its id."""
    message_id = call.ids.get("message_id")
    if message_id is None or message_id == interaction.original_id:
        return _original(call, interaction)
    if message_id not in interaction.followup_ids:
        raise refusals.unknown_message()
    return _found(call, interaction, message_id)


def _original(call: Call, interaction: Interaction) -> MessageRow:
    return _found(call, interaction, interaction.original_id)


def _found(call: Call, interaction: Interaction, message_id: int | None) -> MessageRow:
    message = call.platform.message(interaction.channel.id, message_id)
    if message is None:
        raise refusals.unknown_message()
    return message


def _shown(call: Call, message: MessageRow) -> Reply:
    return Reply(200, call.platform.message_json.of(message, call.viewer))


def _to_answer(call: Call) -> Interaction:
    return call.platform.interactions.to_answer(
        call.ids["interaction_id"], call.words["interaction_token"]
    )


def _to_follow_up(call: Call) -> Interaction:
    return call.platform.interactions.to_follow_up(
        call.ids["webhook_id"], call.words["webhook_token"]
    )


def _who_answers(platform: Platform, path: Mapping[str, str]) -> Bot:
    """Return the bot that an interaction's token stands for."""
    interaction_id = id_in_path("interaction_id", path["interaction_id"])
    return platform.interactions.to_answer(interaction_id, path["interaction_token"]).bot


def _who_follows_up(platform: Platform, path: Mapping[str, str]) -> Bot:
    """Return the bot that an interaction's token stands for, once it was answered."""
    application_id = id_in_path("webhook_id", path["webhook_id"])
    return platform.interactions.to_follow_up(application_id, path["webhook_token"]).bot


_CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"

ROUTES = (
    Route("POST", _CALLBACK, create_response, caller=_who_answers),
    Route("POST", _WEBHOOK, create_followup, caller=_who_follows_up),
    *(
        Route(method, f"{_WEBHOOK}/messages/{which}", handler, caller=_who_follows_up)
        for which in ("@original", "{message_id}")
        for method, handler in (
            ("GET", get_followup),
            ("PATCH", update_followup),
            ("DELETE", delete_followup),
        )
    ),
)
