"""Fields of a stored record that its class does not know, told apart from those that it knows.

A program of a later version may have written them. They are carried along with the record, and
written back behind its own fields, so that an older program does not delete what it has not heard
of. Only the fields of the record itself are looked at, not those of models inside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from discobase.records.json_text import json_text

_PLAIN_POST_INITS = (None, "init_private_attributes")
"""What pydantic has done after a model of no ``model_post_init`` was filled."""

_fields_set = attrgetter("__pydantic_fields_set__")


class UnknownFields:
    """Tells which fields of stored records a model class does not know.

    Those that its records hold themselves (``extra="allow"``) are none of them.

    Args:
        model: the model class, complete.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        extra = model.model_config.get("extra")
        self._are_held = extra == "allow"
        self._are_refused = extra == "forbid"
        self._known = model.model_fields
        self._is_filled_from_text_alone = _is_filled_from_text_alone(model)

    def may_be_in(self, data: str, records: Sequence[BaseModel]) -> bool:
        """Return whether there may be some, without parsing the text again where that can be told.

        Args:
            data: JSON objects, compact.
            records: what was read from them.
        """
        if self._are_held:
            return False
        if not self._is_filled_from_text_alone:
            return True
        # A colon follows each key, for the text is compact. Keys of models inside, and what only
        # looks like one, make the count higher than it is, never lower.
        return data.count('":') > sum(map(len, map(_fields_set, records)))

    def explain(self, error: ValidationError) -> bool:
        """Return whether such fields are a reason for which pydantic refused a record."""
        if not self._are_refused:
            return False
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return any(each["type"] == "extra_forbidden" and len(each["loc"]) == 1 for each in found)

    def split(self, data: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the fields in a JSON object that the class knows, and those that it does not."""
        # Keys come again, and gain by the cache; values cost more time by it.
        stored: dict[str, Any] = from_json(data, cache_strings="keys")
        if stored.keys() <= self._known.keys():
            return stored, {}
        known = {name: value for name, value in stored.items() if name in self._known}
        return known, {name: value for name, value in stored.items() if name not in known}


def with_fields(data: str, fields: Mapping[str, Any]) -> str:
    """Return a JSON object with fields behind its own.

    Args:
        data: the JSON object, compact, with fields of other names.
        fields: the fields.
    """
    if not fields:
        return data
    comma = "" if data == "{}" else ","
    return f"{data[:-1]}{comma}{json_text(fields)[1:]}"


def _is_filled_from_text_alone(model: type[BaseModel]) -> bool:
    """Return whether all that a record notes as given stood in the text it was read from: neither a
    validator of the whole model nor a ``model_post_init`` may add to it.
    """
    schema = cast("dict[str, Any]", model.__pydantic_core_schema__)
    if schema["type"] == "definitions":
        schema = schema["schema"]
    return (
        schema["type"] == "model"
        and schema["schema"]["type"] == "model-fields"
        and schema.get("post_init") in _PLAIN_POST_INITS
    )
