"""What the log's declared schema says of each field of a table: a fingerprint that changes when
stored values may load as others, the value of a record that lacks the field, and its JSON schema.

A fingerprint is made of the schema that pydantic makes of the field, of the code of the functions
in it, and of what in the class concerns all fields: its settings and the validators of the whole
model. Some changes no fingerprint can see:

- what a validator takes from outside: a file, the clock, the environment, a database;
- what another package holds in globals: of that only the code is followed, and no more than some
  hundred functions of it;
- what a global, or an object in a closure, is changed to after the fingerprint was made (until then
  it counts with what it holds), and a global that is not defined until then;
- what a validator imports by itself, or finds by a name that it makes up: ``globals()["NAME"]``,
  ``getattr``, an ``attrgetter`` on a class;
- of an object of one's own class: of one that the code only takes attributes of, those that it does
  not name. One that is called, looked into, added to or handed on counts with all of its attributes
  and with its special methods, and so does each that is in it or in a container; but its other
  methods only if the function names them that names it;
- what objects of the standard library and of other packages hold: they count by their types. Those
  of the standard library that are containers, addresses, zones and the like count with what they
  hold. An object of one's own class that is made of a class of theirs counts with its methods, and
  with its attributes only where the code names them;
- the order of a dictionary, and what is left in an iterator or generator;
- of a model or dataclass that a validator calls: its types and validators, unless they are the
  field's own. Its defaults count, and what ``__init__`` and ``__post_init__`` of it do;
- of many objects more than a thousand, and what lies deeper in one another than some thirty;
- another version of Python, of pydantic or of another package that is not written in Python;
- a source file that was edited after the process had imported it.

And some changes are seen that do nothing: a comment in a validator, a new name of a nested class, a
global that is different in each process, as a time or a number of the process, another version of
Python where a function has no source (what is typed at a prompt). Then keys are made again that are
the same already.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticUndefined, SchemaValidator

from discobase.records.core_schema import replaced
from discobase.records.function_identity import Identity, Sources, class_name, library

_LENGTH = 20
"""Characters of a fingerprint: 100 bits, of which no two fields of a table agree by chance. A
guess, for it stands in each declaration.
"""

_SAYS_NOTHING = frozenset(
    {
        # how a node is found, and named to people
        *("metadata", "ref", "cls_repr", "cls_name", "model_name", "dataclass_name", "td_name"),
        *("generic_origin", "name_override", "field_name", "json_schema_input_schema"),
        *("custom_error_type", "custom_error_message", "custom_error_context"),
        # names that stored values do not have, and what is not stored
        *("alias", "validation_alias", "serialization_alias", "serialization_exclude"),
        *("serialization_exclude_if", "computed_fields"),
        # what objects can do, once they are there
        *("frozen", "slots", "copy_default", "revalidate_instances"),
        # how a function is called, which is in the function
        *("info_arg", "is_field_serializer"),
    }
)
"""Keys of pydantic's schemas that do not change as which value a stored one loads."""

_IDLE_SETTINGS = frozenset(
    {
        *("title", "loc_by_alias", "hide_input_in_errors", "validation_error_cause"),
        *("cache_strings", "from_attributes", "revalidate_instances", "frozen"),
        *("validate_by_alias", "validate_by_name", "serialize_by_alias", "populate_by_name"),
    }
)
"""Settings that do not, either."""

_USUAL_SETTINGS = {
    "allow_inf_nan": True,
    "extra_fields_behavior": "ignore",
    "regex_engine": "rust-regex",
    "ser_json_bytes": "utf8",
    "ser_json_inf_nan": "null",
    "ser_json_temporal": "iso8601",
    "ser_json_timedelta": "iso8601",
    "val_json_bytes": "utf8",
    "val_temporal_unit": "infer",
}
"""What a setting is that is not made, where that is not False."""

_OUTER_SETTINGS = frozenset({"extra_fields_behavior", "validate_default"})
"""Settings that in the table's own class concern what a record lacks, or has too much."""

_WITH_FIELDS = frozenset({"model", "dataclass", "typed-dict"})
"""Kinds of schemas in which ``info.data`` is of the fields in it."""

_FIELDS = frozenset({"model-fields", "dataclass-args"})
"""Kinds of schemas of such fields."""

_IN_ANY_ORDER = frozenset({"expected", "members"})


