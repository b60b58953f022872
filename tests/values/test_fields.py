"""Which kind a type has, and which marks make sense."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address
from pathlib import Path, PureWindowsPath
from typing import Annotated, Any, Literal, NewType, Optional, TypeVar
from uuid import UUID

import pytest
from pydantic import (
    AfterValidator,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    EmailStr,
    Field,
    IPvAnyAddress,
    Json,
    PlainSerializer,
    PositiveInt,
    SecretStr,
    StringConstraints,
    create_model,
    field_serializer,
)
from typing_extensions import TypeAliasType

import discobase.records.fields
from discobase.errors import TableError
from discobase.records.fields import Index, Unique, kind_of, marks_of
from tests.naming import without_address


class Colour(Enum):
    RED = "red"


class Odd(Enum):
    PAIR = (1, 2)
    HALF = 0.5


class Name(StrEnum):
    A = "a"


class Level(IntEnum):
    LOW = 1


KINDS: list[tuple[Any, str]] = [
    (str, "plain"),
    (int, "plain"),
    (bool, "plain"),
    (None, "plain"),
    (date, "plain"),
    (UUID, "plain"),
    (EmailStr, "plain"),
    (AnyUrl, "plain"),
    (Colour, "plain"),
    (Name, "plain"),
    (Level, "plain"),
    (Literal["a", 1] | None, "plain"),
    (PositiveInt, "plain"),
    (int | str, "plain"),
    (str | bool | None, "plain"),
    (Optional[str], "plain"),  # noqa: UP045
    (NewType("UserId", int), "plain"),
    (TypeAliasType("Alias", Annotated[str | None, Field(max_length=3)]), "plain"),
    (Annotated[str, StringConstraints(to_lower=True), AfterValidator(str.strip)], "plain"),
    (float, "decimal"),
    (Decimal, "decimal"),
    (int | float, "decimal"),
    (int | Decimal | None, "decimal"),
    (datetime, "instant"),
    (AwareDatetime | None, "instant"),
    (time, "instant"),
    (timedelta, "duration"),
    (Path, "path"),
    (IPv4Address, "address"),
    (IPvAnyAddress, "address"),
    (Any, "opaque"),
    (object, "opaque"),
    (bytes, "opaque"),
    (SecretStr, "opaque"),
    (list[str], "opaque"),
    (BaseModel, "opaque"),
    (Odd, "opaque"),
    (TypeVar("T"), "opaque"),
    (PureWindowsPath, "opaque"),
    (str | UUID, "opaque"),
    (date | datetime, "opaque"),
    (int | bool, "opaque"),
    (Literal[1, True], "opaque"),
    (str | float, "opaque"),
    (str | Colour, "opaque"),
    (Json[int], "opaque"),
    (Annotated[str, PlainSerializer(str.upper)], "opaque"),
    (Annotated[str, PlainSerializer(str.upper)] | None, "opaque"),
]


@pytest.mark.parametrize(("annotation", "kind"), KINDS, ids=without_address)
def test_a_type_has_its_kind(annotation: Any, kind: str) -> None:
    assert kind_of(annotation) == kind


def test_marks_are_read_in_the_order_of_the_fields() -> None:
    class User(BaseModel):
        email: Annotated[str, Unique()] = Field(alias="mail")
        joined: Annotated[datetime | None, Index()] = None
        name: Annotated[str, Index, Unique()] = ""
        plain: int = 0

    marks = marks_of(User)
    assert marks.unique == ("email", "name")
    assert marks.indexed == ("joined", "name")
    assert marks.kinds == {
        "email": "plain", "joined": "instant", "name": "plain", "plain": "plain",
    }  # fmt: skip


def test_marks_are_inherited() -> None:
    class Base(BaseModel):
        email: Annotated[str, Unique()]

    class User(Base):
        name: str

    assert marks_of(User).unique == ("email",)


@pytest.mark.parametrize("mark", [Unique(), Index()])
def test_a_mark_on_a_field_without_a_key_is_a_table_error(mark: object) -> None:
    class User(BaseModel):
        tags: Annotated[list[str], mark]

    with pytest.raises(TableError, match=rf"User\.tags cannot be {type(mark).__name__}\(\)"):
        marks_of(User)


@pytest.mark.parametrize("mark", [Unique, Index])
@pytest.mark.parametrize(
    "make",
    [
        lambda mark: mark(),
        lambda mark: mark,
        lambda mark: Field(default=mark()),
        lambda mark: Field(default=mark),
        lambda mark: Field(mark()),
        lambda mark: Field(default_factory=mark),
    ],
)
@pytest.mark.parametrize(
    ("annotation", "spelt"),
    [(str, "str"), (str | None, "str | None"), (Decimal, "Decimal"), (list[str], "list[str]")],
)
def test_a_mark_as_a_default_is_a_table_error_that_says_where_it_belongs(
    mark: Any, make: Any, annotation: Any, spelt: str
) -> None:
    user = create_model("User", email=(annotation, make(mark)))
    name = mark.__name__
    with pytest.raises(
        TableError,
        match=rf"User\.email: {name}\(\) is no default.*"
        + re.escape(f"`email: Annotated[{spelt}, discobase.{name}()]`"),
    ):
        marks_of(user)


@pytest.mark.parametrize("mark", [Unique, Index])
def test_a_mark_as_a_default_in_an_annotation_or_as_a_type_is_a_table_error(mark: Any) -> None:
    class User(BaseModel):
        email: Annotated[str, Field(default=mark())]

    with pytest.raises(TableError, match=r"is no default; .* `email: Annotated\[str, discobase"):
        marks_of(User)
    for given in (..., None, mark()):
        user = create_model("User", email=(mark, given))
        with pytest.raises(TableError, match=r"`email: Annotated\[\w+, discobase"):
            marks_of(user)


def test_a_mark_inside_another_annotation_is_a_table_error() -> None:
    class User(BaseModel):
        email: Annotated[str, Unique()] | None = None

    with pytest.raises(TableError, match=r"User\.email: Unique\(\) must be the outermost"):
        marks_of(User)


def test_a_field_with_a_serializer_has_no_key() -> None:
    class User(BaseModel):
        name: str
        age: int = 0

        @field_serializer("name")
        def _upper(self, name: str) -> str:
            return name.upper()

    assert marks_of(User).kinds == {"name": "opaque", "age": "plain"}


def test_marks_are_values() -> None:
    assert Unique() == Unique()
    assert hash(Index()) == hash(Index())
    assert len({Unique(), Unique(), Index()}) == 2


def test_the_kinds_of_all_leaves_are_documented() -> None:
    documented = discobase.records.fields.kind_of.__doc__ or ""
    assert all(f"``{kind}``" in documented for kind in {kind for _, kind in KINDS})
