"""What a search takes for equal: what is stored, and no private state."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, PrivateAttr, RootModel

from discobase.records.equality import equal_as_stored
from tests.naming import without_address

numbers = count()


class Traced(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    value: Any = None
    _trace: int = PrivateAttr(default_factory=lambda: next(numbers))


class Listed(RootModel[list[Any]]):
    _trace: int = PrivateAttr(default_factory=lambda: next(numbers))


class Deciding(Traced):
    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]


class Sub(Traced):
    pass


@dataclass
class Holder:
    part: Any
    note: str = field(default="", compare=False)


EQUAL: list[tuple[Any, Any]] = [
    (Traced(value=1), Traced(value=1.0)),
    (Traced(extra=[Traced()]), Traced(extra=[Traced()])),
    (Traced(value=Decimal("1.0")), Traced(value=Decimal("1.00"))),
    ([Traced()], [Traced()]),
    ((Traced(),), (Traced(),)),
    (deque([Traced()]), deque([Traced()])),
    ({"a": Traced()}, {"a": Traced()}),
    ({Traced(value=1), Traced(value=2)}, {Traced(value=2), Traced(value=1)}),
    (Holder(Traced(), note="a"), Holder(Traced(), note="b")),
    (Listed([Traced()]), Listed([Traced()])),
]

UNEQUAL: list[tuple[Any, Any]] = [
    (Traced(value=1), Traced(value=2)),
    (Traced(extra=1), Traced()),
    (Traced(), Sub()),
    (Deciding(), Deciding()),
    ([Traced()], [Traced(), Traced()]),
    ([Traced()], (Traced(),)),
    ({"a": Traced()}, {"b": Traced()}),
    ({Traced(value=1)}, {Traced(value=2)}),
    (Holder(Traced(value=1)), Holder(Traced(value=2))),
    (Traced(), None),
    (float("nan"), float("nan")),
]


@pytest.mark.parametrize(("one", "other"), EQUAL, ids=without_address)
def test_private_attributes_do_not_count(one: Any, other: Any) -> None:
    assert one != other
    assert equal_as_stored(one, other)
    assert equal_as_stored(other, one)


@pytest.mark.parametrize(("one", "other"), UNEQUAL, ids=without_address)
def test_everything_that_is_stored_counts(one: Any, other: Any) -> None:
    assert not equal_as_stored(one, other)
    assert not equal_as_stored(other, one)


plain = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.tuples(inner)
)


@given(plain, plain)
def test_without_models_it_is_what_python_says(one: Any, other: Any) -> None:
    assert equal_as_stored(one, other) == (one == other)
    assert equal_as_stored(Traced(value=one), Traced(value=other)) == (one == other)
