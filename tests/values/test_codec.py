"""What a record's JSON looks like, what errors say, and what a query value becomes."""

from __future__ import annotations

import json
import traceback
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    SecretBytes,
    SecretStr,
    ValidationError,
    ValidationInfo,
    WrapValidator,
    computed_field,
    create_model,
    field_validator,
    model_serializer,
    model_validator,
)

from discobase.engine import keys
from discobase.errors import TableError, UnknownField, UnstorableValue
from discobase.records.codec import Codec
from discobase.records.fields import Unique
from tests.naming import without_address
from tests.values.records import Record

WORD = "retnuh"[::-1]  # not as it is, for tracebacks quote source lines


class Size(Enum):
    S = "s"


class User(Record):
    model_config = ConfigDict(extra="allow")

    name: Annotated[str, Unique()] = Field(max_length=20)
    age: int | None = Field(default=None, alias="Age")
    price: Decimal = Decimal(1)
    joined: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    size: Size = Size.S
    tags: list[str] = Field(default_factory=list)
    note: str = Field(default="", exclude=True)
    pin: str = Field(default="", repr=False)
    _cache: int = PrivateAttr(default=0)

    @computed_field
    @property
    def shout(self) -> str:
        return self.name.upper()

    @field_validator("name")
    @classmethod
    def _lower(cls, name: str) -> str:
        return name.lower()

    @model_validator(mode="after")
    def _whole(self) -> User:
        if self.name == "forbidden":
            raise ValueError("no such user")
        return self


CODEC = Codec(User, "users")


def refused(codec: Codec, record: BaseModel) -> str:
    with pytest.raises(UnstorableValue) as caught:
        codec.encode(record)
    shown = "".join(traceback.format_exception(caught.value))
    assert str(caught.value) in shown
    return shown


def test_fields_stand_by_name_in_order_and_extras_follow() -> None:
    user = User(name="Ann", Age=3, note="n", zest=1)
    stored = json.loads(CODEC.encode(user))
    assert list(stored) == [
        "name", "age", "price", "joined", "size", "tags", "note", "pin", "zest",
    ]  # fmt: skip
    assert stored["name"] == "ann"
    assert stored["note"] == "n"


def test_a_record_reads_as_it_was_written() -> None:
    user = User(name="Ann", Age=3, note="n", zest=1, tags=["`", "é"])
    back = CODEC.decode(CODEC.encode(user))
    assert back == user
    assert isinstance(back, User)
    assert back.note == "n"


def test_the_text_is_compact_ascii_without_backticks() -> None:
    text = CODEC.encode(User(name="`é😀\x7f"))
    assert text.startswith('{"name":"\\u0060\\u00e9\\ud83d\\ude00\\u007f",')


def test_a_record_without_a_field_gets_its_default() -> None:
    assert CODEC.decode('{"name":"ann"}') == User(name="ann")
    with pytest.raises(ValidationError, match="Field required"):
        CODEC.decode("{}")


def test_a_value_assigned_against_its_type_gets_pydantics_error() -> None:
    user = User(name="ann")
    user.age = "old"  # type: ignore[assignment]
    with pytest.raises(ValidationError, match="age") as caught:
        CODEC.encode(user)
    assert "Nothing was sent" in caught.value.__notes__[0]


def test_a_value_assigned_that_would_be_converted_is_refused() -> None:
    user = User(name="ann")
    user.age = "5"  # type: ignore[assignment]
    assert "users.age cannot be stored as '5' (str): it would come back as 5 (int)" in refused(
        CODEC, user
    )


def test_a_record_with_a_field_missing_gets_pydantics_error() -> None:
    with pytest.raises(ValidationError, match="name"):
        CODEC.encode(User.model_construct(age=1))


def test_the_path_of_what_cannot_be_stored_is_named() -> None:
    class Loose(Record):
        value: Any

    message = refused(Codec(Loose, "loose"), Loose(value=[1, {"a b": (2,)}]))
    assert "loose.value[1]['a b'] cannot be stored as (2,) (tuple)" in message
    assert "it would come back as [2] (list); nothing was sent." in message


