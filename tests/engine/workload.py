"""What the writers of a simulated run do, and what they remember of it.

Every write carries a tag of its own, so that the log tells later what became of it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, Generic, TypeVar

from pydantic import StringConstraints

from discobase.engine.changes import (
    Change,
    Insert,
    OnConflict,
    Placed,
    Preparation,
    Remove,
    Replace,
    Request,
    SchemaMoved,
    TextIndexWanted,
    attempt_of,
)
from discobase.engine.engine import Engine
from discobase.engine.keys import key as key_of
from discobase.engine.lasting import LastingEngine
from discobase.engine.log.frame import Limits
from discobase.engine.replica import EMPTY, KEYLESS, KeyColumn, Replica, Row
from discobase.engine.together import is_together, joined_key, names_of
from discobase.errors import (
    ConflictError,
    ConnectError,
    DiscobaseError,
    Disconnected,
    LogDamaged,
    MissingPermission,
    OutcomeUnknown,
    RecordNotFound,
    SchemaConflict,
    Unavailable,
    UniqueViolation,
)
from discobase.progress import Gauge
from discobase.records.codec import Codec
from discobase.records.fields import Unique
from discobase.records.record import Record
from discobase.records.together import UniqueTogether
from discobase.schema import Call, TableSchema
from tests.engine.linearizability import Operation
from tests.engine.schemas import declaring
from tests.engine.simulation import Process, World

R = TypeVar("R", bound=Record)

LIMITS = Limits(inline=700, attachment=400, message=4_000, files=10)
"""Small, so that some commits hang on their message as one file or as several."""


class Person(Record):
    """A person, as one version of the program has them."""

    tag: Annotated[str, Unique()]
    name: Annotated[str | None, Unique()]
    noise: str = ""


class FoldedPerson(Record):
    """A person, as another version has them: their names are alike in capitals and without."""

    tag: Annotated[str, Unique()]
    name: Annotated[str | None, Unique(), StringConstraints(to_lower=True)]
    noise: str = ""


class Register(Record):
    """A register that is compared and set."""

    tag: str
    key: Annotated[str, Unique()]


class Seat(Record):
    """A seat, as a version of the program has it for which a row has each place once."""

    tag: str
    row: int
    place: str | None
    once = UniqueTogether("row", "place")


class FoldedSeat(Record):
    """A seat, as a later version has it: places are alike in capitals and without."""

    tag: str
    row: int
    place: Annotated[str | None, StringConstraints(to_lower=True)]
    once = UniqueTogether("place", "row")


class PlainSeat(Record):
    """A seat, as an earlier version has it: for that one nothing is unique."""

    tag: str
    row: int
    place: str | None


class Tally(Record):
    """A number that is counted up."""

    tag: str
    count: int


class Version(Generic[R]):
    """A version of a table's class.

    Args:
        table: the table's name.
        model: the class.
    """

    def __init__(self, table: str, model: type[R]) -> None:
        self.table = table
        self.codec = Codec(model, table)
        self.schema = TableSchema(self.codec, table)

    def data(self, **values: object) -> str:
        """What is stored of a record."""
        return self.codec.encode(self.codec.model(**values))

    def columns(self) -> dict[str, KeyColumn]:
        """The key columns of the unique fields, and of those that are so together."""
        return {
            name: KeyColumn.of(name, self.schema.fields[name])
            for name in self.schema.declared.unique
        }

    def keys(self, data: str) -> dict[str, str | None]:
        """The keys that a record has in unique fields, as the class loads it."""
        record = self.codec.decode(data)

        def key(name: str) -> str | None:
            return self.codec.stored_key(name, getattr(record, name))

        return {
            name: joined_key([key(each) for each in names_of(name)], KEYLESS)
            if is_together(name)
            else key(name)
            for name in self.schema.declared.unique
        }


PERSONS = [Version("person", Person), Version("person", FoldedPerson)]
REGISTER = Version("register", Register)
SEATS: list[Version[Any]] = [
    Version("seat", Seat),
    Version("seat", FoldedSeat),
    Version("seat", PlainSeat),
]
TALLY = Version("tally", Tally)
VERSIONS: list[Version[Any]] = [*PERSONS, REGISTER, *SEATS, TALLY]

SEARCHED = TextIndexWanted("person", (("name",), ("tag",)))
"""What each process searches, in its own index."""

NOTHING_WRITTEN = (
    UniqueViolation,
    SchemaConflict,
    SchemaMoved,
    ConflictError,
    RecordNotFound,
    Unavailable,
    Disconnected,
    LogDamaged,
    MissingPermission,
)


@dataclasses.dataclass
class Write:
    """One request: its tags, when it was asked for, what its caller was told in the end, and how
    often it was asked for again because the outcome was unknown.
    """

    writer: str
    tags: list[str]
    called: float
    returned: float = float("inf")
    placed: Placed | None = None
    error: DiscobaseError | None = None
    repeats: int = 0
    on_conflict: OnConflict = "error"


@dataclasses.dataclass
class Memory:
    """Everything that the writers of a run were told."""

    writes: list[Write] = dataclasses.field(default_factory=list)
    registers: dict[str, list[Operation]] = dataclasses.field(default_factory=dict)
    complaints: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is done, and how."""

    clients: int = 2
    steps: int = 6
    pause: float = 2.0
    keys: int = 2
    names: int = 6
    impatience: float = 0.1
    """The chance that a caller gives up while their request is under way."""
    checkpoints: float = 0.0
    """The chance that a step is followed by a checkpoint."""
    vacuums: float = 0.0
    """The chance that a step is followed by a vacuum."""


