"""What counts as a record, or as the description of a table, and what does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discobase.transfer.original_layout import NoOriginal, entry_in, record_in
from tests.original.place import packed

ENTRY = {"name": "user", "table_channel": 7}

FIELDS = st.dictionaries(st.text(max_size=9), st.text(max_size=9) | st.integers(), max_size=3)


@given(FIELDS)
def test_what_was_packed_comes_out(fields):
    found = record_in(packed(fields))
    assert (found.fields, json.loads(found.text)) == (fields, fields)


@given(st.text(max_size=9) | FIELDS.map(json.dumps) | FIELDS.map(str))
def test_any_other_text_is_said_to_be_none_and_nothing_else_is_raised(content):
    for read in (record_in, entry_in):
        with pytest.raises(NoOriginal):
            read(content)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "Message Content"),
        ("hello", "it is no record"),
        ("null", "it is no record"),
        ('{"content": 5}', "content: "),
        ('{"content": "e30"}', "Base64"),
        # Python's own function drops the exclamation mark, and returns an empty object.
        ('{"content": "e3!0="}', "Base64"),
        (packed(b"\xff"), "Base64"),
        (packed(b"{"), "no JSON"),
        (packed(b"[1]"), "no JSON object"),
    ],
)
def test_each_damage_of_a_record_has_its_reason(content, why):
    with pytest.raises(NoOriginal, match=why):
        record_in(content)


@pytest.mark.parametrize("missing", ENTRY)
def test_a_description_of_a_table_needs_each_part_and_no_more(missing):
    assert entry_in(json.dumps(ENTRY | {"keys": []})).table_channel == 7
    with pytest.raises(NoOriginal, match=f"describes no table: {missing}"):
        entry_in(json.dumps({name: value for name, value in ENTRY.items() if name != missing}))


def test_what_a_message_says_is_not_in_the_reason():
    with pytest.raises(NoOriginal) as caught:
        record_in(packed(b"secret"))
    assert "secret" not in str(caught.value)
