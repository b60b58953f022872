"""Types made again of the JSON schema that a table's declaration has of its fields.

A JSON schema says less than a class: a text may be a decimal, a moment with a zone is described
like one without, and validators are not described at all. So for a field there may be several
types, the likeliest first. Which of them loads what is stored as the table's class does is told by
the fingerprints of both, and not here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from importlib.util import find_spec
from ipaddress import IPv4Address, IPv6Address
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated, Any, Literal, Union, cast
from uuid import UUID

from pydantic import (
    AnyHttpUrl,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    HttpUrl,
    NaiveDatetime,
    PydanticSchemaGenerationError,
    PydanticUserError,
    SecretStr,
    TypeAdapter,
    create_model,
)
from pydantic.fields import FieldInfo
from pydantic_core import SchemaError

from discobase.engine.operations import Schema

JsonSchema = Mapping[str, Any]

_ANY: Sequence[Any] = (Any,)

_FORMATS: Mapping[str, Sequence[Any]] = MappingProxyType(
    {
        "date-time": (datetime, AwareDatetime, NaiveDatetime),
        "date": (date,),
        "time": (time,),
        "duration": (timedelta,),
        "uuid": (UUID,),
        "base64url": (bytes,),
        "password": (SecretStr,),
        "path": (Path, PurePosixPath),
        "ipv4": (IPv4Address,),
        "ipv6": (IPv6Address,),
        "uri": (AnyUrl, HttpUrl, AnyHttpUrl),
        # pydantic has these in a package of their own.
        "email": (EmailStr, str) if find_spec("email_validator") else (str,),
    }
)
"""The types whose values are described as texts of a format. Of any other, a text is one."""

_LIMITS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "string": {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"},
        "array": {"minItems": "min_length", "maxItems": "max_length"},
        "object": {"minProperties": "min_length", "maxProperties": "max_length"},
        "number": {
            "minimum": "ge",
            "exclusiveMinimum": "gt",
            "maximum": "le",
            "exclusiveMaximum": "lt",
            "multipleOf": "multiple_of",
        },
    }
)
"""What keywords of JSON schema are called where a field is given them, by the type of the value."""

_PLAIN: Mapping[str, Any] = MappingProxyType(
    {"integer": int, "boolean": bool, "null": None, "string": str, "number": float}
)

_IN_LITERALS = (str, int, bool)

# As values, which take types that are made at run time.
_LIST: Any = list
_TUPLE: Any = tuple
_SET: Any = set
_FROZEN_SET: Any = frozenset
_DICT: Any = dict


@dataclass(frozen=True, slots=True)
class RebuiltField:
    """A field as a class may have it.

    Args:
        types: what its type may be, the likeliest first.
        info: its default and what is said of it. Where the class makes a default by a function, the
            declaration does not have it, and the field has none here.
    """

    types: Sequence[Any]
    info: Mapping[str, Any]

    def definition(self, choice: int, marks: Sequence[object]) -> tuple[Any, FieldInfo]:
        """Return what a model is made of.

        Args:
            choice: which of the types; the last one where there are fewer.
            marks: what its annotation is to have besides.
        """
        of_choice = self.types[min(choice, len(self.types) - 1)]
        annotated = Annotated[of_choice, *marks] if marks else of_choice
        return annotated, Field(**self._valid(of_choice))

    def _valid(self, of_choice: Any) -> dict[str, Any]:
        """Return what is said of it, with the default as a value of the type."""
        said = dict(self.info)
        if "default" in said:
            said["default"] = _value(of_choice, said["default"])
        return said


def rebuilt_fields(schema: Schema) -> dict[str, RebuiltField]:
    """Return the fields that a declared schema tells of, in the order of its class.

    Where it has no JSON schema of a field, as those that version 0.1 declared, any JSON value is
    its type. A field whose name no model can have is left out.

    Args:
        schema: the schema.
    """
    known: JsonSchema = schema.types.get("properties", {})
    required = set(schema.types.get("required", ()))
    types = _Types(schema.types.get("$defs", {}))
    order = dict.fromkeys((*(name for name in known if name in schema.fields), *schema.names))
    return {
        name: _field(types, known.get(name), schema.fields[name].kind, name in required)
        for name in order
        if not name.startswith("_")
    }


def _field(types: _Types, form: JsonSchema | None, kind: str, is_required: bool) -> RebuiltField:
    if form is None:
        return RebuiltField(_ANY, {})
    is_text = form.get("type") == "string" and "format" not in form
    candidates = [Decimal, str] if kind == "decimal" and is_text else types.of(form)
    if kind == "decimal" and "anyOf" in form:
        candidates = [*types.of(form, texts_are=Decimal), *candidates]
    usable = [each for each in candidates if _is_usable(each)] or [Any]
    told = {key: form[key] for key in ("title", "description") if isinstance(form.get(key), str)}
    if "default" in form and not is_required:
        told["default"] = form["default"]
    return RebuiltField(usable, told)


def _value(of_type: Any, default: Any) -> Any:
    """Return a default as a value of its type; as JSON has it where it is none."""
    try:
        return TypeAdapter[Any](of_type, config=_config(of_type)).validate_python(default)
    except (ValueError, PydanticUserError):
        return default


def _is_usable(annotation: Any) -> bool:
    """Return whether pydantic can make something of a type: a pattern may be of another engine."""
    try:
        TypeAdapter[Any](annotation, config=_config(annotation))
    except (PydanticSchemaGenerationError, PydanticUserError, SchemaError, TypeError, ValueError):
        return False
    return True


def _config(annotation: Any) -> ConfigDict | None:
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return None if is_model else ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")


class _Types:
    """Makes types of JSON schemas that may refer to others by name.

    Args:
        definitions: those others.
    """

    def __init__(self, definitions: JsonSchema) -> None:
        self._definitions = definitions
        self._made: dict[str, Sequence[Any]] = {}
        self._being_made: set[str] = set()

    def of(self, form: object, *, texts_are: Any = str) -> Sequence[Any]:
        """Return the types that a JSON schema may be of, the likeliest first; any where nothing is
        told.

        Args:
            form: the JSON schema.
            texts_are: the type of texts of no format.
        """
        if not isinstance(form, Mapping) or not form:
            return _ANY
        node = cast("JsonSchema", form)
        if "$ref" in node:
            return self._referred(str(node["$ref"]).rpartition("/")[2])
        if "enum" in node or "const" in node:
            return _literal(node["enum"] if "enum" in node else [node["const"]])
        if "anyOf" in node:
            return self._union(node["anyOf"], texts_are)
        kind = node.get("type")
        if kind == "array":
            return [_limited(each, node, "array") for each in self._arrays(node)]
        if kind == "object":
            return [_limited(each, node, "object") for each in self._objects(node)]
        if kind == "string":
            formats = _FORMATS.get(node["format"], (str,)) if "format" in node else (texts_are,)
            return [
                each if _has_limits_itself(each) else _limited(each, node, "string")
                for each in formats
            ]
        if isinstance(kind, str) and kind in _PLAIN:
            limits = "number" if kind in ("integer", "number") else ""
            return [_limited(_PLAIN[kind], node, limits)]
        return _ANY

    def _referred(self, name: str) -> Sequence[Any]:
        if name in self._being_made:  # a type that is in itself
            return _ANY
        if name not in self._made:
            self._being_made.add(name)
            self._made[name] = self.of(self._definitions.get(name))
            self._being_made.discard(name)
        return self._made[name]

    def _union(self, members: Sequence[Any], texts_are: Any) -> Sequence[Any]:
        """Return unions of the members' types.

        Of several that are objects or lists, the wrong one might take what is stored, and add
        defaults of its own when it is written: any JSON value is the type then.
        """
        made = [self.of(each, texts_are=texts_are) for each in members]
        if sum(any(map(_holds_others, types)) for types in made) > 1 or not made:
            return _ANY
        longest = zip_longest(*made)
        return [
            Union[tuple(_chosen(types, at) for types in made)]  # noqa: UP007 - of a list
            for at, _ in enumerate(longest)
        ]

    def _arrays(self, node: JsonSchema) -> Sequence[Any]:
        if "prefixItems" in node:
            parts = [self.of(each)[0] for each in node["prefixItems"]]
            return [list[Any]] if "items" in node else [_TUPLE[tuple(parts)]]
        item = self.of(node.get("items"))[0]
        if node.get("uniqueItems"):
            return [_SET[item], _FROZEN_SET[item]]
        return [_LIST[item], _TUPLE[item, ...]]

    def _objects(self, node: JsonSchema) -> Sequence[Any]:
        if "properties" in node:
            return [self._model(node)]
        further = node.get("additionalProperties", True)
        if "patternProperties" in node or isinstance(further, bool):
            return [dict[str, Any]]
        return [_DICT[str, self.of(further)[0]]]

    def _model(self, node: JsonSchema) -> Any:
        """Return a model that keeps what else is in an object: nothing of it is to be lost."""
        required = set(node.get("required", ()))
        fields: dict[str, Any] = {}
        for name, form in node["properties"].items():
            if name.startswith("_") or not (name in required or "default" in form):
                # A default that only the class can make, or a name that only it can have.
                return dict[str, Any]
            field = RebuiltField(
                [each for each in self.of(form) if _is_usable(each)] or _ANY,
                {} if name in required else {"default": form["default"]},
            )
            fields[name] = field.definition(0, ())
        make = cast("Callable[..., Any]", create_model)
        return make(str(node.get("title") or "Model"), __base__=_Inner, **fields)


class _Inner(BaseModel):
    """A model in a field."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


def _literal(values: Sequence[Any]) -> Sequence[Any]:
    """Return the type of some values: an enum's members are not in the log, but what is stored of
    them.
    """
    if not values or not all(value is None or type(value) in _IN_LITERALS for value in values):
        return _ANY
    return [Literal[tuple(values)]]


def _limited(annotation: Any, node: JsonSchema, kind: str) -> Any:
    known = {ours: node[theirs] for theirs, ours in _LIMITS.get(kind, {}).items() if theirs in node}
    if not known or (getattr(annotation, "__origin__", None) is tuple and "prefixItems" in node):
        return annotation
    return Annotated[annotation, Field(**known)]


def _has_limits_itself(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, AnyUrl)


def _holds_others(annotation: Any) -> bool:
    """Return whether values of a type may have others in them."""
    origin = getattr(annotation, "__origin__", annotation)
    if hasattr(annotation, "__metadata__"):
        return _holds_others(origin)
    holders = (list, tuple, set, frozenset, dict, BaseModel)
    return annotation is Any or (isinstance(origin, type) and issubclass(origin, holders))


def _chosen(types: Sequence[Any], at: int) -> Any:
    return types[min(at, len(types) - 1)]
