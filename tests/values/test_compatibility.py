"""What a class has to take so that it can stand in the place of another one."""

from __future__ import annotations

import datetime as dt
import enum
import re
import warnings
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, create_model

from discobase import Index, Unique
from discobase.records.compatibility import incompatibility


class Color(enum.Enum):
    RED = "red"


class Address(BaseModel):
    city: str


class Tree(BaseModel):
    name: str
    branches: list[Tree] = []


def again(model: type[BaseModel], **more: Any) -> type[BaseModel]:
    """The same class declared a second time, with other fields if given."""
    fields = {name: (field.annotation, field) for name, field in model.model_fields.items()}
    return create_model(model.__name__, **(fields | more))


def tree(**more: Any) -> type[BaseModel]:
    """A recursive class declared anew."""

    class Tree(BaseModel):
        name: str
        branches: list[Tree] = []

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    return Tree


def field(annotation: Any) -> type[BaseModel]:
    return create_model("Note", value=(annotation, ...))


SAME = [
    str, int, float, bool, bytes, Decimal, UUID, dt.date, dt.datetime, dt.timedelta, SecretStr, Any,
    list[int], set[str], tuple[int, str], dict[str, int], int | None, Literal["a", "b"], Color,
    Address, list[Address], Tree, re.Pattern[str],
]  # fmt: skip


@pytest.mark.parametrize("annotation", SAME, ids=str)
def test_a_field_takes_what_one_of_the_same_type_took(annotation):
    assert incompatibility(field(annotation), field(annotation)) is None


WIDER = [
    (int, int | None),
    (int, int | str),
    (int | None, str | int | None),
    (int, float),
    (list[int], list[int | None]),
    (list[int], list[float]),
    (dict[str, int], dict[str, float]),
    (Literal["a"], Literal["a", "b"]),
    (str, Any),
    (Annotated[str, Field(max_length=5)], str),
    (Annotated[str, Field(max_length=5)], Annotated[str, Field(max_length=6)]),
    (Annotated[list[str], Field(min_length=2)], Annotated[list[str], Field(min_length=1)]),
    (Annotated[int, Field(lt=5)], Annotated[int, Field(lt=9)]),
    (Annotated[int, Field(ge=0)], Annotated[int, Field(ge=-5)]),
    (str, Annotated[str, Unique()]),
    (str, Annotated[str, Index()]),
    (str, Annotated[str, Field(description="a word", examples=["x"])]),
    (Address, again(Address)),
    (Address, again(Address, street=(str, ""))),
    (list[Address], list[again(Address)] | None),
    (Tree, tree()),
]


@pytest.mark.parametrize(("old", "new"), WIDER, ids=str)
def test_a_wider_field_takes_it_too(old, new):
    assert incompatibility(field(old), field(new)) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (int | None, int),
        (str, int),
        (int, str),
        (float, int),
        (int, bool),
        (str, dt.date),
        (str, Annotated[str, Field(max_length=5)]),
        (Annotated[str, Field(max_length=5)], Annotated[str, Field(max_length=4)]),
        (Literal["a", "b"], Literal["a"]),
        (list[int], list[str]),
        (dict[str, int], dict[str, str]),
        (Address, again(Address, street=(str, ...))),
        (Address, again(Address, city=(int, ...))),
        (Tree, Address),
        (str, re.Pattern[str]),
    ],
    ids=str,
)
def test_a_field_that_does_not_take_it_is_named_with_both(old, new):
    assert "the field 'value' does not take what it took" in incompatibility(field(old), field(new))


def test_a_field_that_is_added_needs_a_default_and_one_that_goes_needs_nothing():
    note = create_model("Note", text=(str, ...))
    assert incompatibility(note, again(note, stars=(int, 0))) is None
    assert "'stars' is new and has no default" in incompatibility(
        note, again(note, stars=(int, ...))
    )
    assert incompatibility(again(note, stars=(int, ...)), note) is None


def test_none_may_go_where_extra_values_are_forbidden():
    old = create_model("Note", text=(str, ...), stars=(int, 0))
    new = create_model("Note", text=(str, ...), __config__=ConfigDict(extra="forbid"))
    assert "'stars' is gone" in incompatibility(old, new)
    assert incompatibility(new, old) is None


def test_nothing_is_warned_of():
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)

        thing: object = object()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert incompatibility(field(Odd), field(Odd)) is None
