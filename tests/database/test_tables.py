"""What a table is: a pydantic model like any other, attached to one database under one name."""

from __future__ import annotations

import enum
import pickle
import re
import sys
from copy import deepcopy
from dataclasses import make_dataclass
from textwrap import dedent
from types import ModuleType
from typing import Annotated, Any, Generic, TypeVar

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    computed_field,
    create_model,
    field_validator,
    model_validator,
)

from discobase import Database, Index, Query, Table, Unique
from discobase.errors import (
    RecordNotFound,
    RecordNotSaved,
    TableError,
    UnknownField,
    UnstorableValue,
)
from discobase.table import RESERVED
from tests.database.shop import shop
from tests.naming import without_address

T = TypeVar("T")


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Maker(BaseModel):
    name: str
    towns: list[str] = []


class TestDropIn:
    """Everything a pydantic model does, a table does, before and after it was stored."""

    def test_validators_defaults_aliases_and_nested_models(self, place):
        database = Database("shop")

        @database.table
        class Hat(Table):
            name: Annotated[str, Field(alias="hatName", min_length=2)]
            size: Size = Size.SMALL
            maker: Maker = Maker(name="nobody")
            tags: list[str] = Field(default_factory=list)

            @field_validator("name")
            @classmethod
            def tidy(cls, value: str) -> str:
                return value.strip()

            @model_validator(mode="after")
            def large_hats_have_a_maker(self):
                if self.size is Size.LARGE and self.maker.name == "nobody":
                    raise ValueError("who made it?")
                return self

        with pytest.raises(ValidationError):
            Hat(hatName="x")
        with pytest.raises(ValidationError, match="who made it"):
            Hat(hatName="bowler", size="l")
        with place.conn(database):
            Hat(hatName=" bowler ", size="l", maker=Maker(name="Bates", towns=["London"])).save()
            found = Hat.find_unique(name="bowler")
        assert found.size is Size.LARGE
        assert found.maker == Maker(name="Bates", towns=["London"])
        assert found.model_dump(by_alias=True)["hatName"] == "bowler"
        assert Hat.model_json_schema()["required"] == ["hatName"]

    def test_the_json_schema_and_the_dump_hold_the_users_fields_only(self, place):
        database, item = shop()
        with place.conn(database):
            hat = item(name="hat").save()
        assert set(item.model_json_schema()["properties"]) == {"name"}
        assert hat.model_dump() == {"name": "hat"}
        assert hat.model_dump_json() == '{"name":"hat"}'
        assert repr(hat) == "Item(pk=1, name='hat')"
        assert item.model_validate_json(hat.model_dump_json()).pk is None

    def test_inheritance(self, place):
        database = Database("shop")

        class Thing(Table):
            name: str

        @database.table
        class Hat(Thing):
            size: int = 50

        @database.table
        class Cap(Hat):
            peak: bool = True

        with place.conn(database):
            Hat(name="bowler").save()
            Cap(name="flat").save()
            assert [type(found) for found in Hat.find()] == [Hat]
            assert Cap.find_unique(peak=True).name == "flat"
            with pytest.raises(TableError, match="Thing is not attached"):
                Thing(name="x").save()

    def test_generics(self, place):
        database = Database("shop")

        class Box(Table, Generic[T]):
            content: T

        number = database.table(Box[int], name="numbers")
        text = database.table(Box[str])
        with place.conn(database):
            number(content=3).save()
            text(content="three").save()
            assert number.find_unique(content="3").content == 3
            assert text.find_unique().content == "three"
            with pytest.raises(ValidationError):
                number(content="three")

    def test_extra_fields_private_attributes_and_computed_fields(self, place):
        database = Database("shop")

        @database.table
        class Hat(Table):
            model_config = ConfigDict(extra="allow")
            name: str
            _worn: int = PrivateAttr(default=0)

            @computed_field
            def shout(self) -> str:
                return self.name.upper()

        with place.conn(database):
            hat = Hat(name="bowler", colour="black")
            hat._worn = 3
            hat.save()
            found = Hat.find_unique()
            assert found.colour == "black"
            assert found.shout == "BOWLER"
            assert found._worn == 0
            found.colour = "brown"
            found.save()
            assert hat.refresh().colour == "brown"
            assert hat._worn == 3

    def test_a_record_is_loaded_without_an_init_of_its_own(self, place):
        database = Database("shop")
        begun: list[str] = []

        @database.table
        class Person(Table):
            name: Annotated[str, Index()]
            age: int = 0
            _post: int = PrivateAttr(default=0)

            def __init__(self, first: str, last: str) -> None:
                begun.append(first)
                super().__init__(name=f"{first} {last}")

            def model_post_init(self, context: Any, /) -> None:
                self._post = 3

        with place.conn(database):
            ada = Person("Ada", "Lovelace").save()
            ada.age = 36
            ada.save()
            found = Person.find_unique(name="Ada Lovelace")
            assert (found.age, found.pk, found._post) == (36, 1, 3)
            assert ada.refresh().age == 36
            assert Person.save_many([Person("Alan", "Turing"), found]).records == 2
            ada.age = "old"
            with pytest.raises(ValidationError, match="age"):
                ada.save()
            assert begun == ["Ada", "Alan"]

    def test_a_model_inside_whose_init_does_not_take_its_fields_is_refused_at_once(self, place):
        database = Database("shop")

        class Town(BaseModel):
            name: str

            def __init__(self, text: str) -> None:
                super().__init__(name=text)

        class Taking(BaseModel):
            name: str

            def __init__(self, name: str, **values: Any) -> None:
                super().__init__(name=name.title(), **values)

        with pytest.raises(TableError, match=r"Hat has Town in a field.*take \*\*values"):

            @database.table
            class Hat(Table):
                towns: list[Town | None]

        @database.table
        class Cap(Table):
            town: Taking

        with pytest.raises(TableError, match="Node has Node in a field"):

            @database.table
            class Node(Table):
                inner: list[Node]

                def __init__(self, *inner: Any) -> None:
                    super().__init__(inner=list(inner))

        with place.conn(database):
            assert Cap(town=Taking("york")).save().town.name == "York"
            assert Cap.get(1).town.name == "York"

    def test_a_frozen_model_gets_its_primary_key_all_the_same(self, place):
        database = Database("shop")

        @database.table
        class Hat(Table):
            model_config = ConfigDict(frozen=True)
            name: str

        with place.conn(database):
            hat = Hat(name="bowler").save()
            assert hat.pk == 1
            with pytest.raises(ValidationError):
                hat.name = "top hat"
            assert hat.model_copy(update={"name": "top hat"}).save().pk == 1
            assert Hat.find_unique().name == "top hat"

    def test_a_copy_is_the_same_record(self, place):
        database, item = shop()
        with place.conn(database):
            hat = item(name="hat").save()
            for copy in (hat.model_copy(), deepcopy(hat)):
                assert (copy.pk, copy.version) == (hat.pk, hat.version)
                assert copy == hat
            hat.model_copy(update={"name": "cap"}).save()
            assert [found.name for found in item.find()] == ["cap"]
            assert hat.name == "hat"

    def test_assignment_is_checked_where_the_model_says_so_and_at_the_latest_on_save(self, place):
        database = Database("shop")

        @database.table
        class Strict(Table):
            model_config = ConfigDict(validate_assignment=True)
            size: int

        @database.table
        class Lax(Table):
            size: int

        with place.conn(database):
            strict = Strict(size=1).save()
            with pytest.raises(ValidationError):
                strict.size = "big"
            lax = Lax(size=1).save()
            lax.size = "big"
            place.forget_calls()
            with pytest.raises(ValidationError, match="size"):
                lax.save()
            assert place.calls == 0
            assert Lax.get(1).size == 1

    def test_a_record_can_be_pickled(self, place):
        database = Database("shop")
        database.table(Pickled, name="pickled")
        with place.conn(database):
            saved = Pickled(name="hat").save()
            back = pickle.loads(pickle.dumps(saved))
            assert back == saved
            back.name = "cap"
            back.save()
            assert Pickled.get(1).name == "cap"

    def test_a_record_that_version_0_1_pickled_is_loaded(self):
        back = pickle.loads(PICKLED_BY_0_1)
        assert back == pickle.loads(pickle.dumps(back))
        assert (type(back), back.name, back.pk, back.version) == (Pickled, "hat", 2, 3)
        assert back.model_fields_set == {"name"}


