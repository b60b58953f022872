"""What a function does, as plain data that is equal for equal functions in every process.

A function of pydantic or of the standard library counts by its name: its body is not ours to
compare, and differs between versions without doing anything else. Any other counts by its source,
its defaults, the values of its closure, and by all that it names: functions, constants, attributes
of modules and classes, and what those name in their turn. Nothing is called to find out.

Containers of the standard library count with what they hold. Of an object of a class of the user's
count the attributes that the code names; and all of them, with its special methods, where the code
does anything else with it: calls it, looks into it, adds to it, hands it on.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import dis
import functools
import gc
import inspect
import ipaddress
import itertools
import json
import operator
import re
import string
import struct
import sys
import textwrap
from array import array
from collections import ChainMap, UserDict, UserList, UserString, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

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
_EMPTY: dict[Any, Any] = {}
_VIEWS = (type(_EMPTY.keys()), type(_EMPTY.values()), type(_EMPTY.items()))
_WRAPPERS = (UserDict, UserList, UserString)
_ADDRESSES = (
    *(ipaddress.IPv4Address, ipaddress.IPv4Network, ipaddress.IPv4Interface),
    *(ipaddress.IPv6Address, ipaddress.IPv6Network, ipaddress.IPv6Interface),
)
_HELD: tuple[tuple[type[Any] | tuple[type[Any], ...], Callable[[Any], Any]], ...] = (
    (deque, lambda value: [_items(value, deque), value.maxlen]),
    (ChainMap, lambda value: value.maps),
    (SimpleNamespace, vars),
    (_WRAPPERS, lambda value: value.data),
    (_VIEWS, lambda value: value.mapping),
    (array, lambda value: [value.typecode, _items(value, array)]),
    (slice, lambda value: [value.start, value.stop, value.step]),
    (memoryview, lambda value: [value.format, value.tobytes()]),
    (_ADDRESSES, str),
    (ZoneInfo, lambda value: value.key),
    (struct.Struct, lambda value: value.format),
    (string.Template, lambda value: value.template),
)
"""What values of the standard library hold: those that are all they hold."""

_CONTAINERS: tuple[type[Any], ...] = (
    *(*_SEQUENCES, *_SETS, dict, deque, ChainMap, array, SimpleNamespace, *_WRAPPERS),
)
_INTERFACES = frozenset({"_collections_abc", "abc", "collections.abc", "numbers", "typing"})
"""Modules whose classes have no attributes of their own in an object."""
_REDUCIBLE = (operator.attrgetter, operator.itemgetter, operator.methodcaller)
_FUNCTIONS: tuple[type[Any], ...] = (
    *(FunctionType, MethodType, BuiltinFunctionType, classmethod, staticmethod),
    *(property, functools.cached_property, functools.partial, functools.partialmethod),
)
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MAKERS = ("__new__", "__init__", "__post_init__")
_SILENT = frozenset(
    {
        *_MAKERS,
        *("__init_subclass__", "__set_name__", "__subclasshook__", "__del__", "__dir__"),
        *("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__"),
        *("__getnewargs_ex__", "__copy__", "__deepcopy__", "__replace__", "__sizeof__"),
        *("__get_pydantic_core_schema__", "__get_pydantic_json_schema__"),
        *("__annotate__", "__annotate_func__"),
    }
)
"""Special methods that no operator, and nothing else in a validator, calls on an object."""

_FIELDS_OF_CLASS = ("__pydantic_fields__", "__dataclass_fields__")
_GENERATED = frozenset(
    {
        *("__init__", "__repr__", "__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"),
        *("__setattr__", "__delattr__"),
    }
)
"""Methods that a dataclass may have of its fields."""

_BEHIND_NAMES = ("__getattr__", "__getattribute__", "__get__")
"""Methods that decide what a named attribute is."""

_BY_NAME = frozenset({"LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR", "LOAD_SUPER_ATTR"})
"""Instructions that only want an attribute of what was loaded just before."""
_CLOSURE_ONLY = (*_WRITTEN_BY_REPR, int, *_SEQUENCES, *_SETS, *_MAPPINGS, FunctionType)

_MOST_FUNCTIONS = 500
"""How many functions are looked into for one value; the others count by their names. A guess: what
a validator calls is a handful, and a whole library behind it would take seconds.
"""

_MOST_OBJECTS = 1000
"""How many objects are looked into for one value; the others count by their types. A guess, too."""

_DEEPEST = 30
"""How many containers and objects around it an object may have, to be looked into."""

_MOST_OWNERS = 20
"""Of how many objects of a class the methods count each with its object. Those of the others count
with the class.
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
        self._met: dict[int, tuple[int, object, object]] = {}
        self._made: dict[int, type] = {}
        self._owners: dict[int, int] = {}
        self._depth = 0
        self._current: Collection[str] = ()

    def functions(self) -> list[Any]:
        """Return what each function is that was mentioned so far, and those that they mention."""
        described = self._described
        while len(described) < len(self._waiting):
            function, owner = self._waiting[len(described)]
            is_one_too_many = len(described) >= _MOST_FUNCTIONS
            described.append(
                _bare_name(function) if is_one_too_many else self._description(function, owner)
            )
        self._current = ()
        return described

    def of(self, value: Any, owner: object = None, *, whole: bool = True) -> Any:
        """Return what a value is.

        Args:
            value: anything.
            owner: the class or object whose attributes a function may use, if it is a method.
            whole: whether an object of a user's class counts with all of its attributes.
        """
        plain = _plain(value)
        if plain is not None:
            return plain
        if any(value is around for around in self._open):
            return ["inside itself"]
        self._open.append(value)
        try:
            identity = self._container(value)
            if identity is None:
                return self._callable(value, owner, whole=whole)
            if not whole or not self._is_own(_type_of(value)) or _is(value, Enum):
                return identity
            return [identity, *self._whole(value)]
        except Exception:  # noqa: BLE001 - objects of theirs may raise whatever they are asked for
            return ["object", _type_name(value)]
        finally:
            self._open.pop()

    def called(self, value: Any, owner: object = None) -> Any:
        """Return what a value does that is called: of a class, how it makes its objects."""
        if not _is(value, type):
            return self.of(value, owner)
        if issubclass(value, Enum):
            return self._enum(value)
        is_new = id(value) not in self._made
        self._made[id(value)] = value
        if not self._is_own(value):
            return ["class", *self.own(value, _MAKERS)]
        if not is_new:
            return ["class", class_name(value)]
        identity = ["class", *self.own(value, {*_MAKERS, *_special_methods(value)})]
        if defaults := self._defaults(value):
            identity.append(defaults)
        if self._is_own(meta := _type_of(value)):
            identity.append(self.own(meta, _special_methods(meta)))
        return identity

    def _enum(self, cls: Any) -> list[Any]:
        members = cls.__members__
        in_order = [[name, self.of(members[name].value)] for name in sorted(members)]
        return ["enum", *self.own(cls, ["_missing_"]), in_order]

    def _defaults(self, cls: Any) -> list[Any]:
        """Return what the fields of a model or dataclass are when they are not given."""
        fields: dict[str, Any] = {}
        for name, each in itertools.product(_FIELDS_OF_CLASS, _mro(cls)):
            fields = fields or vars(each).get(name) or {}
        nothing = (PydanticUndefined, dataclasses.MISSING, None)
        # Of a dataclass, they are given by their places as well.
        result: list[Any] = [list(fields)] if dataclasses.is_dataclass(cls) else []
        for name in sorted(fields):
            field = fields[name]
            if not any(field.default_factory is each for each in nothing):
                result.append([name, "made", self.called(field.default_factory)])
            elif not any(field.default is each for each in nothing[:2]):
                result.append([name, self._item(field.default)])
        return result

    def own(self, cls: Any, names: Iterable[str]) -> list[Any]:
        """Return the name of a class, and what some of its attributes are that are not a library's.

        Args:
            cls: the class.
            names: of the attributes.
        """
        return [class_name(cls), self._attributes(cls, _Reach(names))]

    def _container(self, value: Any) -> Any:
        """Return what a value is by what it holds; None if it is of another kind."""
        if _is(value, Enum):
            return ["member", _type_name(value), value.name, self.of(value.value)]
        base: Any
        for base in _BASES:
            if _is(value, base):
                return [_type_name(value), self.of(base(value))]
        if _is(value, _SEQUENCES):
            return [_type_name(value), [self._item(item) for item in _items(value, *_SEQUENCES)]]
        if _is(value, _SETS):
            items = sorted(_items(value, *_SETS), key=_order)
            return [_type_name(value), [self._item(item) for item in items]]
        if _is(value, dict):
            return self._dict(value)
        if _is(value, type):
            return ["class", class_name(value)]
        if _is(value, ModuleType):
            return ["module"]
        return self._of_library(value)

    def _dict(self, value: Any) -> list[Any]:
        held: Any = dict
        keys = sorted(_items(value, dict), key=_order)
        items = [[self.of(key), self._item(held.__getitem__(value, key))] for key in keys]
        if _is(value, defaultdict) and value.default_factory is not None:
            return ["dict", items, self.called(value.default_factory)]
        return ["dict", items]

    def _of_library(self, value: Any) -> Any:
        """Return what a value of the standard library holds; None for another one, or one of whose
        class it is not known.
        """
        if _is(value, MappingProxyType):
            return self.of(gc.get_referents(value)[0])  # which calls nothing of the mapping
        for kinds, held in _HELD:
            if _is(value, kinds):
                return [_type_name(value), self.of(held(value))]
        return None

    def _item(self, value: Any) -> Any:
        """Return what a value is that is in another one, whence code may take it to do anything."""
        if not _is(value, type) or not self._is_own(value):
            return self.of(value)
        return [self.called(value), self._attributes(value, _Reach(self._current))]

    def _callable(self, value: Any, owner: object, *, whole: bool) -> Any:
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
        return self._object(value, whole=whole)

    def _method(self, method: MethodType) -> Any:
        function, owner = method.__func__, method.__self__
        identity = self.of(function, owner)
        if _is(owner, type) and _is(function, FunctionType):
            # What such a function has of its class are the attributes that it names. The name does
            # not matter, unless it is a library's, which may do anything with the class.
            return identity if library(_module(function)) is None else [identity, self.of(owner)]
        # Nor does more of an object, which is said with the function.
        is_ours = _is(function, FunctionType) and library(_module(function)) is None
        return ["method", identity, self.of(owner, whole=not is_ours)]

    def _builtin(self, value: Any) -> Any:
        bound = getattr(value, "__self__", None) if _is(value, BuiltinFunctionType) else None
        if bound is None or _is(bound, ModuleType):
            return ["function", _bare_name(value)]
        return ["method", _bare_name(value), self.of(bound)]

    def _object(self, value: Any, *, whole: bool) -> Any:
        cls = _type_of(value)
        is_data = issubclass(cls, BaseModel) or dataclasses.is_dataclass(cls)
        is_called = callable(value) and not _is_library(cls)
        identity: list[Any] = ["object", class_name(cls)]
        if self._is_own(cls) and (whole or is_called):
            return [*identity, *self._whole(value)]
        if is_data or is_called:
            identity.append(self.of(_held(value)))
        if is_called:
            identity.append(self._attributes(value, _Reach(["__call__"])))
        return identity

    def _whole(self, value: Any) -> list[Any]:
        """Return what an object of a user's class is with all of its attributes, and what its class
        does with them.
        """
        cls = _type_of(value)
        if id(value) in self._met:
            number, _, owner = self._met[id(value)]
            return ["met", number, self._attributes(owner, _Reach(self._current, with_data=False))]
        if len(self._met) >= _MOST_OBJECTS or len(self._open) > _DEEPEST:
            return []
        count = self._owners[id(cls)] = self._owners.get(id(cls), 0) + 1
        owner = value if count <= _MOST_OWNERS else cls
        self._met[id(value)] = len(self._met), value, owner
        methods = _Reach({*_special_methods(cls), *self._current}, with_data=False)
        result = [self._attributes(owner, methods)]
        if all(self._is_own(each) or _is_without_attributes(each) for each in cls.__mro__):
            held = _held(value)
            of_class = {
                name: layer[name]
                for layer in reversed([vars(each) for each in cls.__mro__ if self._is_own(each)])
                for name in layer
                if _is_data_of_class(name, layer[name])
            }
            result.append(self.of(of_class | held))
        return result

    def _is_own(self, cls: type) -> bool:
        """Return whether a class is neither a library's nor of an installed package that is not the
        model's own.
        """
        if _is_library(cls):
            return False
        if cls.__module__.partition(".")[0] == self._home:
            return True
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        return _INSTALLED.isdisjoint(PurePath(file or "").parts)

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
        used = _used_whole(code)
        reach = _Reach(_names(code), used)
        self._current = reach.names
        return {
            "does": _instructions(code) if text is None else text,
            "defaults": self.of(function.__defaults__),
            "keywords": self.of(function.__kwdefaults__),
            "closure": [[name, self._named(name, cells[name], reach)] for name in sorted(cells)],
            "names": self._references(function, owner, used),
        }

    def _references(self, function: FunctionType, owner: object, used: set[str]) -> list[Any]:
        code = function.__code__
        reach = _Reach(_names(code), used, with_data=not self._is_foreign(function))
        globals_ = function.__globals__
        result: list[Any] = [
            [name, self._named(name, globals_[name], reach)]
            for name in reach.names
            if name in globals_ and not _is_special(name) and reach.takes(globals_[name])
        ]
        if owner is not None:
            result.append(self._attributes(owner, reach))
            if used.intersection(code.co_varnames[:1]):
                result.append(self._itself(owner))
        return result

    def _itself(self, owner: Any) -> Any:
        """Return what the object or class of a method is to one that does more with it than to take
        attributes that it names.
        """
        if not _is(owner, type):
            return self.of(owner) if self._is_own(_type_of(owner)) else []
        # It may be the class, or an object of it. Its fields are those that are validated.
        return self.own(owner, {*_MAKERS, *_special_methods(owner)}) if self._is_own(owner) else []

    def _is_foreign(self, function: FunctionType) -> bool:
        """Return whether a function is of an installed package, and not of the model's own."""
        package = (_module(function) or "").partition(".")[0]
        places = PurePath(function.__code__.co_filename).parts
        return package != self._home and not _INSTALLED.isdisjoint(places)

    def _named(self, name: str, value: Any, reach: _Reach, owner: object = None) -> Any:
        """Return what a value is to code that names it: with the attributes that it names, too."""
        if _is(value, ModuleType):
            return self._of_module(value, reach)
        cls = value if _is(value, type) else _type_of(value)
        whole = name in reach.whole or self._is_more_than_named(cls)
        if not _is(value, type):
            identity = self.of(value, owner, whole=whole)
        elif whole or issubclass(value, Enum):
            identity = self.called(value)
        else:
            identity = ["class", *self.own(value, _MAKERS)]
        if _is_function(value) or _plain(value) is not None:
            return identity
        return identity if _is_library(cls) else [identity, self._attributes(value, reach)]

    def _is_more_than_named(self, cls: type) -> bool:
        """Return whether what an attribute of an object is may depend on others that the code does
        not name: by code of its own, or of a base that is a library's.
        """
        if issubclass(cls, _CONTAINERS):
            return True
        if any(each.__module__ in ("_collections_abc", "collections.abc") for each in cls.__mro__):
            return True
        own = [vars(each) for each in cls.__mro__ if self._is_own(each)]
        return any(name in layer for layer in own for name in _BEHIND_NAMES)

    def _of_module(self, module: ModuleType, reach: _Reach) -> Any:
        if library(module.__name__) or reach.was_at(module):
            return ["module"]
        held = vars(module)
        return [
            [name, self._named(name, held[name], reach)]
            for name in reach.names
            if name in held and not _is_special(name) and reach.takes(held[name])
        ]

    def _attributes(self, owner: object, reach: _Reach) -> list[Any]:
        """Return what some attributes of a class or of an object are, those of its bases with them:
        ``super`` may reach each of them.
        """
        if self._depth > _DEEPEST or reach.was_at(owner):
            return []
        self._depth += 1
        try:
            return self._found(owner, reach)
        finally:
            self._depth -= 1

    def _found(self, owner: object, reach: _Reach) -> list[Any]:
        cls = cast("type", owner) if _is(owner, type) else _type_of(owner)
        members = cls.__members__ if issubclass(cls, Enum) else ()
        layers: list[Mapping[str, Any]] = [
            {
                name: vars(each)[name]
                for name in reach.names
                if name in vars(each) and not _is_generated(each, name)
            }
            for each in cls.__mro__
            if not _is_library(each)
        ]
        if owner is not cls:
            layers.insert(0, _held(owner) | _held_by_pydantic(owner))
        return [
            [name, self._named(name, layer[name], reach, owner)]
            for name in reach.names
            if name not in members
            for layer in layers
            if name in layer and reach.takes(layer[name])
        ]


