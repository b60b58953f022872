"""What a record knows of itself: where it is stored, which commit wrote it last, what is stored of
it that its class does not know, and a write whose outcome is unknown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Never, TypeVar, cast, overload

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails

from discobase.records.together import UniqueTogether

_INTEGER = TypeAdapter(int)


if TYPE_CHECKING:

    class PlaceProperty:
        """What checkers are told: in a record a value, at its class what a query compares."""

        def __init__(self, get: Callable[[Any], int | None]) -> None: ...

        @overload
        def __get__(self, record: None, owner: type[Any]) -> int: ...

        @overload
        def __get__(self, record: object, owner: type[Any] | None = None) -> int | None: ...

        def __get__(self, record: object, owner: type[Any] | None = None) -> int | None: ...

        def __set__(self, record: object, value: Never) -> None: ...

else:

    class PlaceProperty(property):
        """A property of records that is at the class of a table what a query compares."""

        def __get__(self, record: object, owner: type[Any] | None = None) -> Any:
            if record is not None:
                return self.fget(record)
            refer = getattr(type(owner), "_refer", None)
            found = None if refer is None else refer(owner, self.fget.__name__)
            return self if found is None else found


class Record(BaseModel):
    """A pydantic model with a place in a database. Users derive from :class:`discobase.Table`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        ser_json_bytes="base64",
        val_json_bytes="base64",
        ser_json_inf_nan="strings",
        ignored_types=(UniqueTogether,),
    )

    _holder: ClassVar[str | None] = None

    @PlaceProperty
    def pk(self) -> int | None:
        """The primary key: an integer, given when the record is first saved, never used again.

        None before. At the class, as in ``User.pk > 7``, what a query compares.
        """  # noqa: D401 - a property
        private = self.__pydantic_private__
        return private.get(_PK) if private else None

    @PlaceProperty
    def version(self) -> int | None:
        """The position of the commit that wrote what this object holds; None before the first.

        At the class, as in ``User.version > 7``, what a query compares.
        """  # noqa: D401 - a property
        private = self.__pydantic_private__
        return private.get(_VERSION) if private else None

    # What repr, str and rich show.
    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        if self.pk is not None:
            yield "pk", self.pk
        yield from super().__repr_args__()


# They are kept among the model's private attributes, so that copies, pickles and comparisons have
# them. They are not declared as such: pydantic would spend more time on each new object to set them
# to None than it takes to validate a small record.
_PK, _VERSION, _UNKNOWN, _ATTEMPT = "_pk", "_version", "_unknown_fields", "_attempt"

_private = attrgetter("__pydantic_private__")
_set_private: Callable[[Record, dict[str, Any]], None]
# What object.__setattr__ comes to, for pydantic has a slot there.
_set_private = vars(BaseModel)["__pydantic_private__"].__set__


def place(record: Record, pk: int | None, version: int | None) -> None:
    """Note in a record where it is stored, and which commit wrote it: nothing of it is unknown
    then.
    """
    if record.__pydantic_private__ is None and pk is not None:  # as it is loaded, mostly
        _set_private(record, {_PK: pk, _VERSION: version})
        return
    private: dict[str, Any] = dict(record.__pydantic_private__ or {})
    for name in (_PK, _VERSION, _ATTEMPT):
        private.pop(name, None)
    if pk is not None:
        private[_PK], private[_VERSION] = pk, version
    object.__setattr__(record, "__pydantic_private__", private or None)


def place_loaded(records: Sequence[Record], pks: Iterable[int], versions: Iterable[int]) -> None:
    """Note in records that were just loaded where they are stored, and which commits wrote them.

    As :func:`place`, in a quarter of the time: there is nothing that would have to go, and mostly
    nothing else is noted in them.
    """
    places: list[dict[str, Any]] = [
        {_PK: pk, _VERSION: version} for pk, version in zip(pks, versions, strict=True)
    ]
    held = [*map(_private, records)]
    if any(held):
        places = [(noted or {}) | place for noted, place in zip(held, places, strict=True)]
    deque(map(_set_private, records, places), maxlen=0)


R = TypeVar("R", bound=Record)


def copied(record: R, values: Mapping[str, Any]) -> R:
    """Return a copy of a record with other values in some fields, which nothing has checked."""
    copy: Any = BaseModel.model_copy(record, update=values)
    return cast("R", copy)


def noted_attempt(record: Record) -> tuple[str, int, str] | None:
    """Return what was noted of a write whose outcome is unknown; None where there is nothing."""
    private = record.__pydantic_private__
    return private.get(_ATTEMPT) if private else None


def note_attempt(record: Record, attempt: tuple[str, int, str] | None) -> None:
    """Note in a record what a write is called whose outcome is unknown."""
    private = dict(record.__pydantic_private__ or {})
    private.pop(_ATTEMPT, None)
    if attempt is not None:
        private[_ATTEMPT] = tuple(attempt)
    object.__setattr__(record, "__pydantic_private__", private or None)


def unknown_fields(record: BaseModel) -> str | None:
    """Return what is stored of a record in fields that its class does not know: a JSON object, as
    text; None where there is nothing.
    """
    private = record.__pydantic_private__
    return private.get(_UNKNOWN) if private else None


def note_unknown_fields(record: BaseModel, unknown: str | None) -> None:
    """Note in a record what is stored of it in fields that its class does not know."""
    private = dict(record.__pydantic_private__ or {})
    private.pop(_UNKNOWN, None)
    if unknown is not None:
        private[_UNKNOWN] = unknown
    object.__setattr__(record, "__pydantic_private__", private or None)


def drop_extra(record: Record, name: str) -> None:
    """Have a record forget a value that no field of it takes, if it was made with one."""
    if record.__pydantic_extra__ and name in record.__pydantic_extra__:
        del record.__pydantic_extra__[name]
        record.__pydantic_fields_set__.discard(name)


def note_holder(model: type[Record], holder: str) -> None:
    """Note in a class that a field of a table has it, by the name of the table's class."""
    model._holder = holder  # pyright: ignore[reportPrivateUsage] - the one place it is set


def holder_of(model: type[Record]) -> str | None:
    """Return the name of the class that has this one in a field, if it is a table's."""
    holder: str | None = vars(model).get("_holder")
    return holder


def primary_key(model: type[Record], value: object) -> int:
    """Return a primary key as a call gives it, a text from a URL for example, as an integer.

    Args:
        model: the class of the record, for the error.
        value: what is given.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return _integer(model, "pk", value)


def version_number(model: type[Record], value: object) -> int:
    """Return a version as a call gives it as an integer; see :func:`primary_key`.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return _integer(model, "version", value)


def _integer(model: type[Record], name: str, value: object) -> int:
    if type(value) is int:
        return value
    if isinstance(value, bool):  # which pydantic takes for 1 or 0, and a caller never means
        wrong = InitErrorDetails(type="int_type", loc=(name,), input=value)
        raise ValidationError.from_exception_data(model.__name__, [wrong])
    try:
        return _INTEGER.validate_python(value)
    except ValidationError as error:
        wrong = InitErrorDetails(type=error.errors()[0]["type"], loc=(name,), input=value)
        raise ValidationError.from_exception_data(model.__name__, [wrong]) from None
