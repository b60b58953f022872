"""Pins: messages that a channel keeps at hand (Discord's page "Message")."""

from __future__ import annotations

import time
from datetime import datetime

from discobase.local import refusals, wire
from discobase.local.rest.call import Call
from discobase.local.rest.forms.form import from_query
from discobase.local.rest.response import NO_CONTENT, Reply
from discobase.local.rest.routing import Route
from discobase.local.state.drafts import PIN_ADDED, Draft
from discobase.local.state.permissions import PIN_MESSAGES, READ_MESSAGE_HISTORY
from discobase.local.state.snowflakes import timestamp

MOST_PINS = 250
_MOST_IN_PAGE = 50
_MOST_IN_OLD_LIST = 50
"""Discord's page "Message" and list of codes, 30003."""

_EVER = float("inf")


def list_pins(call: Call) -> Reply:
    """Return a page of pins, the latest first; empty for a bot that may not read history."""
    channel = call.channel()
    form = from_query(call.query, "before", "limit")
    limit = form.integer("limit", least=1, most=_MOST_IN_PAGE) or _MOST_IN_PAGE
    before = _EVER
    if given := form.text("before", longest=64):
        try:
            before = _moment(given)
        except (OverflowError, ValueError):
            message = f"Could not parse {given}. Should be ISO8601."
            form.wrong("before", "DATE_TIME_TYPE_PARSE", message)
    form.check()
    if not call.allows(channel, READ_MESSAGE_HISTORY):
        return Reply(200, '{"items":[],"has_more":false}')
    found = call.platform.messages.pins(channel.id, before, limit + 1)
    message_json = call.platform.message_json
    items = ",".join(
        f'{{"pinned_at":"{timestamp(pinned)}","message":{message_json.of(message, call.viewer)}}}'
        for message, pinned in found[:limit]
    )
    return Reply(200, f'{{"items":[{items}],"has_more":{wire.text(len(found) > limit)}}}')


def deprecated_list_pins(call: Call) -> Reply:
    """Return the latest pins, as clients older than June 2025 ask for them."""
    channel = call.channel()
    if not call.allows(channel, READ_MESSAGE_HISTORY):
        return Reply(200, "[]")
    pins = call.platform.messages.pins(channel.id, _EVER, _MOST_IN_OLD_LIST)
    found = [message for message, _ in pins]
    return Reply(200, call.platform.message_json.page(found, call.viewer))


def create_pin(call: Call) -> Reply:
    """Pin a message; the channel gets a system message that says so."""
    platform = call.platform
    channel, message = call.channel(PIN_MESSAGES), call.message()
    if message.fields()["pinned"]:
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
    """Take a pin off."""
    platform = call.platform
    channel, message = call.channel(PIN_MESSAGES), call.message()
    if message.fields()["pinned"]:
        platform.broadcast.message_updated(platform.messages.unpin(message))
        platform.broadcast.pins_updated(channel)
    return NO_CONTENT


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


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
