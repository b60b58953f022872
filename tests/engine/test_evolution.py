"""Classes that load a field differently, beside each other and after each other, on one table.

Hypothesis makes the classes, what they do and when. There is no network here: requests go to a
replica, whose log a second one applies, which runs no code of a class. What :meth:`Table.find
<discobase.Table.find>` gives must be what loading every record and comparing gives, whatever
columns there are, and what is unique is so as the class loads it that made it so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from discobase import Index, Table, Unique, schema
from discobase.binding import Binding
from discobase.engine.changes import DropUnique, IndexWanted, Placed, Request, TextIndexWanted
from discobase.engine.log.entry import Commit, Entry
from discobase.engine.log.frame import Header
from discobase.engine.operations import Keys, Loaded
from discobase.engine.replica import EMPTY, KeyColumn, Replica
from discobase.engine.replica.columns import table_name
from discobase.engine.server.seam import Message
from discobase.errors import (
    DiscobaseError,
    RecordNotFound,
    RecordOutdated,
    SchemaConflict,
    TableError,
    UniqueViolation,
    UnstorableValue,
    WaitTimeout,
)
from discobase.table import bind


class Host:
    """A database of one process, without a connection: a source that is a replica and a log."""

    name = "Club"
    timeout = 10.0
    capacity = 1_000_000

    def __init__(self) -> None:
        self.state = Replica(1)
        self.log: list[Commit] = []

    def replica(self, purpose: str = "") -> Replica:
        return self.state

    def freshen(self, *, fresh: bool) -> None:
        """Nobody else writes."""

    def commit(self, request: Request) -> Placed:
        proposal = self.state.propose([request])
        (verdict,) = proposal.verdicts
        if isinstance(verdict, DiscobaseError) or not proposal.operations:
            self.state.withdraw()
            if isinstance(verdict, DiscobaseError):
                raise verdict
            return verdict
        header = Header(
            proposal.seq, proposal.chain, "w", 0.0, 1, "h", "inline", 1, f"hash {proposal.seq}"
        )
        entry = Entry(Message(proposal.seq, 0, 1, ""), header)
        self.log.append(Commit(entry, proposal.operations))
        self.state.settle(entry)
        return verdict

    def want_texts(self, wanted: TextIndexWanted) -> None:
        if wanted.places:
            self.want_index(wanted)

    def want_index(self, wanted: IndexWanted | TextIndexWanted) -> None:
        self.state.index(wanted)
        while self.state.fill(2):
            pass

    def refresh(self) -> None:
        pass

    def second(self) -> Host:
        """Another process: it has the log alone."""
        other = type(self)()
        other.state.apply(self.log)
        other.log = list(self.log)
        return other


class Colour(Enum):
    RED = "red"
    SEVEN = "7"


def cut(value: str) -> str:
    return value[:1]


def upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


KINDS: dict[str, Any] = {
    "str": str,
    "lower": Annotated[str, StringConstraints(to_lower=True)],
    "stripped": Annotated[str, StringConstraints(strip_whitespace=True)],
    "upper": Annotated[str, BeforeValidator(upper)],
    "cut": Annotated[str, AfterValidator(cut)],
    "int": int,
    "float": float,
    "decimal": Decimal,
    "bool": bool,
    "text or none": str | None,
    "int or none": int | None,
    "int or text": int | str,
    "colour": Colour,
    "uuid": UUID,
    "coded": Annotated[
        int, BeforeValidator(lambda value: len(value) if isinstance(value, str) else value)
    ],
    "list": list[str],
}
VALUES = [
    "a",
    "A",
    " a",
    "ab",
    "7",
    "07",
    "7.0",
    7,
    7.0,
    1,
    0,
    True,
    "1",
    "true",
    "red",
    None,
    "",
    str(UUID(int=7)),
]
MARKS = {"plain": (), "index": (Index(),), "unique": (Unique(),)}
DEFAULTS: dict[str, Callable[[], Any]] = {
    "required": lambda: ...,
    "none": lambda: None,
    "a": lambda: "a",
    "seven": lambda: 7,
    "made": lambda: Field(default_factory=lambda: "made"),
}


def made(
    kind: str, mark: str = "plain", default: str = "required", whole: bool = False
) -> type[Table]:
    """A version of the table's class."""
    annotation = KINDS[kind]
    if default == "none":
        annotation = annotation | None if not hasattr(annotation, "__metadata__") else annotation
    for each in MARKS[mark]:
        annotation = Annotated[annotation, each]
    names: dict[str, Any] = {"__annotations__": {"n": int, "x": annotation}, "__module__": __name__}
    if default != "required":
        names["x"] = DEFAULTS[default]()
    if whole:

        def shout(self: Any) -> Any:
            if isinstance(self.x, str) and self.n % 2:
                self.__dict__["x"] = self.x.upper()
            return self

        names["shout"] = model_validator(mode="after")(shout)
    return type("Thing", (Table,), names)


