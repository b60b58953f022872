"""What a notebook shows of records, queries, statements, a database and its status."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Annotated

import pytest
from pydantic import BaseModel, Field, SecretStr

import discobase
from discobase.local import LocalDiscord
from tests.database.test_hidden_token import SECRET

EVIL = "<script>alert('1')</script>&amp;"

db = discobase.Database("notes <b>")


class Inner(BaseModel):
    note: str
    code: SecretStr = SecretStr("deep-hush")
    own: str = Field("inner-private", repr=False)


@db.table
class Note(discobase.Table):
    text: str
    stars: int | None = None
    password: SecretStr = SecretStr("hush")
    private: Annotated[str, Field(repr=False)] = "nobody's business"
    inner: Inner = Inner(note="n")
    tags: list[str] = Field(default_factory=list)


@db.table
class Silent(discobase.Table):
    name: str

    def __repr__(self) -> str:
        return "<a silent one>"


class Page(HTMLParser):
    """The text of some HTML, and its tags, which have to be closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.styles: list[str] = []
        self.cells: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)
        assert {name for name, _ in attrs} <= {"style"}
        self.styles += [value for _, value in attrs]
        self.cells += [""] * (tag in ("td", "th"))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & {*self.open}:
            self.cells[-1] += data


@pytest.fixture(scope="module", autouse=True)
def discord():
    with LocalDiscord() as running:
        running.join("notes <b>")
        with db.conn(running.default_token, api_url=running.api_url):
            yield running


@pytest.fixture(autouse=True)
def _empty():
    yield
    Note.find().delete()


def everything():
    yield Note(text=EVIL).save()
    Note.save_many(Note(text=f"{EVIL}{number}") for number in range(30))
    unread, held = Note.find(Note.text != "<i>"), Note.find().order_by("-pk")
    list(held)
    yield from (unread, held, held[3:5], db, db.status(), db.sql("SELECT * FROM Note"))
    yield db.sql("SELECT text AS '<u>' FROM Note WHERE pk < 0")


def test_all_of_it_is_escaped_closed_and_without_colours_or_what_is_hidden(discord):
    for shown in everything():
        html = shown._repr_html_()
        page = Page(html)
        assert {*page.tags} <= {"div", "code", "table", "thead", "tbody", "tr", "th", "td"}
        for hidden in ("hush", "inner-private", "nobody&#x27;s business", discord.default_token):
            # What a statement asks for by name is an answer, but for secrets.
            assert hidden not in html or (hidden != "hush" and isinstance(shown, discobase.SqlRows))
        colours = re.findall(r"#[0-9a-f]{3}|rgb|(?:color|background)\s*:", " ".join(page.styles))
        assert colours == []


def test_a_record_shows_what_its_repr_does():
    note = Note(text=EVIL, tags=["a", "<b>"]).save()
    cells = Page(note._repr_html_()).cells
    shown = dict(zip(cells[::2], cells[1::2], strict=True))
    assert shown == {
        "pk": str(note.pk),
        "text": EVIL,
        "stars": "None",
        "password": "**********",
        "inner": "Inner(note='n', code=SecretStr('**********'))",
        "tags": "['a', '<b>']",
    }


def test_a_class_that_shows_itself_otherwise_is_shown_so():
    silent = Silent(name="unseen").save()
    held = Silent.find()
    list(held)
    for shown in (silent, held):
        assert "unseen" not in shown._repr_html_()
        assert "&lt;a silent one&gt;" in shown._repr_html_()
    silent.delete()


def test_a_query_shows_what_it_holds_and_reads_nothing(discord, monkeypatch):
    Note.save_many(Note(text=f"n{number}") for number in range(25))
    discord.reset_requests()
    query = Note.find().order_by("pk")
    monkeypatch.setattr("discobase.query.Answers", None)  # what reads
    assert "not read yet" in query._repr_html_()
    assert "n1" not in query._repr_html_()
    monkeypatch.undo()
    list(query)
    Note(text="later").save()
    monkeypatch.setattr("discobase.query.Answers", None)
    discord.reset_requests()
    page = Page(query._repr_html_())
    assert page.tags.count("tr") == 1 + 20
    assert "20 of 25 records" in query._repr_html_()
    assert "3 records" in query[:3]._repr_html_()
    assert "later" not in query._repr_html_()
    assert discord.requests.total == 0


def test_a_record_that_does_not_load_is_named_among_the_others(discord):
    Note(text="x", stars=5).save()
    other = discobase.Database("notes <b>")

    @other.table(name="Note")
    class Strict(discobase.Table):
        text: Annotated[str, Field(min_length=2)]

    with other.conn(discord.default_token, api_url=discord.api_url):
        query = Strict.find()
        with pytest.raises(discobase.errors.RecordOutdated):
            list(query)
        html = query._repr_html_()
    assert "at least 2 characters" in html


def test_long_values_and_many_columns_are_cut():
    wide = db.sql("SELECT " + ", ".join(f"{number} AS c{number}" for number in range(40)))
    page = Page(wide._repr_html_())
    assert len(page.cells) == 60
    assert "10 more columns" in wide._repr_html_()
    (row,) = Page(db.sql("SELECT printf('%.*c', 5000, 'x') AS long")._repr_html_()).cells[1:]
    assert row == "x" * 120 + "\u2026"
    note = Note(text="y" * 5000)
    assert "y" * 2000 + "\u2026" in note._repr_html_()
    assert "y" * 2001 not in note._repr_html_()


def test_nothing_that_looks_like_a_token_is_shown():
    note = Note(text=SECRET)
    assert "a-secret" not in note._repr_html_()
    assert "it looks like a bot" in note._repr_html_()


def test_a_database_shows_its_tables_and_their_records_without_a_call(discord):
    Note(text="x").save()
    discord.reset_requests()
    cells = Page(db._repr_html_()).cells
    fields = ", ".join(Note.model_fields)
    at = cells.index("Note")
    assert cells[at : at + 4] == ["Note", "1", fields, "Note"]
    status = Page(db.status()._repr_html_()).cells
    assert status[status.index("connected") + 1] == "True"
    assert discord.requests.total == 0


def test_a_database_without_a_connection_shows_what_this_program_has_and_connects_to_nothing():
    other = discobase.Database("elsewhere", max_staleness=0)
    assert "<table" not in other._repr_html_()

    @other.table
    class Item(discobase.Table):
        name: str

    assert Page(other._repr_html_()).cells[4:] == ["Item", "", "name", "Item"]
    other.login_lazily("local")
    assert "not connected" in other._repr_html_()
    assert not other.ready
    assert "there is no connection" in other.status()._repr_html_()
    other.close()
