"""Searching by words: what is found, in which order, and what bad searches get."""

from __future__ import annotations

import random
import time
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from discobase import Database, Index, Searchable, Table, desc
from discobase.engine.replica import EMPTY
from discobase.errors import (
    InvalidStatement,
    RecordOutdated,
    TableError,
    UnknownField,
    UsageError,
    WrongExpression,
    WrongSearch,
)
from discobase.local import LocalDiscord

VOCABULARY = ["one", "One", "two", "twofold", "Café", "cafe\u0301", "ß", "ss", "東京", "a-b", "3"]


class Note(BaseModel):
    text: Annotated[str, Searchable()]
    secret: str = "one two"


def wait_for_index(table):
    """Until the index of texts is whole: it is made in the background."""
    binding = table._binding
    end = time.monotonic() + 30
    while True:
        index = binding.source.replica().layouts.get(binding.name, EMPTY).text
        if index is not None and index.is_whole:
            return
        assert time.monotonic() < end, "the index is never made"
        time.sleep(0.002)


def without_index(database):
    """Have the database make none."""
    database._source.want_index = lambda wanted: None
    database._source.want_texts = lambda wanted: None


def make_table(database, name="Article"):
    class Article(Table):
        title: Annotated[str, Searchable()]
        body: Annotated[str | None, Searchable()] = None
        tags: Annotated[list[str], Searchable()] = Field([])
        notes: dict[str, Note] = Field({})
        year: Annotated[int, Index()] = 0
        plain: str = "one"

    return database.table(Article, name=name)


# What is found


def cut(text):
    """The words of a text of the vocabulary, by other code than discobase's."""
    text = text.lower().replace("é", "e").replace("e\u0301", "e").replace("ß", "ss")
    text = text.replace("東", " 東 ").replace("京", " 京 ").replace("-", " ")
    return text.split()


def fits(record, wanted, unwanted):
    texts = [record.title, record.body or "", *record.tags]
    texts += [note.text for note in record.notes.values()]
    padded = [f" {' '.join(cut(text))} " for text in texts]

    def has(phrase, is_open):
        sought = f" {' '.join(cut(phrase))}{'' if is_open else ' '}"
        return any(sought in text for text in padded)

    return all(has(*term) for term in wanted) and not any(has(*term) for term in unwanted)


@pytest.fixture(scope="module", params=["with an index", "without"])
def stocked(request):
    chance = random.Random(5)

    def some(most):
        return " ".join(chance.choice(VOCABULARY) for _ in range(chance.randrange(most)))

    with LocalDiscord() as discord:
        discord.join("shop")
        database = Database("shop")
        if request.param == "without":
            without_index(database)
        table = make_table(database)
        with database.conn(discord.default_token, api_url=discord.api_url):
            table.save_many(
                table(
                    title=some(4),
                    body=chance.choice([None, some(9)]),
                    tags=[some(3) for _ in range(chance.randrange(3))],
                    notes={"x": Note(text=some(4))} if chance.random() < 0.3 else {},
                    year=number % 10,
                )
                for number in range(120)
            )
            for record in table.find()[:30]:
                record.title = some(5)
                record.save()
                if record.pk % 5 == 0:
                    record.delete()
            if request.param == "with an index":
                wait_for_index(table)
            yield table, list(table.find()), request.param == "with an index"


phrases = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=3).map(" ".join)
terms = st.lists(st.tuples(phrases, st.booleans()), max_size=2)
some_terms = st.lists(st.tuples(phrases, st.booleans()), min_size=1, max_size=2)


def typed(terms, sign=""):
    return " ".join(f'{sign}"{phrase}"{"*" * is_open}' for phrase, is_open in terms)


