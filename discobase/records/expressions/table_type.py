"""The class of tables: its attributes are the fields, as queries take them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from pydantic import BaseModel

from discobase.errors import UnknownAttribute
from discobase.records.expressions.path import PLACE
from discobase.records.expressions.reference import FieldReference, reference

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)  # by its public name


class TableType(ModelMetaclass):
    """The metaclass of tables: ``User.age`` is a
    :class:`~discobase.records.expressions.reference.FieldReference`.

    Nothing is put into the class for that, so pydantic finds what it would find without: a value in
    it would become the field's default in each class that is derived from it. The same goes for
    `_methods`, which are found after the fields: a class may have a field of such a name, as one
    may that was written before there was the method.
    """

    _methods: ClassVar[dict[str, Callable[..., Any]]] = {}

    def __new__(
        mcs, name: str, bases: tuple[type[Any], ...], namespace: dict[str, Any], **options: Any
    ) -> type[Any]:
        """Make a class."""
        # Pydantic asks the bases whether a field shadows an attribute of theirs, and would warn.
        before = _deriving.bases
        _deriving.bases = before | set(bases)
        try:
            made: type[Any] = super().__new__(mcs, name, bases, namespace, **options)
        finally:
            _deriving.bases = before
        return made

    def _refer(cls, name: str) -> FieldReference | None:
        """Return a field of the class, ``pk`` or ``version``, as a query takes it; None while the
        class is made, when pydantic looks for the property.
        """
        return reference(cast("type[BaseModel]", cls), name) if _FIELDS in vars(cls) else None

    if not TYPE_CHECKING:  # with it, checkers would take each misspelt field for one

        def __getattr__(cls, name: str) -> Any:
            fields = vars(cls).get(_FIELDS)
            if fields is None or name.startswith("_") or cls in _deriving.bases:
                return super().__getattr__(name)
            if name in fields:
                return reference(cls, name)
            if name in cls._methods:
                return MethodType(cls._methods[name], cls)
            try:
                return super().__getattr__(name)
            except AttributeError:
                raise _unknown(cls, name, {*fields, *PLACE}) from None

        def __dir__(cls) -> list[str]:
            return [*super().__dir__(), *(vars(cls).get(_FIELDS) or ()), *cls._methods]


_FIELDS = "__pydantic_fields__"
"""Where pydantic keeps the fields of a class, from when they are known."""


_OF_QUERIES = frozenset(
    {
        *("aggregate", "all", "annotate", "avg", "count", "distinct", "exclude", "exists"),
        *("explain", "filter", "first", "get_or_none", "group_by", "iterate", "last", "limit"),
        *("max", "min", "objects", "offset", "one", "one_or_none", "order_by", "pks", "query"),
        *("select", "sum", "values", "values_list", "where"),
    }
)
"""What people look for at a class who know queries, these or those of other libraries."""


def _unknown(model: type[Any], name: str, known: set[str]) -> UnknownAttribute:
    hint = ""
    if name in _OF_QUERIES:
        hint = f"{model.__name__}.find(...) is a query, which is asked for records and more."
    others = {each for each in dir(model) if not each.startswith("_")} - known
    return UnknownAttribute(model.__name__, name, known, others, hint)


class _Deriving(threading.local):
    bases: frozenset[type[Any]] = frozenset()


_deriving = _Deriving()
