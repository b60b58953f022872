"""A table's class has its fields as attributes, and is to pydantic what it would be without."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import threading
import warnings
import weakref
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    computed_field,
    field_validator,
)
from pydantic.fields import ModelPrivateAttr

from discobase import Table, WithPk, WithVersion
from discobase.errors import TableError, UnknownAttribute, UnknownField, WrongExpression
from discobase.records.expressions.reference import FieldReference
from discobase.records.record import Record

T = TypeVar("T")


class Address(BaseModel):
    city: str


class User(Table):
    name: str
    age: Annotated[int, Field(ge=0)] = 0
    tags: list[str] = []  # noqa: RUF012 - a field
    address: Address | None = None
    _trace: int = PrivateAttr(default=7)
    kind: ClassVar[str] = "person"


class Plain(BaseModel):
    """The same fields without the metaclass."""

    name: str
    age: Annotated[int, Field(ge=0)] = 0
    tags: list[str] = []
    address: Address | None = None


class Box(Table, Generic[T]):
    item: T
    label: str = ""


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def asked(model: type[Any]) -> None:
    """Use each field of a class as an expression."""
    for name in model.model_fields:
        assert isinstance(getattr(model, name), FieldReference)


class TestAttributes:
    def test_each_field_is_one(self):
        asked(User)
        assert repr(User.age > 30) == "User.age > 30"

    def test_so_are_the_primary_key_and_the_version(self):
        assert repr(User.pk > 30) == "User.pk > 30"
        assert repr(User.version == 7) == "User.version == 7"

    def test_also_where_a_dump_has_them(self):
        class Visit(WithPk, WithVersion):
            page: str

        assert repr((Visit.pk > 3) & (Visit.version < 7)) == "(Visit.pk > 3) & (Visit.version < 7)"
        assert Visit(page="/").model_dump() == {"page": "/", "pk": None, "version": None}

    def test_a_record_has_its_own_values(self):
        user = User(name="Ada", age=36)
        assert (user.name, user.age, user.pk, user.version) == ("Ada", 36, None, None)

    def test_nobody_sets_its_place(self):
        class Open(Table):
            model_config = ConfigDict(extra="allow")

        for record in (User(name="Ada"), Open()):
            with pytest.raises(AttributeError, match="has no setter"):
                record.pk = 3  # type: ignore[assignment]
            assert record.pk is None

    def test_documentation_finds_properties_at_the_class(self):
        assert inspect.isdatadescriptor(User.pk)
        assert inspect.getdoc(User.pk) == inspect.getdoc(Record.pk)

    def test_what_is_no_field_is_as_it_was(self):
        assert User.kind == "person"
        assert inspect.isfunction(User.save)
        assert not hasattr(User, "_nothing")
        assert not hasattr(User, "__nothing__")

    @pytest.mark.parametrize(
        ("meant", "given"), [("name", "nmae"), ("find", "fnd"), ("age", "agee")]
    )
    def test_a_misspelt_one_raises_with_the_nearest_names(self, meant, given):
        with pytest.raises(UnknownAttribute, match=f"User has no attribute '{given}'.*'{meant}'"):
            getattr(User, given)

    @pytest.mark.parametrize("name", ["objects", "filter", "query", "select", "where", "count"])
    def test_what_queries_of_other_libraries_are_called_leads_to_find(self, name):
        with pytest.raises(UnknownAttribute, match=rf"'{name}': User.find\(...\) is a query"):
            getattr(User, name)

    def test_that_error_is_an_attribute_error(self):
        with pytest.raises(AttributeError) as raised:
            _ = User.quux
        assert isinstance(raised.value, UnknownField)
        assert "its fields are address, age, name, pk, tags, version" in str(raised.value)
        assert not hasattr(User, "quux")
        assert getattr(User, "quux", 5) == 5

    def test_a_class_that_is_no_table_is_none(self):
        assert not hasattr(Plain, "name")
        assert isinstance(inspect.getattr_static(Record, "pk"), property)
        assert isinstance(Record.pk, property)

    def test_a_field_by_the_name_of_an_attribute_is_hidden_by_that(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")

            class Odd(Table):
                json: str = ""

        assert inspect.isfunction(Odd.json)

    def test_a_deprecated_field_is_one_too(self):
        class Old(Table):
            name: str = Field("", deprecated=True)

        assert repr(Old.name == "x") == "Old.name == 'x'"


class TestPydantic:
    def test_derived_classes_keep_required_fields_required(self):
        asked(User)

        class Admin(User):
            level: int = 1

        asked(Admin)
        with pytest.raises(ValidationError):
            Admin()
        assert Admin(name="Ada").model_dump() == {
            **User(name="Ada").model_dump(),
            "level": 1,
        }

    def test_a_field_is_declared_again_without_a_warning(self):
        class Admin(User):
            name: str = "root"
            age: int = 50

        assert (Admin().name, Admin().age) == ("root", 50)
        assert repr(Admin.age > -5) == "Admin.age > -5"

        class Super(Admin):
            name: str

        with pytest.raises(ValidationError):
            Super()

    def test_a_field_that_shadows_a_method_is_still_warned_of(self):
        with pytest.warns(UserWarning, match="shadows an attribute in parent"):

            class Odd(User):
                json: str = ""

    def test_meanwhile_other_threads_see_all_attributes(self):
        seen: list[object] = []

        def look() -> None:
            seen.append(User.age)

        class Admin(User):
            level: int = 1

            @classmethod
            def __pydantic_init_subclass__(cls, **_: Any) -> None:
                super().__pydantic_init_subclass__()

            def __init_subclass__(cls, **_: Any) -> None:
                thread = threading.Thread(target=look)
                thread.start()
                thread.join()
                super().__init_subclass__()

        class Super(Admin):
            pass

        assert len(seen) == 1
        assert isinstance(seen[0], FieldReference)

    def test_a_class_can_ask_itself_when_it_is_complete(self):
        asked_for: list[object] = []

        class Asking(Table):
            age: int = 0

            @classmethod
            def __pydantic_init_subclass__(cls, **_: Any) -> None:
                asked_for.append(cls.age > 3)

        class Asked(Asking):
            pass

        assert [repr(each) for each in asked_for] == ["Asked.age > 3"]

    def test_the_json_schema_is_the_same(self):
        asked(User)
        ours, theirs = User.model_json_schema(), Plain.model_json_schema()
        for schema in (ours, theirs):
            del schema["title"]
            schema.pop("description", None)
        assert ours == theirs

    def test_the_signature_is_the_same(self):
        assert inspect.signature(User) == inspect.signature(Plain)

    def test_fields_and_defaults_are_as_declared(self):
        before = dict(User.model_fields)
        asked(User)
        assert dict(User.model_fields) == before
        assert not {"name", "age", "tags", "address"} & set(vars(User))
        assert User(name="x").model_fields_set == {"name"}

    def test_records_are_copied(self):
        asked(User)
        user = User(name="Ada", tags=["a"], address=Address(city="Rome"))
        for other in (copy.copy(user), copy.deepcopy(user), user.model_copy(deep=True)):
            assert other == user
        assert copy.deepcopy(User) is User

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_records_and_classes_are_pickled(self, protocol):
        asked(User)
        user = User(name="Ada", address=Address(city="Rome"))
        assert pickle.loads(pickle.dumps(user, protocol)) == user
        assert pickle.loads(pickle.dumps(User, protocol)) is User

    def test_generic_classes_have_the_fields_of_their_types(self):
        assert repr(Box[int].item > "3") == "Box[int].item > 3"
        assert repr(Box[str].item > "3") == "Box[str].item > '3'"
        assert Box[int](item="3").item == 3
        assert repr(Box[int].label == "x") == "Box[int].label == 'x'"

        class Numbers(Box[int]):
            pass

        assert repr(Numbers.item == 3) == "Numbers.item == 3"

    def test_a_generic_class_by_itself_takes_anything(self):
        assert repr(Box.item == {"a": 1}) == "Box.item == {'a': 1}"

    def test_private_attributes_stay_private(self):
        assert User(name="x")._trace == 7
        assert isinstance(User._trace, ModelPrivateAttr)

    def test_validators_and_computed_fields_work(self):
        class Checked(Table):
            name: str

            @field_validator("name")
            @classmethod
            def lower(cls, name: str) -> str:
                return name.lower()

            @computed_field
            @property
            def shout(self) -> str:
                return self.name.upper()

        assert Checked(name="Ada").model_dump() == {"name": "ada", "shout": "ADA"}
        assert repr(Checked.name == "ADA") == "Checked.name == 'ada'"
        assert isinstance(inspect.getattr_static(Checked, "shout"), property)

    def test_forward_references_are_completed_at_the_first_use(self):
        class Node(Table):
            later: Later | None = None

        class Later(BaseModel):
            size: int

        assert repr(Node.later.size > 3) == "Node.later.size > 3"

    def test_what_is_never_defined_is_named(self):
        class Node(Table):
            later: Never_  # type: ignore[name-defined] # noqa: F821

        with pytest.raises(TableError, match="Never_"):
            _ = Node.later

    def test_type_adapters_and_settings_are_as_ever(self):
        class Strict(Table):
            model_config = ConfigDict(strict=True, frozen=True)

            age: int

        assert TypeAdapter(Strict).validate_python({"age": 3}).age == 3
        assert isinstance(hash(Strict(age=3)), int)

    def test_several_bases_are_derived_from(self):
        class Named(BaseModel):
            title: str

        class Both(User, Named):
            pass

        assert repr(Both.title == "Dr") == "Both.title == 'Dr'"

    def test_another_metaclass_can_be_derived_from_it(self):
        class Meta(type(Table)):
            pass

        class Made(Table, metaclass=Meta):
            age: int = 0

        assert repr(Made.age == 1) == "Made.age == 1"

    def test_a_class_that_is_not_used_any_more_is_collected(self):
        def make() -> weakref.ref[type]:
            class Gone(Table):
                age: int = 0

            _ = Gone.age > 3
            return weakref.ref(Gone)

        gone = make()
        gc.collect()
        assert gone() is None


class TestReferences:
    def test_they_are_copied_and_pickled(self):
        expression = (User.address.city == "Rome") & User.tags[0].in_(["a"]) | ~(User.age > 3)
        for other in (copy.deepcopy(expression), pickle.loads(pickle.dumps(expression))):
            assert repr(other) == repr(expression)
            assert other.holds(User(name="x", age=1))
        field = pickle.loads(pickle.dumps(User.address.city))
        assert repr(field == "Rome") == "User.address.city == 'Rome'"

    def test_they_can_be_in_sets_and_keys_of_dictionaries(self):
        assert User.age in {User.age: 1}
        assert len({User.age, User.name}) == 2

    def test_they_have_no_elements_here(self):
        with pytest.raises(WrongExpression, match="elements are in each record"):
            list(User.tags)
        with pytest.raises(WrongExpression, match="use contains"):
            _ = "x" in User.tags
