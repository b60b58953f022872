"""A save whose outcome is unknown is repeated, and stores its record once."""

from __future__ import annotations

import copy
import pickle
from typing import Annotated

import pytest

from discobase import Database, Table, Unique
from discobase.errors import ConflictError, OutcomeUnknown, RecordNotFound, UniqueViolation
from discobase.source import Source

SEND = {"method": "POST", "route": "/channels/{channel_id}/messages"}


class Thing(Table):
    """At the top of a module, so that pickle finds it."""

    name: Annotated[str, Unique()]
    size: int = 0


class Interrupted(Source):
    """A source whose commits come to their end, and whose callers never hear of it."""

    def __init__(self, source, end):
        self._source, self._end = source, end
        self.calls = 0

    def __getattr__(self, name):
        return getattr(self._source, name)

    name = property(lambda self: self._source.name)
    timeout = property(lambda self: self._source.timeout)
    capacity = property(lambda self: self._source.capacity)

    def replica(self, purpose=""):
        return self._source.replica(purpose)

    def want_texts(self, wanted):
        self._source.want_texts(wanted)

    def want_index(self, wanted):
        self._source.want_index(wanted)

    def freshen(self, *, fresh):
        self._source.freshen(fresh=fresh)

    def commit(self, request):
        self.calls += 1
        self._source.commit(request)
        raise self._end


@pytest.fixture(params=[KeyboardInterrupt(), OutcomeUnknown("the answer was lost")], ids=repr)
def unheard(request):
    """Has the answers to what a block writes lost: by Ctrl-C, or otherwise."""

    def lose(table, act):
        binding = table._binding
        source = binding.source
        binding.source = Interrupted(source, request.param)
        try:
            with pytest.raises(type(request.param)):
                act()
        finally:
            binding.source = source

    return lose


@pytest.fixture
def thing(place):
    database = Database("shop")

    class Item(Thing):
        pass

    database.table(name="Thing")(Item)
    with place.conn(database):
        yield Item


def held(table):
    return [(each.pk, each.name, each.size) for each in table.find()]


def test_a_new_record_is_stored_once_and_the_object_learns_where(thing, unheard):
    record = thing(name="Ada")
    unheard(thing, record.save)
    assert record.pk is None
    head = thing.find()[0].version
    record.save()
    assert (record.pk, record.version) == (1, head)
    assert held(thing) == [(1, "Ada", 0)]
    record.size = 2
    record.update(if_unchanged=True)
    assert held(thing) == [(1, "Ada", 2)]


def test_one_that_was_changed_in_between_is_changed_in_place(thing, unheard):
    record = thing(name="Ada")
    unheard(thing, record.save)
    record.name = "Grace"
    unheard(thing, record.save)
    record.save()
    assert held(thing) == [(1, "Grace", 0)]


def test_what_others_have_written_over_it_since_is_not_undone(thing, unheard):
    record = thing(name="Ada")
    unheard(thing, record.save)
    other = thing.get(1)
    other.size = 7
    other.save()
    record.save()
    assert held(thing) == [(1, "Ada", 7)]
    record.size = 1
    with pytest.raises(ConflictError):
        record.update(if_unchanged=True)


def test_a_conditional_update_that_was_made_is_done(thing, unheard):
    record = thing(name="Ada").save()
    record.size += 10
    unheard(thing, lambda: record.update(if_unchanged=True))
    record.update(if_unchanged=True)
    record.size += 10
    unheard(thing, lambda: record.update(if_unchanged=True))
    record.size += 10
    record.update(if_unchanged=True)
    assert held(thing) == [(1, "Ada", 30)]


def test_a_delete_that_was_made_is_done(thing, unheard):
    record = thing(name="Ada").save()
    unheard(thing, record.delete)
    record.delete()
    assert record.pk is None
    assert held(thing) == []
    record.save()
    assert held(thing) == [(2, "Ada", 0)]


