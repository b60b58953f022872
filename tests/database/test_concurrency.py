"""Many threads and several databases on one server, all at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from discobase import Database, Table, Unique
from discobase.engine.log.frame import GENESIS, read_header
from discobase.errors import ConflictError, RecordNotFound, UniqueViolation, WaitTimeout
from tests.database.conftest import Place


def accounts() -> tuple[Database, type[Any]]:
    database = Database("shop")

    @database.table
    class Account(Table):
        owner: Annotated[str, Unique()]
        balance: int = 0

    return database, Account


def together(*work: Callable[[], object]) -> None:
    """Run functions at once, each on a thread, and raise what one of them raised."""
    gate = threading.Barrier(len(work))
    errors: list[BaseException] = []

    def run(one: Callable[[], object]) -> None:
        gate.wait()
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def connected(stack: ExitStack, place: Place, count: int) -> list[tuple[Database, Any]]:
    made = [accounts() for _ in range(count)]
    for database, _ in made:
        stack.enter_context(place.conn(database))
    return made


def contents(table: Any) -> list[tuple[Any, ...]]:
    return [(found.pk, found.version, *found.model_dump().values()) for found in table.find()]


def test_threads_of_three_databases_save_at_once_and_nothing_is_lost(place):
    with ExitStack() as stack:
        made = connected(stack, place, 3)
        together(
            *(
                lambda t=t, d=d, n=n: [t(owner=f"{d}.{n}.{i}").save() for i in range(5)]
                for d, (_, t) in enumerate(made)
                for n in range(6)
            )
        )
        for database, _ in made:
            database.refresh()
        views = [contents(table) for _, table in made]
        assert views[0] == views[1] == views[2]
        expected = sorted(f"{d}.{n}.{i}" for d in range(3) for n in range(6) for i in range(5))
        assert sorted(row[2] for row in views[0]) == expected
        assert [row[0] for row in views[0]] == [*range(1, 91)]
        heads = {database._source.replica().head for database, _ in made}
        assert len(heads) == 1
    check_chain(place)


def check_chain(place: Place) -> None:
    """The log in Discord has no gaps, and each frame names the one before."""
    headers = sorted(
        (read_header(frame["content"]) for frame in place.frames()), key=lambda header: header.seq
    )
    assert [header.seq for header in headers] == [*range(1, len(headers) + 1)]
    chain = GENESIS
    for header in headers:
        assert header.chain == chain
        chain = header.hash
    assert sum(header.operations for header in headers) >= 91


@dataclass
class Claim:
    table: Any
    owner: str
    outcomes: list[object]

    def make(self) -> None:
        try:
            self.outcomes.append(self.table(owner=self.owner).save().pk)
        except UniqueViolation as error:
            self.outcomes.append(error)


def test_one_value_that_all_want_goes_to_exactly_one(place):
    with ExitStack() as stack:
        made = connected(stack, place, 3)
        for round_ in range(5):
            outcomes: list[object] = []
            claims = [Claim(table, f"owner {round_}", outcomes) for _, table in made]
            together(*(claim.make for claim in claims for _ in range(4)))
            winners = [outcome for outcome in outcomes if isinstance(outcome, int)]
            assert len(winners) == 1
            assert {error.pk for error in outcomes if not isinstance(error, int)} == {winners[0]}
        made[0][0].refresh()
        assert len(made[0][1].find()) == 5


def test_a_counter_loses_no_increment(place):
    rounds = 6
    with ExitStack() as stack:
        made = connected(stack, place, 3)
        made[0][1](owner="counter").save()

        def count(database: Database, table: Any) -> None:
            done = 0
            while done < rounds:
                try:
                    counter = table.find_unique(owner="counter")
                    counter.balance += 1
                    counter.update(if_unchanged=True)
                    done += 1
                except (ConflictError, RecordNotFound):
                    database.refresh()

        together(*(lambda d=d, t=t: count(d, t) for d, t in made for _ in range(3)))
        for database, table in made:
            database.refresh()
            assert table.find_unique(owner="counter").balance == rounds * 9


def test_ones_own_writes_are_visible_at_once_and_time_never_goes_back(place):
    with ExitStack() as stack:
        made = connected(stack, place, 2)

        def live(table: Any, name: str) -> None:
            seen = 0
            mine = table(owner=name).save()
            for balance in range(1, 12):
                mine.balance = balance
                mine.save()
                found = table.find_unique(owner=name)
                assert (found.balance, found.version) == (balance, mine.version)
                assert table.get(mine.pk) == mine
                newest = max(record.version for record in table.find())
                assert newest >= max(seen, mine.version)
                seen = newest
            mine.delete()
            assert not table.find(owner=name)

        together(
            *(
                lambda t=t, n=n, d=d: live(t, f"{d}.{n}")
                for d, (_, t) in enumerate(made)
                for n in range(4)
            )
        )
        for database, table in made:
            database.refresh()
            assert len(table.find()) == 0


def test_a_reader_never_sees_half_of_a_commit(place):
    with ExitStack() as stack:
        (_, writer), (_, reader) = connected(stack, place, 2)
        pair = [writer(owner=owner, balance=50) for owner in ("one", "two")]
        writer.save_many(pair)
        over = threading.Event()
        sums: set[int] = set()

        def watch(table: Any) -> None:
            while not over.is_set():
                if len(found := list(table.find())) == 2:
                    sums.add(sum(record.balance for record in found))

        def move() -> None:
            try:
                for amount in range(30):
                    pair[0].balance -= amount
                    pair[1].balance += amount
                    writer.save_many(pair)
            finally:
                over.set()

        together(move, lambda: watch(writer), lambda: watch(reader))
        assert sums == {100}


def test_two_databases_that_are_created_at_the_same_moment_are_one(place):
    made = [accounts() for _ in range(4)]
    with ExitStack() as stack:
        together(*(lambda d=d: stack.enter_context(place.conn(d)) for d, _ in made))
        together(*(lambda t=t, n=n: t(owner=str(n)).save() for n, (_, t) in enumerate(made)))
        for database, table in made:
            database.refresh()
            assert sorted(record.owner for record in table.find()) == ["0", "1", "2", "3"]
        assert len(place.lanes()) == 4
        assert sorted(place.discord.channels(place.server).values()) == sorted(
            ["discobase", "catalog", "checkpoints", *(f"log-{n}" for n in range(4))]
        )


def test_a_find_by_a_field_that_gets_its_index_meanwhile_is_never_wrong(place):
    with ExitStack() as stack:
        ((_, table),) = connected(stack, place, 1)
        table.save_many(table(owner=str(n), balance=n % 10) for n in range(500))

        def search() -> None:
            for wanted in range(10):
                assert len(table.find(balance=wanted)) == 50

        together(*(search for _ in range(6)))


def test_every_frame_is_readable_json(place):
    database, table = accounts()
    with place.conn(database):
        table(owner="`\"'").save()
    (frame,) = place.frames()
    header, *operations = frame["content"].split("\n")[1:-1]
    assert json.loads(header)["ops"] == len(operations) == 5
    assert json.loads(header)["needs"] == "2.0"
    names = [json.loads(operation)[0] for operation in operations]
    assert names == ["writer?", "declare", "unique", "request?", "put"]


def test_a_refresh_that_is_given_up_goes_on_and_does_no_harm(place, monkeypatch):
    with ExitStack() as stack:
        (_, first), (other, second) = connected(stack, place, 2)
        first(owner="Ada").save()
        other.refresh()
        place.discord.event_fault(action="drop", count=1)
        first(owner="Grace").save()
        replica, let_go = other._source.replica(), threading.Event()
        apply = replica.apply
        monkeypatch.setattr(replica, "apply", lambda commits: let_go.wait(10) and apply(commits))
        monkeypatch.setattr(other._source, "timeout", 0.2)
        with pytest.raises(WaitTimeout):
            other.refresh()
        monkeypatch.setattr(other._source, "timeout", 10)
        let_go.set()
        other.refresh()
        assert [account.owner for account in second.find()] == ["Ada", "Grace"]
        assert second(owner="Edsger").save().version == 3


def test_two_versions_of_a_program_side_by_side_never_let_a_unique_field_go_unchecked(place):
    newer = Database("shop")

    @newer.table(name="Account")
    class Newer(Table):
        owner: str
        balance: int = 0

    older, account = accounts()
    with place.conn(older), place.conn(newer):
        account(owner="Ada").save()
        Newer(owner="Grace").save()
        Newer(owner="Edsger").save()
        for _ in range(2):
            with pytest.raises(UniqueViolation):
                account(owner="Grace").save()
        account(owner="Barbara").save()
        with pytest.raises(UniqueViolation):
            Newer(owner="Barbara").save()
