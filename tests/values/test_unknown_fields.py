"""Fields that a class does not know go with the record, and are written back behind its own."""

from __future__ import annotations

import json
import pickle
from copy import copy, deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    create_model,
    model_serializer,
    model_validator,
)

from discobase.records.codec import Codec
from discobase.records.record import unknown_fields
from tests.values.records import Record


class Plain(Record):
    name: str
    tags: list[str] = Field(default_factory=list)


class Closed(Plain):
    model_config = ConfigDict(extra="forbid")


class Private(Plain):
    _count: int = PrivateAttr(default=0)

    def model_post_init(self, context: Any, /) -> None:
        self._count += 1


class SettingAField(Plain):
    """Its validator gives a field that the text lacks, which then counts as given."""

    slug: str = ""
    other: str = ""

    @model_validator(mode="after")
    def _fill(self) -> SettingAField:
        self.slug = self.slug or self.name
        self.other = "o"
        return self


class WithInit(Plain):
    def __init__(self, name: str) -> None:
        super().__init__(name=name)


class Frozen(Plain):
    model_config = ConfigDict(frozen=True)


CLASSES = [Plain, Closed, Private, SettingAField, WithInit, Frozen]


@pytest.mark.parametrize("model", CLASSES)
def test_they_are_carried_along_unseen_and_written_back_behind_the_known_ones(model) -> None:
    codec = Codec(model, "users")
    record = codec.decode('{"mail":"a`x","name":"ada","n":null,"deep":{"x":[1.5,"é"]}}')
    own = codec.encode(model(name="ada"))
    written = codec.encode(record)
    assert written == own[:-1] + ',"mail":"a\\u0060x","n":null,"deep":{"x":[1.5,"\\u00e9"]}}'
    assert codec.encode(codec.decode(written)) == written
    assert record.model_dump() == model(name="ada").model_dump()
    assert record.model_extra is None
    assert "mail" not in repr(record) + record.model_dump_json()
    assert record.model_fields_set == codec.decode('{"name":"ada"}').model_fields_set
    assert record == codec.decode('{"mail":"a`x","name":"ada","n":null,"deep":{"x":[1.5,"é"]}}')


@pytest.mark.parametrize("model", CLASSES)
def test_a_single_one_is_not_overlooked(model) -> None:
    """Where a validator of the model gives fields, more are given than stood in the text."""
    codec = Codec(model, "users")
    assert unknown_fields(codec.decode('{"name":"ada","mail":"a@x"}')) == '{"mail":"a@x"}'


def test_extras_that_a_record_holds_itself_are_written_once() -> None:
    class Open(Plain, extra="allow"):
        pass

    codec = Codec(Open, "users")
    record = codec.decode('{"name":"ada","tags":[],"deep":{"x":{"y":1}}}')
    assert unknown_fields(record) is None
    assert codec.encode(record) == '{"name":"ada","tags":[],"deep":{"x":{"y":1}}}'


@pytest.mark.parametrize("model", CLASSES)
def test_what_a_program_makes_itself_carries_nothing(model) -> None:
    codec = Codec(model, "users")
    made = model(name="ada")
    assert unknown_fields(made) is None
    assert codec.decode(codec.encode(made)) == made
    assert unknown_fields(codec.decode(codec.encode(made))) is None


@pytest.mark.parametrize("model", [Plain, Private, Frozen])
@pytest.mark.parametrize(
    "copied",
    [copy, deepcopy, Plain.model_copy, lambda record: pickle.loads(pickle.dumps(record))],
    ids=["copy", "deepcopy", "model_copy", "pickle"],
)
def test_copies_have_them_too(model, copied) -> None:
    codec = Codec(model, "users")
    record = codec.decode('{"name":"ada","mail":"a@x"}')
    twin = copied(record)
    assert twin == record
    assert json.loads(codec.encode(twin))["mail"] == "a@x"
    assert json.loads(codec.encode(record.model_copy(update={"name": "bob"}))) == {
        "name": "bob",
        "tags": [],
        "mail": "a@x",
    }


def test_extras_stay_where_they_are() -> None:
    class Open(Plain, extra="allow"):
        pass

    record = Codec(Open, "users").decode('{"name":"ada","mail":"a@x"}')
    assert record.model_extra == {"mail": "a@x"}
    assert unknown_fields(record) is None


