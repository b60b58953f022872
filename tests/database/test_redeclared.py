"""A table's class declared a second time, as when a cell of a notebook is run again."""

from __future__ import annotations

import json
import logging
from typing import Annotated

import pytest
from pydantic import ConfigDict

from discobase import Database, Table, Unique
from discobase.errors import ConflictError, TableError, UniqueViolation


@pytest.fixture
def db(place):
    database = Database("shop")
    with place.conn(database):
        yield database


def declare(db, body, name="Note", module="__main__", table=None):
    """Run the cell that declares a table."""
    made = type(Table)(name, (Table,), {"__module__": module, "__qualname__": name, **body})
    return db.table(name=table)(made)


def note(db, **more):
    annotations = {"text": str} | {key: kind for key, (kind, *_) in more.items()}
    defaults = {key: default[0] for key, (_, *default) in more.items() if default}
    return declare(db, {"__annotations__": annotations, **defaults})


def stored(db, pk):
    """What the log holds of a record."""
    _, _, data = db._source.replica().get("Note", pk)
    return json.loads(data)


def test_the_same_class_again_takes_the_place_and_says_so(db, caplog):
    old = note(db)
    first = old(text="first").save()
    with caplog.at_level(logging.INFO, "discobase"):
        new = note(db)
    assert db.tables["Note"] is new
    assert caplog.messages == [
        "Note takes the place of the class of its name as table 'Note' of 'shop'"
    ]
    assert caplog.records[0].levelno == logging.INFO
    assert type(new.get(first.pk)) is new
    assert [found.text for found in new.find()] == ["first"]
    assert len(db.tables) == 1


def test_objects_of_the_old_class_are_saved_to_the_table(db):
    old = note(db)
    first, unsaved = old(text="first").save(), old(text="second")
    new = note(db, stars=(int, 3))
    first.text = "changed"
    assert first.save() is first
    assert unsaved.save().pk == 2
    assert [(found.text, found.stars) for found in new.find()] == [("changed", 3), ("second", 3)]
    first.delete()
    assert [found.text for found in new.find()] == ["second"]
    assert first.pk is None


def test_an_old_object_leaves_alone_what_its_class_does_not_know(db):
    old = note(db)
    first = old(text="first").save()
    new = note(db, stars=(int, 0))
    starred = new.get(first.pk)
    starred.stars = 5
    starred.save()
    first.text = "changed"
    first.save()
    assert stored(db, first.pk) == {"text": "changed", "stars": 5}


def test_an_old_object_is_saved_only_if_unchanged_where_that_is_asked_for(db):
    old = note(db)
    first = old(text="first").save()
    new = note(db, stars=(int, 0))
    new.get(first.pk).save()
    with pytest.raises(ConflictError):
        first.update(if_unchanged=True)
    first.refresh().update(if_unchanged=True)


def test_the_old_class_goes_on_finding_objects_of_its_own(db):
    old = note(db)
    first = old(text="first").save()
    new = note(db, stars=(int, 0))
    new(text="second").save()
    found = old.find()
    assert [type(each) for each in found] == [old, old]
    assert [each.text for each in found] == ["first", "second"]
    assert first.refresh().text == "first"


def test_many_objects_of_both_are_saved_at_once_by_either(db):
    old = note(db)
    new = note(db, stars=(int, 3))
    assert new.save_many([old(text="a"), new(text="b")]).records == 2
    assert old.save_many([old(text="c"), new(text="d")]).records == 2
    assert [(found.text, found.stars) for found in new.find()] == [
        ("a", 3),
        ("b", 3),
        ("c", 3),
        ("d", 3),
    ]
    with pytest.raises(TableError, match="own class only"):
        new.save_many([declare(db, {"__annotations__": {"text": str}}, "Other")(text="x")])


def test_a_class_may_be_declared_again_and_again(db):
    classes = [note(db)]
    first = classes[0](text="first").save()
    for number in range(1, 4):
        fields = {f"field{index}": (int, index) for index in range(number)}
        classes.append(note(db, **fields))
    first.save()
    assert stored(db, first.pk) == {"text": "first", "field0": 0, "field1": 1, "field2": 2}
    classes[1](text="second", field0=7).save()
    assert stored(db, 2) == {"text": "second", "field0": 7, "field1": 1, "field2": 2}


def test_what_is_new_holds_for_old_objects_too(db):
    old = note(db)
    old(text="first").save()
    declare(db, {"__annotations__": {"text": Annotated[str, Unique()]}})
    with pytest.raises(UniqueViolation):
        old(text="first").save()


def test_fields_that_do_not_load_what_is_stored_are_refused_with_the_difference(db):
    old = note(db)
    for fields, told in (
        ({"stars": (int,)}, "the field 'stars' is new and has no default"),
        ({"text": (int,)}, "the field 'text' does not take what it took"),
    ):
        with pytest.raises(TableError, match=f"{told}.*@db.table\\(name=.*new Database") as caught:
            note(db, **fields)
        assert "Note cannot take the place" in str(caught.value)
    assert db.tables["Note"] is old
    old(text="first").save()
    note(db, stars=(int, 0))
    strict = {"__annotations__": {"text": str}, "model_config": ConfigDict(extra="forbid")}
    with pytest.raises(TableError, match="'stars' is gone"):
        declare(db, strict)


def test_a_class_that_is_refused_can_be_attached_once_it_is_mended(db):
    note(db)
    with pytest.raises(TableError):
        note(db, stars=(int,))
    new = note(db, stars=(int, 0))
    assert new(text="x").save().stars == 0


def test_another_class_of_the_name_is_refused_as_ever(db):
    note(db)
    for module, name in (("another", "Note"), ("__main__", "Outer.Note")):
        with pytest.raises(TableError, match="has a table 'Note' already"):
            declare(db, {"__annotations__": {"text": str}}, name, module, table="Note")


def test_the_same_class_object_is_refused_as_ever(db):
    attached = note(db)
    with pytest.raises(TableError, match="has a table 'Note' already"):
        db.table(attached)


def test_it_needs_no_connection():
    db = Database("shop")
    note(db)
    new = note(db, stars=(int, 0))
    assert db.tables["Note"] is new
