"""What is shown of a record, and the primary key and the version in what pydantic makes of it."""

from __future__ import annotations

import json

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from discobase import Database, Table, WithPk, WithVersion


@pytest.fixture
def db(place):
    database = Database("shop")
    with place.conn(database):
        yield database


@pytest.fixture
def person(db):
    @db.table
    class Person(WithPk, WithVersion):
        name: str

    return Person


def stored(db, table: str, pk: int) -> dict[str, object]:
    """What the log holds of a record."""
    _, _, data = db._source.replica().get(table, pk)
    return json.loads(data)


# Shown


def test_repr_str_and_rich_show_the_primary_key_first_once_there_is_one(db):
    @db.table
    class Item(Table):
        name: str

    item = Item(name="mug")
    assert repr(item) == "Item(name='mug')"
    item.save()
    assert repr(item) == "Item(pk=1, name='mug')"
    assert str(item) == "pk=1 name='mug'"
    assert list(item.__rich_repr__()) == [("pk", 1), ("name", "mug")]
    assert repr(Item.get(1)) == repr(item.model_copy()) == repr(item)
    assert repr(list(Item.find(name="mug"))) == "[Item(pk=1, name='mug')]"
    item.delete()
    assert repr(item) == "Item(name='mug')"


def test_a_dump_is_pydantics_own_unless_it_is_asked_for_more(db):
    @db.table
    class Item(Table):
        name: str

    item = Item(name="mug").save()
    assert item.model_dump() == {"name": "mug"}
    assert item.model_dump_json() == '{"name":"mug"}'


def test_the_primary_key_is_shown_once_where_it_is_computed(person):
    ada = person(name="ada").save()
    assert repr(ada) == "Person(pk=1, name='ada')"


# Dumped


def test_computed_ones_are_in_every_dump_and_not_in_what_is_stored(db, person):
    ada = person(name="ada")
    assert ada.model_dump() == {"name": "ada", "pk": None, "version": None}
    ada.save()
    person(name="grace").save()
    assert ada.model_dump() == {"name": "ada", "pk": 1, "version": 1}
    assert json.loads(ada.model_dump_json()) == {"name": "ada", "pk": 1, "version": 1}
    assert person.find(name="grace")[0].model_dump() == {"name": "grace", "pk": 2, "version": 2}
    assert ada.model_dump(round_trip=True) == {"name": "ada"}
    assert stored(db, "Person", 1) == {"name": "ada"}


def test_each_can_be_had_without_the_other(db):
    @db.table
    class Numbered(WithPk):
        name: str

    @db.table
    class Versioned(WithVersion):
        name: str

    assert Numbered(name="a").save().model_dump() == {"name": "a", "pk": 1}
    assert Versioned(name="a").save().model_dump() == {"name": "a", "version": 2}


def test_they_are_inherited(db, person):
    @db.table
    class Author(person):
        books: int = 0

    assert Author(name="ada").save().model_dump() == {
        "name": "ada",
        "books": 0,
        "pk": 1,
        "version": 1,
    }


def test_they_are_in_the_schema_of_what_is_given_out_and_not_of_what_is_taken(person):
    given = person.model_json_schema(mode="serialization")
    for name in ("pk", "version"):
        assert given["properties"][name]["anyOf"] == [{"type": "integer"}, {"type": "null"}]
        assert given["properties"][name]["readOnly"] is True
        assert name in given["required"]
    assert set(person.model_json_schema()["properties"]) == {"name"}


def test_a_record_made_of_a_dump_is_a_new_one(person):
    ada = person(name="ada").save()
    for again in (
        person.model_validate(ada.model_dump()),
        person.model_validate_json(ada.model_dump_json()),
        TypeAdapter(list[person]).validate_python([ada.model_dump()])[0],
    ):
        assert (again.pk, again.version, again.name) == (None, None, "ada")


def test_where_extra_values_are_kept_a_given_primary_key_is_none_of_them(db):
    @db.table
    class Note(WithPk, WithVersion):
        model_config = ConfigDict(extra="allow")

        text: str

    Note(text="a").save()
    given = {"text": "b", "pk": 1, "version": 1, "mood": "good"}
    for note in (
        Note(**given),
        Note.model_validate(given),
        Note.model_validate_json(json.dumps(given)),
    ):
        assert note.model_extra == {"mood": "good"}
        assert note.model_fields_set == {"text", "mood"}
        pk = note.save().pk
        assert pk != 1
        assert stored(db, "Note", pk) == {"text": "b", "mood": "good"}
        assert note.model_dump() == {
            "text": "b",
            "mood": "good",
            "pk": pk,
            "version": note.version,
        }


def test_where_extra_values_are_forbidden_a_dump_for_the_way_back_is_taken(db):
    @db.table
    class Note(WithPk):
        model_config = ConfigDict(extra="forbid", strict=True)

        text: str
        data: bytes = b"\xff"

    note = Note(text="a").save()
    with pytest.raises(ValidationError, match=r"pk\n.*not permitted"):
        Note.model_validate(note.model_dump())
    assert Note.model_validate(note.model_dump(round_trip=True)).save().pk == 2
    assert Note.model_validate_json(note.model_dump_json(round_trip=True)).save().pk == 3
    assert Note.get(1).data == b"\xff"


def test_any_record_can_be_read_by_a_model_with_from_attributes(db):
    @db.table
    class Item(Table):
        name: str

    class Shown(BaseModel):
        model_config = ConfigDict(from_attributes=True)

        pk: int
        version: int
        name: str

    shown = Shown.model_validate(Item(name="mug").save())
    assert shown == Shown(pk=1, version=1, name="mug")


# Over HTTP


def test_a_web_application_answers_with_records_as_they_are_and_takes_none_of_their_places(person):
    app = FastAPI()

    @app.get("/people", response_model=list[person])
    def people():
        return list(person.find())

    @app.get("/people/{pk}", response_model=person)
    def one_person(pk: int):
        return person.get(pk)

    def add(given):
        return given.save()

    add.__annotations__ = {"given": person, "return": person}
    app.post("/people", status_code=201)(add)

    with TestClient(app) as client:
        added = client.post("/people", json={"name": "ada"})
        assert added.status_code == 201
        assert added.json() == {"name": "ada", "pk": 1, "version": 1}
        again = client.post("/people", json=added.json())
        assert again.json() == {"name": "ada", "pk": 2, "version": 2}
        assert client.get("/people/1").json() == added.json()
        assert client.get("/people").json() == [added.json(), again.json()]
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
        assert set(schemas["Person-Output"]["properties"]) == {"name", "pk", "version"}
        assert set(schemas["Person-Input"]["properties"]) == {"name"}
