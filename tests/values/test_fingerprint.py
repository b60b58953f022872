"""What the log's declared schema says of each field: fingerprints, missing values, JSON types."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from discobase.records.fingerprint import fingerprints, json_types, missing_values

PREAMBLE = """
import enum
import functools
import json
import operator
import re
from collections import deque
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address
from pathlib import Path
from typing import *
from uuid import UUID, uuid4

from pydantic import *
from pydantic.dataclasses import dataclass as checked_dataclass
from pydantic_core import core_schema
from typing_extensions import TypeAliasType, TypedDict

import discobase
from discobase import Index, Unique
"""

_numbers = itertools.count()


def load(folder: Path, source: str) -> type[BaseModel]:
    """Return the class ``Row`` of a source text, imported from a file as users' classes are."""
    name = f"rows_{next(_numbers)}"
    path = folder / f"{name}.py"
    path.write_text(PREAMBLE + textwrap.dedent(source))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module.Row


def field(annotation: str, before: str = "", *, config: str = "", rest: str = "") -> str:
    """Return the source of a class with a field ``value``."""
    lines = [before, "class Row(discobase.Table):"]
    if config:
        lines.append(f"    model_config = ConfigDict({config})")
    lines += ["    other: int = 0", f"    value: {annotation}", textwrap.indent(rest, "    ")]
    return "\n".join(lines)


def validated(body: str, before: str = "") -> str:
    return field(
        "str",
        before,
        rest="@field_validator('value')\n@classmethod\ndef check(cls, value):\n"
        + textwrap.indent(textwrap.dedent(body), "    "),
    )


def calls(helper: str) -> str:
    return validated("return tidy(value)", textwrap.dedent(helper))


def annotated(entry: str, before: str = "") -> str:
    return field(f"Annotated[str, {entry}]", textwrap.dedent(before))