def test_one_that_was_deleted_since_is_said_to_be_and_may_be_stored_anew(thing, unheard):
    record = thing(name="Ada")
    unheard(thing, record.save)
    thing.get(1).delete()
    record.size = 1
    with pytest.raises(RecordNotFound):
        record.save()
    record.save()
    assert held(thing) == [(2, "Ada", 1)]


def test_many_are_stored_once_whichever_are_given_again(thing, unheard):
    records = [thing(name=f"{number}") for number in range(6)]
    unheard(thing, lambda: thing.save_many(records))
    records[4].size = 9
    thing.save_many([thing(name="new"), *records[1:5]])
    records[0].save()
    thing.save_many(records)
    assert sorted(name for _, name, _ in held(thing)) == [*"012345", "new"]
    assert thing.get(5).size == 9
    assert [record.pk for record in records] == [1, 2, 3, 4, 5, 6]


def test_a_copy_and_a_pickle_of_such_a_record_are_that_record(thing, unheard):
    record = thing(name="Ada")
    unheard(thing, record.save)
    for other in (record.model_copy(), copy.deepcopy(record), copy.copy(record)):
        assert other.save().pk == 1
    noted = Thing(name="x")
    object.__setattr__(noted, "__pydantic_private__", record.__pydantic_private__)
    kept = pickle.loads(pickle.dumps(noted))
    assert kept.__pydantic_private__ == record.__pydantic_private__
    assert len(held(thing)) == 1


def test_two_copies_in_one_commit_are_one_record(thing, unheard):
    record = thing(name="Ada")
    unheard(thing, record.save)
    thing.save_many([record, copy.copy(record)])
    assert held(thing) == [(1, "Ada", 0)]


def test_a_save_that_is_refused_leaves_nothing_with_the_object(thing):
    thing(name="Ada").save()
    second = thing(name="Ada")
    with pytest.raises(UniqueViolation) as caught:
        second.save()
    assert not getattr(caught.value, "__notes__", [])
    assert second.__pydantic_private__ is None


def test_a_failed_repetition_does_not_say_that_the_first_try_failed(thing, unheard):
    thing(name="Ada").save()
    record = thing(name="Grace")
    unheard(thing, record.save)
    record.name = "Ada"
    with pytest.raises(UniqueViolation, match="Ada") as caught:
        record.save()
    assert "An earlier one" in caught.value.__notes__[0]
    record.name = "Edsger"
    record.save()
    assert held(thing) == [(1, "Ada", 0), (2, "Edsger", 0)]


def test_it_is_stored_once_when_the_database_was_closed_meanwhile(place, unheard):
    database = Database("shop")

    @database.table
    class Item(Table):
        name: str

    record = Item(name="Ada")
    with place.conn(database):
        unheard(Item, record.save)
    with place.conn(database):
        record.save()
        assert [each.name for each in Item.find()] == ["Ada"]


def test_a_time_out_while_it_was_under_way_stores_it_once(place):
    database = Database("shop", timeout=0.5)

    @database.table
    class Item(Table):
        name: str

    with place.conn(database):
        Item(name="first").save()
        place.discord.event_fault(action="drop", count=1)
        place.discord.fault(**SEND, delay=1.0, when="after")
        record = Item(name="second")
        with pytest.raises(OutcomeUnknown):
            record.save()
        Item._binding.source.timeout = 10.0
        record.save()
        assert [each.name for each in Item.find()] == ["first", "second"]


def test_a_save_outlives_as_many_errors_as_make_a_fence_be_sent(place):
    database = Database("shop", timeout=10.0)

    @database.table
    class Item(Table):
        name: str

    with place.conn(database):
        Item(name="first").save()
        place.discord.fault(**SEND, status=503, count=3)
        assert Item(name="patient").save().pk == 2
    with place.conn(database):
        assert [each.name for each in Item.find()] == ["first", "patient"]
