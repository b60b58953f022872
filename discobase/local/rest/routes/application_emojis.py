"""Emojis of applications: listing, making, renaming and removing them."""

from __future__ import annotations

from discobase.local import refusals
from discobase.local.rest.call import Call
from discobase.local.rest.forms.emojis import read_image, read_name
from discobase.local.rest.forms.form import Form
from discobase.local.rest.response import NO_CONTENT, Reply, ok
from discobase.local.rest.routing import Route
from discobase.local.state import payloads
from discobase.local.state.entities import ApplicationEmoji


def list_application_emojis(call: Call) -> Reply:
    """Return all emojis of the bot's application."""
    emojis = call.platform.application_emojis.of(_application(call))
    return ok({"items": [_body(call, emoji) for emoji in emojis]})


def create_application_emoji(call: Call) -> Reply:
    """Make an emoji."""
    application = _application(call)
    form = Form(call.body)
    name, kind = read_name(form, needed=True), read_image(form)
    form.check()
    assert name is not None
    emoji = call.platform.application_emojis.create(application, name, animated=kind == "gif")
    return ok(_body(call, emoji), status=201)


def get_application_emoji(call: Call) -> Reply:
    """Return one emoji."""
    return ok(_body(call, _emoji(call)))


def update_application_emoji(call: Call) -> Reply:
    """Give an emoji another name."""
    emoji = _emoji(call)
    form = Form(call.body)
    name = read_name(form, needed=False)
    form.check()
    if name is not None:
        call.platform.application_emojis.rename(emoji, name)
    return ok(_body(call, emoji))


def delete_application_emoji(call: Call) -> Reply:
    """Remove an emoji."""
    call.platform.application_emojis.delete(_emoji(call))
    return NO_CONTENT


def _application(call: Call) -> int:
    application: int = call.ids["application_id"]
    if application != call.bot.id:
        raise refusals.not_your_application()
    return application


def _emoji(call: Call) -> ApplicationEmoji:
    return call.platform.application_emojis.emoji(_application(call), call.ids["emoji_id"])


def _body(call: Call, emoji: ApplicationEmoji) -> payloads.Json:
    return payloads.emoji(emoji, call.platform.state.users[emoji.application_id])


_EMOJIS = "/applications/{application_id}/emojis"
_EMOJI = _EMOJIS + "/{emoji_id}"

ROUTES = (
    Route("GET", _EMOJIS, list_application_emojis),
    Route("POST", _EMOJIS, create_application_emoji),
    Route("GET", _EMOJI, get_application_emoji),
    Route("PATCH", _EMOJI, update_application_emoji),
    Route("DELETE", _EMOJI, delete_application_emoji),
)
