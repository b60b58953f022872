"""Programs of two versions on one database: an older class, and one with more fields."""

from __future__ import annotations

import json
import pickle
import random
from typing import Annotated, Any

import pytest
from pydantic import Field

from discobase import Database, Table, Unique
from discobase.errors import RecordTooLarge, SchemaConflict


class Older(Table):
    name: str


class Newer(Table):
    name: str
    mail: Annotated[str | None, Unique()] = None
    tags: list[str] = Field(default_factory=list)


@pytest.fixture(params=["ignore", "forbid"])
def versions(place, request):
    """An older and a newer class of one table, each in a connected database of its own."""
    old, new = Database("shop"), Database("shop")
    older = type("Older", (Older,), {"__module__": __name__}, extra=request.param)
    newer = type("Newer", (Newer,), {"__module__": __name__})
    old.table(older, name="user")
    new.table(newer, name="user")
    with place.conn(old), place.conn(new):
        yield old, older, new, newer


def stored(place) -> list[dict[str, Any]]:
    """What the puts of the log hold, oldest first."""
    lines = [line for frame in place.frames() for line in frame["content"].splitlines()]
    return [json.loads(line)[-1] for line in lines if line.startswith('["put"')]


class TestFieldsThatAClassDoesNotKnow:
    def test_a_save_by_an_older_program_keeps_them(self, place, versions):
        old, older, new, newer = versions
        newer(name="ada", mail="a@x", tags=["x"]).save()
        old.refresh()
        for write in (Table.save, Table.update, lambda user: older.save_many([user])):
            user = older.get(1)
            user.name += "!"
            write(user)
        new.refresh()
        user = newer.get(1)
        assert (user.name, user.mail, user.tags) == ("ada!!!", "a@x", ["x"])
        assert newer.find(mail="a@x").one().pk == 1
        assert list(stored(place)[-1]) == ["name", "mail", "tags"]

    def test_they_go_with_copies_pickles_and_refreshes(self, versions):
        old, older, new, newer = versions
        newer(name="ada", mail="a@x").save()
        old.refresh()
        user = older.get(1)
        newer.get(1).model_copy(update={"mail": "b@x"}).save()
        old.refresh()
        assert user != older.get(1)
        assert user.refresh() == older.get(1)
        user.model_copy(update={"name": "bob"}).save()
        new.refresh()
        assert (newer.get(1).name, newer.get(1).mail) == ("bob", "b@x")

    def test_the_object_that_saved_is_equal_to_what_is_loaded(self, versions):
        old, older, _, newer = versions
        newer(name="ada", mail="a@x").save()
        old.refresh()
        user = older.get(1)
        user.name = "bob"
        user.save()
        assert user == older.get(1)
        made = older(name="eve").save()
        assert made == older.get(2)

    def test_what_is_unique_is_not_given_a_value_by_a_class_that_does_not_know_it(self, versions):
        old, older, new, newer = versions
        newer(name="ada", mail="a@x").save()
        old.refresh()
        twin = older.get(1)
        twin.delete()
        new.refresh()
        newer(name="bob", mail="a@x").save()
        with pytest.raises(SchemaConflict, match="mail"):
            twin.save()


def test_a_deleted_record_that_is_saved_again_has_what_its_class_does_not_know(place):
    old, new = Database("shop"), Database("shop")
    older = old.table(type("Older", (Older,), {"__module__": __name__}), name="user")

    @new.table(name="user")
    class Tagged(Table):
        name: str
        tags: list[str]

    with place.conn(old), place.conn(new):
        Tagged(name="ada", tags=["x"]).save()
        old.refresh()
        user = older.get(1)
        user.delete()
        assert user.save().pk == 2
        new.refresh()
        assert Tagged.get(2).tags == ["x"]


def test_they_count_for_what_one_message_carries(place):
    old, new = Database("shop", attachment_limit=10_000), Database("shop")
    older = old.table(type("Older", (Older,), {"__module__": __name__}), name="user")
    newer = new.table(type("Newer", (Newer,), {"__module__": __name__}), name="user")
    noise = random.Random(1).randbytes(50_000).hex()
    with place.conn(old), place.conn(new):
        for name in ("ada", "bob", "eve"):
            newer(name=name, tags=[noise]).save()
        newer(name="max", tags=[random.Random(2).randbytes(400_000).hex()]).save()
        old.refresh()
        assert older.save_many(older.find()[:3]).commits > 1
        with pytest.raises(RecordTooLarge):
            older.get(4).save()
        new.refresh()
        assert [user.tags for user in newer.find()[:3]] == [[noise]] * 3


class Pickled(Older):
    pass


def test_a_pickled_record_has_the_fields_that_its_class_does_not_know(place):
    old, new = Database("shop"), Database("shop")
    old.table(Pickled, name="user")
    newer = new.table(type("Newer", (Newer,), {"__module__": __name__}), name="user")
    with place.conn(old), place.conn(new):
        newer(name="ada", mail="a@x").save()
        old.refresh()
        pickle.loads(pickle.dumps(Pickled.get(1))).save()
        new.refresh()
        assert newer.get(1).mail == "a@x"


def test_a_field_that_was_renamed_with_a_default_keeps_its_old_value(place):
    old, new = Database("shop"), Database("shop")
    older = old.table(type("Older", (Older,), {"__module__": __name__}), name="user")

    @new.table(name="user")
    class Renamed(Table):
        full_name: str = "nobody"

    with place.conn(old), place.conn(new):
        older(name="ada").save()
        new.refresh()
        user = Renamed.get(1)
        user.full_name = "Ada L."
        user.save()
        old.refresh()
        assert older.get(1).name == "ada"
        older.get(1).save()
        new.refresh()
        assert Renamed.get(1).full_name == "Ada L."