def test_an_integer_that_json_cannot_carry_is_named() -> None:
    message = refused(CODEC, User(name="ann", Age=10**5000))
    assert "users.age cannot be stored as a value (int)" in message
    assert "up to 4,300 digits" in message


def test_long_values_are_shortened_in_errors() -> None:
    message = refused(CODEC, User(name="ann", tags=["\ud800" * 1000]))
    assert len(message.splitlines()[-1]) < 400


def test_a_subclass_instance_is_refused() -> None:
    class Admin(User):
        power: int = 1

    assert "Admin" in refused(CODEC, Admin(name="ann"))


class Account(Record):
    secret: SecretStr
    anything: Any = None
    blob: SecretBytes = Field(default=SecretBytes(b"\xff"), exclude=True)
    hidden: Any = Field(default=None, repr=False)


def test_secrets_are_stored_themselves_and_come_back() -> None:
    codec = Codec(Account, "accounts")
    account = Account(secret=SecretStr(WORD), anything="**********", blob=SecretBytes(b"\x00"))
    assert f'"secret":"{WORD}"' in codec.encode(account)
    assert codec.decode(codec.encode(account)) == account


@pytest.mark.parametrize(
    "values",
    [
        {"anything": SecretStr(WORD)},
        {"anything": [SecretStr(WORD)]},
        {"anything": {SecretStr(WORD): 1}},
        {"anything": (1,)},
        {"anything": float("nan")},
        {"anything": object()},
        {"hidden": (WORD,)},
        {"hidden": {WORD: (1,)}},
        {"hidden": WORD + "\ud800"},
        {"hidden": {"a": WORD, "b": {1: 2}}},
    ],
    ids=without_address,
)
def test_no_error_shows_a_secret(values: dict[str, Any]) -> None:
    account = Account(secret=SecretStr(WORD), **values)
    assert WORD not in refused(Codec(Account, "accounts"), account)


def test_a_refusing_secret_is_not_shown() -> None:
    def once(value: SecretStr) -> SecretStr:
        if value.get_secret_value().startswith("!"):
            raise ValueError("already hashed")
        return SecretStr("!" + value.get_secret_value())

    class Hashed(Record):
        secret: Annotated[SecretStr, AfterValidator(once)]

    with pytest.raises(ValidationError, match="already hashed") as caught:
        Codec(Hashed, "hashed").encode(Hashed(secret=SecretStr(WORD)))
    assert WORD not in "".join(traceback.format_exception(caught.value))


def test_a_model_that_is_not_stored_as_an_object_is_refused() -> None:
    class Odd(Record):
        value: int

        @model_serializer
        def _as_list(self) -> list[int]:
            return [self.value]

    assert "not stored as an object" in refused(Codec(Odd, "odd"), Odd(value=1))


def test_a_serializer_that_fails_is_named_with_its_cause() -> None:
    class Failing(Record):
        value: Annotated[Any, Field()] = None

        @model_serializer(mode="wrap")
        def _fail(self, handler: Any) -> Any:
            raise RuntimeError("out of ink")

    assert "out of ink" in refused(Codec(Failing, "failing"), Failing())


def test_annotations_that_cannot_be_resolved_are_a_table_error() -> None:
    class Lost(Record):
        value: Nowhere  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(TableError, match="Nowhere"):
        Codec(Lost, "lost")


def test_a_query_value_becomes_what_a_record_would_have() -> None:
    assert CODEC.stored_value("name", "ANN") == "ann"
    assert CODEC.stored_value("age", "3") == 3
    assert CODEC.stored_value("size", "s") is Size.S


def test_a_query_value_is_validated_by_the_field_alone() -> None:
    assert CODEC.stored_value("name", "forbidden") == "forbidden"
    with pytest.raises(ValidationError, match="name"):
        CODEC.stored_value("name", "x" * 21)


def test_a_query_value_is_as_strict_as_the_model() -> None:
    class Strict(Record, strict=True):
        age: int

    with pytest.raises(ValidationError):
        Codec(Strict, "strict").stored_value("age", "3")


