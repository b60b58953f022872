"""Embeds as requests give them, and their limits (Discord's page "Message", "Embed Limits")."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

from discobase.local.rest.forms.form import Form

Json = dict[str, Any]

MOST_EMBEDS = 10
MOST_TEXT = 6000
"""Characters of all embeds of a message together."""
MOST_FIELDS = 25
"""Discord's page "Message", "Embed Limits", as the lengths below."""

_LONGEST_URL = 2048
"""Characters of an address: a guess, for Discord names no limit."""

_TEXTS = {"title": 256, "description": 4096}
_PARTS = {"author": ("name", 256), "footer": ("text", 2048)}
_PICTURES = ("image", "thumbnail")
_SCHEMES = {"http", "https", "attachment"}
_LARGEST_COLOR = 0xFFFFFF


def read_embeds(form: Form) -> list[Json] | None:
    """Read the field ``embeds`` as it is kept: trimmed, without fields that nobody knows.

    Of embeds with the same ``url`` the first is kept. ``None`` where the field is missing or null.
    """
    given = form.objects("embeds", most=MOST_EMBEDS)
    if given is None:
        return None
    embeds: list[Json] = []
    urls: set[str] = set()
    for number, item in enumerate(given):
        embed = _read_embed(Form(item, form, f"embeds.{number}"))
        url = str(embed.get("url", f"none {number}"))
        if url not in urls:
            embeds.append(embed)
        urls.add(url)
    if sum(map(_text_size, embeds)) > MOST_TEXT:
        message = f"Embed size exceeds maximum size of {MOST_TEXT}"
        form.wrong("embeds", "MAX_EMBED_SIZE_EXCEEDED", message)
    return embeds


def _read_embed(form: Form) -> Json:
    embed: Json = {"type": "rich"}
    for name, longest in _TEXTS.items():
        _keep(embed, name, _trimmed(form, name, longest))
    _keep(embed, "url", _url(form, "url"))
    _keep(embed, "color", form.integer("color", most=_LARGEST_COLOR))
    _keep(embed, "timestamp", _moment(form))
    for name, (text, longest) in _PARTS.items():
        part = form.part(name)
        if part is not None:
            embed[name] = _read_part(part, text, longest)
    for name in _PICTURES:
        picture = form.part(name)
        if picture is not None:
            url = _url(picture, "url", needed=True)
            embed[name] = {"url": url, "proxy_url": url, "width": 0, "height": 0}
    fields = form.objects("fields", most=MOST_FIELDS)
    if fields:
        embed["fields"] = [
            _read_field(Form(item, form, f"fields.{number}")) for number, item in enumerate(fields)
        ]
    return embed


def _read_part(form: Form, text: str, longest: int) -> Json:
    part: Json = {text: _trimmed(form, text, longest, needed=True)}
    _keep(part, "url", _url(form, "url"))
    _keep(part, "icon_url", _url(form, "icon_url"))
    return part


def _read_field(form: Form) -> Json:
    return {
        "name": _trimmed(form, "name", 256, needed=True),
        "value": _trimmed(form, "value", 1024, needed=True),
        "inline": bool(form.boolean("inline")),
    }


def _keep(body: Json, name: str, value: object) -> None:
    if value is not None and value != "":
        body[name] = value


def _trimmed(form: Form, name: str, longest: int, *, needed: bool = False) -> str | None:
    value = form.text(name, longest=longest, needed=needed, trimmed=True)
    if needed and value == "":
        form.wrong(name, "BASE_TYPE_REQUIRED", "This field is required")
    return value


def _url(form: Form, name: str, *, needed: bool = False) -> str | None:
    value = form.text(name, longest=_LONGEST_URL, needed=needed)
    try:
        scheme = urlsplit(value or "").scheme
    except ValueError:
        form.wrong(name, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        return value
    if value and scheme not in _SCHEMES:
        message = f"Scheme \"{scheme}\" is not supported. Scheme must be one of ('http', 'https')."
        form.wrong(name, "URL_TYPE_INVALID_SCHEME", message)
    return value


def _moment(form: Form) -> str | None:
    value = form.text("timestamp", longest=64)
    if not value:
        return None
    try:
        return datetime.fromisoformat(value).isoformat()
    except ValueError:
        message = f"Could not parse {value}. Should be ISO8601."
        form.wrong("timestamp", "DATE_TIME_TYPE_PARSE", message)
        return None


def _text_size(embed: Json) -> int:
    texts: list[object] = [embed.get(name) for name in _TEXTS]
    for name, (text, _) in _PARTS.items():
        texts.append(cast("Json", embed.get(name, {})).get(text))
    for field in cast("list[Json]", embed.get("fields", [])):
        texts += (field["name"], field["value"])
    return sum(len(text) for text in texts if isinstance(text, str))
