"""What commands are made of, without a server: interactions as Discord sends them, texts, forms."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import discobase
from discobase import posted
from discobase.commands import Commands, rendering
from discobase.commands.asked import Act, asked
from discobase.commands.declared import declared, to_register
from discobase.commands.forms import askable, form_of, values_of
from discobase.commands.remembered import Remembered, Step, Task
from discobase.commands.replies import EMBED, LONGEST_INPUT, Reply, completions
from discobase.errors import UsageError
from discobase.typed.rows import row_of

MEMBER = {"user": {"id": "7"}, "permissions": "32"}


def event(**changes: Any) -> dict[str, Any]:
    """An interaction as the gateway sends it."""
    data = {"type": 1, "name": "get", "options": [{"name": "pk", "type": 4, "value": 3}]}
    body = {"id": "1", "token": "t", "type": 2, "guild_id": "5", "member": MEMBER, "data": data}
    return body | changes


# What is asked


def test_a_command_is_read():
    wanted = asked(event())
    assert wanted is not None
    assert (wanted.kind, wanted.name, wanted.number("pk")) == (Act.COMMAND, "get", 3)
    assert (wanted.person, wanted.permissions, wanted.server) == (7, 32, 5)
    assert "token" not in repr(wanted)


@pytest.mark.parametrize(
    "foreign",
    [
        {"type": 1},
        {"type": 99},
        {"guild_id": None} and {"data": {"type": 2, "name": "get"}},
        {"type": 3, "data": {"custom_id": "count", "component_type": 2}},
        {"type": 3, "data": {"custom_id": "discobases:page:1:2", "component_type": 2}},
    ],
)
def test_what_is_not_ours_is_nothing(foreign):
    assert asked(event(**foreign)) is None


def test_outside_of_servers_there_is_nothing():
    body = event()
    del body["guild_id"]
    assert asked(body) is None


@pytest.mark.parametrize("missing", ["id", "token", "member", "data"])
def test_what_is_not_in_discords_form_is_an_error(missing):
    body = event()
    del body[missing]
    with pytest.raises(LookupError):
        asked(body)


@pytest.mark.parametrize("wraps", ["component", "components"])
def test_a_form_is_read_from_labels_and_rows(wraps):
    inner = {"type": 4, "custom_id": "name", "value": "Ada"}
    top = {"type": 18, wraps: inner if wraps == "component" else [inner]}
    wanted = asked(event(type=5, data={"custom_id": "discobase:form:9:0:4", "components": [top]}))
    assert wanted is not None
    assert (wanted.name, wanted.parts) == ("form", ("9", "0", "4"))
    assert wanted.fields == {"name": "Ada"}


# For whom


@pytest.mark.parametrize(
    ("permission", "has", "may"),
    [
        ("manage_guild", 1 << 5, True),
        ("manage_guild", 1 << 3, True),
        ("manage_guild", ~(1 << 5 | 1 << 3), False),
        ("administrator", 1 << 5, False),
        ("send_messages", 1 << 11, True),
    ],
)
def test_who_has_the_permission_or_all_of_them_may(permission, has, may):
    assert Commands(permission).allow(has) is may


def test_a_permission_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="manage_guild"):
        Commands("manage_server")
    with pytest.raises(UsageError, match=r"Commands\(\.\.\.\)"):
        discobase.Database("x", commands="manage_guild")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="gateway"):
        discobase.Database("x", commands=True, gateway=False)


# What is registered


def test_what_is_there_as_it_is_to_be_is_left_alone():
    told = {"default_member_permissions": "32", "version": "1"}
    held = [{**each, **told, "id": str(n)} for n, each in enumerate(declared(32))]
    assert to_register(held, 32) is None
    assert to_register(held, 8) is not None
    assert to_register(held[1:], 32) is not None


def test_commands_of_others_stay():
    other = {"id": "9", "type": 1, "name": "play", "description": "Play", "options": []}
    strict = {**other, "id": "7", "name": "ban", "default_member_permissions": "4"}
    menu = {"id": "8", "type": 2, "name": "find", "description": ""}
    wanted = to_register([other, menu, strict], 32)
    assert wanted is not None
    assert wanted[:3] == [other, menu, {**strict, "default_member_permissions": 4}]
    assert len(wanted) == 3 + len(declared(32))


# What is remembered


def test_a_task_is_its_persons():
    remembered = Remembered()
    remembered.put("1", Task(7, "get"))
    assert remembered.of("1", 7) is not None
    assert remembered.of("1", 8) is None
    assert remembered.of("2", 7) is None


def test_the_newest_tasks_are_remembered():
    remembered = Remembered()
    for number in range(1_200):
        remembered.put(str(number), Task(7, "get"))
    assert remembered.of("0", 7) is None
    assert remembered.of("1199", 7) is not None


def test_a_step_is_not_known_where_a_form_before_it_was_not_heard_of():
    task = Task(7, "insert", fields=tuple("abcdefg"), texts=dict.fromkeys("abcd", ""))
    assert Step(task, "1", 0).is_known
    assert not Step(task, "1", 1).is_known
    task.texts["e"] = ""
    assert Step(task, "1", 1).is_known


# Texts


TICKS = st.text(st.sampled_from("`` \n\u200ba")) | st.text()


@given(TICKS)
def test_no_text_ends_the_block_that_it_stands_in(text):
    block = posted.block(text)
    assert block.startswith("```\n")
    assert block.endswith("\n```")
    assert "``" not in block[3:-3]


@given(TICKS)
def test_no_text_ends_the_code_that_it_stands_in(text):
    code = posted.code(text)
    assert code.count("`") == 2
    assert "\n" not in code


@given(st.text(alphabet="@everyoneh <&!#*_~`|[]()\\"))
def test_no_text_in_a_sentence_is_markup_or_a_mention(text):
    shown = posted.plain(text)
    assert "@everyone" not in shown
    assert "@here" not in shown
    for number, character in enumerate(shown):
        if character in "*_~`|<>[]()#@":
            before = shown[:number]
            assert (len(before) - len(before.rstrip("\\"))) % 2 == 1


VALUES = st.none() | TICKS | st.integers() | st.lists(st.text(), max_size=3)
ROWS = st.lists(
    st.fixed_dictionaries({"pk": st.integers(1), "name": VALUES, "note": VALUES}), max_size=10
)


@given(ROWS)
def test_a_table_fits_into_an_answer(rows):
    text = rendering.table(rows, ("pk", "name", "note"))
    assert posted.size(text) <= EMBED
    assert text.count("```") == 2


@given(st.dictionaries(st.text(min_size=1, max_size=200), VALUES, max_size=30))
def test_a_record_fits_into_an_answer(cells):
    text, _ = rendering.record(cells)
    assert posted.size(text) <= EMBED
    assert text.count("```") == 2


@given(st.lists(st.tuples(VALUES, st.integers(0)), max_size=20))
def test_counts_fit_into_an_answer(pairs):
    assert posted.size(rendering.counts(pairs)) <= EMBED


@given(st.lists(st.text(), max_size=60))
def test_choices_are_what_discord_takes(texts):
    body = completions(texts)["data"]["choices"]
    assert len(body) <= 25
    assert all(0 < len(each["name"]) <= 100 and 0 < len(each["value"]) <= 100 for each in body)


def test_an_answer_notifies_nobody():
    assert Reply("t", "@everyone").to_json()["allowed_mentions"] == {"parse": []}


def test_a_text_of_any_length_takes_no_longer_to_show():
    rows = [{"pk": number, "name": "x" * 1_000_000} for number in range(10)]
    began = time.process_time()
    rendering.table(rows, ("pk", "name"))
    rendering.counts([("x" * 1_000_000, 1)] * 10)
    assert time.process_time() - began < 2  # it took 17 s for one of 10,000 characters


# Forms


class Colour(enum.Enum):
    """One of two."""

    RED = "red"
    BLUE = "blue"


DATABASE = discobase.Database("forms")


@DATABASE.table
class Thing(discobase.Table):
    """Fields of many types."""

    name: str
    count: int = 0
    ratio: float | None = None
    price: decimal.Decimal | None = None
    day: dt.date | None = None
    colour: Colour | None = None
    tags: list[str] = []  # noqa: RUF012 - pydantic copies it
    note: str | None = None


FIELDS = tuple(Thing.model_fields)
THINGS = st.builds(
    Thing,
    name=st.text(),
    count=st.integers(-(2**63), 2**63 - 1),
    ratio=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    price=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
    day=st.none() | st.dates(),
    colour=st.none() | st.sampled_from(Colour),
    tags=st.lists(st.text(), max_size=3),
    note=st.none() | st.text(),
)


def typed(record: Thing) -> dict[str, str]:
    """What stands in the forms of a record."""
    task = Task(7, "update", fields=FIELDS)
    texts: dict[str, str] = {}
    for number in range(2):
        form = form_of(Thing, Step(task, "1", number), title="t", held=row_of(record))
        assert len(form.inputs) <= 5
        texts |= {each.name: each.value for each in form.inputs}
    return texts


@given(THINGS)
def test_a_form_that_is_sent_as_it_was_changes_nothing(thing):
    texts = typed(thing)
    assert values_of(Thing, texts, row_of(thing)) == {}


@given(THINGS, THINGS)
def test_what_a_form_shows_of_a_record_makes_another_one_like_it(thing, other):
    texts = typed(thing)
    changes = values_of(Thing, texts, row_of(other))
    made = Thing.model_validate({**dict(other), **changes})
    expected = dict(thing)
    if not thing.note:
        assert not made.note
        expected["note"] = made.note  # an input does not tell no text from an empty one
    assert dict(made) == expected


def test_what_is_left_empty_in_a_new_record_takes_its_default():
    texts = dict.fromkeys(FIELDS, "")
    assert values_of(Thing, texts) == {"name": ""}


def test_a_form_does_not_ask_for_a_value_that_is_longer_than_an_input():
    held = row_of(Thing(name="x" * (LONGEST_INPUT + 1)))
    assert askable(Thing, held) == FIELDS[1:]
    assert askable(Thing, row_of(Thing(name="x"))) == FIELDS


@given(st.lists(st.sampled_from(["```", "ab", "\U0001f600" * 900, "x" * 2000])))
def test_an_answer_of_any_length_fits_and_its_blocks_end(parts):
    text = "".join(parts)
    shown = Reply("t", text).to_json()["embeds"][0].get("description", "")
    assert posted.size(shown) <= EMBED
    if posted.size(text) > EMBED:
        assert shown.count("```") % 2 == 0
