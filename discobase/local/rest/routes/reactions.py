"""Reactions: adding, taking away, and who reacted (Discord's page "Message")."""

from __future__ import annotations

from discobase.local import refusals
from discobase.local.rest.call import Call
from discobase.local.rest.forms.form import from_query
from discobase.local.rest.response import NO_CONTENT, Reply, ok
from discobase.local.rest.routing import Route
from discobase.local.state import payloads, reactions
from discobase.local.state.entities import Channel
from discobase.local.state.permissions import ADD_REACTIONS, MANAGE_MESSAGES, READ_MESSAGE_HISTORY
from discobase.local.state.store import MessageRow

_MOST_IN_PAGE = 100
"""Discord's page "Message", "Get Reactions"."""


def add_my_message_reaction(call: Call) -> Reply:
    """React; the first with an emoji needs a permission, others may join in."""
    channel, message, emoji = call.channel(READ_MESSAGE_HISTORY), call.message(), _emoji(call)
    users = reactions.users_of(message.head, emoji)
    if not users:
        call.channel(ADD_REACTIONS)
        if len(reactions.emoji_of(message.head)) >= reactions.MOST_EMOJI:
            raise refusals.too_many_reactions(reactions.MOST_EMOJI)
    if call.bot.id not in users:
        _write(call, message, emoji, [*users, call.bot.id])
        call.platform.broadcast.reacted(channel, message, emoji, call.bot.id, added=True)
    return NO_CONTENT


def delete_my_message_reaction(call: Call) -> Reply:
    """Take the bot's own reaction away."""
    return _take_away(call, call.channel(), call.bot.id)


def delete_user_message_reaction(call: Call) -> Reply:
    """Take another's reaction away."""
    user = call.ids["user_id"]
    return _take_away(call, call.channel(0 if user == call.bot.id else MANAGE_MESSAGES), user)


def list_message_reactions_by_emoji(call: Call) -> Reply:
    """Return who reacted with an emoji, by id."""
    call.channel(READ_MESSAGE_HISTORY)
    message, emoji = call.message(), _emoji(call)
    form = from_query(call.query, "after", "limit")
    after, limit = form.snowflake("after") or 0, form.integer("limit", least=1, most=_MOST_IN_PAGE)
    form.check()
    ids = sorted(id_ for id_ in reactions.users_of(message.head, emoji) if id_ > after)
    users = call.platform.state.users
    return ok([payloads.user(users[id_]) for id_ in ids[: limit or 25]])


def delete_all_message_reactions(call: Call) -> Reply:
    """Take all reactions away."""
    channel, message = call.channel(MANAGE_MESSAGES), call.message()
    call.platform.messages.rewrite(message, reactions.without(message.head))
    call.platform.broadcast.reactions_cleared(channel, message, None)
    return NO_CONTENT


def delete_all_message_reactions_by_emoji(call: Call) -> Reply:
    """Take all reactions with one emoji away."""
    channel, message, emoji = call.channel(MANAGE_MESSAGES), call.message(), _emoji(call)
    _write(call, message, emoji, [])
    call.platform.broadcast.reactions_cleared(channel, message, emoji)
    return NO_CONTENT


def _take_away(call: Call, channel: Channel, user: int) -> Reply:
    message, emoji = call.message(), _emoji(call)
    users = reactions.users_of(message.head, emoji)
    if user in users:
        _write(call, message, emoji, [id_ for id_ in users if id_ != user])
        call.platform.broadcast.reacted(channel, message, emoji, user, added=False)
    return NO_CONTENT


def _write(call: Call, message: MessageRow, emoji: str, users: list[int]) -> None:
    call.platform.messages.rewrite(message, reactions.with_users(message.head, emoji, users))


def _emoji(call: Call) -> str:
    emoji = call.words["emoji_name"]
    if not reactions.is_emoji(emoji):
        raise refusals.unknown_emoji()
    return emoji


_ALL = "/channels/{channel_id}/messages/{message_id}/reactions"
_ONE = _ALL + "/{emoji_name}"

ROUTES = (
    Route("DELETE", _ALL, delete_all_message_reactions),
    Route("GET", _ONE, list_message_reactions_by_emoji),
    Route("DELETE", _ONE, delete_all_message_reactions_by_emoji),
    Route("PUT", _ONE + "/@me", add_my_message_reaction),
    Route("DELETE", _ONE + "/@me", delete_my_message_reaction),
    Route("DELETE", _ONE + "/{user_id}", delete_user_message_reaction),
)