def without_the_field() -> type[Table]:
    """A version of the table's class that does not know the field."""
    return type("Thing", (Table,), {"__annotations__": {"n": int}, "__module__": __name__})


def attached(host: Host, model: type[Table]) -> type[Table]:
    bind(model, Binding(host, "Thing", model))
    return model


def brute(model: type[Table], wanted: Any) -> list[int]:
    """What loading all records and comparing finds."""
    binding = model._bound()
    value = binding.codec.stored_value("x", wanted)
    found = []
    for row in binding.source.replica().select("Thing", []):
        try:
            record = binding.load(row)
        except RecordOutdated:
            continue
        if record.x == value:
            found.append(row[0])
    return found


def searched(model: type[Table], wanted: Any) -> list[int]:
    return [record.pk for record in model.find(x=wanted).skip_outdated()]


def values_of(model: type[Table]) -> list[Any]:
    """The values that the class takes."""
    codec, taken = model._bound().codec, []
    for value in VALUES:
        try:
            taken.append(codec.stored_value("x", value))
        except ValidationError:
            continue
    return taken


def check(*models: type[Table]) -> None:
    """Compare every search with a brute one, the first time and later, here and elsewhere."""
    for model in models:
        if "x" not in model.model_fields:
            continue
        host = model._bound().source
        for wanted in values_of(model):
            for _ in range(2):
                found = searched(model, wanted)
                assert found == brute(model, wanted), f"{model.__annotations__}: x={wanted!r}"
        if (column := host.replica().layouts.get("Thing", EMPTY).unique_column("x")) is None:
            continue
        binding = model._bound()
        if binding.schema.fields["x"].fingerprint == column.fingerprint:
            keys = []
            is_made_anew = model.model_fields["x"].default_factory is not None
            for row in host.replica().select("Thing", []):
                if is_made_anew and "x" not in json.loads(row[2]):
                    continue  # its value may be another one each time, and is unique to nobody
                try:
                    value = binding.load(row).x
                    binding.codec.stored_value("x", value)
                except (RecordOutdated, ValidationError):
                    continue  # a default, too, need not be a value of the field
                keys.append(binding.codec.stored_key("x", value))
            keys = [key for key in keys if key != "null"]
            assert len(keys) == len({*keys}), f"{model.__annotations__} is not unique: {keys}"


def check_elsewhere(host: Host, *models: type[Table]) -> None:
    """Compare in another process, which holds the same columns."""
    other = host.second()
    for model in models:
        copy = attached(other, type("Thing", (model,), {"__module__": __name__}))
        assert copy._bound().schema.text == model._bound().schema.text
        check(copy)
    for name, column in other.state.layouts.get("Thing", EMPTY).columns.items():
        assert host.state.layouts["Thing"].columns.get(name, column) == column
        if column.unique:  # what is refused must be the same everywhere
            assert keys_in(host, column) == keys_in(other, column)
    other.state.close()


