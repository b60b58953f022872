"""What a function does, as plain data that is equal for equal functions in every process.

A function of pydantic or of the standard library counts by its name: its body is not ours to
compare, and differs between versions without doing anything else. Any other counts by its source,
its defaults, the values of its closure, and by all that it names: functions, constants, attributes
of modules and classes, and what those name in their turn. Nothing is called to find out.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import json
import operator
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
)
from typing import Any, cast
from uuid import UUID

from pydantic import BaseModel

_LIBRARIES = sys.stdlib_module_names | {
    "annotated_types",
    "discobase",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
}
"""Packages whose functions count by their names."""

_WRITTEN_BY_REPR = (
    *(type(None), bool, float, complex, str, bytes, bytearray, range, type(...)),
    *(Decimal, Fraction, date, datetime, time, timedelta, timezone, UUID),
)
_BASES = (str, bytes, int, float)
_SEQUENCES = (tuple, list)
_SETS = (set, frozenset)
_MAPPINGS = (dict, MappingProxyType)
_REDUCIBLE = (operator.attrgetter, operator.itemgetter, operator.methodcaller)
_FUNCTIONS: tuple[type[Any], ...] = (
    *(FunctionType, MethodType, BuiltinFunctionType, classmethod, staticmethod),
    *(property, functools.cached_property, functools.partial, functools.partialmethod),
)
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MAKERS = ("__new__", "__init__", "__post_init__")
_CLOSURE_ONLY = (*_WRITTEN_BY_REPR, int, *_SEQUENCES, *_SETS, *_MAPPINGS, FunctionType)

_MOST_FUNCTIONS = 500
"""How many functions are looked into for one value; the others count by their names. A guess: what
a validator calls is a handful, and a whole library behind it would take seconds.
"""


def library(module: str | None) -> str | None:
    """Return the package of a module, if it is one whose functions count by their names."""
    package = (module or "").partition(".")[0]
    if package in _LIBRARIES:
        return package
    public = package.removeprefix("_")
    return public if public in _LIBRARIES else None


def class_name(cls: type) -> str:
    """Return the name of a class, without its module and the function that it is defined in.

    A class of a script is in ``__main__`` when the script runs and elsewhere when it is imported,
    and classes of the standard library move between its versions.
    """
    return cls.__qualname__.rpartition("<locals>.")[2]


class Sources:
    """The source texts of functions. It keeps what it has read."""

    def __init__(self) -> None:
        self._texts: dict[CodeType, dict[str, str | None]] = {}
        self._lambdas: dict[str, list[tuple[tuple[int, int], tuple[int, int], str]]] = {}

    def text(self, code: CodeType) -> str | None:
        """Return the source text of a function, without decorators; None if there is none."""
        # Code of two files can be equal.
        by_file = self._texts.setdefault(code, {})
        if code.co_filename not in by_file:
            is_lambda = code.co_name == "<lambda>"
            by_file[code.co_filename] = self._lambda(code) if is_lambda else _function(code)
        return by_file[code.co_filename]

    def _lambda(self, code: CodeType) -> str | None:
        places = [
            ((line, column), (end_line, end_column))
            for line, end_line, column, end_column in code.co_positions()
            if None not in (line, end_line, column, end_column) and end_column
        ]
        try:
            first, last = min(start for start, _ in places), max(end for _, end in places)
            candidates = self._lambdas_of(code)
        except (OSError, SyntaxError, ValueError, TypeError):
            return None
        around = [entry for entry in candidates if entry[0] <= first and last <= entry[1]]
        # Of lambdas in one another, the innermost starts last.
        return max(around)[2] if around else None

    def _lambdas_of(self, code: CodeType) -> list[tuple[tuple[int, int], tuple[int, int], str]]:
        name = code.co_filename
        if name not in self._lambdas:
            lines, _ = inspect.findsource(code)
            text = "".join(lines)
            self._lambdas[name] = [
                (
                    (node.body.lineno, node.body.col_offset),
                    (node.body.end_lineno or 0, node.body.end_col_offset or 0),
                    ast.get_source_segment(text, node) or "",
                )
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Lambda)
            ]
        return self._lambdas[name]


def _function(code: CodeType) -> str | None:
    try:
        text = textwrap.dedent(inspect.getsource(code))
        node = ast.parse(text).body[0]
    except (OSError, SyntaxError, ValueError, TypeError, IndexError):
        return None
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or node.name != code.co_name:
        return None
    return ast.get_source_segment(text, node)


class Identity:
    """What values are, as plain data: the same for values that behave alike.

    A function stands in it by a number, in the order of first mention. What the numbers mean is in
    :meth:`functions`, which goes with it.

    Args:
        sources: where source texts are read.
        home: the module whose package counts with its data. Of other installed ones only the code
            is followed: what they hold in globals are caches, times and settings as often as not.
    """

    def __init__(self, sources: Sources, home: str) -> None:
        self._sources = sources
        self._home = home.partition(".")[0]
        self._numbers: dict[tuple[int, int], int] = {}
        self._waiting: list[tuple[FunctionType, object]] = []
        self._described: list[Any] = []
        self._open: list[object] = []

    def functions(self) -> list[Any]:
        """Return what each function is that was mentioned so far, and those that they mention."""
        described = self._described
        while len(described) < len(self._waiting):
            function, owner = self._waiting[len(described)]
            is_one_too_many = len(described) >= _MOST_FUNCTIONS
            described.append(
                _bare_name(function) if is_one_too_many else self._description(function, owner)
            )
        return described

    def of(self, value: Any, owner: object = None) -> Any:
        """Return what a value is.

        Args:
            value: anything.
            owner: the class or object whose attributes a function may use, if it is a method.
        """
        plain = _plain(value)
        if plain is not None:
            return plain
        if any(value is around for around in self._open):
            return ["inside itself"]
        self._open.append(value)
        try:
            return self._compound(value, owner)
        except Exception:  # noqa: BLE001 - objects of theirs may raise whatever they are asked for
            return ["object", _type_name(value)]
        finally:
            self._open.pop()

    def called(self, value: Any, owner: object = None) -> Any:
        """Return what a value does that is called: of a class, how it makes its objects."""
        if not _is(value, type):
            return self.of(value, owner)
        if issubclass(value, Enum):
            members = value.__members__
            in_order = [[name, self.of(members[name].value)] for name in sorted(members)]
            return ["enum", *self.own(value, ["_missing_"]), in_order]
        return ["class", *self.own(value, _MAKERS)]

    def own(self, cls: Any, names: Iterable[str]) -> list[Any]:
        """Return the name of a class, and what some of its attributes are that are not a library's.

        Args:
            cls: the class.
            names: of the attributes.
        """
        return [class_name(cls), self._attributes(cls, _Reach(names))]

    def _compound(self, value: Any, owner: object) -> Any:
        if _is(value, Enum):
            return ["member", _type_name(value), value.name, self.of(value.value)]
        base: Any
        for base in _BASES:
            if _is(value, base):
                return [_type_name(value), self.of(base(value))]
        if _is(value, _SEQUENCES):
            return [_type_name(value), [self.of(item) for item in value]]
        if _is(value, _SETS):
            return [_type_name(value), [self.of(item) for item in sorted(value, key=_order)]]
        if _is(value, _MAPPINGS):
            return [
                "dict",
                [[self.of(key), self.of(value[key])] for key in sorted(value, key=_order)],
            ]
        if _is(value, type):
            return ["class", class_name(value)]
        if _is(value, ModuleType):
            return ["module"]
        return self._callable(value, owner)

    def _callable(self, value: Any, owner: object) -> Any:
        if _is(value, FunctionType):
            return self._function(value, owner)
        if _is(value, MethodType):
            return self._method(value)
        if _is(value, (functools.partial, functools.partialmethod)):
            given = [self.of(value.args), self.of(value.keywords)]
            return ["partial", self.called(value.func), given]
        if _is(value, (classmethod, staticmethod)):
            return self.of(value.__func__, owner)
        if _is(value, property):
            return ["property", self.of(value.fget, owner)]
        if _is(value, functools.cached_property):
            return ["property", self.of(value.func, owner)]
        if _is(value, _REDUCIBLE):
            return [_type_name(value), self.of(value.__reduce__()[1])]
        wrapped = inspect.getattr_static(value, _attribute_of_wrapped(value), None)
        if _is(wrapped, _FUNCTIONS):
            return ["wrapper", _type_name(value), self.of(wrapped, owner)]
        if any("__qualname__" in vars(cls) for cls in type(value).__mro__[:-1]):
            return self._builtin(value)  # a function that is not written in Python
        return self._object(value)

    def _method(self, method: MethodType) -> Any:
        function, owner = method.__func__, method.__self__
        identity = self.of(function, owner)
        if _is(owner, type) and _is(function, FunctionType):
            # What such a function has of its class are the attributes that it names. The name does
            # not matter, unless it is a library's, which may do anything with the class.
            return identity if library(_module(function)) is None else [identity, self.of(owner)]
        return ["method", identity, self.of(owner)]

    def _builtin(self, value: Any) -> Any:
        bound = getattr(value, "__self__", None) if _is(value, BuiltinFunctionType) else None
        if bound is None or _is(bound, ModuleType):
            return ["function", _bare_name(value)]
        return ["method", _bare_name(value), self.of(bound)]

    def _object(self, value: Any) -> Any:
        cls = _type_of(value)
        is_data = issubclass(cls, BaseModel) or dataclasses.is_dataclass(cls)
        is_called = callable(value) and not _is_library(cls)
        identity: list[Any] = ["object", class_name(cls)]
        if is_data or is_called:
            identity.append(self.of(_held(value)))
        if is_called:
            identity.append(self._attributes(value, _Reach(["__call__"])))
        return identity

    def _function(self, function: FunctionType, owner: object) -> Any:
        if package := library(_module(function)):
            return ["function", f"{package}.{_last_name(function)}", self._of_closure(function)]
        key = id(function), id(owner)
        if key not in self._numbers:
            self._numbers[key] = len(self._waiting)
            self._waiting.append((function, owner))
        return ["function", self._numbers[key]]

    def _of_closure(self, function: FunctionType) -> list[Any]:
        """Return what a library's function does by what it was given: values and functions."""
        cells = _contents(function)
        return [
            self.of(cells[name])
            for name in sorted(cells)
            if _is(cells[name], (*_CLOSURE_ONLY, functools.partial, MethodType))
        ] + [self.of(value) for name, value in vars(function).items() if name == "__wrapped__"]

    def _description(self, function: FunctionType, owner: object) -> Any:
        code = function.__code__
        cells = _contents(function)
        text = self._sources.text(code)
        reach = _Reach(_names(code))
        return {
            "does": _instructions(code) if text is None else text,
            "defaults": self.of(function.__defaults__),
            "keywords": self.of(function.__kwdefaults__),
            "closure": [[name, self._named(cells[name], reach)] for name in sorted(cells)],
            "names": self._references(function, owner),
        }

    def _references(self, function: FunctionType, owner: object) -> list[Any]:
        reach = _Reach(_names(function.__code__), with_data=not self._is_foreign(function))
        globals_ = function.__globals__
        result: list[Any] = [
            [name, self._named(globals_[name], reach)]
            for name in reach.names
            if name in globals_ and not _is_special(name) and reach.takes(globals_[name])
        ]
        if owner is not None:
            result.append(self._attributes(owner, reach))
        return result

    def _is_foreign(self, function: FunctionType) -> bool:
        """Return whether a function is of an installed package, and not of the model's own."""
        package = (_module(function) or "").partition(".")[0]
        places = PurePath(function.__code__.co_filename).parts
        return package != self._home and not _INSTALLED.isdisjoint(places)

    def _named(self, value: Any, reach: _Reach, owner: object = None) -> Any:
        """Return what a value is to code that names it: with the attributes that it names, too."""
        if _is(value, ModuleType):
            return self._of_module(value, reach)
        identity = self.called(value, owner)
        if _is_function(value) or _plain(value) is not None:
            return identity
        cls = value if _is(value, type) else _type_of(value)
        return identity if _is_library(cls) else [identity, self._attributes(value, reach)]

    def _of_module(self, module: ModuleType, reach: _Reach) -> Any:
        if library(module.__name__) or reach.was_at(module):
            return ["module"]
        held = vars(module)
        return [
            [name, self._named(held[name], reach)]
            for name in reach.names
            if name in held and not _is_special(name) and reach.takes(held[name])
        ]

    def _attributes(self, owner: object, reach: _Reach) -> list[Any]:
        """Return what some attributes of a class or of an object are, those of its bases with them:
        ``super`` may reach each of them.
        """
        if reach.was_at(owner):
            return []
        cls = cast("type", owner) if _is(owner, type) else _type_of(owner)
        members = cls.__members__ if issubclass(cls, Enum) else ()
        layers: list[Mapping[str, Any]] = [
            vars(each) for each in cls.__mro__ if not _is_library(each)
        ]
        if owner is not cls:
            layers.insert(0, _held(owner))
        return [
            [name, self._named(layer[name], reach, owner)]
            for name in reach.names
            if name not in members
            for layer in layers
            if name in layer and reach.takes(layer[name])
        ]


