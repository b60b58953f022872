"""One field of a model by itself: what a query gives for it, taken through the field's own type.

A validator that looks at other fields (``info.data``) has none to look at here. It is left out, for
only a whole record could tell what it would say.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainValidator,
    TypeAdapter,
    WrapValidator,
)
from pydantic_core import SchemaSerializer, SchemaValidator

from discobase.records.core_schema import nodes, replaced

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:
    # pydantic requires this package, and takes no other TypedDict before Python 3.12.
    from typing_extensions import TypedDict

_AS_ANNOTATION: dict[str, Callable[[Any], object]] = {
    "before": BeforeValidator,
    "after": AfterValidator,
    "wrap": WrapValidator,
    "plain": PlainValidator,
}

_OWN_FIELDS = frozenset({"model", "dataclass", "typed-dict"})
"""Kinds of schemas whose validators see the fields around them, which are there."""

_typed_dict: Any = TypedDict
"""The same function: type checkers want to read the fields in its call."""


class LoneField:
    """One field of a model, without its alias, default and exclusion.

    A type that holds just this field is easier to be sure of than a part cut out of the model. A
    dictionary is what strict models take as well, and may have any name for a key.

    Args:
        model: the model class, complete.
        name: the field's name.

    Attributes:
        validator: checks a dictionary that has a value under the field's name.
        serializer: writes such a dictionary as JSON.
    """

    def __init__(self, model: type[BaseModel], name: str) -> None:
        info = self._info = model.model_fields[name]
        self._name = name
        self._checks_default = info.validate_default or (
            info.validate_default is None and model.model_config.get("validate_default", False)
        )
        annotation: Any = info.annotation
        for entry in (*info.metadata, *_decorated(model, name)):
            annotation = Annotated[annotation, entry]
        if info.discriminator is not None:
            annotation = Annotated[annotation, Field(discriminator=info.discriminator)]
        holder = _typed_dict(model.__name__, {name: annotation})
        holder.__pydantic_config__ = model.model_config
        schema = TypeAdapter[Any](holder).core_schema
        own = next(node for node in nodes(schema) if node.get("cls") is holder)
        # A dictionary's schema has the model's settings, and pydantic writes JSON without them.
        self.serializer = SchemaSerializer(schema, own["config"])
        self.validator = SchemaValidator(_without_others(schema, own), own["config"])

    def read(self, stored: Mapping[str, Any]) -> Any:
        """Return what the field of a record would hold, as far as it alone can tell.

        Args:
            stored: the record, as JSON has it.

        Raises:
            LookupError: the field is missing, and has no default.
            Exception: whatever its validators raise, pydantic's error among it.
        """
        if self._name in stored:
            text = json.dumps({self._name: stored[self._name]})
            return self.validator.validate_json(text, by_alias=False, by_name=True)[self._name]
        if self._info.is_required():
            raise LookupError(self._name)
        default = self._info.get_default(call_default_factory=True, validated_data={})
        if not self._checks_default:
            return default
        holder = {self._name: default}
        return self.validator.validate_python(holder, by_alias=False, by_name=True)[self._name]


def _decorated(model: type[BaseModel], name: str) -> Iterator[object]:
    """Yield the validators that are methods of the model, as annotations."""
    for validator in model.__pydantic_decorators__.field_validators.values():
        if name in validator.info.fields or "*" in validator.info.fields:
            yield _AS_ANNOTATION[validator.info.mode](validator.func)


class _LoneInfo:
    """A validator's ``info`` where there are no other fields. It notes whether they were looked
    for.
    """

    def __init__(self, info: Any) -> None:
        self._info = info
        self.was_asked = False

    @property
    def data(self) -> Mapping[str, Any]:
        self.was_asked = True
        return {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._info, name)


def _without_others(schema: Any, own: dict[str, Any]) -> Any:
    """Return a schema whose validators are left out as soon as they look at other fields.

    Args:
        schema: the schema as a whole.
        own: the part of it that is the lone field's.
    """

    def replace(node: dict[str, Any]) -> dict[str, Any] | None:
        if node is not own and node.get("type") in _OWN_FIELDS:
            return None
        given: Any = node.get("function")
        # That of a `call` is the class itself.
        function = cast("dict[str, Any]", given if isinstance(given, dict) else {})
        if function.get("type") != "with-info":
            return node
        stand_in = _wrapper if node["type"] == "function-wrap" else _checker
        return node | {"function": function | {"function": stand_in(function["function"])}}

    return replaced(schema, replace)


def _checker(validator: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def check(value: Any, info: Any) -> Any:
        return _unless_asked(info, lambda lone: validator(value, lone), lambda: value)

    return check


def _wrapper(validator: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    def wrap(value: Any, handler: Any, info: Any) -> Any:
        return _unless_asked(
            info, lambda lone: validator(value, handler, lone), lambda: handler(value)
        )

    return wrap


def _unless_asked(info: Any, act: Callable[[Any], Any], otherwise: Callable[[], Any]) -> Any:
    lone = _LoneInfo(info)
    try:
        result = act(lone)
    except Exception:
        if not lone.was_asked:
            raise
    else:
        if not lone.was_asked:
            return result
    return otherwise()