def keys_in(host: Host, column: KeyColumn) -> list[tuple[int, str | None]]:
    """What stands in a column of the table, by primary key."""
    sql = f"SELECT pk, {column.name} FROM {table_name('Thing')} ORDER BY pk"
    return host.state._writer.execute(sql).fetchall()


def save(model: type[Table], value: Any, n: int = 1) -> Table | None:
    """Save a record, if the class and what is unique allow it."""
    try:
        return model(n=n, x=value).save()
    except (ValidationError, UnstorableValue, UniqueViolation, SchemaConflict):
        return None


def save_without(model: type[Table], n: int) -> None:
    """Save a record that lacks the field, if what is unique allows it."""
    try:
        model(n=n).save()
    except (UniqueViolation, SchemaConflict):
        return


def rewrite(model: type[Table], pk: int, change: Callable[[Any], None]) -> None:
    """Load a record, change it and save it, if that can be."""
    try:
        record = model.get(pk)
        change(record)
        record.save()
    except (
        *(ValidationError, UnstorableValue, UniqueViolation, SchemaConflict),
        *(RecordOutdated, RecordNotFound),
    ):
        return


classes = st.builds(
    made,
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(["plain", "index", "unique"]),
    st.sampled_from(sorted(DEFAULTS)),
    st.booleans(),
)
values = st.sampled_from(VALUES)


def kept(host: Host, model: type[Table]) -> type[Table]:
    """Attach a class, if a table can have it: a field without keys cannot be unique."""
    try:
        return attached(host, model)
    except TableError:
        assume(False)
        raise


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    yesterday=classes,
    today=classes,
    old=st.lists(values, max_size=6),
    new=st.lists(values, min_size=1, max_size=4),
    late=st.lists(values, max_size=3),
)
def test_what_a_search_gives_does_not_depend_on_columns(yesterday, today, old, new, late):
    host = Host()
    try:
        one = kept(host, yesterday)
        for n, value in enumerate(old):
            save(one, value, n)
        check(one)
        two = kept(host, today)
        check(one, two)
        for n, value in enumerate(new):
            save(two, value, n)
            check(one, two)
        for n, value in enumerate(late):
            save(one, value, n)
            rewrite(one, n + 1, lambda record, n=n: setattr(record, "n", n + 5))
            rewrite(two, n + 1, lambda record, n=n: setattr(record, "n", n + 6))
            check(one, two)
        check_elsewhere(host, one, two)
    finally:
        host.state.close()


