"""What type of values stands at a place in a record, and what operands that type takes."""

from __future__ import annotations

import dataclasses
import math
import re
import types
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import reduce
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    NotRequired,
    Required,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import (
    AwareDatetime,
    BaseModel,
    EmailStr,
    FutureDate,
    FutureDatetime,
    NaiveDatetime,
    PastDate,
    PastDatetime,
    ValidationError,
    create_model,
)
from typing_extensions import is_typeddict  # typing's does not know those of this package

from discobase.errors import TableError, WrongExpression, WrongOperand
from discobase.once import once
from discobase.portal import users_frame
from discobase.records.expressions.path import PLACE, FieldPath, StepKind
from discobase.records.lone_field import LoneField
from discobase.records.model import undefined_name

_ANYTHING: tuple[Any, ...] = (Any, object)

_UNCONSTRAINED: dict[Any, type[object]] = {
    AwareDatetime: datetime,
    EmailStr: str,
    FutureDate: date,
    FutureDatetime: datetime,
    NaiveDatetime: datetime,
    PastDate: date,
    PastDatetime: datetime,
}
"""Types of pydantic that are others with a constraint."""

_NO_ORDER: tuple[type[object], ...] = (AbstractSet, Mapping, complex, re.Pattern)
"""Types that have a ``<`` which is no order of their values: between sets it means a part, and the
others' refuses whatever it is given.
"""

_ROOT = "value"
"""The name of the one field in a model that is made for a type by itself."""


