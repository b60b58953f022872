"""Whether a class can take the place of another one: what the one stored has to load with the
other.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, PydanticUserError, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

_TOLD = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
)
"""Keywords of JSON schema that say nothing about which values are taken."""

JsonSchema = dict[str, Any]


class _Silently(GenerateJsonSchema):
    """Makes JSON schemas, and does not warn of defaults that JSON cannot show."""

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Emit none."""


def incompatibility(old: type[BaseModel], new: type[BaseModel]) -> str | None:
    """Return, in words, what keeps records of one class from loading with another; None where
    nothing does: each field that is added has a default, and each that both have takes what it
    took. That is told by the JSON schemas of the fields; validators are not run.
    """
    for name, field in new.model_fields.items():
        before = old.model_fields.get(name)
        if before is None:
            if field.is_required():
                return f"the field {name!r} is new and has no default"
        elif not _takes_as_much(field, before):
            return (
                f"the field {name!r} does not take what it took: it was {before!r}, now {field!r}"
            )
    gone = [name for name in old.model_fields if name not in new.model_fields]
    if gone and new.model_config.get("extra") == "forbid":
        return f"the field {gone[0]!r} is gone, and extra values are forbidden"
    return None


def _takes_as_much(new: FieldInfo, old: FieldInfo) -> bool:
    try:
        return _Comparison(_schema(old), _schema(new)).fits()
    except PydanticUserError:  # a type that JSON schema has no words for
        return bool(new.annotation == old.annotation)


def _schema(field: FieldInfo) -> JsonSchema:
    annotation: Any = field.annotation
    if field.metadata:
        annotation = Annotated[annotation, *field.metadata]
    return TypeAdapter[Any](annotation).json_schema(by_alias=False, schema_generator=_Silently)


_UPPER_LIMITS = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems"})
_LOWER_LIMITS = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems"})


class _Comparison:
    """Two JSON schemas, of which the new one has to take whatever the old one takes."""

    def __init__(self, old: JsonSchema, new: JsonSchema) -> None:
        self._old = old
        self._new = new
        self._assumed: set[tuple[str, str]] = set()

    def fits(self) -> bool:
        """Return whether it does, as far as the schemas tell."""
        return self._fits(self._old, self._new)

    def _fits(self, old: JsonSchema, new: JsonSchema) -> bool:
        if "$ref" not in old or "$ref" not in new:
            return self._fits_resolved(old, new)
        pair = (old["$ref"], new["$ref"])
        if pair in self._assumed:  # a recursive type: this is being compared already
            return True
        self._assumed.add(pair)
        fits = self._fits_resolved(old, new)
        self._assumed.discard(pair)
        return fits

    def _fits_resolved(self, old: JsonSchema, new: JsonSchema) -> bool:
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        if "anyOf" in old:
            return all(self._fits(each, new) for each in old["anyOf"])
        if "anyOf" in new:
            return any(self._fits(old, each) for each in new["anyOf"])
        return all(self._holds(keyword, value, old) for keyword, value in new.items())

    def _holds(self, keyword: str, value: Any, old: JsonSchema) -> bool:
        """Return whether what an old schema takes meets a demand of the new one."""
        if keyword == "properties":
            known = old.get(keyword, {})
            return all(self._fits(known[name], value[name]) for name in value if name in known)
        if keyword == "required":
            return all(name in old.get("properties", {}) for name in value)
        if keyword == "items" and keyword in old:
            return self._fits(old[keyword], value)
        if keyword == "additionalProperties":
            return self._further_fit(old.get(keyword, True), value)
        if keyword == "type" and value == "number":
            return old.get(keyword) in ("integer", "number")
        if keyword in _UPPER_LIMITS:
            return keyword in old and bool(old[keyword] <= value)
        if keyword in _LOWER_LIMITS:
            return keyword in old and bool(old[keyword] >= value)
        if keyword == "enum":
            return keyword in old and all(each in value for each in old[keyword])
        return keyword in old and bool(old[keyword] == value)

    def _further_fit(self, old: JsonSchema | bool, new: JsonSchema | bool) -> bool:
        if isinstance(old, bool) or isinstance(new, bool):
            return new is True or old is False or old == new
        return self._fits(old, new)


def _resolved(schema: JsonSchema, whole: JsonSchema) -> JsonSchema:
    """Return a schema's keywords without what is only told, with those that it refers to."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        schema = whole["$defs"][name] | {key: schema[key] for key in schema if key != "$ref"}
    if "const" in schema:
        schema = {"enum": [schema["const"]]} | schema
    return {key: value for key, value in schema.items() if key not in _TOLD | {"$defs", "const"}}
