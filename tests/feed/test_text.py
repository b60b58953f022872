"""What a post says: within Discord's limit, in one code block, and true."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from discobase.feed.gathering import HELD, LONGEST_RECORD, Change, Gathered
from discobase.feed.text import HIDDEN, LONGEST_POST, inert, line_of, post

NASTY = st.text(st.sampled_from("`\n\r\ud800\u2028\u202e\u200d@<>#&1a \\\"\U0001f600\x00…'"))
TEXTS = NASTY | st.text(max_size=300)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
RECORDS = st.dictionaries(TEXTS, VALUES, max_size=6)


@st.composite
def changes(draw):
    """A few different changes, again and again."""
    kinds = draw(st.lists(RECORDS | st.sampled_from([None, "deleted"]), min_size=1, max_size=4))
    table = draw(TEXTS.filter(bool))
    return [
        Change(
            position,
            table,
            position * 7,
            json.dumps(kind) if isinstance(kind, dict) else None,
            deleted=kind == "deleted",
        )
        for position in range(1, draw(st.integers(0, HELD)) + 1)
        for kind in [kinds[position % len(kinds)]]
    ]


GATHERED = st.builds(Gathered, changes(), st.integers(0, 10**6), st.integers(0, 10**6)).filter(len)


def everything(change):
    return frozenset(json.loads(change.data or "{}"))


@given(GATHERED)
def test_a_post_is_one_code_block_within_the_limit_that_accounts_for_every_change(gathered):
    text = post(gathered, everything)
    assert len(text.encode("utf-16-le")) // 2 <= LONGEST_POST
    assert text.startswith("```\n")
    assert text.endswith("\n```")
    inside = text[4:-4]
    assert "`" not in inside
    lines = inside.split("\n")
    assert all(line.isprintable() for line in lines)
    shown = [line for line in lines if line.startswith("#")]
    assert shown == [line_of(change, everything(change)) for change in gathered.held][: len(shown)]
    others = [int(re.sub(r"\D", "", line)) for line in lines if not line.startswith("#")]
    assert len(shown) + sum(others) == len(gathered)


@given(TEXTS)
def test_what_is_escaped_in_a_json_text_is_still_that_text(text):
    told = inert(json.dumps(text, ensure_ascii=False))
    assert json.loads(told) == text


def test_the_lines():
    saved = Change(7, "orders", 3, '{"item":"tea","price":"1.50","tags":["a"]}')
    assert (
        line_of(saved, everything(saved))
        == '#7 orders 3 saved: item="tea", price="1.50", tags=["a"]'
    )
    assert line_of(saved, frozenset({"item"})) == (
        f'#7 orders 3 saved: item="tea", price={HIDDEN}, tags={HIDDEN}'
    )
    assert line_of(saved, None) == "#7 orders 3 saved"
    assert line_of(Change(8, "old orders", 3, deleted=True), None) == '#8 "old orders" 3 deleted'
    assert line_of(Change(9, "empty", 1, "{}"), frozenset()) == "#9 empty 1 saved"


def test_a_record_that_nests_deeper_than_the_parser_goes_is_told_without_values():
    depth = 1_900
    deep = Change(1, "a", 1, f'{{"x":{"[" * depth}{"]" * depth}}}')
    # Where the parser goes as deep, which differs between versions of Python, it is cut.
    assert line_of(deep, frozenset({"x"})) in {
        f"#1 a 1 saved: {HIDDEN}",
        f"#1 a 1 saved: x={'[' * 79}…",
    }


def test_long_values_are_cut_and_so_are_long_lines():
    long = Change(1, "notes", 1, json.dumps({"text": "x" * 500, "kind": 2}))
    line = line_of(long, everything(long))
    assert line == f'#1 notes 1 saved: text="{"x" * 78}…, kind=2'
    wide = Change(1, "notes", 1, json.dumps({f"field{n}": n for n in range(100)}))
    assert len(line_of(wide, everything(wide))) == 400


def test_what_could_not_be_posted_before_is_counted_first():
    text = post(Gathered([Change(9, "a", 1, "{}")], more=2, missed=1234), everything)
    assert text == "```\n1,234 earlier changes are not shown\n#9 a 1 saved\nand 2 more\n```"


def test_a_long_record_is_told_without_its_values():
    from discobase.engine.operations import Put

    gathered = Gathered()
    data = json.dumps({"text": "x" * LONGEST_RECORD})
    gathered.add(1, [Put("notes", 1, data)], lambda _: True)
    assert gathered.held == [Change(1, "notes", 1)]
