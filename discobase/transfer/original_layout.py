"""What the older package discobase 1.0.0 writes: its catalogue of tables, and the text of a record.

``docs/howto/from-1-0.md`` describes the layout, as it was found by running that package.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, cast

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

CATALOGUE = "_dbmetadata"
"""The channel that has a message for each table."""

_MASKED_OUT = (
    "its text is empty: Discord shows a bot what others wrote only where Message Content is "
    "switched on for it, in the developer portal"
)


class NoOriginal(Exception):
    """A message that is not what 1.0.0 writes. Its text says why, without the message's own."""


class OriginalEntry(BaseModel, frozen=True):
    """What the catalogue says of a table, as far as it takes to read its records.

    Attributes:
        name: the table's name: that of its class, in lower case.
        table_channel: the id of the channel that has its records.
    """

    name: Annotated[str, Field(min_length=1)]
    table_channel: int


class _Envelope(BaseModel, frozen=True):
    content: str


_ENTRY = TypeAdapter(OriginalEntry)
_ENVELOPE = TypeAdapter(_Envelope)


@dataclass(frozen=True, slots=True)
class OriginalRecord:
    """A record as 1.0.0 has stored it.

    Attributes:
        text: the JSON object that pydantic made of it there.
        fields: what it comes to.
    """

    text: str
    fields: dict[str, object]


def entry_in(content: str) -> OriginalEntry:
    """Return what a message of the catalogue says of a table.

    Raises:
        NoOriginal: it says nothing of the kind.
    """
    try:
        return _ENTRY.validate_json(_shown(content))
    except ValidationError as error:
        raise NoOriginal(f"it describes no table: {_first_reason(error)}") from None


def record_in(content: str) -> OriginalRecord:
    """Return the record in a message of a table's channel.

    Raises:
        NoOriginal: there is none.
    """
    try:
        packed = _ENVELOPE.validate_json(_shown(content)).content
    except ValidationError as error:
        raise NoOriginal(f"it is no record: {_first_reason(error)}") from None
    try:
        # Python's own urlsafe_b64decode drops what is no Base64, and returns the rest.
        text = base64.b64decode(packed, altchars=b"-_", validate=True).decode()
        fields: object = from_json(text)
    except (binascii.Error, UnicodeDecodeError) as error:
        raise NoOriginal(f"its content is no text in Base64: {error}") from None
    except ValueError:
        raise NoOriginal("its content, unpacked, is no JSON") from None
    if not isinstance(fields, dict):
        raise NoOriginal("its content, unpacked, is no JSON object")
    return OriginalRecord(text, cast("dict[str, object]", fields))


def _shown(content: str) -> str:
    if not content:
        raise NoOriginal(_MASKED_OUT)
    return content


def _first_reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]