@given(st.data())
def test_what_is_found_is_what_python_says(stocked, data):
    table, records, has_index = stocked
    wanted, unwanted = data.draw(some_terms), data.draw(terms)
    year = data.draw(st.none() | st.integers(0, 9))
    conditions = [] if year is None else [table.year > year]
    query = table.search(f"{typed(wanted)} {typed(unwanted, '-')}", *conditions)
    expected = {
        record.pk
        for record in records
        if fits(record, wanted, unwanted) and (year is None or record.year > year)
    }
    assert query.count() == len(expected)
    assert query.exists() is bool(expected)
    assert {record.pk for record in query} == expected
    hits = query.hits()
    assert [hit.record.pk for hit in hits] == query.pks() == query.values_list("pk", flat=True)
    assert {hit.record.pk for hit in hits} == expected
    assert [(-hit.rank, hit.record.pk) for hit in hits] == sorted(
        (-hit.rank, hit.record.pk) for hit in hits
    )
    assert [record.pk for record in query.iterate(chunk=7)] == query.pks()
    assert [record.pk for record in query.order_by("-year", "title")] == [
        record.pk for record in table.find(table.pk.in_(expected)).order_by("-year", "title")
    ]
    assert [*query.limit(3)] == [*query][:3]
    assert [*query.offset(2).limit(2)] == [*query][2:4]
    assert query.last() == ([*query] or [None])[-1]
    assert query.exclude(year=3).count() == sum(
        record.year != 3 for record in records if record.pk in expected
    )
    if expected and not unwanted:
        assert bool(query.explain().searched) is has_index


RANKS = {}


@given(st.sampled_from(VOCABULARY), st.sampled_from(VOCABULARY))
def test_ranks_are_the_same_with_an_index_and_without(stocked, one, other):
    """Whichever of the two comes first says what the other has to say."""
    table, _, _ = stocked
    for text in (one, f"{one} {other}", f'"{one} {other}"', f"{one}* -{other}"):
        found = [
            (hit.record.pk, round(hit.rank, 9), hit.snippet) for hit in table.search(text).hits()
        ]
        assert RANKS.setdefault(text, found) == found


@given(st.text() | st.text("a1\"-* ()\x00:^{}+'é東", max_size=30))
def test_any_text_is_answered_or_refused_by_us(stocked, text):
    table, _, _ = stocked
    try:
        query = table.search(text)
    except WrongSearch:
        return
    assert query.count() == len(query.hits()) == len(list(query.limit(200)))


# The rest of a query


@pytest.fixture
def articles(place):
    database = Database("shop")
    table = make_table(database)
    with place.conn(database):
        table(
            title="The whale", body="A whale, a white whale and a sea" + " again" * 30, year=1
        ).save()
        table(title="Ships of the sea", tags=["Whale watching", "sea"], year=2).save()
        table(title="Gardens", body="No fish here", year=3).save()
        wait_for_index(table)
        yield database, table


def test_the_best_come_first_and_another_order_is_another_order(articles):
    _, table = articles
    ranks = [hit.rank for hit in table.search("sea").hits()]
    assert ranks == sorted(ranks, reverse=True)
    assert table.search("sea").order_by("year").pks() == [1, 2]
    assert table.search("sea").order_by(desc(table.year)).pks() == [2, 1]
    assert table.search("sea").order_by().pks() == [1, 2]
    assert [hit.record.year for hit in table.search("sea").order_by("-year").hits()] == [2, 1]
    assert len({hit.rank for hit in table.search("sea").order_by("-year").hits()}) == 2
    assert table.search("sea")[1:].pks() == table.search("sea").pks()[1:]


def test_all_else_that_a_query_is_asked(articles):
    _, table = articles
    found = table.search("whale", table.year < 3, plain="one")
    assert (found.count(), len(found), found.exists(), bool(found)) == (2, 2, True, True)
    assert found.sum("year") == 3
    assert (found.min("year"), found.max("year"), found.avg("year")) == (1, 2, 1.5)
    assert found.group_by("plain").count() == table.find(table.pk < 3).group_by("plain").count()
    assert found.values("year") == [{"year": table.get(pk).year} for pk in found.pks()]
    assert table.search("fish").one().title == "Gardens"
    assert table.search("fish").get_or_none(year=1) is None
    assert table.search("whale").find(year=2).one().pk == 2
    assert table.search("whale").skip_outdated().count() == 2
    assert repr(table.search("whale", year=2).limit(1)) == "<Article.search('whale', year=2)[:1]>"
    assert table.search("Whale", fresh=True).count() == 2


def test_what_is_written_is_found_at_once(articles):
    _, table = articles
    new = table(title="Moby Dick").save()
    assert table.search("moby").pks() == [new.pk]
    new.title = "Omoo"
    new.save()
    assert (table.search("moby").count(), table.search("omoo").count()) == (0, 1)
    new.delete()
    assert table.search("omoo").count() == 0


def test_texts_are_apart(articles):
    _, table = articles
    assert table.search('"the whale a"').count() == 0  # from one field into the next
    assert table.search('"watching sea"').count() == 0  # from one element into the next
    assert table.search('"a whale a white"').count() == 1