class Meeting(Record):
    room: str
    start: int
    code: str = ""

    @field_validator("start")
    @classmethod
    def _after_check(cls, start: int, info: ValidationInfo) -> int:
        if start < len(info.data["room"]):
            raise ValueError("too early for this room")
        return start

    @field_validator("code", mode="before")
    @classmethod
    def _tidy(cls, code: Any, info: ValidationInfo) -> Any:
        assert info.field_name == "code"
        return str(code).strip()

    @field_validator("code")
    @classmethod
    def _prefix(cls, code: str, info: ValidationInfo) -> str:
        room = info.data.get("room")
        return code if code.startswith(room) else room + code  # type: ignore[operator,arg-type]


@pytest.mark.parametrize(("field", "given", "taken"), [("start", "2", 2), ("code", " 7 ", "7")])
def test_a_validator_that_looks_at_other_fields_is_left_out_for_a_query_value(
    field: str, given: object, taken: object
) -> None:
    codec = Codec(Meeting, "meetings")
    assert codec.stored_value(field, given) == taken
    meeting = Meeting(room="R", start=4, code=" 7")
    held = getattr(meeting, field)
    assert codec.stored_value(field, held) == held
    with pytest.raises(ValidationError, match="too early"):
        Meeting(room="long name", start=4)
    with pytest.raises(ValidationError):
        codec.stored_value("start", "soon")


def test_such_validators_are_left_out_wherever_they_stand() -> None:
    def at_most(value: int, info: ValidationInfo) -> int:
        assert value <= info.data["top"]
        return value

    def swallowing(value: Any, handler: Any, info: ValidationInfo) -> Any:
        try:
            return handler(value) + info.data["top"]
        except Exception:  # noqa: BLE001 - it is what is tested
            return None

    class Inner(BaseModel):
        top: int
        value: Annotated[int, AfterValidator(at_most)]

    class Outer(Record):
        top: int
        each: list[Annotated[int, AfterValidator(at_most)]]
        wrapped: Annotated[int, WrapValidator(swallowing)]
        plain: Annotated[Any, PlainValidator(at_most)]
        inner: Inner

    codec = Codec(Outer, "outers")
    assert codec.stored_value("each", ["1", 2]) == [1, 2]
    assert codec.stored_value("wrapped", "3") == 3
    assert codec.stored_value("plain", "x") == "x"
    # A model inside has its own other fields, and they are there.
    assert codec.stored_value("inner", {"top": 1, "value": 1}) == Inner(top=1, value=1)
    with pytest.raises(ValidationError, match="inner"):
        codec.stored_value("inner", {"top": 1, "value": 2})


def test_they_are_left_out_of_a_field_with_a_type_that_holds_itself() -> None:
    def needy(value: Any, info: ValidationInfo) -> Any:
        return value[: info.data["top"]]

    class Tree(BaseModel):
        children: list[Tree] = []

    class Wood(Record):
        top: int
        trees: Annotated[list[Tree], AfterValidator(needy)]

    Tree.model_rebuild()
    assert Codec(Wood, "woods").stored_value("trees", [{"children": [{}]}]) == [
        Tree(children=[Tree()])
    ]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 1e300, -0.0])
def test_the_key_of_a_float_is_that_of_its_stored_form(value: float) -> None:
    class Real(Record):
        value: float

    codec = Codec(Real, "reals")
    stored = json.loads(codec.encode(Real(value=value)))["value"]
    assert codec.stored_key("value", value) == keys.key("decimal", stored)


def test_excluded_fields_are_stored_as_the_models_settings_say() -> None:
    class Hiding(Record):
        blob: bytes = Field(exclude=True)
        ratio: list[float] = Field(exclude=True)

    codec, record = Codec(Hiding, "hiding"), Hiding(blob=b"\xff", ratio=[float("inf")])
    assert json.loads(codec.encode(record)) == {"blob": "_w==", "ratio": ["Infinity"]}
    assert codec.decode(codec.encode(record)) == record