async def open_engine(
    process: Process,
    limits: Limits = LIMITS,
    *,
    hears: bool = True,
    kind: type[Engine | LastingEngine] = Engine,
) -> Any:
    """Connect, as often as it takes: for one generation, or for all that come."""
    while True:
        try:
            engine = await kind.open(
                process.seam,
                limits=limits,
                failed=lambda error: process.failures.append(repr(error)),
                allow_unsafe=process.world.faults.nonce_window is None,
                hears=hears,
                label=f"{process.name} simulated",
                cache=process.cache,
                key=process.world.key,
            )
        except ConnectError as error:
            process.world.note(f"{process.name}: could not connect: {error}")
            await asyncio.sleep(1.0)
        else:
            process.closers.append(engine.replica.close)
            process.engine = engine
            return engine


async def put(
    engine: Engine, *changes: Change, schemas: Mapping[str, str] = MappingProxyType({})
) -> Placed:
    """Have changes written, and wait."""
    return await ask(engine, Request(changes, schemas, declaring(engine.replica, schemas)))


async def ask(engine: Engine, request: Request) -> Placed:
    """Have a request carried out, and wait."""
    engine.commit(request)
    return await asyncio.wrap_future(request.future)


_REPEATS = 5
"""How often a write whose outcome is unknown is asked for again: nothing is left unknown then, but
where a process is cut off."""


def _named(request: Request) -> list[Change]:
    """The changes of a request that may have happened, to be asked for again."""
    return [
        dataclasses.replace(change, attempt=attempt_of(change, request.key, index))
        for index, change in enumerate(request.changes)
    ]


def _outcome_is_read(answer: asyncio.Future[Placed]) -> None:
    if not answer.cancelled():
        answer.exception()


class OfEngine:
    """As much of a source as tells a schema what the log lacks."""

    timeout = None

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def replica(self, purpose: str = "") -> Replica:
        """The engine's."""
        return self._engine.replica