class _Reach:
    """What a piece of code can get at by name.

    Args:
        names: the names in it.
        with_data: whether values count that are not code.
    """

    def __init__(self, names: Iterable[str], *, with_data: bool = True) -> None:
        self.names = sorted(names)
        self._with_data = with_data
        self._places: list[object] = []

    def takes(self, value: object) -> bool:
        """Return whether a value counts."""
        return self._with_data or _is_function(value) or _is(value, (type, ModuleType))

    def was_at(self, place: object) -> bool:
        """Return whether the attributes of a module, class or object were looked at before, and
        note that they are now.
        """
        if any(place is other for other in self._places):
            return True
        self._places.append(place)
        return False


def _is(value: Any, kinds: type[Any] | tuple[type[Any], ...]) -> bool:
    """Return whether a value is of one of some types, to code that goes on taking it as Any.

    A proxy that says it is of another type, and would have to look for it, is what it is.
    """
    return issubclass(type(value), kinds)


def _is_function(value: object) -> bool:
    wrapped = inspect.getattr_static(value, _attribute_of_wrapped(value), None)
    return _is(value, _FUNCTIONS) or _is(wrapped, _FUNCTIONS)


def _type_of(value: object) -> type[Any]:
    return type(value)


def _type_name(value: object) -> str:
    return class_name(type(value))