def test_a_validator_that_fails_by_itself_is_not_left_out() -> None:
    def broken(value: int, info: ValidationInfo) -> int:
        raise KeyError(info.field_name)

    class Broken(Record):
        value: Annotated[int, AfterValidator(broken)]

    with pytest.raises(KeyError, match="value"):
        Codec(Broken, "broken").stored_value("value", 1)


@pytest.mark.filterwarnings("ignore:Field name:UserWarning")
@pytest.mark.parametrize("name", ["cls", "self", "class", "copy", "data", "items", "value"])
def test_a_field_of_any_name_has_a_query_value(name: str) -> None:
    model = create_model("Named", __base__=Record, **{name: (int, ...)})  # type: ignore[call-overload]
    codec = Codec(model, "named")
    assert codec.stored_value(name, "3") == 3
    assert codec.stored_key(name, 3) == keys.key("plain", 3)
    with pytest.raises(ValidationError, match=name):
        codec.stored_value(name, "x")


def test_validators_of_every_mode_see_a_query_value() -> None:
    class Modes(Record):
        value: str
        other: str = ""

        @field_validator("value", mode="before")
        @classmethod
        def _before(cls, value: Any) -> Any:
            return f"{value}b"

        @field_validator("*", mode="wrap")
        @classmethod
        def _wrap(cls, value: Any, handler: Any, info: ValidationInfo) -> Any:
            return f"{handler(value)}{info.field_name}"

        @field_validator("value")
        @classmethod
        def _after(cls, value: str, info: ValidationInfo) -> str:
            return value + "a"

    codec = Codec(Modes, "modes")
    assert codec.stored_value("value", "x") == Modes(value="x").value == "xbvaluea"
    assert codec.stored_value("other", "x") == "xother"


def test_an_unknown_field_is_named_with_its_nearest() -> None:
    with pytest.raises(UnknownField, match=r"'nmae'.*'name'"):
        CODEC.stored_value("nmae", "x")
    with pytest.raises(UnknownField):
        CODEC.stored_value("Age", 1)


def key_of(field: str, value: Any) -> str | None:
    return CODEC.stored_key(field, CODEC.stored_value(field, value))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "ann"),
        ("name", "Ünn😀"),
        ("age", 3),
        ("age", None),
        ("price", "1.500"),
        ("joined", datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=5)))),
        ("size", Size.S),
    ],
)
def test_the_key_of_a_query_value_is_the_key_of_the_stored_value(field: str, value: Any) -> None:
    user = User(**({"name": "ann"} | {{"age": "Age"}.get(field, field): value}))
    stored = json.loads(CODEC.encode(user))[field]
    assert key_of(field, value) == keys.key(CODEC.kinds[field], stored)


def test_equal_values_written_differently_have_one_key() -> None:
    assert key_of("price", "1.0") == key_of("price", 1)
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=-7)))
    assert key_of("joined", moment) == key_of("joined", elsewhere)


def test_an_opaque_field_has_no_key() -> None:
    assert CODEC.kinds["tags"] == "opaque"
    assert key_of("tags", []) is None


def test_a_query_value_that_no_record_can_have_is_refused() -> None:
    with pytest.raises(UnstorableValue, match=r"users\.note cannot be stored as '\\ud800' \(str\)"):
        key_of("note", "\ud800")


def test_the_marks_of_the_class_are_found() -> None:
    assert CODEC.unique == ("name",)
    assert CODEC.indexed == ()


def test_a_field_that_shares_its_name_with_a_method_is_a_field() -> None:
    with pytest.warns(UserWarning, match="shadows"):

        class Shadow(Record):
            copy: int = 1  # type: ignore[assignment]
            validate: SecretStr = SecretStr("x")  # type: ignore[assignment]

    codec = Codec(Shadow, "shadow")
    assert codec.decode(codec.encode(Shadow(copy=3))) == Shadow(copy=3)
    assert codec.stored_key("copy", codec.stored_value("copy", 3)) == keys.key("plain", 3)
