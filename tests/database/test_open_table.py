"""Tables without a class: one made of what the log says of them, beside the programs that have the
real one.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    Field,
    HttpUrl,
    SecretStr,
    create_model,
    field_validator,
)

from discobase import Database, Index, StoredTable, Table, Unique, UniqueTogether, WithPk
from discobase.engine.changes import DeclareSchema, Insert, Request
from discobase.errors import (
    NotConnected,
    RecordOutdated,
    SchemaConflict,
    TableError,
    TableNotFound,
    UniqueViolation,
)
from discobase.local import LocalDiscord


@pytest.fixture(scope="module")
def discord() -> Iterator[LocalDiscord]:
    with LocalDiscord() as discord:
        yield discord


class Programs:
    """Programs that are connected to one database."""

    def __init__(self, discord: LocalDiscord, server: str, stack: ExitStack) -> None:
        self._discord = discord
        self._server = server
        self._stack = stack
        discord.join(server)

    def connect(self, *tables: type[Table], **options: Any) -> Database:
        database = Database(self._server, gateway=False, **options)
        for table in tables:
            database.table(table)
        token, url = self._discord.default_token, self._discord.api_url
        return self._stack.enter_context(database.conn(token, api_url=url))


@pytest.fixture
def programs(discord: LocalDiscord, request: pytest.FixtureRequest) -> Iterator[Programs]:
    with ExitStack() as stack:
        yield Programs(discord, request.node.name[:90], stack)


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    street: str
    number: int = 1


def thing() -> type[Table]:
    class Thing(Table):
        name: Annotated[str, Unique()]
        count: int = 3
        weight: float
        price: Decimal = Decimal("1.50")
        made: datetime
        seen: AwareDatetime
        day: Annotated[date, Index()]
        at: time
        lasts: timedelta
        key: UUID
        data: bytes = b"\x00\xff"
        kind: Literal["a", "b"] = "a"
        parts: list[int] = Field(default=[])
        tags: set[str] = Field(default=set())
        pair: tuple[int, str] = (1, "x")
        scores: dict[str, float] = Field(default={})
        anything: Any = None
        secret: SecretStr
        path: Path
        host: IPv4Address
        page: HttpUrl
        code: Annotated[str, Field(min_length=2, max_length=5, pattern="^[a-z]+$")]
        even: Annotated[int, Field(ge=2, multiple_of=2)]
        maybe: int | str | None = None

    return Thing


VALUES: dict[str, Any] = {
    "name": "one",
    "weight": 2.5,
    "made": datetime.fromisoformat("2026-01-02T03:04:05"),
    "seen": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
    "day": date(2026, 1, 2),
    "at": time(3, 4),
    "lasts": timedelta(hours=30),
    "key": UUID(int=7),
    "secret": SecretStr("quiet"),
    "path": Path("/a/b"),
    "host": IPv4Address("10.0.0.1"),
    "page": "https://example.org/x",
    "code": "abc",
    "even": 4,
}


def declarations(database: Database, table: str) -> list[str]:
    return [*database._source.replica().layouts[table].numbers]


def test_a_table_of_many_types_is_opened_as_its_class_has_it(programs):
    real = thing()
    programs.connect(real)
    saved = real(**VALUES).save()
    other = programs.connect()
    opened = other.open_table("Thing")
    assert [*opened.model_fields] == [*real.model_fields]
    found = opened.find(name="one").one()
    assert found.model_dump() == saved.model_dump()
    assert {type(each) for each in found.model_dump().values()} == {
        type(each) for each in saved.model_dump().values()
    }
    assert "quiet" not in repr(found)
    assert opened.find(opened.day >= date(2026, 1, 1), opened.price == "1.5").count() == 1


def test_what_an_opened_table_writes_the_class_reads_from_its_index(programs):
    real = thing()
    first = programs.connect(real)
    real(**VALUES).save()
    other = programs.connect()
    before = declarations(other, "Thing")
    opened = other.open_table("Thing")
    made = opened(**VALUES | {"name": "two"}).save()
    with pytest.raises(UniqueViolation):
        opened(**VALUES | {"name": "two"}).save()
    made.day = date(2027, 1, 1)
    made.update(if_unchanged=True)
    assert declarations(other, "Thing") == before
    first.refresh()
    assert real.get(made.pk).model_dump() == made.model_dump()
    assert real.find(real.day > date(2026, 6, 1)).pks() == [made.pk]
    explained = real.find(real.day > date(2026, 6, 1)).explain()
    assert (explained.indexes, explained.looked_at) == (("day",), 1)
    with pytest.raises(UniqueViolation):
        real(**VALUES | {"name": "two"}).save()
    made.delete()
    first.refresh()
    assert real.find().count() == 1


def club() -> type[Table]:
    class Member(Table):
        email: Annotated[str, Unique()]
        name: Annotated[str, Index()]
        color: Color = Color.RED
        home: Address | None = None
        nick: str = "none"

        @field_validator("nick")
        @classmethod
        def _lower(cls, nick: str) -> str:
            return nick.lower()

    return Member


def test_of_a_class_with_code_and_types_of_its_own_the_log_is_told_what_is_alike(programs):
    real = club()
    first = programs.connect(real)
    real(email="a@x", name="Ada", home=Address(street="Main")).save()
    before = declarations(first, "Member")
    other = programs.connect()
    opened = other.open_table("Member")
    ada = opened.find(opened.home.street == "Main").one()
    assert (ada.color, ada.home.number) == ("red", 1)
    ada.color = "blue"
    ada.save()
    bob = opened(email="b@x", name="Bob", color="blue", nick="BOBBY").save()
    with pytest.raises(UniqueViolation):
        opened(email="a@x", name="Eve").save()
    first.refresh()
    # Found though the class has another rule for it: nothing is taken for what it would store.
    assert real.find(nick="bobby").one().pk == bob.pk
    assert real.find(color=Color.BLUE).pks() == [ada.pk, bob.pk]
    with pytest.raises(UniqueViolation):
        real(email="b@x", name="Zoe").save()
    real(email="c@x", name="Cid").save()
    # The class's own schema is what it was, and nothing of it was declared again.
    after = declarations(first, "Member")
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1
    assert json.loads(after[-1])["part"] is True
    assert {*json.loads(after[-1])["fields"]} == {"email", "name"}
    layout = first._source.replica().layouts["Member"]
    assert layout.newest_text == before[-1]
    assert layout.unique_column("email") is not None
    # Somebody else who opens it, and SQL without a class, see the whole table.
    third = programs.connect()
    assert [*third.open_table("Member").model_fields] == [*real.model_fields]
    assert third.sql("SELECT nick FROM Member WHERE email = 'b@x'")[0].nick == "BOBBY"


def strict() -> type[Table]:
    class Login(Table):
        mail: Annotated[str, Unique()]
        note: str = ""

        @field_validator("mail")
        @classmethod
        def _lower(cls, mail: str) -> str:
            return mail.lower()

    return Login


def test_new_values_of_a_unique_field_with_a_validator_are_refused_and_others_go_through(programs):
    real = strict()
    first = programs.connect(real)
    real(mail="A@x").save()
    before = declarations(first, "Login")
    opened = programs.connect().open_table("Login")
    record = opened.get(1)
    record.note = "seen"
    record.save()
    with pytest.raises(SchemaConflict):
        opened(mail="B@X").save()
    record.mail = "c@x"
    with pytest.raises(SchemaConflict):
        record.save()
    first.refresh()
    assert real.find(mail="a@x").one().note == "seen"
    with pytest.raises(UniqueViolation):
        real(mail="A@X").save()
    assert declarations(first, "Login") == before


def test_fields_that_are_unique_together_stay_so(programs):
    class Seat(Table):
        row: int
        place: int
        once = UniqueTogether("row", "place")

    programs.connect(Seat)
    Seat(row=1, place=1).save()
    opened = programs.connect().open_table("Seat")
    opened(row=1, place=2).save()
    with pytest.raises(UniqueViolation):
        opened(row=1, place=1).save()
    assert opened.get_or_create(row=1, place=2)[1] is False


def test_the_class_and_the_opened_table_write_the_same_values_at_once(programs):
    real = club()
    first = programs.connect(real)
    real(email="first", name="Ada").save()
    opened = programs.connect().open_table("Member")
    emails = [f"{number}@x" for number in range(12)] * 2
    tables = [real, opened] * 12

    def save(table: type[Table], email: str) -> bool:
        try:
            table(email=email, name=email).save()
        except UniqueViolation:
            return False
        return True

    with ThreadPoolExecutor(24) as threads:
        saved = [*threads.map(save, tables, emails)]
    assert saved.count(True) == 12
    first.refresh()
    assert sorted(real.find().values_list("email", flat=True)) == sorted({"first", *emails})


def test_what_was_given_up_is_not_asked_for_again(programs):
    class Item(Table):
        name: Annotated[str, Unique()]

    first = programs.connect(Item)
    Item(name="a").save()
    other = programs.connect()
    opened = other.open_table("Item")
    other.drop_unique(opened, "name")
    opened(name="a").save()
    first.refresh()
    assert opened.find(name="a").count() == 2


def test_a_class_with_the_primary_key_in_its_dumps_is_recognized(programs):
    class Row(WithPk):
        name: Annotated[str, Unique()]

    first = programs.connect(Row)
    Row(name="a").save()
    before = declarations(first, "Row")
    opened = programs.connect().open_table("Row")
    assert opened(name="b").save().model_dump() == {"name": "b", "pk": 2}
    first.refresh()
    assert declarations(first, "Row") == before
    assert Row.find(name="b").one().pk == 2


def test_defaults_made_by_a_function_have_to_be_given(programs):
    class Item(Table):
        name: str
        tags: list[str] = Field(default_factory=list)

    programs.connect(Item)
    Item(name="a").save()
    opened = programs.connect().open_table("Item")
    assert opened.get(1).tags == []
    with pytest.raises(ValueError, match="tags"):
        opened(name="b")
    assert opened(name="b", tags=["x"]).save().pk == 2


def test_names_that_are_no_identifiers(programs):
    odd = create_model("Odd", __base__=Table, **{"two words": (str, ...), "größe": (int, 1)})
    database = Database(programs._server, gateway=False)
    database.table(name="a table; really")(odd)
    programs._stack.enter_context(
        database.conn(programs._discord.default_token, api_url=programs._discord.api_url)
    )
    odd(**{"two words": "yes"}).save()
    opened = programs.connect().open_table("a table; really")
    assert opened.find(**{"two words": "yes"}).one().größe == 1
    assert opened(**{"two words": "no", "größe": 7}).save().pk == 2


class Circle(BaseModel, extra="forbid"):
    radius: int = 0


def test_models_that_cannot_be_told_apart_stay_as_they_are_stored(programs):
    class Shape(Table):
        form: Circle | dict[str, int]

    class Tree(BaseModel):
        name: str
        below: list[Tree] = []
        at: datetime | None = None

    class Forest(Table):
        tree: Tree

    first = programs.connect(Shape, Forest)
    Shape(form={"a": 1}).save()
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    Forest(tree=Tree(name="a", below=[Tree(name="b", at=moment)], at=moment)).save()
    stored = Shape.raw(1), Forest.raw(1)
    other = programs.connect()
    shapes, forests = other.open_table("Shape"), other.open_table("Forest")
    shapes.get(1).save()
    tree = forests.find(forests.tree.name == "a").one()
    assert tree.tree.at == moment
    tree.save()
    assert (shapes.raw(1), forests.raw(1)) == stored
    first.refresh()
    assert Forest.get(1).tree.below[0].at == moment


def test_fields_that_no_class_could_have_are_carried_along(programs):
    database = programs.connect()
    insert = Insert("Foreign", json.dumps({"save": 1, "_x": 2, "name": "a"}))
    fields = {name: {"kind": "plain", "print": "another program"} for name in ("save", "name")}
    schema = json.dumps({"fields": fields, "index": [], "unique": []}, separators=(",", ":"))
    database._source.commit(
        Request([insert], {"Foreign": schema}, [DeclareSchema("Foreign", schema, 0, 0)], timeout=10)
    )
    opened = database.open_table("Foreign")
    record = opened.find(name="a").one()
    record.name = {"any": ["JSON", 1.5, None]}
    record.save()
    assert opened.raw(1) == {"save": 1, "_x": 2, "name": {"any": ["JSON", 1.5, None]}}


def test_a_table_without_any_schema_can_be_read_and_written(programs):
    database = programs.connect()
    database._source.commit(Request([Insert("Bare", '{"a":1}')], timeout=10))
    opened = database.open_table("Bare")
    record = opened.get(1)
    record.save()
    assert opened.raw(1) == {"a": 1}
    assert database.stored_tables() == [
        StoredTable("Bare", 1, (), (), (), {"title": "Bare", "type": "object", "properties": {}})
    ]


def test_a_table_that_is_not_there_is_named_with_those_that_are(programs):
    class User(Table):
        name: str

    database = programs.connect(User)
    User(name="a").save()
    other = programs.connect()
    with pytest.raises(TableNotFound, match="did you mean 'User'"):
        other.open_table("users")
    with pytest.raises(TableNotFound, match="there are User"):
        other.open_table("zebra")
    with pytest.raises(TableError):
        other.open_table("")
    assert database.open_table("User") is User
    with pytest.raises(NotConnected):
        Database("nowhere").open_table("User")


def test_a_class_may_be_attached_after_its_table_was_opened(programs):
    class User(Table):
        name: Annotated[str, Unique()]

    programs.connect(User)
    User(name="a").save()
    other = programs.connect()
    opened = other.open_table("User")
    assert other.open_table("User") is opened
    assert "User" not in other.tables

    @other.table(name="User")
    class Later(Table):
        name: Annotated[str, Unique()]

    assert other.open_table("User") is Later
    opened(name="b").save()
    assert Later.find(name="b").one().pk == 2


def test_a_schema_that_changes_while_the_table_is_open(programs):
    class User(Table):
        name: Annotated[str, Unique()]

    class Newer(Table):
        name: Annotated[str, Unique()]
        age: int = 18

    programs.connect(User)
    User(name="a").save()
    other = programs.connect()
    opened = other.open_table("User")
    third = programs.connect()
    third.table(name="User")(Newer)
    Newer(name="b", age=30).save()
    newest = declarations(third, "User")[-1]
    other.refresh()
    record = opened.find(name="b").one()
    record.name = "c"
    record.save()
    opened(name="d").save()
    third.refresh()
    assert [(each.name, each.age) for each in Newer.find()] == [("a", 18), ("c", 30), ("d", 18)]
    assert declarations(third, "User")[-1] == newest
    again = other.open_table("User")
    assert again is not opened
    assert [*again.model_fields] == ["name", "age"]


def test_records_that_do_not_fit_the_newest_class_are_named(programs):
    class User(Table):
        name: str

    class Newer(Table):
        name: str
        age: int

    programs.connect(User)
    User(name="a").save()
    third = programs.connect()
    third.table(name="User")(Newer)
    Newer(name="b", age=30).save()
    opened = programs.connect().open_table("User")
    with pytest.raises(RecordOutdated, match="age"):
        opened.get(1)


def test_what_is_stored_is_listed_with_its_fields(programs):
    real = thing()

    class Seat(Table):
        row: int
        place: int
        once = UniqueTogether("row", "place")

    first = programs.connect(real, Seat)
    real(**VALUES).save()
    Seat.save_many([Seat(row=1, place=number) for number in range(5)])
    seat, listed = programs.connect().stored_tables()
    assert (seat.name, seat.records, seat.unique) == ("Seat", 5, (("place", "row"),))
    assert (listed.name, listed.records, listed.unique) == ("Thing", 1, (("name",),))
    assert listed.indexed == ("day",)
    assert listed.fields == (*real.model_fields,)
    assert listed.json_schema["properties"]["day"] == {"format": "date", "type": "string"}
    assert first.stored_tables(fresh=True)[1].records == 1