def inner(body: str, annotation: str = "Inner") -> str:
    return field(
        annotation, "class Inner(BaseModel):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    )


def whole(body: str, before: str = "") -> str:
    return field("str", before, rest=textwrap.dedent(body))


CLOSURE = """
def cut(length):
    def cutter(value):
        return value[:length]
    return cutter
"""

WRAPPED = """
def twice(function):
    @functools.wraps(function)
    def wrapper(value):
        return function(function(value))
    return wrapper

@twice
def tidy(value):
    return value[1:]
"""

CALLABLE = """
class Cut:
    def __init__(self, length):
        self.length = length
    def __call__(self, value):
        return self.cut(value)
    def cut(self, value):
        return value[:self.length]
"""

CALLED_DATA = """
@dataclass(frozen=True)
class Cut:
    length: int
    def __call__(self, value):
        return value[:self.length]
"""

CHILD = """
class Base(discobase.Table):
    value: str
    @field_validator("value")
    @classmethod
    def check(cls, value):
        return {body}
class Row(Base):
    other: int = 0
"""

SUPER = """
class Base(discobase.Table):
    @classmethod
    def tidy(cls, value):
        return {body}
class Row(Base):
    value: str
    @field_validator("value")
    @classmethod
    def check(cls, value):
        return cls.tidy(value)
    @classmethod
    def tidy(cls, value):
        return super().tidy(value)
"""

SETTINGS = """
class Settings(BaseModel):
    limit: int
settings = Settings(limit={})
"""

PIPELINE = "from pydantic.experimental.pipeline import validate_as"

CUSTOM = """
class Code:
    def __init__(self, text):
        self.text = text
    @classmethod
    def __get_pydantic_core_schema__(cls, source, handler):
        return core_schema.no_info_after_validator_function(
            cls.read, core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(cls.write),
        )
    @classmethod
    def read(cls, text):
        return cls(text.upper())
    def write(self):
        return self.text
"""

DISCRIMINATED = """
class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
def kind_of(value):
    return value["kind"] if isinstance(value, dict) else value.kind
"""

OBJECT = """
class Names:
    __slots__ = ("names", "__dict__")
    def __init__(self, names):
        self.names = names
    def __{}__(self, value=None, *more):
        return {}
NAMES = Names({{"a": "b"}})
"""


def looked_up(holder: str, use: str, before: str = "") -> tuple[str, str]:
    """Return a validator that uses a global, with two values in that."""
    first, second = (
        validated(f"return {use}", f"{before}\nHELD = {holder % text}") for text in "bc"
    )
    return first, second


def of_object(method: str, use: str) -> tuple[str, str]:
    """Return a validator that uses an object by a special method, with two values in the object."""
    before = validated(f"return {use}", OBJECT.format(method, "self.names") + HELPER)
    return before, before.replace('"b"', '"c"')


def by_method(method: str, use: str) -> tuple[str, str]:
    """Return the same, with two bodies of the method."""
    first, second = (
        validated(f"return {use}", OBJECT.format(method, text) + HELPER)
        for text in ("value", "[value]")
    )
    return first, second


USES = {
    "getitem": "NAMES[value]",
    "call": "NAMES(value)",
    "len": "value[:len(NAMES)]",
    "iter": "[each for each in NAMES]",
    "contains": "value in NAMES",
    "add": "NAMES + value",
    "radd": "value + NAMES",
    "lt": "NAMES < value",
    "bool": "value if NAMES else ''",
    "str": "f'{NAMES}'",
    "getattr": "NAMES.anything",
    "enter": "helper(value)",
}
HELPER = "\ndef helper(value):\n    with NAMES as names:\n        return names\n"
ENTRY = "@dataclass(frozen=True)\nclass Entry:\n    name: str\n    more: object = None\n"
RULES = """
class Rule:
    def __init__(self, old):
        self.old = old
    def __repr__(self):
        return str(id(self))
    def tidy(self, value):
        return value.replace(self.old, "{}")
"""
DEFAULTS = """
class Settings(BaseModel):
    names: dict[str, str] = {}
"""

LIBRARY_STATE = """
import contextvars, io, itertools, logging, queue, random, socket, sys, threading, weakref
class Worker(threading.Thread):
    def __getitem__(self, key):
        return key
class Held:
    def __init__(self):
        self.lock, self.condition = threading.RLock(), threading.Condition()
        self.log, self.file = logging.getLogger("a"), sys.__stderr__
        self.queue, self.random, self.count = queue.Queue(), random.Random(), itertools.count({0})
        self.local, self.variable = threading.local(), contextvars.ContextVar("v")
        self.none, self.me, self.any, self.weak = object(), self, [self], weakref.ref(self)
        self.worker, self.buffer, self.socket = Worker(name="{0}"), io.StringIO("{0}"), socket
        self.worker.number = {0}
    def __getitem__(self, key):
        return key
HELD = Held()
"""

DIFFERENT = {
    "str to int": (field("str"), field("int")),
    "int to float": (field("int"), field("float")),
    "float to Decimal": (field("float"), field("Decimal")),
    "datetime to date": (field("datetime"), field("date")),
    "str to Path": (field("str"), field("Path")),
    "Path to PurePosixPath": (
        field("Path"),
        field("PurePosixPath", "from pathlib import PurePosixPath"),
    ),
    "Optional": (field("str"), field("str | None")),
    "a union's member": (field("int | str"), field("int | str | None")),
    "list to set": (field("list[str]"), field("set[str]")),
    "a list's items": (field("list[str]"), field("list[int]")),
    "a literal more": (field("Literal['a']"), field("Literal['a', 'b']")),
    "lower case": (field("str"), annotated("StringConstraints(to_lower=True)")),
    "a pattern": (annotated("Field(pattern='a')"), annotated("Field(pattern='b')")),
    "Decimal places": (
        field("Annotated[Decimal, Field(decimal_places=2)]"),
        field("Annotated[Decimal, Field(decimal_places=3)]"),
    ),
    "a bound": (field("Annotated[int, Field(gt=0)]"), field("Annotated[int, Field(gt=1)]")),
    "strict": (field("int"), field("Annotated[int, Field(strict=True)]")),
    "a strict class": (field("int"), field("int", config="strict=True")),
    "a class in lower case": (field("str"), field("str", config="str_to_lower=True")),
    "a class that strips": (field("str"), field("str", config="str_strip_whitespace=True")),
    "a class that takes numbers": (field("str"), field("str", config="coerce_numbers_to_str=True")),
    "a class's timedeltas": (
        field("timedelta"),
        field("timedelta", config="ser_json_timedelta='float'"),
    ),
    "a class's bytes": (field("bytes"), field("bytes", config="val_json_bytes='hex'")),
    "a validator": (field("str"), validated("return value")),
    "a validator's body": (validated("return value"), validated("return value.lower()")),
    "a validator's class attribute": (
        validated("return value[:cls.limit]") + "\n    limit: ClassVar[int] = 3",
        validated("return value[:cls.limit]") + "\n    limit: ClassVar[int] = 4",
    ),
    "a validator's mode": (
        annotated("BeforeValidator(tidy)", "def tidy(value):\n    return value"),
        annotated("AfterValidator(tidy)", "def tidy(value):\n    return value"),
    ),
    "a helper's body": (
        calls("def tidy(value):\n    return value.lower()"),
        calls("def tidy(value):\n    return value.upper()"),
    ),
    "a helper's helper": (
        calls("def deep(v):\n    return v\ndef tidy(value):\n    return deep(value)"),
        calls("def deep(v):\n    return v + v\ndef tidy(value):\n    return deep(value)"),
    ),
    "a helper in a class": (
        validated("return Text.tidy(value)", "class Text:\n    tidy = str.lower"),
        validated("return Text.tidy(value)", "class Text:\n    tidy = str.upper"),
    ),
    "a helper's object": (
        validated("return cut.cut(value)", CALLABLE + "\ncut = Cut(3)"),
        validated("return cut.cut(value)", CALLABLE.replace("[:", "[1:") + "\ncut = Cut(3)"),
    ),
    "a helper in a class in a class": tuple(
        validated(
            "return Text.Words.tidy(value)",
            "class Text:\n    class Words:\n        def tidy(v):\n            return " + text,
        )
        for text in ("v.lower()", "v.upper()")
    ),
    "an object's object": tuple(
        validated(
            "return tools.cut.cut(value)",
            f"{CALLABLE}\nclass Tools:\n    pass\ntools = Tools()\ntools.cut = Cut({length})",
        )
        for length in (3, 4)
    ),
    "objects that hold one another": tuple(
        validated(
            "return tools.me.cut(value)",
            "class Tools:\n    def __init__(self):\n        self.me = self\n"
            f"    def cut(self, v):\n        return v[{length}:]\ntools = Tools()",
        )
        for length in (3, 4)
    ),
    "a helper's import": (
        validated("return loads(value)", "from json import loads"),
        validated("return loads(value)", "from pickle import loads"),
    ),
    "a constant": (
        validated("return value[:LIMIT]", "LIMIT = 3"),
        validated("return value[:LIMIT]", "LIMIT = 4"),
    ),
    "a table of constants": (
        validated("return NAMES[value]", "NAMES = {'a': 'b'}"),
        validated("return NAMES[value]", "NAMES = {'a': 'c'}"),
    ),
    "a compiled pattern": (
        validated("return SPACE.sub('', value)", "SPACE = re.compile('a')"),
        validated("return SPACE.sub('', value)", "SPACE = re.compile('a', re.I)"),
    ),
    "an enum in a validator": (
        validated("return Kind.a.value", "class Kind(Enum):\n    a = 'a'"),
        validated("return Kind.a.value", "class Kind(Enum):\n    a = 'b'"),
    ),
    "a default argument": (
        annotated("AfterValidator(tidy)", "def tidy(v, n=3):\n    return v[:n]"),
        annotated("AfterValidator(tidy)", "def tidy(v, n=4):\n    return v[:n]"),
    ),
    "a computed default argument": (
        annotated("AfterValidator(tidy)", "N = 3\ndef tidy(v, n=N):\n    return v[:n]"),
        annotated("AfterValidator(tidy)", "N = 4\ndef tidy(v, n=N):\n    return v[:n]"),
    ),
    "a closed-over value": (
        annotated("AfterValidator(cut(3))", CLOSURE),
        annotated("AfterValidator(cut(4))", CLOSURE),
    ),
    "a closed-over function": (
        annotated("AfterValidator(twice(lambda v: v[1:]))", WRAPPED),
        annotated("AfterValidator(twice(lambda v: v[2:]))", WRAPPED),
    ),
    "a decorator": (
        annotated("AfterValidator(tidy)", WRAPPED),
        annotated("AfterValidator(tidy)", WRAPPED.replace("(function(value))", "(value)")),
    ),
    "what is decorated": (
        annotated("AfterValidator(tidy)", WRAPPED),
        annotated("AfterValidator(tidy)", WRAPPED.replace("[1:]", "[2:]")),
    ),
    "a cached function": (
        calls("@functools.cache\ndef tidy(value):\n    return value.lower()"),
        calls("@functools.cache\ndef tidy(value):\n    return value.upper()"),
    ),
    "a partial's value": (
        annotated("AfterValidator(functools.partial(cut, 3))", "def cut(n, v):\n    return v[:n]"),
        annotated("AfterValidator(functools.partial(cut, 4))", "def cut(n, v):\n    return v[:n]"),
    ),
    "a partial's function": (
        annotated("AfterValidator(functools.partial(cut, 3))", "def cut(n, v):\n    return v[:n]"),
        annotated("AfterValidator(functools.partial(cut, 3))", "def cut(n, v):\n    return v[n:]"),
    ),
    "a callable object's attribute": (
        annotated("AfterValidator(Cut(3))", CALLABLE),
        annotated("AfterValidator(Cut(4))", CALLABLE),
    ),
    "a callable object's method": (
        annotated("AfterValidator(Cut(3))", CALLABLE),
        annotated("AfterValidator(Cut(3))", CALLABLE.replace("[:", "[1:")),
    ),
    "a callable dataclass's method": (
        annotated("AfterValidator(Cut(3))", CALLED_DATA),
        annotated("AfterValidator(Cut(3))", CALLED_DATA.replace("[:", "[1:")),
    ),
    "a callable dataclass's field": (
        annotated("AfterValidator(Cut(3))", CALLED_DATA),
        annotated("AfterValidator(Cut(4))", CALLED_DATA),
    ),
    "a checked function": (
        calls("@validate_call\ndef tidy(value: str):\n    return value.lower()"),
        calls("@validate_call\ndef tidy(value: str):\n    return value.upper()"),
    ),
    "a private helper": (
        calls("def tidy(value):\n    return __tidy(value)\ndef __tidy(v):\n    return v[1:]"),
        calls("def tidy(value):\n    return __tidy(value)\ndef __tidy(v):\n    return v[2:]"),
    ),
    "a base class's validator": (
        CHILD.format(body="value"),
        CHILD.format(body="value.lower()"),
    ),
    "a super's method": (
        SUPER.format(body="value"),
        SUPER.format(body="value.lower()"),
    ),
    "a setting read by a validator": (
        validated("return value[:settings.limit]", SETTINGS.format(3)),
        validated("return value[:settings.limit]", SETTINGS.format(4)),
    ),
    "a piece of pydantic's pipeline": (
        annotated("validate_as(str).transform(lambda v: v[1:])", PIPELINE),
        annotated("validate_as(str).transform(lambda v: v[2:])", PIPELINE),
    ),
    "a bound method's object": (
        annotated("AfterValidator(Cut(3).cut)", CALLABLE),
        annotated("AfterValidator(Cut(4).cut)", CALLABLE),
    ),
    "a dictionary's method": (
        annotated("AfterValidator({'a': 'b'}.get)"),
        annotated("AfterValidator({'a': 'c'}.get)"),
    ),
    "a lambda": (
        annotated("AfterValidator(lambda v: v.lower())"),
        annotated("AfterValidator(lambda v: v.upper())"),
    ),
    "a method of str": (
        annotated("AfterValidator(str.lower)"),
        annotated("AfterValidator(str.upper)"),
    ),
    "an attribute getter": (
        annotated("PlainSerializer(operator.attrgetter('a'))"),
        annotated("PlainSerializer(operator.attrgetter('b'))"),
    ),
    "a class that makes the value": (
        annotated("AfterValidator(Cut)", CALLABLE),
        annotated("AfterValidator(Cut)", CALLABLE.replace("= length", "= length.upper()")),
    ),
    "a serializer": (field("str"), annotated("PlainSerializer(str.lower)")),
    "a serializer that is a method": (
        whole(
            "@field_serializer('value')\ndef write(self, value):\n    return self.low(value)\n"
            "def low(self, value):\n    return value"
        ),
        whole(
            "@field_serializer('value')\ndef write(self, value):\n    return self.low(value)\n"
            "def low(self, value):\n    return value.lower()"
        ),
    ),
    "a model's validator": (
        field("str"),
        whole("@model_validator(mode='after')\ndef check(self):\n    return self"),
    ),
    "what a model's validator calls": (
        whole(
            "@model_validator(mode='after')\ndef check(self):\n    return self.tidy()\n"
            "def tidy(self):\n    return self"
        ),
        whole(
            "@model_validator(mode='after')\ndef check(self):\n    return self.tidy()\n"
            "def tidy(self):\n    return None"
        ),
    ),
    "a model's validator before": (
        whole(
            "@model_validator(mode='before')\n@classmethod\ndef check(cls, data):\n    return data"
        ),
        whole(
            "@model_validator(mode='before')\n@classmethod\ndef check(cls, data):\n    return {}"
        ),
    ),
    "model_post_init": (field("str"), whole("def model_post_init(self, context):\n    pass")),
    "model_post_init's body": (
        whole("_x: int = 1\ndef model_post_init(self, context):\n    pass"),
        whole("_x: int = 1\ndef model_post_init(self, context):\n    self.value = ''"),
    ),
    "an enum's value": (
        field("Kind", "class Kind(Enum):\n    a = 1"),
        field("Kind", "class Kind(Enum):\n    a = 2"),
    ),
    "an enum's member": (
        field("Kind", "class Kind(Enum):\n    a = 1"),
        field("Kind", "class Kind(Enum):\n    b = 1"),
    ),
    "an enum's values instead of it": (
        field("Kind", "class Kind(Enum):\n    a = 1"),
        field("Kind", "class Kind(Enum):\n    a = 1", config="use_enum_values=True"),
    ),
    "an enum's missing value": (
        field("Kind", "class Kind(Enum):\n    a = 1"),
        field(
            "Kind",
            "class Kind(Enum):\n    a = 1\n    @classmethod\n"
            "    def _missing_(cls, value):\n        return cls.a",
        ),
    ),
    "an inner field": (inner("a: int"), inner("a: str")),
    "an inner field more": (inner("a: int"), inner("a: int\nb: int = 0")),
    "an inner default": (inner("a: int = 1"), inner("a: int = 2")),
    "an inner factory": (
        inner("a: list[int] = Field(default_factory=list)"),
        inner("a: list[int] = Field(default_factory=lambda: [1])"),
    ),
    "an inner validator": (
        inner("a: int\n@field_validator('a')\n@classmethod\ndef check(cls, a):\n    return a"),
        inner("a: int\n@field_validator('a')\n@classmethod\ndef check(cls, a):\n    return -a"),
    ),
    "an inner post_init": (
        inner("a: int\ndef model_post_init(self, context):\n    pass"),
        inner("a: int\ndef model_post_init(self, context):\n    self.a = 0"),
    ),
    "an inner __init__": (
        inner("a: int\ndef __init__(self, **values):\n    super().__init__(**values)"),
        inner("a: int\ndef __init__(self, **values):\n    super().__init__(**values | {'a': 1})"),
    ),
    "an inner model's extras": (
        inner("a: int"),
        inner("model_config = ConfigDict(extra='allow')\na: int"),
    ),
    "a dataclass's field": (
        field("Inner", "@dataclass\nclass Inner:\n    a: int"),
        field("Inner", "@dataclass\nclass Inner:\n    a: str"),
    ),
    "a dataclass's __post_init__": (
        field(
            "Inner",
            "@dataclass\nclass Inner:\n    a: int\n"
            "    def __post_init__(self):\n        self.a += 1",
        ),
        field(
            "Inner",
            "@dataclass\nclass Inner:\n    a: int\n"
            "    def __post_init__(self):\n        self.a += 2",
        ),
    ),
    "a named tuple's field": (
        field("Inner", "class Inner(NamedTuple):\n    a: int"),
        field("Inner", "class Inner(NamedTuple):\n    a: str"),
    ),
    "a typed dictionary's field": (
        field("Inner", "class Inner(TypedDict):\n    a: int"),
        field("Inner", "class Inner(TypedDict, total=False):\n    a: int"),
    ),
    "a recursive model": (
        inner("a: int\nmore: 'list[Inner]' = []"),
        inner("a: int\nmore: 'set[Inner]' = []"),
    ),
    "a type of one's own": (
        field("Code", CUSTOM),
        field("Code", CUSTOM.replace("upper", "lower")),
    ),
    "a discriminator": (
        field("Annotated[Cat | Dog, Field(discriminator='kind')]", DISCRIMINATED),
        field("Cat | Dog", DISCRIMINATED),
    ),
    "a discriminating function": tuple(
        field(
            "Annotated[Annotated[Cat, Tag('cat')] | Annotated[Dog, Tag('dog')], "
            "Discriminator(kind_of)]",
            DISCRIMINATED.replace("value.kind", text),
        )
        for text in ("value.kind", "'cat'")
    ),
    "a generic model's argument": tuple(
        field(f"Box[{name}]", "T = TypeVar('T')\nclass Box(BaseModel, Generic[T]):\n    a: T")
        for name in ("int", "str")
    ),
    "Json's type": (field("Json[int]"), field("Json[str]")),
    "a secret": (field("str"), field("SecretStr")),
    **{
        f"a {what}": looked_up(holder, use, "import array, collections, ipaddress, string, types")
        for what, holder, use in [
            ("ChainMap", "collections.ChainMap({}, {'a': '%s'})", "HELD[value]"),
            ("ChainMap's method", "collections.ChainMap({}, {'a': '%s'})", "HELD.get(value)"),
            ("deque", "deque(['%s'])", "HELD[0]"),
            ("SimpleNamespace", "types.SimpleNamespace(a='%s')", "HELD.a"),
            (
                "nested SimpleNamespace",
                "types.SimpleNamespace(a=types.SimpleNamespace(b={'a': '%s'}))",
                "HELD.a.b[value]",
            ),
            ("array", "array.array('b', b'%s')", "HELD[0]"),
            ("defaultdict's factory", "collections.defaultdict(lambda: '%s')", "HELD[value]"),
            ("MappingProxyType", "types.MappingProxyType({'a': '%s'})", "HELD[value]"),
            (
                "proxy of a ChainMap",
                "types.MappingProxyType(collections.ChainMap({'a': '%s'}))",
                "HELD[value]",
            ),
            ("OrderedDict", "collections.OrderedDict(a='%s')", "HELD[value]"),
            ("Counter", "collections.Counter('%s')", "HELD[value]"),
            ("UserDict", "collections.UserDict(a='%s')", "HELD.get(value)"),
            ("UserList", "collections.UserList('%s')", "HELD[0]"),
            ("view", "{'a': '%s'}.items()", "dict(HELD)[value]"),
            ("memoryview", "memoryview(b'%s')", "value.encode() in HELD"),
            ("network", "ipaddress.ip_network('1%s::/32')", "IPv4Address(value) in HELD"),
            ("template", "string.Template('%s')", "HELD.substitute()"),
            ("frozenset's tuples", "frozenset({('a', '%s'), ('b', 'b')})", "value in HELD"),
        ]
    },
    "a slice": (
        validated("return value[PART]", "PART = slice(1)"),
        validated("return value[PART]", "PART = slice(2)"),
    ),
    **{f"what an object holds, by {name}": of_object(name, USES[name]) for name in USES},
    **{f"an object's __{name}__": by_method(name, USES[name]) for name in USES},
    "what an object holds, through a helper": tuple(
        text.replace("return NAMES", "return look(NAMES, value)\n\ndef unused(): return 0")
        + "\ndef look(names, value):\n    return names[value]\n"
        for text in of_object("getitem", "NAMES")
    ),
    "what an object in an object holds": looked_up(
        "Outer(Inner('%s'))",
        "HELD[value]",
        "class Inner:\n    def __init__(self, name):\n        self.name = name\n"
        "class Outer:\n    def __init__(self, inner):\n        self.inner = inner\n"
        "    def __getitem__(self, key):\n        return self.inner.name\n",
    ),
    "a method of an object in an object": tuple(
        validated(
            "return HELD(value)",
            "class Inner:\n    def tidy(self, value):\n        return " + text + "\n"
            "class Outer:\n    def __init__(self):\n        self.inner = Inner()\n"
            "    def __call__(self, value):\n        return self.inner.tidy(value)\n"
            "HELD = Outer()",
        )
        for text in ("value", "value[1:]")
    ),
    "a dictionary's missing keys": tuple(
        validated(
            "return HELD[value]",
            f"class Held(dict):\n    def __missing__(self, key):\n        return {text!r}\n"
            "HELD = Held(a='b')",
        )
        for text in "bc"
    ),
    "a UserDict of one's own": looked_up(
        "Held(a='%s')", "HELD.get(value)", "import collections\nclass Held(collections.UserDict): 0"
    ),
    "a mapping of one's own": looked_up(
        "Held('%s')",
        "HELD.get(value)",
        "import collections.abc\nclass Held(collections.abc.Mapping):\n"
        "    def __init__(self, name):\n        self.name = name\n"
        "    def __getitem__(self, key):\n        return self.name\n"
        "    def __iter__(self):\n        return iter('a')\n"
        "    def __len__(self):\n        return 1\n",
    ),
    "objects in a list": tuple(
        validated(
            "for rule in HELD:\n    value = rule.tidy(value)\nreturn value",
            RULES.format("") + f"HELD = [Rule('a'), Rule('{text}')]",
        )
        for text in "bc"
    ),
    "a method of objects in a list": tuple(
        validated(
            "for rule in HELD:\n    value = rule.tidy(value)\nreturn value",
            RULES.format(text) + "HELD = [Rule('a'), Rule('b')]",
        )
        for text in "bc"
    ),
    "objects in a set": looked_up(
        "frozenset({Entry('a'), Entry('b', Entry('x')), Entry('%s', (1, Entry('z')))})",
        "Entry(value) in HELD",
        ENTRY,
    ),
    "objects as keys": looked_up(
        "{key: 1 for key in {Entry('a'), Entry('d'), Entry('%s')}}", "Entry(value) in HELD", ENTRY
    ),
    "classes in a dictionary": tuple(
        validated(
            "return HELD[value](value).name",
            "class Low:\n    def __init__(self, name):\n"
            f"        self.name = name.{text}()\nHELD = dict(a=Low)",
        )
        for text in ("lower", "upper")
    ),
    "a default of a model that is called": tuple(
        validated("return Settings().names[value]", DEFAULTS.replace("{}", f"{{'a': {text!r}}}"))
        for text in "bc"
    ),
    "a default factory of a model that is called": tuple(
        validated(
            "return Settings().names[value]",
            DEFAULTS.replace("{}", f"Field(default_factory=lambda: {{'a': {text!r}}})"),
        )
        for text in "bc"
    ),
    "a default of a model's base": tuple(
        validated(
            "return Own().names[value]",
            DEFAULTS.replace("{}", f"{{'a': {text!r}}}") + "class Own(Settings):\n    n: int = 1",
        )
        for text in "bc"
    ),
    **{
        f"a default of a {what}": tuple(
            validated(
                "return Settings().name",
                f"import dataclasses\n@{what}\nclass Settings:\n    name: str = {text}",
            )
            for text in (default % "b", default % "c")
        )
        for what, default in [
            ("dataclass", "'%s'"),
            ("dataclass(slots=True)", "dataclasses.field(default_factory=lambda: '%s')"),
            ("checked_dataclass", "Field('%s')"),
            ("checked_dataclass(frozen=True)", "Field(default_factory=lambda: '%s')"),
        ]
    },
    "a model's private attribute": tuple(
        validated(
            "return HELD._name", f"class Held(BaseModel):\n    _name: str = '{text}'\nHELD = Held()"
        )
        for text in "bc"
    ),
    "what an attribute getter finds": looked_up(
        "Held()\nHELD.name = '%s'\nGET = operator.attrgetter('name')",
        "GET(HELD)",
        "class Held: 0",
    ),
    "what an attribute getter finds in a class": tuple(
        validated(
            "return GET(HELD)",
            f"class Held:\n    name = {text!r}\nHELD = Held()\nGET = operator.attrgetter('name')",
        )
        for text in "bc"
    ),
    "what an item getter finds": looked_up(
        "[Held()]\nHELD[0].name = '%s'\nGET = operator.itemgetter(0)",
        "GET(HELD).name",
        "class Held: 0",
    ),
    "an object that a partial holds": looked_up(
        "functools.partial(getattr, Held('%s'))",
        "HELD(value)",
        "class Held:\n    def __init__(self, name):\n        self.__name = name\n",
    ),
    "an object's private slot": looked_up(
        "Held('%s')",
        "HELD[value]",
        "class Held:\n    __slots__ = ('__name',)\n    def __init__(self, name):\n"
        "        self.__name = name\n    def __getitem__(self, key):\n        return self.__name\n",
    ),
    "what a bound method takes of its object": tuple(
        annotated(
            "AfterValidator(Held().tidy)",
            "class Held:\n    def tidy(self, value):\n        return self[value]\n"
            f"    def __getitem__(self, key):\n        return {text!r}\n",
        )
        for text in "bc"
    ),
    "what a metaclass looks up": tuple(
        validated(
            "return Names[value]",
            "class Meta(type):\n    def __getitem__(cls, key):\n"
            f"        return {text!r}\nclass Names(metaclass=Meta): 0",
        )
        for text in "bc"
    ),
}

SAME = {
    "nothing": (field("str"), field("str")),
    "an alias": (field("str"), field("str = Field(alias='v')")),
    "a validation alias": (field("str"), field("str = Field(validation_alias=AliasPath('a', 0))")),
    "a default": (field("str"), field("str = 'a'")),
    "another default": (field("int = 1"), field("int = 2")),
    "a factory": (field("int"), field("int = Field(default_factory=lambda: 3)")),
    "a validated default": (field("int = 1"), field("int = Field(1, validate_default=True)")),
    "a description": (field("str"), field("str = Field(title='V', description='v')")),
    "examples": (field("str"), field("str = Field(examples=['a'], json_schema_extra={'a': 1})")),
    "a description inside": (field("str"), annotated("Field(description='v')")),
    "repr and exclude": (field("str"), field("str = Field(repr=False, exclude=True)")),
    "deprecated, frozen": (field("str"), field("str = Field(deprecated=False, frozen=True)")),
    "a mark": (field("str"), annotated("Unique()")),
    "another mark": (annotated("Index()"), annotated("Unique()")),
    "another spelling": (field("str | None"), field("Optional[str]")),
    "a union's spelling": (field("int | str"), field("Union[int, str]")),
    "a literal's order": (field("Literal['a', 'b']"), field("Literal['b', 'a']")),
    "the order of fields": (
        "class Row(discobase.Table):\n    value: int\n    other: str",
        "class Row(discobase.Table):\n    other: str\n    value: int",
    ),
    "another field": (
        "class Row(discobase.Table):\n    value: int\n    other: str",
        "class Row(discobase.Table):\n    value: int\n    another: float = 1.0",
    ),
    "another field of the same model": (
        inner("a: int"),
        inner("a: int") + "\n    another: Inner = Inner(a=1)",
    ),
    "another field's validator": (
        field("str"),
        field("str", rest="@field_validator('other')\n@classmethod\ndef f(cls, v):\n    return v"),
    ),
    "a validator for another field, too": (
        validated("return value"),
        validated("return value").replace("'value')", "'value', 'other')"),
    ),
    "a class's title": (field("str"), field("str", config="title='T'")),
    "settings that are the usual ones": (
        field("str"),
        field("str", config="str_to_lower=False, strict=False, extra='ignore'"),
    ),
    "settings of the schema's": (
        field("str"),
        field("str", config="json_schema_extra={'a': 1}, use_attribute_docstrings=True"),
    ),
    "a method": (field("str"), field("str", rest="def greet(self):\n    return 'hello'")),
    "a computed field": (
        field("str"),
        field("str", rest="@computed_field\n@property\ndef n(self) -> int:\n    return 1"),
    ),
    "a private attribute": (field("str"), field("str", rest="_seen: int = 0")),
    "a private attribute beside a model's validator": (
        whole("@model_validator(mode='after')\ndef check(self):\n    return self"),
        whole("_x: int = 0\n@model_validator(mode='after')\ndef check(self):\n    return self"),
    ),
    "settings that say the usual": (
        field("timedelta"),
        field("timedelta", config="ser_json_timedelta='iso8601', allow_inf_nan=True"),
    ),
    "a class's name": (
        validated("return value"),
        validated("return value").replace("Row(", "Other(") + "\nRow = Other",
    ),
    "where a class is defined": (
        field("Kind", "class Kind(Enum):\n    a = 1"),
        field(
            "Kind",
            "def make():\n    class Kind(Enum):\n        a = 1\n    return Kind\nKind = make()",
        ),
    ),
    "a base class": (
        "class Row(discobase.Table):\n    value: str",
        "class Base(discobase.Table):\n    value: str\nclass Row(Base):\n    pass",
    ),
    "a helper nobody calls": (
        validated("return value", "def other(v):\n    return 1"),
        validated("return value", "def other(v):\n    return 2"),
    ),
    "a validator further down": (
        validated("return value"),
        validated("return value", "\n\n\nA = 1"),
    ),
    "a lambda's default": (
        annotated("AfterValidator(lambda v: v.lower())"),
        annotated("AfterValidator(lambda v: v.lower())").rstrip() + " = 'a' ; another: int = 1",
    ),
    "an enum's order": (
        field("Kind", "class Kind(Enum):\n    a = 1\n    b = 2"),
        field("Kind", "class Kind(Enum):\n    b = 2\n    a = 1"),
    ),
    "an inner model's order": (inner("a: int\nb: int"), inner("b: int\na: int")),
    "an inner alias": (inner("a: int"), inner("a: int = Field(alias='A')")),
    "an inner description": (inner("a: int"), inner("a: int = Field(description='A')")),
    "an object behind a name": (
        validated("log.append(value)\nreturn value", "class Log:\n    pass\nlog = Log()"),
        validated(
            "log.append(value)\nreturn value", "class Log:\n    pass\nlog = Log()\nlog.x = 1"
        ),
    ),
    "an object that is only asked for a method": (
        validated("return log.tidy(value)", OBJECT.format("getitem", "1") + "log = NAMES"),
        validated(
            "return log.tidy(value)", OBJECT.format("getitem", "2") + "log = NAMES\nlog.x = 1"
        ),
    ),
    "an object that is only asked for": (
        validated("return value if NAMES is None else None", OBJECT.format("getitem", "1")),
        validated("return value if NAMES is None else None", OBJECT.format("getitem", "2")),
    ),
    "what a library's objects hold": (
        validated("return HELD[value]", LIBRARY_STATE.format(1)),
        validated("return HELD[value]", LIBRARY_STATE.format(2)),
    ),
    "a set's order": (
        validated("return Entry(value) in HELD", ENTRY + "HELD = {Entry('a'), Entry('b')}"),
        validated("return Entry(value) in HELD", ENTRY + "HELD = {Entry('b'), Entry('a')}"),
    ),
    "a method of an object that nobody calls": (
        validated("return HELD[value]", "class Held(dict):\n    def low(self): 1\nHELD = Held()"),
        validated("return HELD[value]", "class Held(dict):\n    def low(self): 2\nHELD = Held()"),
    ),
    "an alias of a type": (
        field("Names", "Names = TypeAliasType('Names', list[str])"),
        field("list[str]"),
    ),
}


def of_value(folder: Path, source: str) -> str:
    return fingerprints(load(folder, source))["value"]


@pytest.mark.parametrize("change", DIFFERENT)
def test_a_change_of_what_is_loaded_changes_the_fingerprint(change, tmp_path):
    before, after = DIFFERENT[change]
    assert of_value(tmp_path, before) != of_value(tmp_path, after)


@pytest.mark.parametrize("change", SAME)
def test_another_change_leaves_it(change, tmp_path):
    before, after = SAME[change]
    assert of_value(tmp_path, before) == of_value(tmp_path, after)


@pytest.mark.parametrize("change", DIFFERENT)
def test_a_class_made_twice_has_the_same_fingerprints(change, tmp_path):
    for source in DIFFERENT[change]:
        prints = fingerprints(load(tmp_path, source))
        assert prints == fingerprints(load(tmp_path, source))
        assert {len(text.rstrip("*")) for text in prints.values()} == {20}


ANNOTATIONS = st.recursive(
    st.sampled_from(
        [
            *(
                "str",
                "int",
                "float",
                "bool",
                "Decimal",
                "datetime",
                "date",
                "UUID",
                "Path",
                "bytes",
            ),
            *("IPv4Address", "Literal['a', 'b']", "Kind", "Inner", "SecretStr", "HttpUrl", "Any"),
            *(
                "Annotated[str, Field(max_length=9)]",
                "Annotated[int, AfterValidator(lambda v: -v)]",
            ),
            *("Json[int]", "Code", "Point", "Node"),
        ]
    ),
    lambda inside: st.one_of(
        inside.map("list[{}]".format),
        inside.map("Optional[{}]".format),
        inside.map("dict[str, {}]".format),
        inside.map("deque[{}]".format),
        st.tuples(inside, inside).map(lambda two: "tuple[{}, {}]".format(*two)),
        st.tuples(inside, inside).map(lambda two: "Union[{}, {}]".format(*two)),
    ),
    max_leaves=5,
)
TYPES = (
    "class Kind(Enum):\n    a = 1\nclass Inner(BaseModel):\n    kind: Kind\n"
    "class Point(NamedTuple):\n    x: int\n"
    "class Node(BaseModel):\n    inner: Inner\n    more: 'list[Node]' = []\n" + CUSTOM
)


@settings(max_examples=40, deadline=None)
@given(annotation=ANNOTATIONS, other=ANNOTATIONS)
def test_equal_fields_have_equal_fingerprints_whatever_stands_beside_them(
    annotation, other, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("rows")
    alone = load(folder, field(annotation, TYPES))
    beside = load(
        folder,
        f"{TYPES}\nclass Row(discobase.Table):\n    first: {other}\n    value: {annotation}\n"
        f"    last: {other}",
    )
    assert fingerprints(alone)["value"] == fingerprints(beside)["value"]
    prints = fingerprints(beside)
    assert prints["first"] == prints["last"]
    assert prints["first"] == prints["value"] or annotation != other


def test_two_lambdas_on_one_line_are_told_apart(tmp_path):
    row = load(
        tmp_path,
        """
        first, second, third = lambda v: v[1:], lambda v: v[2:], lambda v: v[2:]
        class Row(discobase.Table):
            a: Annotated[str, AfterValidator(first)]
            b: Annotated[str, AfterValidator(second)]
            c: Annotated[str, AfterValidator(third)]
        """,
    )
    prints = fingerprints(row)
    assert prints["a"] != prints["b"] == prints["c"]


def test_functions_without_a_source_are_told_apart_by_their_instructions():
    def row(body):
        names = {}
        text = "from pydantic import *\nfrom typing import *\n" + body
        exec(compile(text, "<none>", "exec", dont_inherit=True), names)
        return names["Row"]

    template = (
        "def tidy(v):\n    return {}\n"
        "class Row(BaseModel):\n    value: Annotated[str, AfterValidator(tidy)]\n"
    )
    texts = ("v.lower()", "v.upper()", "v + 'a'", "v + 'b'", "(lambda: v)()")
    prints = [fingerprints(row(template.format(text)))["value"] for text in texts]
    assert len(set(prints)) == len(texts)
    assert prints == [fingerprints(row(template.format(text)))["value"] for text in texts]


def test_a_helper_in_another_module_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    source = validated("return own_words.tidy(value)", "import own_words")
    found = []
    for text in ("v.lower()", "v.upper()", "v.lower()"):
        (tmp_path / "own_words.py").write_text(
            f"def deep(v):\n    return {text}\ndef tidy(v):\n    return deep(v)\n"
            + "#" * len(found)
        )
        sys.modules.pop("own_words", None)
        found.append(of_value(tmp_path, source))
    sys.modules.pop("own_words")
    assert found[0] == found[2] != found[1]


def test_an_object_that_raises_whatever_it_is_asked_for_counts_by_its_type(tmp_path):
    source = validated(
        "return proxy.name + value",
        textwrap.dedent(
            """
            class Proxy:
                __slots__ = ("seen", "__dict__")
                def __getattribute__(self, name):
                    raise RuntimeError("there is no request")
                def __call__(self):
                    raise RuntimeError("there is no request")
                def __eq__(self, other):
                    raise RuntimeError("there is no request")
                __hash__ = None
                @property
                def __class__(self):
                    raise RuntimeError("there is no request")
            class Proxies(dict):
                def __iter__(self):
                    raise RuntimeError("there is no request")
            proxy = Proxy()
            value = Proxies()
            """
        ),
    )
    assert of_value(tmp_path, source) == of_value(tmp_path, source)
    called = annotated(
        "AfterValidator(tidy)",
        "def tidy(v):\n    return others(v)\n"
        "class Others(dict):\n    def __iter__(self):\n        raise RuntimeError\n"
        "    def __call__(self, v):\n        return v\nothers = Others()",
    )
    assert of_value(tmp_path, called) == of_value(tmp_path, called)


def test_of_an_installed_package_the_code_counts_and_no_globals(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    source = validated("return installed_words.tidy(value)", "import installed_words")
    found = []
    for number, text in enumerate(("v.lower()", "v.lower()", "v.upper()")):
        (folder / "installed_words.py").write_text(
            f"STARTED = {number}\ndef deep(v):\n    return {text}\n"
            f"def tidy(v):\n    STARTED\n    return deep(v)\n" + "#" * number
        )
        sys.modules.pop("installed_words", None)
        found.append(of_value(tmp_path, source))
    sys.modules.pop("installed_words")
    assert found[0] == found[1] != found[2]


def test_of_an_installed_object_the_type_counts_and_of_one_of_ones_own_what_it_holds(
    tmp_path, monkeypatch
):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    (folder / "installed_names.py").write_text(
        "class Names:\n    def __init__(self, number):\n        self.number = number\n"
        "    def __getitem__(self, key):\n        return self.number\n"
    )
    template = "from installed_names import Names{}\nHELD = Own({})"
    own = "\nclass Own(Names):\n    def __init__(self, number):\n        self.mine = number\n"

    def found(rest, number):
        return of_value(tmp_path, validated("return HELD[value]", template.format(rest, number)))

    assert found(" as Own", 1) == found(" as Own", 2)
    # That may have attributes of the installed class as well.
    assert found(own, 1) == found(own, 2)
    sys.modules.pop("installed_names")


@pytest.mark.parametrize(
    "made",
    [
        "[Held(number) for number in range(20_000)]",
        "functools.reduce(lambda held, number: Held(held), range(20_000), None)",
        "functools.reduce(lambda held, number: Held([held, held]), range(100), None)",
    ],
)
def test_a_crowd_of_objects_takes_no_long_time(made, tmp_path):
    source = validated(
        "return HELD[value]",
        "class Held:\n    def __init__(self, held):\n        self.held = held\n"
        f"    def __getitem__(self, key):\n        return self.held\nHELD = {made}",
    )
    row = load(tmp_path, source)
    began = time.perf_counter()
    found = fingerprints(row)
    assert time.perf_counter() - began < 5
    assert found == fingerprints(load(tmp_path, source))


@pytest.mark.parametrize(
    ("source", "depends"),
    [
        (field("str"), False),
        (validated("return value"), False),
        (whole("_seen: int = 0"), False),
        (inner("a: int\n@model_validator(mode='after')\ndef f(self):\n    return self"), False),
        (
            inner(
                "a: int\nb: int\n@field_validator('b')\n@classmethod\ndef f(cls, b, info):\n"
                "    return b + info.data['a']"
            ),
            False,
        ),
        (validated("return value").replace("(cls, value)", "(cls, value, info)"), True),
        (field("list[Annotated[int, AfterValidator(f)]]", "def f(v, info):\n    return v"), True),
        (
            field(
                "Own",
                "def f(v, info):\n    return v\n"
                "Own = TypeAliasType('Own', Annotated[int, AfterValidator(f)])",
            ),
            True,
        ),
        (whole("@model_validator(mode='after')\ndef f(self):\n    return self"), True),
        (
            whole(
                "@model_validator(mode='wrap')\n@classmethod\ndef f(cls, v, handler):\n"
                "    return handler(v)"
            ),
            True,
        ),
        (whole("def model_post_init(self, context):\n    pass"), True),
        (whole("_seen: int = 0\ndef model_post_init(self, context):\n    pass"), True),
    ],
)
def test_a_star_says_that_a_value_may_depend_on_other_fields(source, depends, tmp_path):
    prints = fingerprints(load(tmp_path, source))
    assert prints["value"].endswith("*") is depends


def test_a_model_with_a_root_has_a_star(tmp_path):
    prints = [
        fingerprints(load(tmp_path, f"class Row(RootModel[{inside}]):\n    pass"))
        for inside in ("int", "str", "int")
    ]
    assert prints[0] == prints[2] != prints[1]
    assert prints[0]["root"].endswith("*")


def test_a_crowd_of_models_that_name_one_another_takes_no_longer_than_its_size(tmp_path):
    names = [f"Node{number}" for number in range(25)]
    members = " | ".join(names)
    nodes = "\n".join(
        f"class {name}(BaseModel):\n    kind: Literal['{name}']\n    parts: 'list[{members}]' = []"
        for name in names
    )
    rebuilt = "\n".join(f"{name}.model_rebuild()" for name in names)
    source = f"{nodes}\n{rebuilt}\n{field(members)}"
    assert of_value(tmp_path, source) == of_value(tmp_path, source)
    assert of_value(tmp_path, source) != of_value(
        tmp_path, source.replace("Literal['Node24']", "Literal['Node-24']")
    )


PLAIN = {
    "str": "xrkxftd7ipwaxerfp4li",
    "int": "dujufcntiia7bn2ibmg2",
    "float": "silr5uyyqn6v3pbvztxs",
    "bool": "cm5iq25xwcufzba2vx7e",
    "bytes": "57pjzrbrxpgs2j6n3xm7",
    "Decimal": "5kkqxowuxncqm3pitnrs",
    "datetime": "hebo2i7qgtnvklg3jydv",
    "date": "3zej6dowclqinjoplfhe",
    "time": "rumbd65bsww2f4rlvp77",
    "timedelta": "krqxhhmt6zrukexvjbic",
    "UUID": "kdxms5zov6n7i7wuyf7h",
    "Path": "nutdjsg5mbd44y2w7qei",
    "IPv4Address": "o4btgl5foof257tioptr",
    "Kind": "injgt4ti73ujisigd6xf",
    "str | None": "eworwxffqsbgn76mrhxo",
    "int | None": "3xur3jz3u7cmbzjhyilg",
    "float | None": "eu2zz7yfzxcjojuf3t6q",
    "bool | None": "erf5pwxart7g4idbedds",
    "Decimal | None": "32bzqi27xpphbdvi52pe",
    "datetime | None": "usrxbsxjvzs6raczso7o",
    "date | None": "qfmexj6u2vsn3qvuagqq",
    "time | None": "32bxakxvr6xuoxpgsrel",
    "timedelta | None": "jvehjq4zunlk3jnzd6kt",
    "UUID | None": "jke5jfvd37gg4yc3eu34",
    "Path | None": "jl7ciefg4x6lpvpyefgy",
    "IPv4Address | None": "efcacc2ldboezrj4guar",
    "Kind | None": "lc3syd5fumtilx6zwcqj",
    "Literal['a', 'b']": "44w4pvpdn7azr5ifp4hn",
    "list[str]": "iijis2uhqrxlgdpca2a6",
    "dict[str, int]": "ipsd6pq77jyvydouni4t",
    "set[int]": "wnjdqsf6ml34blemacbc",
    "tuple[int, ...]": "62ww2bny7i5waji7jtln",
    "Annotated[str, StringConstraints(to_lower=True)]": "ztr7d522ca44gohajpa6",
    "Annotated[Decimal, Field(decimal_places=2)]": "d5tqz3ais6g5puhkgxjv",
    "SecretStr": "uirxueqhdvk7uagk446e",
    "HttpUrl": "7oy77i4nkh7vhlji2e3a",
    "Any": "wu6d5g45dzqxnkznm3n3",
}


@pytest.mark.parametrize("annotation", PLAIN)
def test_fingerprints_of_plain_types_stay_for_ever(annotation, tmp_path):
    """They stand in logs: another one means that every key is made again."""
    kind = "class Kind(Enum):\n    a = 1\n    b = 'b'"
    assert of_value(tmp_path, field(annotation, kind)) == PLAIN[annotation]


def test_they_are_the_same_in_another_process_and_for_a_class_of_a_script(tmp_path):
    sources = [source for pair in DIFFERENT.values() for source in pair]
    imported = [fingerprints(load(tmp_path, source)) for source in sources]
    script = tmp_path / "script.py"
    script.write_text(
        "import json, sys, types\n"
        "from discobase.records.fingerprint import fingerprints\n"
        "results = []\n"
        "for path in sys.argv[1:]:\n"
        "    module = sys.modules['__main__'] = types.ModuleType('__main__')\n"
        "    exec(compile(open(path).read(), path, 'exec'), vars(module))\n"
        "    results.append(fingerprints(module.Row))\n"
        "print(json.dumps(results))\n"
    )
    paths = []
    for number, source in enumerate(sources):
        paths.append(str(tmp_path / f"row{number}.py"))
        Path(paths[-1]).write_text(PREAMBLE + textwrap.dedent(source))
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, script, *paths],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(run.stdout) == imported


def test_an_ordinary_class_takes_a_moment(tmp_path):
    row = load(tmp_path, validated("return value.strip()"))
    took = []
    for _ in range(5):
        began = time.thread_time()
        fingerprints(row)
        took.append(time.thread_time() - began)
    assert min(took) < 0.01


def test_missing_values_are_those_of_records_that_lack_the_field(tmp_path):
    row = load(
        tmp_path,
        """
        Low = Annotated[str, StringConstraints(to_lower=True)]
        class Inner(BaseModel):
            a: int = 1
        class Row(discobase.Table):
            required: int
            made: list[int] = Field(default_factory=list)
            plain: int = 3
            none: str | None = None
            unchecked: int = "5"
            checked: int = Field("5", validate_default=True)
            lower: Low = Field("A", validate_default=True)
            refused: int = Field("a", validate_default=True)
            shared: list[int] = [1]
            inner: Inner = Inner(a=2)
            checked_inner: list[Inner] = Field([{}], validate_default=True)
            around: int = Field(1, validate_default=True)
            @field_validator("around")
            @classmethod
            def add(cls, around, info):
                return around + info.data["plain"]
        """,
    )
    found = missing_values(row)
    inner_class = row.model_fields["inner"].annotation
    assert found == {
        "plain": 3,
        "none": None,
        "unchecked": "5",
        "checked": 5,
        "lower": "a",
        "shared": [1],
        "inner": inner_class(a=2),
        "checked_inner": [inner_class()],
    }
    assert found["shared"] is not row.model_fields["shared"].default


def test_a_default_that_may_depend_on_other_fields_is_no_value_of_all_records(tmp_path):
    row = load(
        tmp_path,
        """
        class Row(discobase.Table):
            other: int = 0
            value: str = Field("none", validate_default=True)
            @field_validator("value")
            @classmethod
            def _check(cls, value: str, info: Any) -> str:
                return f"{value} and {(info.data or {}).get('other')}"
        """,
    )
    assert missing_values(row) == {"other": 0}


def test_missing_values_are_checked_where_the_class_says_so(tmp_path):
    row = load(tmp_path, field("int = '5'", config="validate_default=True"))
    assert missing_values(row) == {"other": 0, "value": 5}
    assert row.model_validate_json("{}").model_dump() == missing_values(row)
    more = load(
        tmp_path, field("int = Field('5', validate_default=False)", config="validate_default=True")
    )
    assert missing_values(more)["value"] == "5"


def test_json_types_are_of_the_stored_form(tmp_path):
    row = load(
        tmp_path,
        """
        class Inner(BaseModel):
            a: int = Field(1, alias="A", exclude=True)
            @computed_field
            @property
            def b(self) -> int:
                return self.a
        class Row(discobase.Table):
            name: str = Field(alias="Name")
            hidden: Decimal = Field(Decimal(1), exclude=True)
            inner: Inner
            anything: Any = None
            strange: Callable[[], int] | None = object()
            own: Annotated[object, PlainValidator(lambda v: v)] = object()
            @computed_field
            @property
            def c(self) -> int:
                return 1
        """,
    )
    types = json_types(row)
    assert set(types) == {"properties", "required", "$defs"}
    assert list(types["properties"]) == ["name", "hidden", "inner", "anything", "strange", "own"]
    assert types["properties"]["name"]["type"] == "string"
    assert types["properties"]["hidden"]["type"] == "string"
    assert types["properties"]["inner"] == {"$ref": "#/$defs/Inner"}
    assert list(types["$defs"]["Inner"]["properties"]) == ["a"]
    assert types["required"] == ["name", "inner"]
    json.dumps(types)


def test_json_types_of_a_model_in_itself_are_its_fields(tmp_path):
    types = json_types(load(tmp_path, "class Row(BaseModel):\n    more: 'list[Row]' = []"))
    assert types["properties"]["more"]["items"] == {"$ref": "#/$defs/Row"}
    assert types["required"] == []


def test_a_field_without_json_type_has_an_empty_one(tmp_path):
    row = load(
        tmp_path,
        """
        class Own:
            @classmethod
            def __get_pydantic_core_schema__(cls, source, handler):
                return core_schema.no_info_plain_validator_function(cls)
            @classmethod
            def __get_pydantic_json_schema__(cls, schema, handler):
                raise RuntimeError("no schema")
        class Row(discobase.Table):
            called: Callable[[], int]
            own: Own
            plain: int
        """,
    )
    types = json_types(row)
    assert types["properties"]["called"].get("type") is None
    assert types["properties"]["own"] == {}
    assert types["properties"]["plain"]["type"] == "integer"


def test_a_class_whose_own_json_schema_fails_has_empty_ones(tmp_path):
    row = load(
        tmp_path,
        """
        class Row(discobase.Table):
            value: int
            @classmethod
            def __get_pydantic_json_schema__(cls, schema, handler):
                raise RuntimeError("no schema")
        """,
    )
    assert json_types(row) == {"properties": {"value": {}}, "required": ["value"]}