def fingerprints(model: type[BaseModel]) -> dict[str, str]:
    """Return a short text for each field, equal for two classes only if a stored JSON value loads
    as the same value by both.

    One that ends with ``*`` is of a field whose value may depend on other fields, too: the class
    has validators of the whole model, or the field's look at others.

    Args:
        model: the model class, complete.
    """
    sources = Sources()
    outer = _Class(model)
    of_all, depends = _around(outer, sources)
    result: dict[str, str] = {}
    for name in model.model_fields:
        if outer.fields is None:  # nothing to tell fields apart by
            result[name] = of_all + "*"
            continue
        schema = _without_default(outer.fields[name]["schema"])
        form = _Form(outer, sources)
        digest = _digest([form.of(schema, model), form.functions(), of_all])
        result[name] = digest + ("*" if depends or outer.looks_at_others(schema) else "")
    return result


def missing_values(model: type[BaseModel]) -> dict[str, object]:
    """Return, for each field with a default that is always the same, the value of a record that
    lacks it.

    That is the validated default where the class asks for it; such a one is left out if it is
    refused, or if a validator may look at other fields. Validators of the whole model are not
    counted in.

    Args:
        model: the model class, complete.
    """
    outer = _Class(model)
    result: dict[str, object] = {}
    for name, field in model.model_fields.items():
        if field.default is PydanticUndefined or field.default_factory is not None:
            continue
        checked = field.validate_default
        if checked is None:
            checked = model.model_config.get("validate_default", False)
        if not checked or outer.fields is None:
            result[name] = field.get_default(call_default_factory=False)
            continue
        schema = outer.fields[name]["schema"]
        if outer.looks_at_others(schema):
            continue
        # A default that is refused, by whatever a validator of theirs raises, has no value.
        with contextlib.suppress(Exception):
            if (default := outer.validator(schema).get_default_value()) is not None:
                result[name] = default.value
    return result