def _attribute_of_wrapped(value: object) -> str:
    is_pydantic = library(type(value).__module__) == "pydantic"
    return "wrapped" if is_pydantic else "__wrapped__"


def _plain(value: Any) -> Any:
    """Return what a value is that its text says; None for one of another type."""
    if type(value) is int:
        return ["int", hex(value)]  # decimal digits are limited
    if type(value) in _WRITTEN_BY_REPR or _is(value, PurePath):
        return [type(value).__name__, repr(value)]
    if _is(value, re.Pattern):
        return ["pattern", repr(value.pattern), value.flags]
    return None


def _order(value: Any) -> str:
    """Return what puts the members of a set into an order that does not depend on hashes."""
    if (plain := _plain(value)) is not None:
        return json.dumps(plain)
    if _is(value, (*_SEQUENCES, *_SETS)):
        texts = [_order(item) for item in value]
        return json.dumps(sorted(texts) if _is(value, _SETS) else texts)
    if _is(value, Enum):
        return str(value.name)
    if _is(value, FunctionType):
        return json.dumps([value.__qualname__, _instructions(value.__code__)])
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def _held(value: object) -> dict[str, Any]:
    """Return the attributes of an object itself."""
    held: dict[str, Any] = {}
    for name in ("__dict__", *sorted(_slots(_type_of(value)))):
        try:
            found = object.__getattribute__(value, name)
        except AttributeError:
            continue
        held |= found if name == "__dict__" else {name: found}
    return held