class PlaceType:
    """The type of the values at a place.

    Args:
        annotation: the type, as annotations have it.
        model: the model in whose fields it is, whose settings count.
        field: the field that it is the type of, if it is one's.
    """

    def __init__(self, annotation: Any, model: type[BaseModel], field: str | None = None) -> None:
        self._annotation = annotation
        self._model = model
        self._field = field
        self._inner: dict[tuple[StepKind, Any], PlaceType] = {}

    @once
    def leaves(self) -> tuple[Any, ...]:
        """The types that its values are of: the members of unions, without None."""
        return tuple(leaf for leaf in _leaves(self._annotation) if leaf is not types.NoneType)

    # What leads on

    def inner(self, kind: StepKind, key: Any) -> PlaceType | None:
        """Return the type of what stands one step further; None where nothing can."""
        known = (kind, key if kind is StepKind.FIELD or self._is_by_place else None)
        if known not in self._inner:
            found = [inner for leaf in self.leaves for inner in self._inner_of(leaf, kind, key)]
            if not found:
                return None
            whole = found[0] if len(found) == 1 else self._union(found)
            self._inner[known] = whole
        return self._inner[known]

    @once
    def _is_by_place(self) -> bool:
        """Whether each element, or the value of each key, has a type of its own."""
        return any(is_typeddict(leaf) or _is_a(leaf, tuple) for leaf in self.leaves)

    def _union(self, members: list[PlaceType]) -> PlaceType:
        annotations = [member._annotation for member in members]
        return PlaceType(reduce(_either, annotations), self._model)

    def _inner_of(self, leaf: Any, kind: StepKind, key: Any) -> Iterator[PlaceType]:
        if kind is StepKind.FIELD:
            yield from self._fields_of(leaf, key)
        elif kind is StepKind.INDEX:
            yield from (PlaceType(each, self._model) for each in _elements_at(leaf, key))
        else:
            yield from (PlaceType(each, self._model) for each in _entries_at(leaf, key))

    def _fields_of(self, leaf: Any, name: str) -> Iterator[PlaceType]:
        model = get_origin(leaf) or leaf
        if _is_model(leaf):
            complete(leaf)
            if name in leaf.model_fields:
                yield of_field(leaf, name)
        elif isinstance(model, type) and dataclasses.is_dataclass(model):
            hints = _hints(model)
            if name in {field.name for field in dataclasses.fields(model)}:
                yield PlaceType(hints.get(name, Any), self._model)

    def field_names(self) -> frozenset[str]:
        """Return the names of the fields in the models that its values may be."""
        names: set[str] = set()
        for leaf in self.leaves:
            if _is_model(leaf):
                names |= leaf.model_fields.keys()
            elif isinstance(leaf, type) and dataclasses.is_dataclass(leaf):
                names |= {field.name for field in dataclasses.fields(leaf)}
        return frozenset(names)

    def key(self, place: FieldPath, key: object) -> Any:
        """Return a mapping's key as the type of its keys has it.

        Raises:
            WrongOperand: that type does not take it.
        """
        return key if self._keys is None else self._keys.exact(place, key)

    # What it takes

    @property
    def is_bool(self) -> bool:
        """Whether its values are booleans, and nothing else but None."""
        return self.leaves == (bool,)

    @property
    def is_text(self) -> bool:
        """Whether its values may be text."""
        return any(_may_be(leaf, str) for leaf in self.leaves)

    @property
    def is_collection(self) -> bool:
        """Whether its values may be collections of others."""
        return any(
            leaf in _ANYTHING or (_is_a(leaf, Collection) and not _is_a(leaf, str | bytes))
            for leaf in self.leaves
        )

    def validated(self, value: object) -> Any:
        """Return a value as the type has it as it is declared, constraints and validators included.

        Raises:
            pydantic.ValidationError: it does not take the value.
        """
        name = self._field or _ROOT
        return self._lone.validator.validate_python({name: value}, by_alias=False, by_name=True)[
            name
        ]

    def exact(self, place: FieldPath, value: object) -> Any:
        """Return a value as the type has it as it is declared.

        Raises:
            WrongOperand: it does not take the value.
        """
        try:
            return self.validated(value)
        except ValidationError as error:
            raise _wrong(place, value, error) from error

    def element(self, place: FieldPath, value: object) -> Any:
        """Return an element as the collections have it that its values are; a key, of mappings.

        Raises:
            WrongOperand: their elements do not take the value.
        """
        return value if self._elements is None else self._elements.exact(place, value)

    def ordered(self, place: FieldPath, value: object, *, up: bool) -> Any:
        """Return a bound as the type has it without its constraints and validators.

        Args:
            place: where the values stand, for errors.
            value: the bound.
            up: whether to take the next integer above a number between two of them, where the
                values are integers.

        Raises:
            WrongExpression: the values have no order.
            WrongOperand: the type does not take the value.
        """
        self.require_order(place)
        if value is None:
            raise WrongOperand(
                repr(place), value, "None is neither below nor above anything: use is_none()"
            )
        if all(_is_a(leaf, int) for leaf in self.leaves):
            value = _whole(value, up=up)
        try:
            taken = self._bare.validator.validate_python({_ROOT: value})[_ROOT]
        except ValidationError as error:
            raise _wrong(place, value, error) from error
        return taken

    def require_order(self, place: FieldPath) -> None:
        """Refuse a type whose values have no order.

        Raises:
            WrongExpression: they have none.
        """
        if not any(_has_order(leaf) for leaf in self.leaves):
            raise WrongExpression(
                f"{place!r} cannot be compared by order, or sorted by: Python knows no < between "
                f"values of its type, {self}. (An enum has one if it is an IntEnum or a StrEnum.)"
            )

    @once
    def _keys(self) -> PlaceType | None:
        mappings = (leaf for leaf in self.leaves if _is_a(leaf, Mapping) and get_args(leaf))
        return self._one_of([get_args(leaf)[0] for leaf in mappings])

    @once
    def _elements(self) -> PlaceType | None:
        return self._one_of([each for leaf in self.leaves for each in _element_types(leaf)])

    def _one_of(self, annotations: list[Any]) -> PlaceType | None:
        """Return the type of what is of one of these types; None where it may be of any."""
        if not annotations or any(each in _ANYTHING for each in annotations):
            return None
        return PlaceType(reduce(_either, annotations), self._model)

    @once
    def _lone(self) -> LoneField:
        if self._field is not None:
            return LoneField(self._model, self._field)
        return _alone(self._annotation, self._model)

    @once
    def _bare(self) -> LoneField:
        return _alone(_bare(self._annotation), None)

    def __str__(self) -> str:
        annotation = self._annotation
        is_plain = isinstance(annotation, type) and not get_args(annotation)
        return annotation.__name__ if is_plain else str(annotation).replace("typing.", "")


def of_field(model: type[BaseModel], name: str) -> PlaceType:
    """Return the type of a field of a model; of ``pk`` and ``version`` where it is no field."""
    info = model.model_fields.get(name)
    if info is None:
        assert name in PLACE
        return PlaceType(int, model)
    annotation: Any = info.annotation
    for entry in info.metadata:
        annotation = Annotated[annotation, entry]
    return PlaceType(annotation, model, name)


def complete(model: type[BaseModel]) -> None:
    """Complete the annotations of a model, if they name what was not defined yet.

    Raises:
        TableError: it is not defined still.
    """
    if model.__pydantic_complete__:
        return
    frame = users_frame()
    if undefined := undefined_name(model, dict(frame.f_locals) if frame else None):
        raise TableError(
            f"{model.__name__} names {undefined!r} in its annotations, which is not defined: "
            f"define it before the first use of the table."
        )


def _alone(annotation: Any, model: type[BaseModel] | None) -> LoneField:
    config: Any = {"arbitrary_types_allowed": True} if model is None else model.model_config
    return LoneField(create_model("Value", __config__=config, value=(annotation, ...)), _ROOT)


def _wrong(place: FieldPath, value: object, error: ValidationError) -> WrongOperand:
    return WrongOperand(repr(place), value, error.errors(include_url=False)[0]["msg"])


