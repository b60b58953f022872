"""What each thing costs in API calls, by the server's own count."""

from __future__ import annotations

import threading
import time
from typing import Annotated

from discobase import Database, Table, Unique
from tests.database.shop import shop, soon

CONNECT = 7
"""API calls of a login to a database that is there, with an empty log: the four of a login, the
list of channels, the catalog, and the list once more when the gateway's session has begun."""
CREATE = 26
"""API calls of a login that creates the database, and asks whether nonces are enforced; six of
them are for its trace, and for the look whether others have left one."""
IDLE_SECONDS = 0.5


def counted(database: Database) -> type[Table]:
    @database.table
    class User(Table):
        email: Annotated[str, Unique()]
        visits: int = 0

    return User


def test_save_update_and_delete_cost_one_call_each_and_reads_none(place):
    database = Database("shop")
    user = counted(database)
    with place.conn(database):
        for number in range(5):
            place.forget_calls()
            ada = user(email=f"{number}@x").save()
            assert (place.calls, place.sends) == (1, 1)
            ada.visits += 1
            place.forget_calls()
            ada.update()
            assert (place.calls, place.sends) == (1, 1)
            place.forget_calls()
            assert user.get(ada.pk).visits == 1
            assert user.find_unique(email=f"{number}@x").pk == ada.pk
            assert len(user.find()) == len(user.find(visits=1)) + 0
            ada.refresh()
            assert place.calls == 0
            ada.delete()
            assert (place.calls, place.sends) == (1, 1)


def test_the_first_save_of_a_table_carries_its_schema_along(place):
    database = Database("shop")
    user = counted(database)
    with place.conn(database):
        place.forget_calls()
        user(email="a@x").save()
        assert place.calls == 1
    again = Database("shop")
    user = counted(again)
    with place.conn(again):
        place.forget_calls()
        user(email="b@x").save()
        assert place.calls == 1
    assert sum('["declare"' in frame["content"] for frame in place.frames()) == 1


def test_a_hundred_saves_waiting_at_once_cost_at_most_five(place):
    database = Database("shop")
    user = counted(database)
    with place.conn(database):
        user(email="first@x").save()
        place.discord.set(latency=0.05)
        place.forget_calls()
        assert save_at_once(user, 100) == [*range(2, 102)]
        assert place.calls <= 5
        assert len(user.find()) == 101


def test_so_they_do_in_a_new_database_where_each_of_them_declares_the_table(place):
    database = Database("shop")
    user = counted(database)
    with place.conn(database):
        place.discord.set(latency=0.05)
        place.forget_calls()
        assert save_at_once(user, 100) == [*range(1, 101)]
        assert place.calls <= 5
        # Not one of them has looked for records that might be there, on a connection of its own:
        # it would have come after the others then, and not at once with them.
        assert not database._source.session().engine("", 1).replica._reader._pool._idle
        assert len(user.find()) == 100


def save_at_once(user: type[Table], number: int) -> list[int]:
    """Save so many records, each in a thread of its own, and return their primary keys."""
    gate = threading.Barrier(number)
    saved: list[int] = []

    def save(index: int) -> None:
        record = user(email=f"{index}@x")
        gate.wait()
        saved.append(record.save().pk)

    savers = [threading.Thread(target=save, args=(index,)) for index in range(number)]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join()
    return sorted(saved)


def test_save_many_of_ten_thousand_small_records_costs_at_most_two(place):
    database = Database("shop")
    user = counted(database)
    with place.conn(database):
        place.forget_calls()
        report = user.save_many(user(email=f"{number}@example.org") for number in range(10_000))
        assert report.records == 10_000
        assert report.commits == place.sends == place.calls <= 2
        place.forget_calls()
        assert user.find_unique(email="7777@example.org").pk == 7778
        assert len(user.find()) == 10_000
        assert place.calls == 0


def test_a_refresh_with_nothing_new_costs_one(place):
    database, item = shop()
    with place.conn(database):
        for number in range(5):
            item(name=str(number)).save()
            place.forget_calls()
            database.refresh()
            assert place.calls == 1


def test_a_refresh_with_something_new_costs_little_more(place):
    (one, first), (two, second) = shop(), shop()
    with place.conn(one), place.conn(two):
        for action in range(3):
            place.discord.event_fault(action="drop", count=1)
            first(name=str(action)).save()
            place.forget_calls()
            two.refresh()
            assert place.calls <= 2
            assert len(second.find()) == action + 1


def test_what_a_login_costs(place):
    database, item = shop()
    place.forget_calls()
    with place.conn(database):
        assert place.calls <= CREATE
        assert place.discord.requests.identifies == 1
    place.forget_calls()
    with place.conn(database):
        assert place.calls <= CONNECT
        item.save_many(item(name=str(n)) for n in range(1000))
        for number in range(20):
            item(name=str(number)).save()
    place.forget_calls()
    with place.conn(database):
        # each of the four lanes has a page now
        assert place.calls <= CONNECT + 4
        assert len(item.find()) == 1020
    assert place.discord.requests.identifies == 1


def test_a_connection_at_rest_costs_nothing(place):
    (one, first), (two, _) = shop(), shop()
    with place.conn(one), place.conn(two):
        first(name="hat").save()
        place.forget_calls()
        time.sleep(IDLE_SECONDS)
        assert place.calls == 0


def test_a_second_database_sees_writes_through_the_gateway_at_no_cost(place):
    (one, first), (two, second) = shop(), shop()
    with place.conn(one), place.conn(two):
        for number in range(10):
            place.forget_calls()
            saved = first(name=str(number)).save()
            assert soon(lambda n=number: len(second.find()) == n + 1)
            assert second.get(saved.pk).name == str(number)
            assert place.calls == 1
        saved.delete()
        assert soon(lambda: len(second.find()) == 9)


def test_attachments_are_downloaded_by_others_and_not_by_the_writer(place):
    (one, first), (two, second) = shop(), shop()
    with place.conn(one), place.conn(two):
        place.forget_calls()
        first(name="x" * 5000).save()
        assert soon(lambda: len(second.find()) == 1)
        requests = place.discord.requests
        assert (requests.total, requests.downloads) == (1, 1)
