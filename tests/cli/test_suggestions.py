"""What a text may go on with while it is typed, by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, create_model

from discobase.typed import suggestions
from discobase.typed.filters import OPERATORS, condition
from discobase.typed.places import places_of
from discobase.typed.suggestions import alike, begun

PLACES = ["name", "note", "home", "home.name", "Nameday"]


class Street(BaseModel):
    name: str
    runs_into: Street | None = None


class Person(BaseModel):
    name: str
    home: Street | None = None
    tags: list[str] = []


def test_places_are_fields_and_those_of_models_in_them_to_a_depth():
    assert [*places_of(Person.model_fields, Person.model_json_schema())] == [
        *("name", "home", "home.name", "home.runs_into"),
        *("home.runs_into.name", "home.runs_into.runs_into", "tags"),
    ]


@given(st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=5))
def test_each_place_is_understood_as_it_is_offered(names):
    inner = create_model("Inner", **{f"x{each}": (int, 0) for each in names})
    schema = create_model("Outer", at=(inner, inner())).model_json_schema()
    whole, *places = places_of(["at"], schema)
    assert whole == "at"
    assert [condition(f"{each}=1").path for each in places] == [("at", f"x{n}") for n in names]


@pytest.mark.parametrize(
    ("fitting", "typed", "offered"),
    [
        (begun, "n", ["name", "note"]),
        (begun, "", PLACES),
        (begun, "ame", []),
        (alike, "n", ["name", "note", "Nameday", "home.name"]),
        (alike, "AME", ["name", "home.name", "Nameday"]),
        (alike, "x", []),
    ],
)
def test_a_shell_goes_on_with_what_is_typed_and_people_choose_what_is_like_it(
    fitting, typed, offered
):
    assert fitting(typed, PLACES) == offered


def test_the_field_that_is_meant_has_all_operators():
    assert suggestions.conditions("no", PLACES, begun) == [f"note{each}" for each in OPERATORS]
    assert suggestions.conditions("n", PLACES, begun) == ["name=", "note="]
    assert suggestions.conditions("home", PLACES, begun) == [
        *(f"home{each}" for each in OPERATORS),
        "home.name=",
    ]
    assert suggestions.assignments("note", PLACES, begun) == ["note="]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("no", ["note", "-note"]),
        ("-n", ["-name", "-note"]),
        ("-home,no", ["-home,note", "-home,-note"]),
        ("home,-no", ["home,-note"]),
        ("home,x", []),
    ],
)
def test_an_order_goes_on_with_one_more_place(typed, offered):
    assert suggestions.orders(typed, PLACES, begun) == offered