# Annotations


def _leaves(annotation: Any) -> Iterator[Any]:
    """Yield the members of nested unions, aliases and literals."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _leaves(get_args(annotation)[0])
    elif origin is Union or origin is types.UnionType:
        for member in get_args(annotation):
            yield from _leaves(member)
    elif origin is Literal:
        yield from dict.fromkeys(map(type, get_args(annotation)))
    elif isinstance(annotation, NewType):
        yield from _leaves(annotation.__supertype__)
    elif isinstance(annotation, TypeVar):
        yield from _leaves(_stands_for(annotation))
    elif hasattr(annotation, "__value__"):  # TypeAliasType, which typing has since Python 3.12
        yield from _leaves(annotation.__value__)
    else:  # also the ... of a tuple
        yield types.NoneType if annotation is None else annotation


def _bare(annotation: Any) -> Any:
    """Return a type without constraints and validators."""
    members = [_bare_leaf(leaf) for leaf in _leaves(annotation)]
    return reduce(_either, members)


def _bare_leaf(leaf: Any) -> Any:
    if leaf in _UNCONSTRAINED:
        return _UNCONSTRAINED[leaf]
    if _is_a(leaf, Enum):
        return next((base for base in (str, int) if _is_a(leaf, base)), leaf)
    arguments = get_args(leaf)
    if not arguments or isinstance(leaf, type):
        return leaf
    origin: Any = get_origin(leaf)
    return origin[tuple(map(_bare, arguments))]


def _stands_for(variable: TypeVar) -> Any:
    if variable.__constraints__:
        return reduce(_either, variable.__constraints__)
    return Any if variable.__bound__ is None else variable.__bound__


def _either(one: Any, other: Any) -> Any:
    return Union[one, other]  # noqa: UP007 - of values, one of which may be a text


def _is_model(leaf: Any) -> bool:
    return isinstance(leaf, type) and issubclass(leaf, BaseModel)


def _is_a(leaf: Any, kinds: Any) -> bool:
    kind = get_origin(leaf) or leaf
    return isinstance(kind, type) and issubclass(kind, kinds)


def _may_be(leaf: Any, kind: type[object]) -> bool:
    return leaf in _ANYTHING or leaf is EmailStr or _is_a(leaf, kind)


def _has_order(leaf: Any) -> bool:
    kind = _UNCONSTRAINED.get(leaf) or get_origin(leaf) or leaf
    if leaf in _ANYTHING or not isinstance(kind, type):
        return True
    compares = getattr(kind, "__lt__", None) is not getattr(object, "__lt__", None)
    return compares and not issubclass(kind, _NO_ORDER)


def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _element_types(leaf: Any) -> Iterator[Any]:
    """Yield the types of what a collection contains, as ``in`` asks."""
    if is_typeddict(leaf):
        yield str
    elif _is_a(leaf, Collection) and not _is_a(leaf, str | bytes):
        arguments: tuple[Any, ...] = get_args(leaf) or (Any,)
        taken = arguments if _is_a(leaf, tuple) else arguments[:1]
        yield from (each for each in taken if each is not ...)
    elif leaf in _ANYTHING:
        yield Any


def _elements_at(leaf: Any, index: int) -> Iterator[Any]:
    """Yield the type of the element that a sequence has at an index."""
    if leaf in _ANYTHING:
        yield Any
    elif _is_a(leaf, Sequence | deque) and not _is_a(leaf, str | bytes):
        arguments = get_args(leaf) or (Any, ...)
        if not _is_a(leaf, tuple) or arguments[1:] == (...,):
            yield arguments[0]
        elif -len(arguments) <= index < len(arguments):
            yield arguments[index]


def _entries_at(leaf: Any, key: Any) -> Iterator[Any]:
    """Yield the type of the value that a mapping has under a key."""
    if leaf in _ANYTHING:
        yield from (Any,) if isinstance(key, str) else ()
    elif is_typeddict(leaf):
        hints = _hints(leaf)
        if key in hints:
            yield _unqualified(hints[key])
    elif _is_a(leaf, Mapping):
        yield (get_args(leaf) or (Any, Any))[-1]


def _unqualified(annotation: Any) -> Any:
    """Return the type in what a TypedDict says of a key, such as ``NotRequired[int]``."""
    while get_origin(annotation) in (Required, NotRequired):
        annotation = get_args(annotation)[0]
    return annotation


def _whole(value: object, *, up: bool) -> object:
    """Return the next integer where the values are integers: they are above 30.5 if, and only if,
    they are above 30.
    """
    if not isinstance(value, float | Decimal):
        return value
    if isinstance(value, Decimal) and value.is_snan():  # which math.isfinite refuses
        return value
    if not math.isfinite(value):
        return value
    round_: Callable[[Any], int] = math.ceil if up else math.floor
    return round_(value)
