"""Which fields are shown: no secret, and none that the schema does not know."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from discobase.feed.gathering import Change
from discobase.feed.visible import visible_fields


class Card(BaseModel):
    holder: str
    number: SecretStr


class Tree(BaseModel):
    name: str
    inner: list[Tree] = []


class Customer(BaseModel):
    name: str
    password: SecretStr
    pin: SecretBytes | None = None
    card: Card
    cards: dict[str, list[Card]] = {}
    tree: Tree
    left: int = 0


def layouts(**schemas):
    """A table with these schemas, by number; the last is the newest whole one."""
    made = {
        int(number[1:]): SimpleNamespace(types=types, is_part=False)
        for number, types in schemas.items()
    }
    newest = made[max(made)] if made else None
    return {"a": SimpleNamespace(schemas=made, newest=newest)}


def test_fields_with_a_secret_anywhere_in_them_are_not_shown():
    known = layouts(n1=Customer.model_json_schema())
    assert visible_fields(Change(1, "a", 1, "{}", 1), known) == {"name", "tree", "left"}


def test_a_record_is_judged_by_the_schema_that_it_was_put_under():
    of_then = {"properties": {"name": {"type": "string"}}}
    by_now = {"properties": {"name": {"type": "string", "format": "password"}, "age": {}}}
    known = layouts(n1=of_then, n2=by_now)
    assert visible_fields(Change(1, "a", 1, "{}", 1), known) == {"name"}
    assert visible_fields(Change(1, "a", 1, "{}", 2), known) == {"age"}
    assert visible_fields(Change(1, "a", 1, "{}", 0), known) == {"age"}


@pytest.mark.parametrize("known", [{}, layouts(), layouts(n1={})])
def test_where_no_schema_tells_no_value_is_shown(known):
    assert visible_fields(Change(1, "a", 1, "{}", 1), known) is None


def test_a_part_of_a_schema_counts_as_the_whole_one():
    known = layouts(n1={"properties": {"name": {}, "pin": {"writeOnly": True}}})
    known["a"].schemas[2] = SimpleNamespace(types={"properties": {"name": {}}}, is_part=True)
    assert visible_fields(Change(1, "a", 1, "{}", 2), known) == {"name"}
