"""The blocks of the page about Django that need no Django do what the page says."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import discobase

PAGE = (Path(__file__).parents[2] / "docs/howto/django.md").read_text()


def block(name: str) -> str:
    """The block that defines a name."""
    (found,) = [
        text.partition("\n```")[0]
        for text in PAGE.split("```python\n")[1:]
        if f"def {name}(" in text.partition("\n```")[0]
    ]
    return found


@pytest.fixture
def store(monkeypatch):
    made = ModuleType("guestbook.store")
    made.db = discobase.Database("Guestbook of Django")
    monkeypatch.setitem(sys.modules, "guestbook", ModuleType("guestbook"))
    monkeypatch.setitem(sys.modules, "guestbook.store", made)
    return made


def test_the_middleware_waits_for_the_position_in_the_session_and_forgets_what_never_comes(store):
    @store.db.table
    class Entry(discobase.Table):
        text: str

    names: dict[str, object] = {}
    exec(block("own_saves_first"), names)
    answer = names["own_saves_first"](lambda request: dict(request.session))
    with store.db.conn("local"):
        entry = Entry(text="Hello").save()
        assert answer(SimpleNamespace(session={})) == {}
        known = {"position": entry.version}
        assert answer(SimpleNamespace(session=known)) == {"position": entry.version}
        assert answer(SimpleNamespace(session={"position": entry.version + 1})) == {}
