"""What simulated processes ask while commits come, held against plain Python over the same records.

An asker writes records of a table of its own, as one of two versions of the program, and asks for
them by expressions, in orders and in parts, whatever its replica is doing: a key column is filled
record by record, a proposal is open, a checkpoint is being restored. At each moment a query has to
say of the records that are there what Python says of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from discobase import Index, Table, Unique, not_
from discobase.binding import Binding
from discobase.engine.changes import IndexWanted, Insert, Remove, Replace, TextIndexWanted
from discobase.errors import Disconnected
from discobase.query import Query
from discobase.records.expressions.nodes import Expression, Ordering
from tests.engine.workload import Client, OfEngine, Version

WORDS = ["", "a", "A", "aa", "ab", "b", "B" * 70, "b" * 300, "ß"]
NUMBERS = [None, -(2**70), -3, -1, 0, 1, 2, 3, 90, 2**70]
SIZES = [None, *map(Decimal, ("-1.5", "0", "0.0", "1", "1.50", "30"))]


class Item(Table):
    """An item, as one version of the program has it: two of its fields have no index at first."""

    tag: Annotated[str, Unique()]
    number: Annotated[int | None, Index()] = None
    word: str = ""
    size: Decimal | None = None


class FoldedItem(Table):
    """An item, as another version has it: it cannot tell the keys that the first one gives."""

    tag: Annotated[str, Unique()]
    number: Annotated[int | None, Index(), Field(le=2**80)] = None
    word: Annotated[str, StringConstraints(to_lower=True)] = ""
    size: Annotated[Decimal | None, Field(ge=-9)] = None


ITEMS: list[Version[Any]] = [Version("item", Item), Version("item", FoldedItem)]

POOLS: Mapping[str, Sequence[Any]] = {"number": NUMBERS, "word": WORDS, "size": SIZES}


class Asked(OfEngine):
    """As much of a source as a query needs."""

    name = "simulated"

    def want_texts(self, wanted: TextIndexWanted) -> None:
        """Have no index of texts: another table has one."""

    def want_index(self, wanted: IndexWanted) -> None:
        """Have the engine make a key column."""
        self._engine.want_index(wanted)

    def freshen(self, *, fresh: bool) -> None:
        """See nothing newer: a query reads what is there."""


class Asker(Client):
    """One thread of a process that writes items, and asks for them."""

    async def run(self) -> None:
        """Take some steps, and ask several questions after each."""
        # Of its own, so that what is asked changes nothing of what happens.
        self._asked = Random(f"{self._world.seed} {self._name}")
        self._version = self._asked.choice(ITEMS)
        source: Any = Asked(self._engine)
        self._binding: Binding[Any] = Binding(source, "item", self._version.codec.model)
        steps = [self._insert, self._insert, self._replace, self._replace, self._remove]
        for _ in range(self._plan.steps):
            await asyncio.sleep(self._asked.random() * self._plan.pause / 2)
            asked = asyncio.gather(*(self._soon() for _ in range(3)))
            await self._asked.choice(steps)()
            await asked

    def _data(self, tag: str) -> str:
        values = {name: self._asked.choice(pool) for name, pool in POOLS.items()}
        return self._version.data(tag=tag, **values)

    async def _insert(self) -> None:
        tags = [self._tag() for _ in range(self._asked.randrange(1, 4))]
        changes = [Insert("item", self._data(tag)) for tag in tags]
        await self._write(tags, *changes, versions=[self._version])

    async def _replace(self) -> None:
        if rows := self._rows():
            chosen = self._asked.sample(rows, self._asked.randrange(1, len(rows) // 2 + 2))
            tags = [self._tag() for _ in chosen]
            changes = [
                Replace("item", row.pk, self._data(tag))
                for row, tag in zip(chosen, tags, strict=True)
            ]
            await self._write(tags, *changes, versions=[self._version])

    async def _remove(self) -> None:
        if rows := self._rows():
            await self._write([], Remove("item", self._asked.choice(rows).pk))

    def _rows(self) -> list[Any]:
        """All records, without a query."""
        return [*map(self._binding.load, self._rows_of("item"))]

    # Questions

    async def _soon(self) -> None:
        """Ask while a step is under way that has just been begun, or is over."""
        await asyncio.sleep(self._asked.random() * 0.3)
        if self._process.ending or not self.is_readable:
            return
        try:
            self._question()
        except Disconnected:
            self._world.note(f"{self._process.name}: too late to ask")

    def _question(self) -> None:
        random = self._asked
        table = self._version.codec.model
        conditions = [expression(random, table) for _ in range(random.randrange(3))]
        orderings = [ordering(random, table) for _ in range(random.randrange(3))]
        query = Query(self._binding, {}, conditions).order_by(*orderings)
        fitting = [
            record
            for record in self._rows()
            if all(condition.holds(record) for condition in conditions)
        ]
        records = in_order(fitting, orderings)
        pks = [record.pk for record in records]
        start, stop = random.randrange(4), random.randrange(8)
        ways: list[tuple[Callable[[], Any], Any]] = [
            (query.pks, pks),
            (query.count, len(pks)),
            (query.exists, bool(pks)),
            (lambda: [record.pk for record in query.iterate(chunk=2)], pks),
            (query[start:stop].pks, pks[start:stop]),
            (lambda: [each.tag for each in query[start:]], [each.tag for each in records[start:]]),
            (
                lambda: query.values_list("pk", "version", "word"),
                [(each.pk, each.version, each.word) for each in records],
            ),
            (lambda: query.max("number"), max(_there(records), default=None)),
            (lambda: query.group_by("number").count(), _counted(fitting)),
        ]
        for ask, expected in random.sample(ways, 3):
            found = ask()
            if found != expected:
                self._record.complaints.append(
                    f"{self._process.name} at {self._engine.replica.head.seq}: {query!r} says "
                    f"{found}, and Python {expected}"
                )
        self._world.note(f"{self._process.name}: {query!r} -> {pks}")


def _there(records: Sequence[Any]) -> list[int]:
    return [record.number for record in records if record.number is not None]


def _counted(records: Sequence[Any]) -> dict[Any, int]:
    counts: dict[Any, int] = {}
    for record in records:
        counts[record.number] = counts.get(record.number, 0) + 1
    return counts


def expression(random: Random, table: type[Table], depth: int = 0) -> Expression:
    """An expression on the fields of a class of items."""
    way = random.random()
    if depth < 2 and way < 0.2:
        return expression(random, table, depth + 1) & expression(random, table, depth + 1)
    if depth < 2 and way < 0.4:
        return expression(random, table, depth + 1) | expression(random, table, depth + 1)
    if depth < 2 and way < 0.5:
        return not_(expression(random, table, depth + 1))
    return comparison(random, table)


def comparison(random: Random, table: type[Table]) -> Expression:
    """One comparison of one field."""
    name = random.choice(["number", "number", "word", "word", "size", "pk"])
    field: Any = getattr(table, name)
    pool = [value for value in POOLS.get(name, range(30)) if value is not None]
    value, other = random.choice(pool), random.choice(pool)
    asked: list[Callable[[], Expression]] = [
        lambda: field == value,
        lambda: field != value,
        lambda: field < value,
        lambda: field >= value,
        lambda: field.between(value, other),
        lambda: field.in_([value, other]),
        lambda: field.not_in([value, other]),
        field.is_none,
    ]
    if name == "word":
        asked += [
            lambda: field.startswith(value[:2]),
            lambda: field.contains(value[:1]),
            lambda: field.icontains(value[:1]),
        ]
    return random.choice(asked)()


def ordering(random: Random, table: type[Table]) -> Ordering:
    """An order by one field."""
    field: Any = getattr(table, random.choice([*POOLS, "pk"]))
    none_first = random.random() < 0.5
    descends = random.random() < 0.5
    return field.desc(none_first=none_first) if descends else field.asc(none_first=none_first)


def in_order(records: Sequence[Any], orderings: Sequence[Ordering]) -> list[Any]:
    """Records in an order, by Python's own comparisons."""
    found = sorted(records, key=lambda record: record.pk)
    for each in reversed(orderings):
        name = each.path.name
        nothing = [record for record in found if getattr(record, name) is None]
        there = [record for record in found if getattr(record, name) is not None]
        there.sort(key=lambda record: getattr(record, name), reverse=each.descending)
        found = nothing + there if each.none_first else there + nothing
    return found