def _slots(cls: type) -> Iterator[str]:
    for each in cls.__mro__:
        slots = () if _is_library(each) else vars(each).get("__slots__", ())
        names = [slots] if isinstance(slots, str) else slots
        yield from (name for name in names if not name.startswith("__"))


def _is_library(cls: type) -> bool:
    return library(cls.__module__) is not None


def _module(function: Any) -> str | None:
    # Not __module__: a wrapper has that of what it wraps.
    return cast("str | None", function.__globals__.get("__name__"))


def _bare_name(function: Any) -> str:
    package = library(getattr(function, "__module__", None))
    return f"{package}.{_last_name(function)}" if package else _last_name(function)


def _last_name(function: Callable[..., Any]) -> str:
    """Return a function's name without the function around it, which is moved now and then."""
    name = function.__qualname__
    return name if name.endswith("<lambda>") else name.rpartition("<locals>.")[2]


def _is_special(name: str) -> bool:
    """Return whether it is a module's ``__name__``, ``__file__`` and the like."""
    return name.startswith("__") and name.endswith("__")


def _contents(function: FunctionType) -> dict[str, Any]:
    """Return the values of a closure, but for those that are not set yet."""
    cells: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name == "__class__":
            continue  # super's: the owner stands for it
        try:
            cells[name] = cell.cell_contents
        except ValueError:
            continue
    return cells


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a function's code and that of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _names(code: CodeType) -> list[str]:
    """Return the names of globals and attributes in a function, those in it included."""
    return sorted({name for part in _codes(code) for name in part.co_names})


def _instructions(code: CodeType) -> list[Any]:
    """Return what a function without a source does: only for this version of Python."""
    return [
        [
            part.co_code.hex(),
            [_order(value) for value in part.co_consts if not isinstance(value, CodeType)],
            [*part.co_names, *part.co_varnames, *part.co_freevars],
        ]
        for part in _codes(code)
    ]