def module(monkeypatch, name: str, source: str, **values: Any) -> Any:
    """A module of this source, as an import would make it."""
    made: Any = ModuleType(name)
    vars(made).update(Table=Table, Index=Index, BaseModel=BaseModel, Annotated=Annotated, **values)
    monkeypatch.setitem(sys.modules, name, made)
    exec(dedent(source), vars(made))
    return made


def public(owner: type[Any]) -> set[str]:
    return {name for name in dir(owner) if not name.startswith("_")}


class Pickled(Table):
    name: str


PICKLED_BY_0_1 = (
    b"\x80\x04\x95\xb3\x00\x00\x00\x00\x00\x00\x00\x8c\x1atests.database.test_tables\x94\x8c\x07Pickled"
    b"\x94\x93\x94)\x81\x94}\x94(\x8c\x08__dict__\x94}\x94\x8c\x04name\x94\x8c\x03hat\x94s\x8c\x12"
    b"__pydantic_extra__\x94N\x8c\x17__pydantic_fields_set__\x94\x8f\x94(h\x07\x90\x8c\x14"
    b"__pydantic_private__\x94}\x94(\x8c\x03_pk\x94K\x02\x8c\x08_version\x94K\x03uub."
)
"""``Pickled(name="hat")``, saved under the primary key 2 by the commit at position 3."""