def json_types(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of what is stored, for tools that do not have the class.

    Its names are the fields' own. A field for which pydantic can make none has an empty one.

    Args:
        model: the model class, complete.

    Returns:
        ``properties``, ``required`` and, if there are any, ``$defs``.
    """
    try:
        whole = model.model_json_schema(
            by_alias=False, mode="serialization", schema_generator=_StoredForm
        )
    except Exception:  # noqa: BLE001 - a class may have code of its own for this
        names = list(model.model_fields)
        return {"properties": {name: {} for name in names}, "required": names}
    of_model = whole
    if "$ref" in whole:  # the model is in itself
        of_model = whole["$defs"][whole["$ref"].rpartition("/")[2]]
    parts = {
        "properties": of_model.get("properties", {}),
        "required": of_model.get("required", []),
        "$defs": whole.get("$defs"),
    }
    return {key: part for key, part in parts.items() if part is not None}


class _StoredForm(GenerateJsonSchema):
    """Makes JSON schemas of what the codec writes: excluded fields are in it, computed are not."""

    def field_is_present(self, field: Any) -> bool:  # noqa: ARG002 - pydantic's parameters
        return True

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def model_fields_schema(self, schema: Any) -> JsonSchemaValue:
        return super().model_fields_schema(cast("Any", {**schema, "computed_fields": []}))

    def dataclass_args_schema(self, schema: Any) -> JsonSchemaValue:
        return super().dataclass_args_schema(cast("Any", {**schema, "computed_fields": []}))

    def typed_dict_schema(self, schema: Any) -> JsonSchemaValue:
        return super().typed_dict_schema(cast("Any", {**schema, "computed_fields": []}))

    def model_field_schema(self, schema: Any) -> JsonSchemaValue:
        try:
            return super().model_field_schema(schema)
        except Exception:  # noqa: BLE001 - a type may have code of its own for this
            return {}

    def handle_invalid_for_json_schema(
        self,
        schema: Any,  # noqa: ARG002 - pydantic's parameters
        error_info: str,  # noqa: ARG002
    ) -> JsonSchemaValue:
        return {}

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Leave out what is not said to anybody."""


class _Class:
    """A model class's schema taken apart.

    Attributes:
        model: the class.
        schema: the schema of the whole.
        definitions: the schemas that it refers to, by their ``ref``.
        layers: the schemas around the fields, the outermost first, and that of the fields.
        own: the schema of the class, of those; empty if there is none.
        fields: the schemas of the fields; None if they are not found, as for a model with a root.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        schema: Any = model.__pydantic_core_schema__
        self.model = model
        self.definitions: dict[str, Any] = {}
        self.listed: list[Any] = []
        while schema["type"] == "definitions":
            self.listed += schema["definitions"]
            schema = schema["schema"]
        self.definitions = {node["ref"]: node for node in self.listed}
        self.schema = self._resolved(schema)
        self.own: dict[str, Any] = {}
        self.fields: dict[str, Any] | None = None
        self.layers = list(self._inwards())
        for node in self.layers:
            if node["type"] == "model":
                self.own = node
            elif node["type"] == "model-fields":
                self.fields = node["fields"]

    def validator(self, schema: Any) -> SchemaValidator:
        """Return what validates a part of the whole as it does there."""
        whole = {"type": "definitions", "schema": schema, "definitions": self.listed}
        return SchemaValidator(
            cast("Any", whole if self.listed else schema), self.own.get("config")
        )

    def looks_at_others(self, schema: Any) -> bool:
        """Return whether a validator of a field takes an ``info``, with the other fields in it."""
        found: list[dict[str, Any]] = []

        def look(node: dict[str, Any]) -> dict[str, Any] | None:
            if node["type"] in _WITH_FIELDS:
                return None
            found.append(node)
            return node

        replaced(schema, look)
        followed: set[str] = set()
        for node in found:  # which grows meanwhile
            if node["type"] == "definition-ref" and node["schema_ref"] not in followed:
                followed.add(node["schema_ref"])
                replaced(self.definitions[node["schema_ref"]], look)
        return any(_takes_info(node) for node in found)

    def _resolved(self, schema: Any) -> Any:
        while schema["type"] == "definition-ref":
            schema = self.definitions[schema["schema_ref"]]
        return schema

    def _inwards(self) -> Iterator[dict[str, Any]]:
        node = self.schema
        while True:
            yield node
            if node["type"] == "model-fields" or "schema" not in node:
                return
            if node["type"] == "model" and node["cls"] is not self.model:
                return
            node = self._resolved(node["schema"])


class _Form:
    """pydantic's schemas as plain data: without what says nothing, what does so in one form.

    A schema that is met again stands in it by the number of the place where it was met first, so
    that neither recursion nor many references make it large.

    Args:
        outer: the class that the schemas are of.
        sources: where source texts are read.
    """

    def __init__(self, outer: _Class, sources: Sources) -> None:
        self._outer = outer
        self._identity = Identity(sources, outer.model.__module__)
        self._met: dict[str, int] = {}
        self._count = 0

    def of(self, part: object, owner: object = None) -> Any:
        """Return what a part of a schema says."""
        if isinstance(part, dict):
            node = cast("dict[str, Any]", part)
            if isinstance(node.get("type"), str):
                return self._node(node, owner)
            return self._dictionary(node, owner)
        if isinstance(part, (list, tuple)):
            return [self.of(item, owner) for item in cast("Iterable[Any]", part)]
        if part is None or type(part) in (bool, str):
            return part
        return self._identity.of(part, owner)

    def functions(self) -> list[Any]:
        """Return what the functions are in all that was asked for."""
        return self._identity.functions()

    def method(self, owner: object, name: str) -> Any:
        """Return what a method of a class does."""
        return self._identity.of(getattr(owner, name), owner)

    def _dictionary(self, part: dict[Any, Any], owner: object) -> Any:
        entries = [(_text(self._identity.of(key)), part[key]) for key in part]
        return [[key, self.of(value, owner)] for key, value in sorted(entries, key=lambda e: e[0])]

    def _node(self, node: dict[str, Any], owner: object) -> Any:
        if node["type"] == "definition-ref":
            return self._reference(node, owner)
        ref = node.get("ref")
        if ref in self._met:
            return ["met", self._met[ref]]
        self._count += 1
        if ref is not None:
            self._met[ref] = self._count
        node = _as_named_tuple(node)
        owner = node["cls"] if node["type"] in _WITH_FIELDS and "cls" in node else owner
        return {key: self._value(key, node, owner) for key in sorted(node) if _counts(key, node)}

    def _reference(self, node: dict[str, Any], owner: object) -> Any:
        target = self.of(self._outer.definitions[node["schema_ref"]], owner)
        if "serialization" not in node:
            return target
        return [target, self.of(node["serialization"], owner)]

    def _value(self, key: str, node: dict[str, Any], owner: object) -> Any:
        value = node[key]
        if key == "config":
            return _settings(value)
        if key == "function":
            return self._function(value, _owner(node, owner))
        if key == "cls" and isinstance(value, type):
            # pydantic 2.14 asks an enum itself for values that are missing.
            is_enum = node["type"] == "enum"
            return self._identity.own(value, ["_missing_"]) if is_enum else class_name(value)
        if key == "post_init":
            return self.method(owner, "__post_init__" if value is True else value)
        if key == "custom_init":
            return self.method(owner, "__init__")
        if key == "default":
            return self._identity.of(value)
        if key == "default_factory":
            return self._identity.called(value)
        if key == "serialization" and node["type"] in _WITH_FIELDS:
            return self.of({**value, "is_field_serializer": True}, owner)
        if key in _IN_ANY_ORDER:
            return sorted((self._identity.of(item) for item in value), key=_text)
        return self.of(value, owner)

    def _function(self, function: Any, owner: object) -> Any:
        if isinstance(function, dict):
            held = cast("dict[str, Any]", function)
            return [held["type"], self._identity.called(held["function"], owner)]
        return self._identity.called(function, owner)


def _counts(key: str, node: dict[str, Any]) -> bool:
    value = node[key]
    if key in _SAYS_NOTHING or (value is None and key != "default"):
        return False
    if key == "missing" and node["type"] == "enum":
        return False  # it is the class's own
    if key == "extra_behavior" and value == "ignore":
        return False  # the usual, which pydantic 2.11 does not write down
    if key in ("custom_init", "root_model", "post_init"):
        return bool(value)
    # When pydantic calls functions of its own differs between its versions.
    function = node.get("function")
    return key != "when_used" or library(getattr(function, "__module__", None)) != "pydantic"


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: config[key]
        for key in sorted(config)
        if key not in _IDLE_SETTINGS
        and config[key] is not None
        and config[key] != _USUAL_SETTINGS.get(key, False)
    }


def _as_named_tuple(node: dict[str, Any]) -> dict[str, Any]:
    """Return a call that makes a named tuple as pydantic 2.14 has it; anything else as it is."""
    if node["type"] != "call" or not isinstance(node["function"], type):
        return node
    fields = [
        {**field, "type": "named-tuple-field"}
        for field in node["arguments_schema"].get("arguments_schema", ())
    ]
    return {"type": "named-tuple", "cls": node["function"], "fields": fields}


def _owner(node: dict[str, Any], around: object) -> object:
    """Return the class that a function of a schema is a method of, if it is one that does not say
    so itself.

    Args:
        node: the schema with the function.
        around: the class that the schema is in.
    """
    if node.get("is_field_serializer"):
        return around
    inner: dict[str, Any] = node
    while inner["type"].startswith("function-") and "schema" in inner:
        inner = inner["schema"]
    if inner["type"] in _WITH_FIELDS:
        return inner.get("cls")
    return around if inner["type"] in _FIELDS else None


def _takes_info(node: dict[str, Any]) -> bool:
    function: Any = node.get("function")
    return isinstance(function, dict) and cast("Any", function)["type"] == "with-info"


def _around(outer: _Class, sources: Sources) -> tuple[str, bool]:
    """Return what in a class concerns all of its fields, digested, and whether it may make one's
    value of another's.
    """
    form = _Form(outer, sources)
    if outer.fields is None:
        return _digest([form.of(outer.schema), form.functions()]), True
    settings = {
        key: value
        for key, value in _settings(outer.own.get("config") or {}).items()
        if key not in _OUTER_SETTINGS
    }
    parts: list[Any] = [
        form.of({**node, "schema": {"type": "model-fields"}}, outer.model)
        for node in outer.layers
        if node["type"] not in ("model", "model-fields")
    ]
    depends = bool(parts)
    if post_init := outer.own.get("post_init"):
        known = len(form.functions())
        method = form.method(outer.model, post_init)
        # pydantic's own prepares private attributes, and calls that of the class.
        if len(form.functions()) > known:
            parts.append(method)
            depends = True
    if "serialization" in outer.own:
        serialization = {**outer.own["serialization"], "is_field_serializer": True}
        parts.append(form.of(serialization, outer.model))
    return _digest([settings, parts, form.functions()]), depends


def _without_default(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema without its default, with what else stands there."""
    while schema["type"] == "default":
        kept = {"serialization": schema["serialization"]} if "serialization" in schema else {}
        schema = {**schema["schema"], **kept}
    return schema


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _digest(data: Any) -> str:
    digest = hashlib.sha256(_text(data).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_LENGTH]