class _Reach:
    """What a piece of code can get at by name.

    Args:
        names: the names in it.
        whole: those with which it does more than to take attributes; None if that is all of them.
        with_data: whether values count that are not code.
    """

    def __init__(
        self, names: Iterable[str], whole: set[str] | None = None, *, with_data: bool = True
    ) -> None:
        self.names = sorted(names)
        self.whole = set(self.names) if whole is None else whole
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


def _items(value: Any, *kinds: type[Any]) -> list[Any]:
    """Return what a container yields, without calling what its own class makes of that."""
    return list(next(kind for kind in kinds if _is(value, kind)).__iter__(value))


def _mro(cls: type[Any]) -> tuple[type[Any], ...]:
    return cls.__mro__


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


def _order(value: Any, depth: int = 0) -> str:
    """Return what puts the members of a set into an order that does not depend on hashes."""
    if (plain := _plain(value)) is not None:
        return json.dumps(plain)
    if depth < _DEEPEST and _is(value, (*_SEQUENCES, *_SETS)):
        texts = [_order(item, depth + 1) for item in value]
        return json.dumps(sorted(texts) if _is(value, _SETS) else texts)
    if _is(value, Enum):
        return str(value.name)
    if _is(value, FunctionType):
        return json.dumps([value.__qualname__, _instructions(value.__code__)])
    name = str(getattr(value, "__qualname__", type(value).__qualname__))
    if _is(value, _ADDRESSES):
        return json.dumps([name, str(value)])
    if depth >= _DEEPEST or _is(value, type) or _is_library(_type_of(value)):
        return name
    held = _held(value)
    attributes = [[each, _order(held[each], depth + 1)] for each in sorted(held)]
    return json.dumps([name, attributes]) if attributes else name


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