class Client:
    """One thread of a writer: it writes records and registers, and reads registers freshly."""

    def __init__(
        self,
        world: World,
        process: Process,
        engine: Any,
        record: Memory,
        plan: Plan,
        name: str,
        fresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._world, self._process, self._engine = world, process, engine
        self._record, self._plan, self._name = record, plan, name
        self._count = 0
        self._fresh = fresh
        self._person_version = world.random.choice(PERSONS)
        self._seat_version = world.random.choice(SEATS)

    async def run(self) -> None:
        """Take some steps, with pauses between them."""
        random = self._world.random
        declared = None
        while declared is None:
            versions = [self._person_version, self._seat_version, REGISTER, TALLY]
            write = await self._write([], versions=versions)
            declared = write.placed
            if isinstance(write.error, LogDamaged):
                return  # until somebody heals it
            if isinstance(write.error, MissingPermission):
                await asyncio.sleep(1)  # it is refused at once, and no time would ever pass
        self._engine.want_index(SEARCHED)
        steps = [
            self.insert, self.insert_pair, self.insert_large, self.replace, self.remove,
            self.set_register, self.set_register, self.read_register,
            self.insert_seat, self.replace_seats, self.insert_tally, self.count_all, self.count_all,
            self.remove_all,
        ]  # fmt: skip
        for _ in range(self._plan.steps):
            await asyncio.sleep(random.random() * self._plan.pause)
            await random.choice(steps)()
            if self._world.chance(self._plan.checkpoints):
                await self.keep()
            if self._world.chance(self._plan.vacuums):
                await self.change_generation()

    async def keep(self) -> None:
        """Write a checkpoint."""
        try:
            checkpoint = await self._engine.checkpoint()
        except (Unavailable, LogDamaged, MissingPermission) as error:
            self._world.note(f"{self._process.name}: no checkpoint: {error}")
        else:
            self._world.note(f"{self._process.name}: {checkpoint}")

    async def change_generation(self) -> None:
        """Make a vacuum; another one may be under way."""
        lanes = self._world.random.choice([None, 1, 2, 3])
        try:
            told = await self._engine.vacuum(lanes, Gauge())
        except (Unavailable, LogDamaged, MissingPermission, OutcomeUnknown) as error:
            self._world.note(f"{self._process.name}: no vacuum: {error}")
        else:
            self._world.note(f"{self._process.name}: {told}")

    def _tag(self) -> str:
        self._count += 1
        return f"{self._name}.{self._count}"

    async def _write(
        self, tags: list[str], *changes: Change, versions: Sequence[Version[Any]] = ()
    ) -> Write:
        """Ask for changes, again where what they rest on has moved."""
        while True:
            write = await self._write_once(tags, changes, versions)
            if not isinstance(write.error, SchemaMoved):
                return write
            # Nothing came of it, and nobody was told: the next one goes under the same tags.
            self._record.writes.remove(write)

    async def _write_once(
        self, tags: list[str], changes: Sequence[Change], versions: Sequence[Version[Any]]
    ) -> Write:
        if self._process.ending:  # the caller ends with its process
            await asyncio.Event().wait()
        write = Write(self._process.name, tags, self._world.time)
        write.on_conflict = next(
            (change.on_conflict for change in changes if not isinstance(change, Remove)), "error"
        )
        self._record.writes.append(write)
        head = self._engine.replica.head.seq
        changes = await self._try(write, changes, versions)
        while tags and isinstance(write.error, OutcomeUnknown) and write.repeats < _REPEATS:
            self._world.note(f"{self._process.name}: {tags} is unknown: {write.error}")
            await asyncio.sleep(self._world.random.random() * self._plan.pause)
            write.repeats += 1
            changes = await self._try(write, changes, versions)
            if isinstance(write.error, NOTHING_WRITTEN):
                # By this try. Of those before that is not said.
                write.error = OutcomeUnknown(f"a repetition failed: {write.error!r}")
        write.returned = self._world.time
        outcome = write.error and type(write.error).__name__
        asked = changes[0] if changes else "schemas"
        self._world.note(f"{self._process.name}: {tags} {asked} -> {outcome or write.placed}")
        self._expect_own_write(write, head)
        return write

    async def _try(
        self, write: Write, changes: Sequence[Change], versions: Sequence[Version[Any]]
    ) -> Sequence[Change]:
        """Ask for changes once, and return them as they are to be asked for again."""
        while not self.is_readable:  # noqa: ASYNC110 - nothing here tells of it
            await asyncio.sleep(0.2)
        request = Request(
            changes,
            {version.table: version.schema.text for version in versions},
            [step for version in versions for step in self._lacking(version)],
            key=f"{self._world.random.getrandbits(32):08x}",
        )
        write.error = None
        try:
            write.placed = await self._ask(request)
        except (*NOTHING_WRITTEN, OutcomeUnknown) as error:
            write.error = error
        return _named(request)

    async def _ask(self, request: Request) -> Placed:
        """Have a request carried out, and wait; or give up, as a caller whose time is over."""
        if not self._world.chance(self._plan.impatience):
            return await ask(self._engine, request)
        self._engine.commit(request)
        answer = asyncio.wrap_future(request.future)
        patience = self._world.random.random() * self._plan.pause / 4
        await asyncio.wait({answer}, timeout=patience)
        if answer.done():
            return answer.result()
        if request.future.cancel():
            answer.cancel()
            raise Unavailable("withdrawn before it began")
        answer.add_done_callback(_outcome_is_read)
        raise OutcomeUnknown("the caller's time is over")

    def _lacking(self, version: Version[Any]) -> Sequence[Preparation]:
        layout = self._engine.replica.layouts.get(version.table, EMPTY)
        source: Any = OfEngine(self._engine)
        return version.schema.preparations(Call(source), layout)

    def _expect_own_write(self, write: Write, head: int) -> None:
        seen = self._engine.replica.head.seq
        if seen < head:
            self._record.complaints.append(f"{self._process.name} went back from {head} to {seen}")
        if write.placed is not None and write.tags and seen < write.placed.seq:
            self._record.complaints.append(f"{self._process.name} does not see {write}")

    def _person(self, tag: str, **more: object) -> str:
        name = f"name-{self._world.random.randrange(self._plan.names)}"
        name = name.title() if self._world.chance(0.3) else name
        chosen = name if self._world.chance(0.5) else None
        return self._person_version.data(tag=tag, name=chosen, **more)

    def _on_conflict(self) -> OnConflict:
        return self._world.random.choice(["error", "ignore", "update"])

    async def insert(self) -> None:
        """One record; its name may be taken."""
        tag = self._tag()
        change = Insert("person", self._person(tag), on_conflict=self._on_conflict())
        await self._write_person([tag], change)

    async def insert_pair(self) -> None:
        """Two records, both or none, as far as none is in their way."""
        tags, conflict = [self._tag(), self._tag()], self._on_conflict()
        await self._write_person(
            tags, *(Insert("person", self._person(tag), on_conflict=conflict) for tag in tags)
        )

    # Seats: two fields that are unique together

    def _seat(self, tag: str) -> str:
        random = self._world.random
        place = random.choice(["a", "A", "b", "B", None])
        return self._seat_version.data(tag=tag, row=random.randrange(2), place=place)

    async def insert_seat(self) -> None:
        """A seat, which may be taken."""
        tag, conflict = self._tag(), self._on_conflict()
        change = Insert("seat", self._seat(tag), on_conflict=conflict)
        await self._write([tag], change, versions=[self._seat_version])

    async def replace_seats(self) -> None:
        """Some seats, all or none."""
        rows = self._rows_of("seat")
        chosen = self._world.random.sample(rows, min(2, len(rows)))
        tags = [self._tag() for _ in chosen]
        changes = [
            Replace("seat", pk, self._seat(tag), seq)
            for (pk, seq, _), tag in zip(chosen, tags, strict=True)
        ]
        if changes:
            await self._write(tags, *changes, versions=[self._seat_version])

    # Tallies: changes of all that a query finds, each at the version at which it was read

    async def insert_tally(self) -> None:
        """A tally that begins with nothing."""
        tag = self._tag()
        await self._write([tag], Insert("tally", TALLY.data(tag=tag, count=0)), versions=[TALLY])

    async def count_all(self) -> None:
        """Count in all of them, and try again where somebody else has written one meanwhile."""
        for _ in range(_REPEATS):
            rows = self._rows_of("tally")
            tags = [self._tag() for _ in rows]
            changes = [
                Replace("tally", pk, TALLY.data(tag=tag, count=json.loads(data)["count"] + 1), seq)
                for (pk, seq, data), tag in zip(rows, tags, strict=True)
            ]
            if not changes:
                return
            write = await self._write(tags, *changes, versions=[TALLY])
            if not isinstance(write.error, ConflictError | RecordNotFound):
                return

    async def remove_all(self) -> None:
        """Delete those that have come far."""
        rows = self._rows_of("tally")
        far = [Remove("tally", pk, seq) for pk, seq, data in rows if json.loads(data)["count"] > 3]
        if far:
            await self._write([], *far)

    # Persons

    async def insert_large(self) -> None:
        """A record that fits no message's text, and maybe no single file."""
        tag = self._tag()
        random = self._world.random
        noise = f"{random.getrandbits(4 * random.choice([800, 2_000])):x}"
        await self._write_person([tag], Insert("person", self._person(tag, noise=noise)))

    async def _write_person(self, tags: list[str], *changes: Change) -> None:
        await self._write(tags, *changes, versions=[self._person_version])

    @property
    def is_readable(self) -> bool:
        """Whether there is something to read: a reader would wait for the file that is still to
        come, and no time would pass.
        """
        return not self._engine.replica.lost

    def _rows_of(self, table: str) -> list[Row]:
        """All rows of a table, as far as there is something to read."""
        return self._engine.replica.select(table, []) if self.is_readable else []

    def _any_person(self) -> tuple[int, int] | None:
        rows = self._rows_of("person")
        if not rows:
            return None
        pk, seq, _ = self._world.random.choice(rows)
        return pk, seq

    async def replace(self) -> None:
        """Somebody's record, conditionally or not."""
        if found := self._any_person():
            tag = self._tag()
            version = found[1] if self._world.chance(0.5) else None
            await self._write_person([tag], Replace("person", found[0], self._person(tag), version))

    async def remove(self) -> None:
        """Delete somebody's record."""
        if found := self._any_person():
            await self._write([], Remove("person", found[0], found[1]))

    # Registers: read freshly, and set on condition that nobody else did

    def _find_register(self, key: str) -> tuple[int, int, str] | None:
        column = REGISTER.columns()["key"]
        wanted = str(key_of("plain", key))
        held = self._engine.replica.layouts.get("register", EMPTY).columns
        known = [(column, wanted)] if (column.field, column.fingerprint) in held else []
        for pk, seq, data in self._engine.replica.select("register", known):
            register = json.loads(data)
            if register["key"] == key:
                return pk, seq, register["tag"]
        return None

    def _key(self) -> str:
        return f"key-{self._world.random.randrange(self._plan.keys)}"

    async def read_register(self) -> None:
        """Read a register after a refresh."""
        key, called = self._key(), self._world.time
        try:
            await self._fresh()
        except (Unavailable, MissingPermission, LogDamaged):
            return
        if not self.is_readable:
            return
        held = self._find_register(key)
        read = Operation("read", called, self._world.time, got=held[2] if held else None)
        self._world.note(f"{self._process.name}: read {key} -> {read.got}")
        self._record.registers.setdefault(key, []).append(read)

    async def set_register(self) -> None:
        """Compare and set: from what is read here, which may be stale, to a new value."""
        key, tag = self._key(), self._tag()
        if not self.is_readable:
            return
        held = self._find_register(key)
        data = REGISTER.data(key=key, tag=tag)
        called = self._world.time
        operation = Operation("set", called, expected=held[2] if held else None, new=tag)
        history = self._record.registers.setdefault(key, [])
        history.append(operation)
        change: Change = (
            Insert("register", data)
            if held is None
            else Replace("register", held[0], data, held[1])
        )
        write = await self._write([tag], change, versions=[REGISTER])
        if write.placed is not None:
            operation.settle(write.returned, done=True)
        elif isinstance(write.error, (ConflictError, UniqueViolation)):
            operation.settle(write.returned, done=False)
        elif not isinstance(write.error, OutcomeUnknown):
            history.remove(operation)


async def live(
    world: World,
    process: Process,
    record: Memory,
    plan: Plan,
    name: str,
    *,
    hears: bool = True,
    beside: Sequence[type[Client]] = (),
) -> Engine:
    """The life of a writer: connect, and let its clients run beside each other, and others."""
    kind = LastingEngine if plan.vacuums else Engine
    engine = await open_engine(process, hears=hears, kind=kind)
    # Whoever hears of nothing reads as a search does that must not be old at all.
    fresh = engine.refresh if hears else partial(engine.freshen, 0.0)
    kinds = [*[Client] * plan.clients, *beside]
    clients = [
        kind(world, process, engine, record, plan, f"{name}{letter}", fresh)
        for letter, kind in zip("abcdefgh", kinds, strict=False)
    ]
    await asyncio.gather(*(client.run() for client in clients))
    return engine


def tags_in(data: Sequence[str]) -> list[str]:
    """The tags of records."""
    return [json.loads(text)["tag"] for text in data]