def test_no_words_find_nothing(articles):
    _, table = articles
    for text in ("", " ", "?!", '""', "*", "-"):
        assert table.search(text).count() == 0
        assert (list(table.search(text)), table.search(text).hits()) == ([], [])
        assert table.search(text).explain().looked_at == 0


def test_snippets_show_the_part_with_the_most_of_what_was_searched(articles):
    _, table = articles
    table(title="x", body=" ".join(f"w{n}" for n in range(60)) + " Blue, Moon! at the END").save()
    (hit,) = table.search("moon blue").hits(words=6)
    assert hit.snippet == "…w58 w59 **Blue**, **Moon**! at the…"
    (hit,) = table.search('"blue moon"').hits(words=40, marks=["<b>", "</b>"])
    assert hit.snippet.endswith("w59 <b>Blue, Moon</b>! at the END")
    (hit,) = table.search('"the end" "at the" W59*').hits(words=3)
    assert hit.snippet == "…**at the END**"
    record, rank, snippet = table.search("fish").hits()[0]
    assert (record.pk, snippet) == (3, "No **fish** here")
    assert rank > 0


def test_explain_says_which_index(articles):
    _, table = articles
    said = table.search("whale", table.title.contains("h")).explain()
    assert said.searched == ("title", "body", "tags", "notes")
    assert not said.is_scan
    assert said.looked_at == 2
    assert "index: the words of title" in str(said)
    assert "MATCH" in said.sql


def test_without_an_index_explain_says_so(place):
    database = Database("shop")
    without_index(database)
    table = make_table(database)
    with place.conn(database):
        table.save_many(table(title=f"whale {n}") for n in range(5))
        said = table.search("3 whale").explain()
        assert (said.searched, said.is_scan, said.looked_at) == ((), True, 5)
        assert "search('3 whale'); the index of texts is still being made; the order" in str(said)
        assert table.search("3 whale").one().pk == 4
        assert table.search("whale").order_by("title").explain().searched == ()


# Mistakes


def test_mistakes_are_told(articles):
    database, table = articles

    @database.table
    class Plain(Table):
        name: str

    with pytest.raises(WrongSearch, match="Plain has no text that is searched: mark a field"):
        Plain.search("x")
    for wrong in (None, 3, b"x", ["x"]):
        with pytest.raises(WrongSearch, match=r"search\(\) takes a text, and not"):
            table.search(wrong)
    with pytest.raises(WrongSearch, match="only what is not"):
        table.search("-whale")
    with pytest.raises(WrongSearch, match="may have 100 words, and this one has 101"):
        table.search(" ".join(map(str, range(101))))
    with pytest.raises(UnknownField):
        table.search("x", nmae=3)
    with pytest.raises(WrongExpression):
        table.search("x", True)
    with pytest.raises(UsageError, match=r"hits\(\) are what search\(\) finds"):
        table.find().hits()
    with pytest.raises(UsageError, match="two texts are expected"):
        table.search("x").hits(marks="<b>")
    with pytest.raises(UsageError, match="a number of words above 0"):
        table.search("x").hits(words=0)
    with pytest.raises(UsageError, match=r"find\(\) of a slice, Article\.search"):
        table.search("x")[:3].find(year=1)
    with pytest.raises(TypeError):
        table.search()
    with pytest.raises(AttributeError):
        _ = table.get(1).search


def test_a_class_whose_texts_cannot_be_searched_is_refused():
    database = Database("shop")
    with pytest.raises(TableError, match=r"Wrong\.number cannot be Searchable"):

        @database.table
        class Wrong(Table):
            number: Annotated[int, Searchable()]


def test_without_fts5_a_class_is_refused(monkeypatch):
    """Nothing here can take FTS5 out of SQLite; what it would say is what is replaced."""
    monkeypatch.setattr("discobase.binding.has_fts5", lambda: False)
    database = Database("shop")
    with pytest.raises(TableError, match=r"Searchable.*SQLite of this Python.*without FTS5"):
        make_table(database)

    @database.table
    class Plain(Table):
        name: str

    assert "Plain" in database.tables


