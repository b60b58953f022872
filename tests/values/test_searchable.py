"""Which texts of a class are searched, and which marks are refused."""

from __future__ import annotations

from datetime import date
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal, NewType

import pytest
from pydantic import BaseModel, Field, PlainSerializer, SecretStr, field_serializer

from discobase import Searchable
from discobase.engine.texts import places_of, places_text, texts_in
from discobase.errors import TableError
from discobase.records.searchable import searched_places

Title = NewType("Title", str)


class Colour(StrEnum):
    RED = "red"


class Number(Enum):
    ONE = 1


class Part(BaseModel):
    text: Annotated[str, Searchable()]
    hidden: str = ""
    parts: list[Part] = []


class Outer(BaseModel):
    part: Part | None = None
    many: dict[str, list[Part]] = {}
    title: Annotated[str, Searchable] = ""


def place_of(annotation: Any) -> list[tuple[str | None, ...]]:
    model = type(
        "Model",
        (BaseModel,),
        {"__annotations__": {"field": Annotated[annotation, Searchable()]}, "__module__": __name__},
    )
    return [place[1:] for place in searched_places(model)]


@pytest.mark.parametrize(
    ("annotation", "places"),
    [
        (str, [()]),
        (str | None, [()]),
        (str | int, [()]),
        (Annotated[str, Field(max_length=3)], [()]),
        (Literal["a", 1], [()]),
        (Title, [()]),
        (Colour, [()]),
        (list[str], [(None,)]),
        (tuple[str, ...], [(None,)]),
        (set[str] | None, [(None,)]),
        (dict[str, str], [(None,)]),
        (dict[str, list[str]], [(None, None)]),
        (str | list[str], [(), (None,)]),
    ],
)
def test_texts_are_found_where_they_stand(annotation, places):
    assert place_of(annotation) == places


@pytest.mark.parametrize(
    "annotation", [int, bytes, date, Any, SecretStr, list[int], Number, Literal[1], Part, list]
)
def test_what_is_no_text_is_refused(annotation):
    with pytest.raises(TableError, match=r"Model\.field cannot be Searchable\(\)"):
        place_of(annotation)


def test_marks_in_models_inside_count():
    assert searched_places(Outer) == (
        ("part", "text"),
        ("many", None, None, "text"),
        ("title",),
    )
    stored = {
        "part": {"text": "a", "hidden": "no", "parts": [{"text": "no"}]},
        "many": {"x": [{"text": "b"}, {"text": None}, 3], "y": None},
        "title": "c",
        "other": "no",
    }
    assert [*texts_in(stored, searched_places(Outer))] == ["a", "b", "c"]
    assert [*texts_in({}, searched_places(Outer))] == []
    assert [*texts_in({"part": [], "many": "x", "title": 1}, searched_places(Outer))] == []


def test_places_come_back_from_their_text():
    places = searched_places(Outer)
    assert places_of(places_text(places)) == places


def test_a_mark_in_the_wrong_place_is_refused():
    class Inside(BaseModel):
        tags: list[Annotated[str, Searchable()]]

    class Default(BaseModel):
        name: str = Searchable()  # type: ignore[assignment]

    class Serialized(BaseModel):
        name: Annotated[str, Searchable(), PlainSerializer(lambda value: value[::-1])]

    class Method(BaseModel):
        name: Annotated[str, Searchable()]

        @field_serializer("name")
        def _turned(self, value: str) -> str:
            return value[::-1]

    with pytest.raises(TableError, match=r"Inside: Searchable.* must be the outermost annotation"):
        searched_places(Inside)
    with pytest.raises(TableError, match=r"Default\.name: Searchable\(\) is no default"):
        searched_places(Default)
    for model in (Serialized, Method):
        with pytest.raises(TableError, match="no text in it that is stored as it is"):
            searched_places(model)
