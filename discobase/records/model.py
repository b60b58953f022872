"""A table's class as pydantic knows it: complete, with its objects and the models in its fields."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from pydantic import BaseModel, PydanticUndefinedAnnotation

from discobase.errors import TableError
from discobase.records.core_schema import nodes

M = TypeVar("M", bound=BaseModel)


def undefined_name(model: type[BaseModel], names: dict[str, Any] | None = None) -> str | None:
    """Complete the annotations of a model, and return the name in them that is not defined, if
    there is one.

    Args:
        model: the model class, whose module pydantic looks into.
        names: where else to look, as for a class in a function.
    """
    try:
        model.model_rebuild(_types_namespace=names or {})
    except PydanticUndefinedAnnotation as error:
        return error.name
    return None


def inner_models(model: type[BaseModel]) -> frozenset[type[BaseModel]]:
    """Return the model classes that are in the fields of a model, at any depth; the model itself
    where it is in its own.
    """
    schema: Any = model.__pydantic_core_schema__
    found = frozenset(node["cls"] for node in _models(schema) if node["cls"] is not model)
    return found | {model} if _is_in_itself(schema, model) else found


def refuse_inits_inside(model: type[BaseModel]) -> None:
    """Refuse a class in whose fields is a model that loading would make by an ``__init__`` that
    does not take its fields.

    A table's own ``__init__`` is not called by loading. That of a model in it is, by pydantic.

    Raises:
        TableError: there is one.
    """
    for inner in inner_models(model):
        if inner.__pydantic_custom_init__ and not _takes_its_fields(inner):
            raise TableError(
                f"{model.__name__} has {inner.__name__} in a field, which cannot be loaded: its "
                f"__init__ does not take its fields by name. Let it take **values too, or make it "
                f"a class method by another name."
            )


def blank(model: type[M]) -> M | None:
    """Return an empty object for pydantic to fill, where it would call an ``__init__`` of the
    class; None elsewhere.
    """
    return model.__new__(model) if model.__pydantic_custom_init__ else None


def _models(schema: Any) -> list[dict[str, Any]]:
    return [node for node in nodes(schema) if node["type"] == "model"]


def _is_in_itself(schema: Any, model: type[BaseModel]) -> bool:
    if schema["type"] != "definitions":
        return False
    own = {
        definition.get("ref")
        for definition in schema["definitions"]
        if any(node["cls"] is model for node in _models(definition))
    }
    references = [node for node in nodes(schema) if node.get("schema_ref") in own]
    return len(references) > 1  # one is the model as a whole


def _takes_its_fields(model: type[BaseModel]) -> bool:
    try:
        inspect.signature(model.__init__).bind(None, **dict.fromkeys(model.model_fields))
    except TypeError:
        return False
    return True
