"""Pins: messages that a channel keeps at hand (Discord's page "Message")."""

from __future__ import annotations

import time
from datetime import datetime

from discobase.local import refusals, wire
from discobase.local.rest.forms.form import from_query
from discobase.local.rest.response import NO_CONTENT
from discobase.local.rest.routing import Call, Reply, Route
from discobase.local.state.entities import Channel
from discobase.local.state.messages import PIN_ADDED, Draft
from discobase.local.state.permissions import PIN_MESSAGES, READ_MESSAGE_HISTORY
from discobase.local.state.snowflakes import timestamp
from discobase.local.state.store import MessageRow

MOST_PINS = 250
_MOST_IN_PAGE = 50
_MOST_IN_OLD_LIST = 50
_EVER = float("inf")


def list_pins(call: Call) -> Reply:
    """A page of pins, the latest first; empty for a bot that may not read history."""
    channel = _channel(call)
    form = from_query(call.query, "before", "limit")
    limit = form.integer("limit", least=1, most=_MOST_IN_PAGE) or _MOST_IN_PAGE
    before = _EVER
    if given := form.text("before", longest=64):
        try:
            before = _moment(given)
        except ValueError:
            message = f"Could not parse {given}. Should be ISO8601."
            form.wrong("before", "DATE_TIME_TYPE_PARSE", message)
    form.check()
    if not _may_read(call, channel):
        return Reply(200, '{"items":[],"has_more":false}')
    messages = call.platform.messages
    found = messages.pins(channel.id, before, limit + 1)
    items = ",".join(
        f'{{"pinned_at":"{timestamp(pinned)}","message":{messages.json(message, call.viewer)}}}'
        for message, pinned in found[:limit]
    )
    return Reply(200, f'{{"items":[{items}],"has_more":{wire.text(len(found) > limit)}}}')


def deprecated_list_pins(call: Call) -> Reply:
    """The latest pins, as clients older than June 2025 ask for them."""
    channel = _channel(call)
    if not _may_read(call, channel):
        return Reply(200, "[]")
    messages = call.platform.messages
    found = [message for message, _ in messages.pins(channel.id, _EVER, _MOST_IN_OLD_LIST)]
    return Reply(200, messages.page(found, call.viewer))


def create_pin(call: Call) -> Reply:
    """Pins a message; the channel gets a system message that says so."""
    platform = call.platform
    channel, message = _channel(call, PIN_MESSAGES), _message(call)
    if platform.messages.pinned(message):
        return NO_CONTENT
    if platform.messages.count_pins(channel.id) >= MOST_PINS:
        raise refusals.too_many_pins(MOST_PINS)
    channel.last_pin = timestamp(time.time())
    pinned = platform.messages.pin(message, _moment(channel.last_pin))
    platform.state.save_channel(channel)
    platform.broadcast.message_updated(pinned)
    platform.broadcast.pins_updated(channel)
    place = {"channel_id": str(channel.id), "guild_id": str(channel.guild_id)}
    reference = {"type": 0, "message_id": str(message.id), **place}
    notice = Draft(type=PIN_ADDED, reference=reference)
    platform.broadcast.message_created(platform.messages.create(channel, call.bot.id, notice), None)
    return NO_CONTENT


def delete_pin(call: Call) -> Reply:
    """Takes a pin off."""
    platform = call.platform
    channel, message = _channel(call, PIN_MESSAGES), _message(call)
    if platform.messages.pinned(message):
        platform.broadcast.message_updated(platform.messages.unpin(message))
        platform.broadcast.pins_updated(channel)
    return NO_CONTENT


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _channel(call: Call, needed: int = 0) -> Channel:
    return call.platform.state.channel_for(call.bot, call.ids["channel_id"], needed)


def _may_read(call: Call, channel: Channel) -> bool:
    allowed = call.platform.state.permissions_in(channel, call.bot.id)
    return bool(allowed & READ_MESSAGE_HISTORY)


def _message(call: Call) -> MessageRow:
    message = call.platform.messages.message(call.ids["channel_id"], call.ids["message_id"])
    if message is None:
        raise refusals.unknown_message()
    return message


_PINS = "/channels/{channel_id}/messages/pins"
_OLD_PINS = "/channels/{channel_id}/pins"

ROUTES = (
    Route("GET", _PINS, list_pins),
    Route("PUT", _PINS + "/{message_id}", create_pin),
    Route("DELETE", _PINS + "/{message_id}", delete_pin),
    Route("GET", _OLD_PINS, deprecated_list_pins),
    Route("PUT", _OLD_PINS + "/{message_id}", create_pin),
    Route("DELETE", _OLD_PINS + "/{message_id}", delete_pin),
)
