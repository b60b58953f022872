"""A property that is worked out when it is first asked for, while nobody else has to wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

_Value = TypeVar("_Value")


class once(Generic[_Value]):  # noqa: N801 - it decorates, as property does
    """Make a method a property whose value is kept with its object.

    As :class:`functools.cached_property`, which in Python 3.11 holds one lock for all objects of a
    class while the value is worked out: there one query that waits for Discord would keep those of
    all other threads waiting. Here two threads that ask the same object at once may both work it
    out. The value that is there first is what both get.

    Args:
        method: works the value out.

    >>> class Row:
    ...     @once
    ...     def width(self) -> int:
    ...         print("measured")
    ...         return 3
    >>> row = Row()
    >>> row.width, row.width
    measured
    (3, 3)
    """

    def __init__(self, method: Callable[[Any], _Value]) -> None:
        self._method = method
        self._name = method.__name__
        self.__doc__ = method.__doc__

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, owner: None, kind: type[Any]) -> Self: ...

    @overload
    def __get__(self, owner: object, kind: type[Any]) -> _Value: ...

    def __get__(self, owner: object | None, kind: type[Any]) -> Self | _Value:
        if owner is None:
            return self
        kept: _Value = owner.__dict__.setdefault(self._name, self._method(owner))
        return kept
