"""What a word is, and how a search that somebody has typed is read."""

from __future__ import annotations

import contextlib
import sqlite3
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from discobase.engine.search_text import MOST_WORDS, SearchText, Term
from discobase.engine.words import BREAK, LONGEST, spans, words, words_of
from discobase.errors import UsageError, WrongSearch


class TestWords:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("", []),
            ("Hello, World! 42", ["hello", "world", "42"]),
            ("don't e-mail snake_case", ["don", "t", "e", "mail", "snake", "case"]),
            ("Café CAFÉ Cafe\u0301", ["cafe"] * 3),
            ("Straße STRASSE", ["strasse"] * 2),
            ("ﬁne ½ ①", ["fine", "1", "2", "1"]),
            ("Ἀθῆναι ΑΘΗΝΑΙ", ["αθηναι"] * 2),
            ("Ёлка", ["елка"]),
            ("שָׁלוֹם שלום", ["שלום"] * 2),
            ("مَرْحَبًا", ["مرحبا"]),
            ("हिन्दी", ["हिन्दी"]),
            ("東京タワーpark", ["東", "京", "タ", "ワ", "ー", "park"]),
            ("co\u00adop zero\u200bwidth", ["coop", "zerowidth"]),
            ("❤\ufe0f 1\ufe0f\u20e3", ["1"]),
            ("a\x00b\ud800c", ["a", "b", "c"]),
            ("x" * 150 + " y", ["x" * LONGEST, "y"]),
        ],
    )
    def test_are_letters_and_numbers_without_case_and_accents(self, text, found):
        assert words(text) == found

    def test_of_several_texts_have_a_break_between_them(self):
        assert words_of(["a b", "", "c"]) == ["a", "b", BREAK, BREAK, "c"]
        assert not words(BREAK)

    @given(st.text())
    @example("e\u0301x か\u3099")
    def test_stand_where_they_are_said_to(self, text):
        found, where = words(text), spans(text)
        assert len(found) == len(where)
        for word, (start, end) in zip(found, where, strict=True):
            # Marks may come in another order, and one character be several words.
            assert sorted(word) in map(sorted, words(text[start:end]))
        assert where == sorted(where)

    @given(st.text())
    def test_are_the_same_in_each_form_of_a_text(self, text):
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            assert words(unicodedata.normalize(form, text)) == words(text)


class TestASearch:
    @pytest.mark.parametrize(
        ("text", "wanted", "unwanted"),
        [
            ("two Words", [("two",), ("words",)], []),
            ('"two words" three', [("two", "words"), ("three",)], []),
            ('"not closed', [("not", "closed")], []),
            ("e-mail", [("e", "mail")], []),
            ("yes -no", [("yes",)], [("no",)]),
            ('yes -"no no"', [("yes",)], [("no", "no")]),
            ('"new york"-based', [("new", "york"), ("based",)], []),
            ("- a", [("a",)], []),
            ('a AND b OR NOT "c', [("a",), ("and",), ("b",), ("or",), ("not",), ("c",)], []),
            ("a a A", [("a",)], []),
            ('"" * - "*" (', [], []),
        ],
    )
    def test_is_words_phrases_and_what_is_not_to_be_there(self, text, wanted, unwanted):
        read = SearchText.of(text)
        assert [term.words for term in read.wanted] == wanted
        assert [term.words for term in read.unwanted] == unwanted

    @pytest.mark.parametrize("text", ["wor*", '"a wor"*', '"a wor*', "a.wor*"])
    def test_may_have_beginnings(self, text):
        (term,) = SearchText.of(text).wanted
        assert term.is_open
        assert term.words[-1] == "wor"
        assert not SearchText.of("wo*rd").wanted[0].is_open

    def test_without_anything_wanted_is_an_error(self):
        with pytest.raises(WrongSearch, match=r"'-a -\"b c\"' only what is not"):
            SearchText.of('-a -"b c"')

    def test_has_no_more_than_some_words(self):
        assert len(SearchText.of(" ".join(map(str, range(MOST_WORDS)))).wanted) == MOST_WORDS
        with pytest.raises(WrongSearch, match="may have 100 words, and this one has 101"):
            SearchText.of(" ".join(map(str, range(MOST_WORDS + 1))))

    def test_finds_terms_where_they_begin(self):
        text = ["a", "a", "a", "b", BREAK, "b"]
        assert Term(("a", "a")).places(text) == [0, 1]
        assert Term(("a", "b")).places(text) == [2]
        assert Term(("b", "b")).places(text) == []
        assert Term(("",), is_open=True).places(["x"]) == [0]

    @given(st.text() | st.text("ab\"-* ().:^{}+'\x00é東", max_size=40))
    @example("NEAR(a b)")
    @example('a" OR "b')
    @example("-" * 300 + "a*")
    def test_is_understood_by_sqlite_or_refused_by_us(self, text):
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("CREATE VIRTUAL TABLE t USING fts5(words, tokenize = 'ascii')")
            connection.execute("INSERT INTO t VALUES ('a b')")
            try:
                read = SearchText.of(text)
            except UsageError:
                return
            if read.wanted:
                found = connection.execute("SELECT count(*) FROM t WHERE t MATCH ?", (read.match,))
                assert found.fetchone() == (int(read.fits(["a", "b"])),)
