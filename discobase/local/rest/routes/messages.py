"""Messages: history, sending, editing, deleting."""

from __future__ import annotations

import time

from discobase.local import refusals, wire
from discobase.local.rest.forms import messages as message_forms
from discobase.local.rest.forms.form import Form, from_query
from discobase.local.rest.response import NO_CONTENT
from discobase.local.rest.routing import Call, Reply, Route
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
_SANE = 1000


def list_messages(call: Call) -> Reply:
    """A page of history, newest first; empty for a bot that may not read history."""
    channel = _channel(call)
    form = from_query(call.query, "before", "after", "around", "limit")
    limit = form.integer("limit", least=1, most=100) or 50
    before, after, around = (form.snowflake(name) for name in ("before", "after", "around"))
    form.check()
    platform = call.platform
    if not _may_read(call, channel):
        return Reply(200, "[]")
    messages = platform.messages
    if around is not None:
        page = messages.around(channel.id, around, limit)
    elif after is not None:
        page = messages.after(channel.id, after, limit)
    else:
        page = messages.before(channel.id, before, limit)
    return Reply(200, messages.page(page, call.viewer))


def get_message(call: Call) -> Reply:
    """One message."""
    message = _message(call, _channel(call, READ_MESSAGE_HISTORY))
    return Reply(200, call.platform.messages.json(message, call.viewer))


def create_message(call: Call) -> Reply:
    """Sends a message; with ``enforce_nonce`` only once per author, channel and nonce."""
    platform = call.platform
    channel = _channel(call, SEND_MESSAGES)
    if channel.type not in MESSAGE_CHANNELS:
        raise refusals.wrong_channel_type()
    order = message_forms.read_order(call, channel)
    draft = order.draft
    _channel(call, (ATTACH_FILES if draft.files else 0) | (EMBED_LINKS if draft.embeds else 0))
    if draft.reference is not None and not _may_read(call, channel):
        raise refusals.reply_needs_history()
    nonce = order.draft.nonce
    if nonce is not None and order.enforce_nonce and platform.settings.enforce_nonce:
        first = platform.messages.first_with_nonce(call.bot.id, channel.id, nonce)
        if first is not None:
            return _first_again(call, channel, first, nonce)
    message = platform.messages.create(channel, call.bot.id, order.draft)
    platform.broadcast.message_created(message, nonce)
    return _sent(call, message, nonce)


def _first_again(call: Call, channel: Channel, first: int, nonce: str | int) -> Reply:
    message = call.platform.messages.message(channel.id, first)
    if message is None:
        raise refusals.unknown_message()
    return _sent(call, message, nonce)


def _sent(call: Call, message: MessageRow, nonce: str | int | None) -> Reply:
    more = "" if nonce is None else f',"nonce":{wire.text(nonce)}'
    return Reply(200, call.platform.messages.json(message, call.viewer, more))


def update_message(call: Call) -> Reply:
    """Edits a message: its author all of it, others with the permission only its flags."""
    platform = call.platform
    channel = _channel(call)
    message = _message(call, channel)
    changes = message_forms.read_changes(call, message)
    if message.author_id != call.bot.id:
        if changes.visible():
            raise refusals.not_the_author()
        _channel(call, MANAGE_MESSAGES)
    edited = platform.messages.edit(message, changes)
    platform.broadcast.message_updated(edited)
    return Reply(200, platform.messages.json(edited, call.viewer))


def delete_message(call: Call) -> Reply:
    """Deletes a message, another's with the permission."""
    channel = _channel(call)
    message = _message(call, channel)
    if message.author_id != call.bot.id:
        _channel(call, MANAGE_MESSAGES)
    call.platform.messages.delete([message.id])
    call.platform.broadcast.messages_deleted(channel, [message.id], bulk=False)
    return NO_CONTENT


def bulk_delete_messages(call: Call) -> Reply:
    """Deletes several messages; ids that are none are passed over."""
    channel = _channel(call, MANAGE_MESSAGES)
    form = Form(call.body)
    wanted = sorted(form.ids("messages", most=_SANE) or ())
    form.check()
    if not _FEWEST_IN_BULK <= len(wanted) <= _MOST_IN_BULK:
        raise refusals.wrong_bulk_size()
    if any(time.time() - unix_time(id_) > _TWO_WEEKS for id_ in wanted):
        raise refusals.too_old_to_bulk_delete()
    messages = call.platform.messages
    present = [id_ for id_ in wanted if messages.message(channel.id, id_) is not None]
    messages.delete(present)
    call.platform.broadcast.messages_deleted(channel, present, bulk=True)
    return NO_CONTENT


def _channel(call: Call, needed: int = 0) -> Channel:
    return call.platform.state.channel_for(call.bot, call.ids["channel_id"], needed)


def _may_read(call: Call, channel: Channel) -> bool:
    allowed = call.platform.state.permissions_in(channel, call.bot.id)
    return bool(allowed & READ_MESSAGE_HISTORY)


def _message(call: Call, channel: Channel) -> MessageRow:
    message = call.platform.messages.message(channel.id, call.ids["message_id"])
    if message is None:
        raise refusals.unknown_message()
    return message


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
