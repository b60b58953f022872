"""Which variables of a notebook a statement takes."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from discobase.errors import InvalidStatement
from discobase.notebook.statements import parameters_of

VARIABLES = {"a": 1, "b": 2, "_c": 3}


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("SELECT :a, @b, $a", {"a", "b"}),
        ("SELECT ':a', \":b\" FROM (SELECT 1 AS ':b')", set()),
        ("SELECT 'it''s :a' || :_c", {"_c"}),
        ("SELECT 1 -- :a\n, :b", {"b"}),
        ("SELECT 1 /* :a\n */ , :b /* :a", {"b"}),
        ("SELECT [:a], `:b` FROM (SELECT 1 AS ':a', 2 AS ':b')", set()),
    ],
)
def test_it_takes_those_that_sqlite_takes_for_parameters(statement, names):
    found = parameters_of(statement, VARIABLES)
    assert found == {name: VARIABLES[name] for name in names}
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(statement, found)


def test_a_name_that_the_notebook_does_not_know_is_named():
    with pytest.raises(InvalidStatement, match="no variable nothing"):
        parameters_of("SELECT :nothing", VARIABLES)