def _held_by_pydantic(value: object) -> dict[str, Any]:
    """Return the attributes of a model that are not fields: for code that names them."""
    held: dict[str, Any] = {}
    if _is(value, BaseModel):
        for name in ("__pydantic_private__", "__pydantic_extra__"):
            with contextlib.suppress(AttributeError):
                held |= object.__getattribute__(value, name) or {}
    return held


def _slots(cls: type) -> Iterator[str]:
    for each in cls.__mro__:
        slots = () if _is_library(each) else vars(each).get("__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            if not name.startswith("__"):
                yield name
            elif not _is_special(name):  # which is kept under another name
                yield f"_{each.__name__.lstrip('_')}{name}"


def _special_methods(cls: type) -> set[str]:
    """Return the names of the methods that operators and the like call, and that were written."""
    return {
        name
        for each in cls.__mro__
        if not _is_library(each)
        for name, value in vars(each).items()
        if _is_special(name) and name not in _SILENT and _is_function(value)
        if not _is_generated(each, name)
    }


def _is_generated(cls: type, name: str) -> bool:
    """Return whether a method of a class is one that makes it a dataclass: of that count the
    fields, for its code is another in each version of Python.
    """
    if name not in _GENERATED or "__dataclass_fields__" not in vars(cls):
        return False
    function: Any = vars(cls).get(name)
    while _is(wrapped := getattr(function, "__wrapped__", None), FunctionType):
        function = wrapped
    code: Any = getattr(function, "__code__", None)
    return _is(code, CodeType) and code.co_filename == "<string>"


def _is_data_of_class(name: str, value: object) -> bool:
    """Return whether an attribute of a class is a value that its objects share."""
    if _is_special(name) or name == "model_config" or _is_function(value):
        return False
    return not _is(value, (type, ModuleType, MemberDescriptorType, GetSetDescriptorType))


def _is_without_attributes(cls: type) -> bool:
    """Return whether a library's class puts no attributes of its own into the objects of classes
    made of it: there, these may be a thread's number, or the time of a connection.
    """
    if any(cls is each for each in (object, *_BASES, *_CONTAINERS)):
        return True
    if cls.__module__ in _INTERFACES:
        return True
    return library(cls.__module__) in ("discobase", "pydantic") and issubclass(cls, BaseModel)


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


def _used_whole(code: CodeType) -> set[str]:
    """Return the names in a function, of variables and attributes, with which it does more than to
    take, or set, an attribute of what they name.
    """
    used: set[str] = set()
    for part in _codes(code):
        steps = [
            (step.opname, step.argval)
            for step in dis.get_instructions(part)
            if step.opname not in ("COPY", "EXTENDED_ARG", "NOP")
        ]
        for (name, loaded), (following, _) in itertools.pairwise(steps):
            if not name.startswith(("LOAD_", "STORE_FAST_LOAD_")):
                continue
            # There may be two, of two instructions in one.
            names: list[Any] = list(loaded if _is(loaded, tuple) else (loaded,))
            if name == "LOAD_CONST" or not all(isinstance(each, str) for each in names):
                continue
            names = names[name.startswith("STORE_") :]
            is_given_back = following == "RETURN_VALUE" and name.startswith("LOAD_FAST")
            is_left = following in _BY_NAME or following.endswith(("IF_NONE", "IF_NOT_NONE"))
            used.update(names[: -1 if is_left or is_given_back else None])
    return used