def test_a_class_that_forbids_extras_still_refuses_what_does_not_fit() -> None:
    codec = Codec(Closed, "users")
    with pytest.raises(ValidationError, match="name"):
        codec.decode('{"mail":"a@x"}')
    with pytest.raises(ValidationError, match="JSON"):
        codec.decode('{"mail":')
    with pytest.raises(ValidationError, match="mail"):
        Closed(name="ada", mail="a@x")  # type: ignore[call-arg]


def test_what_stands_in_models_inside_is_not_carried_along() -> None:
    class Inner(BaseModel):
        city: str

    class Outer(Record):
        home: Inner

    codec = Codec(Outer, "users")
    assert codec.encode(codec.decode('{"home":{"city":"Rome","zip":1}}')) == (
        '{"home":{"city":"Rome"}}'
    )

    class Strict(BaseModel, extra="forbid"):
        city: str

    class Around(Record, extra="forbid"):
        home: Strict

    with pytest.raises(ValidationError, match="zip"):
        Codec(Around, "users").decode('{"home":{"city":"Rome","zip":1},"mail":""}')


def test_one_that_a_validator_reads_is_left_out_as_soon_as_it_would_change_the_record() -> None:
    class Renamed(Record):
        name: str

        @model_validator(mode="before")
        @classmethod
        def _from_nick(cls, values: Any) -> Any:
            nick = values.get("nick")
            return values if nick is None else {**values, "name": nick}

    codec = Codec(Renamed, "users")
    record = codec.decode('{"nick":"ada","mail":"a@x"}')
    assert record.name == "ada"
    assert json.loads(codec.encode(record)) == {"name": "ada", "nick": "ada", "mail": "a@x"}
    record.name = "bob"
    assert json.loads(codec.encode(record)) == {"name": "bob", "mail": "a@x"}
    assert codec.decode(codec.encode(record)) == record


@pytest.mark.parametrize("extra", ["ignore", "forbid"])
def test_a_validator_that_adds_what_is_no_field_does_not_get_it_stored(extra) -> None:
    class Adding(Record):
        model_config = ConfigDict(extra=extra)
        name: str

        @model_validator(mode="before")
        @classmethod
        def _add(cls, values: Any) -> Any:
            return values if extra == "forbid" else {**values, "seen": object()}

    codec = Codec(Adding, "users")
    assert codec.encode(codec.decode('{"name":"ada","mail":""}')) == '{"name":"ada","mail":""}'


def test_what_a_serializer_of_the_class_writes_is_not_unknown() -> None:
    class Marked(Record):
        name: str

        @model_serializer(mode="wrap")
        def _mark(self, handler: Any) -> Any:
            return handler(self) | {"kind": self.name.upper()}

    codec = Codec(Marked, "users")
    record = codec.decode(codec.encode(Marked(name="ada")))
    assert record == Marked(name="ada")
    record = codec.decode('{"name":"ada","kind":"ADA","mail":"a@x"}')
    record.name = "bob"
    assert json.loads(codec.encode(record)) == {"name": "bob", "kind": "BOB", "mail": "a@x"}


def test_a_field_that_was_renamed_with_a_default_keeps_its_old_value() -> None:
    class Renamed(Record):
        full_name: str = "nobody"

    codec = Codec(Renamed, "users")
    record = codec.decode('{"name":"ada"}')
    assert record.full_name == "nobody"
    assert json.loads(codec.encode(record)) == {"full_name": "nobody", "name": "ada"}


NAMES = ["name", "age", "x:", "mail", "deep", "n"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=8,
)


@given(
    stored=st.dictionaries(st.sampled_from(NAMES), VALUES),
    known=st.sets(st.sampled_from(["name", "age", "mail", "deep", "n"])),
    extra=st.sampled_from(["ignore", "forbid", "allow"]),
)
def test_nothing_that_is_stored_is_lost_on_the_way_through_another_class(
    stored: dict[str, Any], known: set[str], extra: Any
) -> None:
    fields: dict[str, Any] = dict.fromkeys(known, (Any, "default"))
    older = create_model("Older", __base__=(Record,), **fields)
    older.model_config["extra"] = extra
    older.model_rebuild(force=True)
    codec = Codec(older, "users")
    record = codec.decode(json.dumps(stored, separators=(",", ":")))
    for name in known:
        setattr(record, name, "changed")
    written = json.loads(codec.encode(record))
    assert written == stored | dict.fromkeys(known, "changed")
    assert json.dumps(written) == json.dumps(
        dict.fromkeys(older.model_fields, "changed")
        | {name: value for name, value in stored.items() if name not in known}
    )