class Versions(RuleBasedStateMachine):
    """Several versions of a program beside each other, in any order."""

    def __init__(self) -> None:
        super().__init__()
        # A few records at a time, as where there are very many.
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(schema, "_AT_A_TIME", 2)
        self.host = Host()
        self.models: list[type[Table]] = []

    def teardown(self) -> None:
        self.host.state.close()
        self.patch.undo()

    @initialize(model=classes)
    def begin(self, model: type[Table]) -> None:
        self.add(model)

    @rule(n=st.integers(0, 3), pk=st.integers(1, 6))
    def another_program_saves_that_does_not_know_the_field(self, n: int, pk: int) -> None:
        model = attached(self.host, without_the_field())
        if self.host.state.get("Thing", pk):
            rewrite(model, pk, lambda record: setattr(record, "n", n))
        else:
            save_without(model, n)

    @rule(model=classes)
    def add(self, model: type[Table]) -> None:
        try:
            self.models.append(attached(self.host, model))
        except TableError:
            assert "Unique()" in str(model.__annotations__) or "Index()" in str(
                model.__annotations__
            )

    def some(self, number: int) -> type[Table] | None:
        return self.models[number % len(self.models)] if self.models else None

    @rule(number=st.integers(0, 5), value=values, n=st.integers(0, 3))
    def save(self, number: int, value: Any, n: int) -> None:
        if model := self.some(number):
            save(model, value, n)

    @rule(number=st.integers(0, 5), pk=st.integers(1, 6), value=values)
    def change(self, number: int, pk: int, value: Any) -> None:
        model = self.some(number)
        if model is not None and self.host.state.get("Thing", pk):
            rewrite(model, pk, lambda record: setattr(record, "x", value))

    @rule(number=st.integers(0, 5), pk=st.integers(1, 6), n=st.integers(0, 3))
    def touch(self, number: int, pk: int, n: int) -> None:
        model = self.some(number)
        if model is not None and self.host.state.get("Thing", pk):
            rewrite(model, pk, lambda record: setattr(record, "n", n))

    @rule(number=st.integers(0, 5), pk=st.integers(1, 6))
    def delete(self, number: int, pk: int) -> None:
        model = self.some(number)
        if model is not None and self.host.state.get("Thing", pk):
            model._bound().discard(pk)

    @rule()
    def drop_unique(self) -> None:
        if self.host.state.layouts.get("Thing", EMPTY).unique_column("x"):
            self.host.commit(Request((), preparations=[DropUnique("Thing", "x")]))

    @rule()
    def check(self) -> None:
        check(*self.models)

    @rule()
    def check_elsewhere(self) -> None:
        check_elsewhere(self.host, *self.models)

    @rule()
    def replay(self) -> None:
        self.host.state.replay(self.host.log)
        check(*self.models)


TestVersions = Versions.TestCase
TestVersions.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


# What a caller is told while records are keyed for a class


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.state.close()


@pytest.fixture
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_AT_A_TIME", 2)


def test_a_default_of_another_type_is_found_by_what_it_equals(host: Host) -> None:
    old = attached(host, without_the_field())
    old(n=1).save()
    new = attached(
        host, type("Thing", (Table,), {"__annotations__": {"n": int, "x": bool}, "x": 1})
    )
    new(n=2).save()
    for _ in range(2):
        assert searched(new, True) == searched(new, 1) == [1, 2]


@pytest.mark.usefixtures("few_at_a_time")
def test_a_save_that_runs_out_of_time_says_so_and_the_next_goes_on(host: Host) -> None:
    old, new = attached(host, made("str")), attached(host, made("lower", "unique"))
    old.save_many([old(n=1, x=text) for text in "ABCDEFGH"])
    kept, commit = host.timeout, host.commit

    def slow(request: Request) -> Placed:
        placed = commit(request)
        host.timeout = 0.05
        time.sleep(0.06)
        return placed

    host.timeout, host.commit = 0.05, slow  # type: ignore[method-assign]
    with pytest.raises(WaitTimeout, match="the next save goes on where this one stopped"):
        new(n=1, x="I").save()
    said = sum(isinstance(each, Keys) for commit_ in host.log for each in commit_.operations)
    assert 1 <= said < 4
    host.timeout, host.commit = kept, commit  # type: ignore[method-assign]
    new(n=1, x="I").save()
    keys = [each for commit_ in host.log for each in commit_.operations if isinstance(each, Keys)]
    assert [each.loaded for each in keys] == [Loaded(at, at + 2, 1) for at in (0, 2, 4, 6)]
    check(old, new)
    with pytest.raises(UniqueViolation):
        new(n=1, x="a").save()


@pytest.mark.usefixtures("few_at_a_time")
def test_an_interrupt_while_records_are_keyed_says_that_the_save_was_not_sent(host: Host) -> None:
    old, new = attached(host, made("str")), attached(host, made("lower", "unique"))
    old.save_many([old(n=1, x=text) for text in "ABCDEFGH"])

    def pressed(request: Request) -> Placed:
        raise KeyboardInterrupt

    host.commit = pressed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt) as caught:
        new(n=1, x="I").save()
    assert caught.value.__notes__ == ["the save was not sent: its class was being made known"]