class TestAttaching:
    def test_a_table_declared_after_login_is_usable_at_once(self, place):
        database = Database("shop")
        with place.conn(database):

            @database.table
            class Late(Table):
                name: str

            assert list(Late.find()) == []
            assert Late(name="x").save().pk == 1
            assert Late.find_unique().name == "x"

    def test_it_returns_the_class_itself_and_lists_it(self):
        database = Database("shop")

        class Hat(Table):
            name: str

        assert database.table(Hat) is Hat
        assert dict(database.tables) == {"Hat": Hat}

    def test_a_name_can_be_given(self, place):
        database = Database("shop")

        @database.table(name="people")
        class Person(Table):
            name: str

        assert dict(database.tables) == {"people": Person}
        with place.conn(database):
            Person(name="Ada").save()
            with pytest.raises(UnknownField, match="'people'"):
                Person.find(nam="Ada")

    def test_two_tables_of_one_name(self):
        database, _ = shop()
        with pytest.raises(TableError, match=r"has a table 'Item' already.*name=\.\.\."):

            @database.table
            class Item(Table):
                name: str

    def test_a_class_that_is_no_table(self):
        database = Database("shop")
        for wrong in (BaseModel, Maker, int, "Item", object()):
            with pytest.raises(TableError, match=r"derived from discobase\.Table"):
                database.table(wrong)

    def test_a_table_attached_twice(self):
        database, item = shop()
        for other in (database, Database("elsewhere")):
            with pytest.raises(TableError, match="attached already, as 'Item' of 'shop'"):
                other.table(name="again")(item)

    def test_a_field_that_would_hide_what_a_table_does(self):
        database = Database("shop")
        with pytest.warns(UserWarning, match="shadows"):

            class Song(Table):
                version: str

        with pytest.raises(TableError, match=r"has a field 'version'.*rename it"):
            database.table(Song)

    @pytest.mark.filterwarnings("ignore:Field name:UserWarning")
    @pytest.mark.parametrize("name", sorted(RESERVED))
    def test_no_reserved_name_is_taken_and_its_alias_may_be(self, name):
        database = Database("shop")
        with pytest.raises(TableError, match=rf"has a field '{name}'.*rename it"):
            database.table(create_model("Song", __base__=Table, **{name: (str, "")}))
        renamed = create_model("Song", __base__=Table, **{f"{name}_": (str, Field(alias=name))})
        database.table(renamed)
        assert getattr(renamed(**{name: "x"}), f"{name}_") == "x"

    @pytest.mark.filterwarnings("ignore:Field name:UserWarning")
    @pytest.mark.parametrize("name", ["pk", "version", "save", "model_extra"])
    def test_the_advice_for_a_reserved_name_works_as_it_stands(self, name):
        with pytest.raises(TableError) as refused:
            Database("songs").table(create_model("Song", __base__=Table, **{name: (str, "")}))
        field, aliased, config = re.findall(r"`(.+?)`", str(refused.value))
        for lines in ([field], [config, aliased]):
            body = "\n".join(f"    {line.replace('...', 'str', 1)}" for line in lines)
            names = {"Table": Table, "ConfigDict": ConfigDict, "Field": Field}
            exec(f"class Song(Table):\n{body}", names)
            database = Database(f"songs of {lines}")
            song = database.table(names["Song"])
            with database.conn("local"):
                saved = song(**{f"{name}_": "x"}).save()
                assert song.find_unique(**{f"{name}_": "x"}).pk == saved.pk
        assert getattr(names["Song"](**{name: "y"}), f"{name}_") == "y"

    def test_what_a_table_does_is_reserved(self):
        """The list is closed: the name of a method that comes later goes here, not into it. Such a
        method has to give way to a field. (By itself it does not: pydantic takes what a parent has
        by a required field's name for the field's default. Those that the metaclass has do.)
        """
        added = {"delete_many", "from_frame", "search"}
        assert public(Table) - public(BaseModel) - RESERVED == added

    def test_the_names_of_queries_are_free(self, place):
        database = Database("shop")
        names = sorted(public(Query) - RESERVED)
        assert "count" in names
        song = create_model("Song", __base__=Table, **dict.fromkeys(names, (int, 0)))
        database.table(song)
        with place.conn(database):
            song(count=3).save()
            assert song.find(count=3).find(count=3, index=0).count() == 1
            assert song.find_unique(count=3).count == 3

    def test_a_class_that_is_defined_later_in_the_module(self, place, monkeypatch):
        database, again = Database("shop"), Database("shop")
        source = """
            from __future__ import annotations

            @database.table
            class Todo(Table):
                items: list[Item]
                first: Annotated[Priority, Index()] = None

            if not is_early:
                class Item(BaseModel):
                    text: str
                    priority: Priority = None

                Priority = int | None
        """
        later = module(monkeypatch, "later", source, database=database, is_early=False)
        with place.conn(database):
            assert later.Todo.find(first=1).count() == 0
            later.Todo(items=[{"text": "milk"}], first=1).save()
            assert later.Todo.find(first="1").one().items == [later.Item(text="milk")]
        early = module(monkeypatch, "early", source, database=again, is_early=True)
        with place.conn(again):
            for _ in range(2):
                with pytest.raises(TableError, match=r"'Item'.* define it before the first use"):
                    early.Todo.find()
            early.Item, early.Priority = later.Item, int | None
            assert early.Todo.get(1).items == [later.Item(text="milk")]

    @pytest.mark.parametrize("first", ["find", "get", "save"])
    def test_a_class_that_is_defined_later_in_the_function(self, place, first):
        database = Database("shop")

        @database.table
        class Todo(Table):
            items: list[Item]

        class Item(BaseModel):
            text: str

        with place.conn(database):
            if first == "find":
                assert Todo.find().count() == 0
            elif first == "get":
                with pytest.raises(RecordNotFound):
                    Todo.get(1)
            Todo(items=[Item(text="milk")]).save()
            assert Todo.get(1).items == [Item(text="milk")]

    def test_what_is_wrong_with_a_class_that_is_complete_later_is_said_at_its_first_use(self):
        database = Database("shop")

        @database.table
        class Todo(Table):
            items: Annotated[Items, Unique()]

        Items = list[str]  # noqa: N806 - the annotation names it
        with pytest.raises(TableError, match=r"Todo\.items cannot be Unique\(\)"):
            Todo.find()

        with pytest.warns(UserWarning, match="shadows"):

            class Note(Table):
                items: Later  # noqa: F821 - that it is not there is what is tested
                version: int

        with pytest.raises(TableError, match=r"'version'.*rename it"):
            database.table(Note)

    @pytest.mark.parametrize(
        "inside",
        [
            lambda city: city,
            lambda city: city | None,
            lambda city: list[dict[str, city]],
            lambda city: create_model("Home", city=(city, ...)),
            lambda city: make_dataclass("Home", [("city", city)]),
        ],
        ids=["field", "optional", "container", "model", "dataclass"],
    )
    def test_a_table_in_a_field_of_a_table_is_refused_whichever_is_attached_first(self, inside):
        def classes() -> tuple[type[Table], type[Table]]:
            city = create_model("City", __base__=Table, name=(str, ...))
            return city, create_model("User", __base__=Table, home=(inside(city), ...))

        database, (city, user) = Database("shop"), classes()
        database.table(city)
        with pytest.raises(TableError, match=r"User has City in a field.*primary key in an int"):
            database.table(user)
        assert dict(database.tables) == {"City": city}

        database, (city, user) = Database("shop"), classes()
        database.table(user)
        with pytest.raises(TableError, match=r"City cannot be a table, for User has it.*int"):
            database.table(city)
        assert dict(database.tables) == {"User": user}

    def test_a_table_in_a_field_of_itself_is_refused(self):
        with pytest.raises(TableError, match="Node has Node in a field"):

            @Database("shop").table
            class Node(Table):
                next: Node | None = None

    def test_a_class_that_is_no_table_of_its_own_may_be_in_a_field(self, place):
        database = Database("shop")

        class City(Table):
            name: str

        class User(Table):
            home: City

        @database.table
        class Town(City):
            mayor: str = ""

        @database.table(name="users")
        class Customer(User):
            pass

        with place.conn(database):
            Town(name="Ely").save()
            Customer(home=City(name="Rome")).save()
            found = Customer.find(home={"name": "Rome"}).one()
            assert (found.home, found.home.pk) == (City(name="Rome"), None)
            with pytest.raises(UnstorableValue, match="Town"):
                Customer(home=Town(name="Bath").save()).save()

    def test_a_table_that_is_defined_later_is_refused_at_the_first_use(self):
        database = Database("shop")

        @database.table
        class User(Table):
            home: City

        @database.table
        class City(Table):
            name: str

        for _ in range(2):
            with pytest.raises(TableError, match="User has City in a field"):
                User.find()

    def test_a_name_that_is_no_text(self):
        with pytest.raises(TableError, match=r"'\\udc80' is no name for a table"):

            @Database("shop").table(name="\udc80")
            class Song(Table):
                title: str

    def test_marks_on_what_has_no_key(self):
        database = Database("shop")

        class Song(Table):
            tags: Annotated[list[str], Unique()]

        with pytest.raises(TableError, match=r"Song\.tags cannot be Unique\(\)"):
            database.table(Song)

    @pytest.mark.parametrize(
        "pair",
        [
            ("user", "User"),
            ("straße", "STRASSE"),
            ('quo"ted', "quo'ted"),
            ("a b", "a_b"),
            ("🎩", "🎩🎩"),
            ("select", "drop table x; --"),
            ("`", "```"),
            ("x" * 99, "x" * 100),
            ("new\nline", "new\\nline"),
        ],
        ids=without_address,
    )
    def test_odd_table_names_are_kept_apart(self, place, pair):
        def declare() -> list[type[Table]]:
            database = Database("shop")
            made: list[type[Any]] = []
            for name in pair:

                @database.table(name=name)
                class Thing(Table):
                    of: Annotated[str, Unique()]

                made.append(Thing)
            return [database, *made]

        database, *tables = declare()
        with place.conn(database):
            for name, table in zip(pair, tables, strict=True):
                table(of=name).save()
        database, *tables = declare()
        with place.conn(database):
            assert [table.find_unique().of for table in tables] == list(pair)
            assert [
                table.find_unique(of=name).pk for name, table in zip(pair, tables, strict=True)
            ] == [1, 1]

    def test_odd_field_names_can_be_found_by(self, place):
        database = Database("shop")

        @database.table
        class Thing(Table):
            straße: Annotated[str, Unique()]  # noqa: PLC2401 - on purpose
            Name: Annotated[int, Index()]
            name: Annotated[int, Index()]
            order: Annotated[str, Index()]

        with place.conn(database):
            Thing(straße="Hauptstraße", Name=1, name=2, order="by").save()
            assert Thing.find_unique(straße="Hauptstraße", Name=1, name=2, order="by").pk == 1
            assert not Thing.find(Name=2)


