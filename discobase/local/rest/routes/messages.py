"""Messages: history, sending, editing, deleting."""

from __future__ import annotations

import time

from discobase.local import refusals, wire
from discobase.local.rest.call import Call
from discobase.local.rest.forms import messages as message_forms
from discobase.local.rest.forms.form import Form, from_query
from discobase.local.rest.response import NO_CONTENT, Reply
from discobase.local.rest.routing import Route
from discobase.local.state.entities import MESSAGE_CHANNELS, Channel
from discobase.local.state.permissions import (
    ATTACH_FILES,
    EMBED_LINKS,
    MANAGE_MESSAGES,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
)
from discobase.local.state.snowflakes import unix_time
from discobase.local.state.store import MessageRow

_TWO_WEEKS = 14 * 86_400
_FEWEST_IN_BULK, _MOST_IN_BULK = 2, 100
"""Seconds, and messages that can be deleted together (Discord's page "Message")."""

_MOST_LISTED = 1000
"""Ids that are read at all, so that a list a little too long is told so: a guess."""


def list_messages(call: Call) -> Reply:
    """Return a page of history, newest first; empty for a bot that may not read history."""
    channel = call.channel()
    form = from_query(call.query, "before", "after", "around", "limit")
    limit = form.integer("limit", least=1, most=100) or 50
    before, after, around = (form.snowflake(name) for name in ("before", "after", "around"))
    form.check()
    platform = call.platform
    if not call.allows(channel, READ_MESSAGE_HISTORY):
        return Reply(200, "[]")
    messages, hidden = platform.messages, platform.read_lag.hidden(channel.id)
    if around is not None:
        page = messages.around(channel.id, around, limit, without=hidden)
    elif after is not None:
        page = messages.after(channel.id, after, limit, without=hidden)
    else:
        page = messages.before(channel.id, before, limit, without=hidden)
    return Reply(200, platform.message_json.page(page, call.viewer))


def get_message(call: Call) -> Reply:
    """Return one message."""
    call.channel(READ_MESSAGE_HISTORY)
    message = call.message()
    return Reply(200, call.platform.message_json.of(message, call.viewer))


def create_message(call: Call) -> Reply:
    """Send a message; with ``enforce_nonce`` only once per author, channel and nonce."""
    platform = call.platform
    channel = call.channel(SEND_MESSAGES)
    if channel.type not in MESSAGE_CHANNELS:
        raise refusals.wrong_channel_type()
    new = message_forms.read_new_message(call, channel)
    draft = new.draft
    call.channel((ATTACH_FILES if draft.files else 0) | (EMBED_LINKS if draft.embeds else 0))
    if draft.reference is not None and not call.allows(channel, READ_MESSAGE_HISTORY):
        raise refusals.reply_needs_history()
    nonce = new.draft.nonce
    if nonce is not None and new.enforce_nonce and platform.settings.enforce_nonce:
        first = platform.nonces.first_message(call.bot.id, channel.id, nonce, looked=call.looked)
        if first is not None:
            return _first_again(call, channel, first, nonce)
    message = platform.messages.create(channel, call.bot.id, new.draft)
    platform.read_lag.begin(channel.id, message.id)
    platform.broadcast.message_created(message, nonce)
    return _sent(call, message, nonce)


def _first_again(call: Call, channel: Channel, first: int, nonce: str | int) -> Reply:
    message = call.platform.messages.find(channel.id, first)
    if message is None:
        raise refusals.unknown_message()
    if not call.platform.settings.repeat_attachments:
        message = message._replace(files=None)
    return _sent(call, message, nonce)


def _sent(call: Call, message: MessageRow, nonce: str | int | None) -> Reply:
    more = "" if nonce is None else f',"nonce":{wire.text(nonce)}'
    return Reply(200, call.platform.message_json.of(message, call.viewer, more))


def update_message(call: Call) -> Reply:
    """Edit a message: its author all of it, others with the permission only its flags."""
    platform = call.platform
    call.channel()
    message = call.message()
    changes = message_forms.read_changes(call, message)
    if message.author_id != call.bot.id:
        if changes.visible():
            raise refusals.not_the_author()
        call.channel(MANAGE_MESSAGES)
    edited = platform.messages.edit(message, changes)
    platform.broadcast.message_updated(edited)
    return Reply(200, platform.message_json.of(edited, call.viewer))


def delete_message(call: Call) -> Reply:
    """Delete a message, another's with the permission."""
    channel = call.channel()
    message = call.message()
    if message.author_id != call.bot.id:
        call.channel(MANAGE_MESSAGES)
    call.platform.messages.delete([message.id])
    call.platform.broadcast.messages_deleted(channel, [message.id], bulk=False)
    return NO_CONTENT


def bulk_delete_messages(call: Call) -> Reply:
    """Delete several messages; ids that are none are passed over."""
    channel = call.channel(MANAGE_MESSAGES)
    form = Form(call.body)
    wanted = sorted(form.ids("messages", most=_MOST_LISTED) or ())
    form.check()
    if not _FEWEST_IN_BULK <= len(wanted) <= _MOST_IN_BULK:
        raise refusals.wrong_bulk_size()
    if any(time.time() - unix_time(id_) > _TWO_WEEKS for id_ in wanted):
        raise refusals.too_old_to_bulk_delete()
    messages = call.platform.messages
    present = [id_ for id_ in wanted if messages.find(channel.id, id_) is not None]
    messages.delete(present)
    call.platform.broadcast.messages_deleted(channel, present, bulk=True)
    return NO_CONTENT


_MESSAGES = "/channels/{channel_id}/messages"
_MESSAGE = _MESSAGES + "/{message_id}"

ROUTES = (
    Route("GET", _MESSAGES, list_messages),
    Route("POST", _MESSAGES, create_message),
    Route("POST", _MESSAGES + "/bulk-delete", bulk_delete_messages),
    Route("GET", _MESSAGE, get_message),
    Route("PATCH", _MESSAGE, update_message),
    Route("DELETE", _MESSAGE, delete_message),
)