def test_a_field_of_the_name_is_in_nobodys_way(place):
    database = Database("shop")

    @database.table
    class Log(Table):
        search: str
        hits: int = 0

    with place.conn(database):
        Log(search="words").save()
        assert Log.find(Log.search == "words").one().search == "words"
        assert list(Log.model_fields) == ["search", "hits"]
    assert callable(Table.search)
    with pytest.raises(TableError, match="not attached"):
        Table.search("x")


def test_statements_do_not_see_the_index(articles):
    database, _ = articles
    for name in ("texts_41727469636c65", "texts_41727469636c65_data", "searched"):
        with pytest.raises(InvalidStatement):
            database.sql(f'SELECT * FROM main."{name}"')
    with pytest.raises(InvalidStatement):
        database.sql("SELECT 1 FROM Article WHERE Article MATCH 'whale'")
    assert database.sql("SELECT title FROM Article WHERE pk = 1")[0].title == "The whale"


# Classes that change


def versions(first, second):
    """Two classes of one table, one after the other, in programs of their own."""
    one, two = Database("shop"), Database("shop")
    return one, one.table(first, name="T"), two, two.table(second, name="T")


def test_search_looks_at_what_is_stored(place):
    class Old(Table):
        text: Annotated[str, Searchable()]

    class New(Table):
        text: Annotated[str, Searchable(), Field(min_length=3)]
        more: Annotated[str, Searchable()] = "default"

    one, old, two, new = versions(Old, New)
    with place.conn(one), place.conn(two):
        old(text="ab cd").save()
        old(text="x").save()
        two.refresh()
        wait_for_index(new)
        assert new.search("cd").one().more == "default"
        assert new.search("default").count() == 0
        assert new.search("x").count() == 1
        with pytest.raises(RecordOutdated):
            list(new.search("x"))
        assert new.search("x").skip_outdated().count() == 0
        new(text="new", more="more").save()
        one.refresh()
        assert old.search("new").count() == 1
        assert old.search("more").count() == 0


def test_a_class_whose_place_was_taken_goes_on_searching_its_own_texts(place):
    def make(searched):
        marked = {"text": str, "other": str}
        marked[searched] = Annotated[str, Searchable()]
        body = {"__annotations__": marked, "__module__": __name__, "other": "other"}
        return type(Table)("Cell", (Table,), body)

    database = Database("shop")
    old = database.table(make("text"))
    with place.conn(database):
        old(text="words").save()
        wait_for_index(old)
        new = database.table(make("other"))
        assert new.search("other").count() == 1
        wait_for_index(new)
        new(text="x").save()
        end = time.monotonic() + 30
        while not new.search("other").explain().searched:
            assert time.monotonic() < end
        assert old.search("words").count() == 1
        assert old.search("other").count() == 0
        assert not old.search("words").explain().searched


def test_marks_come_go_and_move_with_the_class_in_a_cache(place, tmp_path):
    class First(Table):
        text: Annotated[str, Searchable()]
        other: str = "other"

    class Second(Table):
        text: str
        other: Annotated[str, Searchable()] = "other"

    class Third(Table):
        text: str
        other: str = "other"

    for number, (model, found) in enumerate(
        [(First, {"word": 1}), (First, {"word": 2}), (Second, {"word": 0, "other": 3})]
    ):
        database = Database("shop", cache=tmp_path)
        table = (
            database.table(model, name="T")
            if number != 1
            else database.table(type("First", (First,), {"__module__": __name__}), name="T")
        )
        with place.conn(database):
            table(text=f"word {number}").save()
            wait_for_index(table)
            assert {text: table.search(text).count() for text in found} == found
            assert all(table.search(text).explain().searched for text in found)
    database = Database("shop", cache=tmp_path)
    table = database.table(Third, name="T")
    with place.conn(database):
        # Asked for at the login, before anything else that is to be done.
        table(text="x").save()
        assert database._source.replica().layouts["T"].text is None


def test_a_table_that_is_large_already_gets_its_index_in_steps(place):
    one, two = Database("shop"), Database("shop")

    class Plain(Table):
        title: str

    plain = one.table(Plain, name="Article")
    table = make_table(two)
    with place.conn(one):
        plain.save_many(plain(title=f"number {n}") for n in range(3000))
        with place.conn(two):
            assert table.search("2999").count() == 1
            wait_for_index(table)
            assert table.search("2999").explain().searched
            assert [hit.record.pk for hit in table.search("2999").hits()] == [3000]
            assert table.search("number 7*").limit(3).pks() == [8, 71, 72]