class TestRecords:
    def test_pk_and_version(self, place):
        database, item = shop()
        with place.conn(database):
            hat = item(name="hat")
            assert (hat.pk, hat.version) == (None, None)
            assert hat.save() is hat
            assert (hat.pk, hat.version) == (1, 1)
            cap = item(name="cap").commit()
            assert (cap.pk, cap.version) == (2, 2)
            hat.commit()
            assert (hat.pk, hat.version) == (1, 3)
            assert item.get(1).version == 3

    def test_primary_keys_are_not_used_again(self, place):
        database, item = shop()
        with place.conn(database):
            hat = item(name="hat").save()
            hat.delete()
            assert (hat.pk, hat.version) == (None, None)
            assert hat.save().pk == 2
        with place.conn(database):
            item.get(2).delete()
            assert item(name="cap").save().pk == 3

    @pytest.mark.parametrize("verb", ["update", "delete", "refresh"])
    def test_what_has_never_been_saved(self, place, verb):
        database, item = shop()
        with place.conn(database):
            place.forget_calls()
            with pytest.raises(RecordNotSaved, match=rf"{verb}\(\) of .*save\(\) stores it"):
                getattr(item(name="hat"), verb)()
            assert place.calls == 0

    def test_refresh_takes_over_what_another_database_wrote(self, place):
        (one, first), (two, second) = shop(), shop()
        with place.conn(one), place.conn(two):
            mine = first(name="hat").save()
            two.refresh()
            theirs = second.get(mine.pk)
            theirs.name = "cap"
            theirs.save()
            one.refresh()
            assert mine.name == "hat"
            assert mine.refresh() is mine
            assert (mine.name, mine.version) == ("cap", theirs.version)
