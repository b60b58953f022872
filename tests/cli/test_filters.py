"""What people type as conditions and assignments, by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discobase.cli.argument_order import connection_first
from discobase.errors import UsageError
from discobase.typed.filters import OPERATORS, Condition, assignment, condition


@pytest.mark.parametrize(
    ("typed", "path", "operator", "text"),
    [
        ("age>30", ("age",), ">", "30"),
        ("age>=30", ("age",), ">=", "30"),
        ("city=Berlin", ("city",), "=", "Berlin"),
        ("city==Berlin", ("city",), "=", "Berlin"),
        ("city!=", ("city",), "!=", ""),
        ("home.city=New York", ("home", "city"), "=", "New York"),
        ("title~a=b", ("title",), "~", "a=b"),
        ("two words<x", ("two words",), "<", "x"),
        ('"a.b".c=1', ("a.b", "c"), "=", "1"),
        ('"say \\"x\\""=1', ('say "x"',), "=", "1"),
        ("größe=7", ("größe",), "=", "7"),
        ("at>2026-01-01T00:00:00", ("at",), ">", "2026-01-01T00:00:00"),
    ],
)
def test_a_condition_is_a_place_an_operator_and_a_text(typed, path, operator, text):
    assert condition(typed) == Condition(path, operator, text)


@pytest.mark.parametrize(
    "typed", ["", "age", "=3", ".a=3", "a.=3", "a..b=3", '"a=3', " =3", "!a=3"]
)
def test_what_is_no_condition_is_refused_with_an_example(typed):
    with pytest.raises(UsageError, match="age>30"):
        condition(typed)


def test_an_assignment_has_one_field_and_any_text():
    assert assignment("name=Ada") == ("name", "Ada")
    assert assignment("name==Ada") == ("name", "=Ada")
    assert assignment('"a.b"=') == ("a.b", "")
    for typed in ("name", "a.b=1", "a>1", "=1"):
        with pytest.raises(UsageError, match="FIELD=VALUE"):
            assignment(typed)


steps = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(steps, min_size=1).map(tuple), st.sampled_from(OPERATORS), texts)
def test_a_condition_that_is_written_is_read_as_it_was(path, operator, text):
    if operator in ("=", "<", ">") and text.startswith("="):
        return  # two characters would be one operator
    assert condition(str(Condition(path, operator, text))) == Condition(path, operator, text)


@given(st.text())
def test_any_text_is_a_condition_or_refused(typed):
    try:
        found = condition(typed)
    except UsageError:
        return
    assert found.operator in OPERATORS
    assert typed.endswith(found.text)


WITH_VALUE, FLAGS = ("--server", "-s"), ("--key",)
words = st.lists(st.sampled_from(["find", "User", "age>3", "--limit", "3", "--key", "--", "-s"]))


@given(words, words)
def test_options_of_the_connection_come_first_and_nothing_else_changes(before, after):
    typed = [*before, "--server=x", *after]
    ordered = connection_first(typed, WITH_VALUE, FLAGS)
    assert sorted(ordered) == sorted(typed)
    rest = [each for each in ordered if each not in (*WITH_VALUE, *FLAGS, "--server=x")]
    if "-s" not in typed:
        assert rest == [each for each in typed if each not in (*FLAGS, "--server=x")]


def test_an_option_takes_its_value_along_and_what_stands_behind_two_dashes_stays():
    typed = ["find", "User", "-s", "Shop", "--key", "--", "--server", "-s"]
    assert connection_first(typed, WITH_VALUE, FLAGS) == [
        *("-s", "Shop", "--key"),
        *("find", "User", "--", "--server", "-s"),
    ]
