"""What people type to search: words, beginnings of words, phrases, and what is not to be there.

Any text is such a search, and none is ever handed to SQLite as it is: it is read here, and what
SQLite gets is made anew, of words alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from discobase.engine.words import words
from discobase.errors import WrongSearch

MOST_WORDS = 100
"""Words that one search may have. A guess: who types has fewer, and SQLite takes some hundreds."""

_PART = re.compile(r'((?:(?<!\S)-)?)(?:"([^"]*)("?)|([^\s"]+))(\*?)')
"""A sign, then a phrase, which need not be closed, or what stands together; then a star."""


@dataclass(frozen=True, slots=True)
class Term:
    """Words that have to stand one after the other in one text.

    Args:
        words: the words, one at least.
        is_open: whether the last one is the beginning of a word.
    """

    words: tuple[str, ...]
    is_open: bool = False

    @property
    def match(self) -> str:
        """What it is in SQLite's language for searches (sqlite.org/fts5.html, 3)."""
        return f'"{" ".join(self.words)}"{"*" if self.is_open else ""}'

    def places(self, text: Sequence[str]) -> list[int]:
        """Return at which words of a text it begins."""
        *whole, last = self.words
        length = len(whole)
        found: list[int] = []
        for place in range(len(text) - length):
            word = text[place + length]
            is_last = word.startswith(last) if self.is_open else word == last
            if is_last and [*text[place : place + length]] == whole:
                found.append(place)
        return found


@dataclass(frozen=True, slots=True)
class SearchText:
    """A search.

    Args:
        wanted: what has to be there, all of it.
        unwanted: what must not, none of it.
    """

    wanted: tuple[Term, ...]
    unwanted: tuple[Term, ...] = ()

    @classmethod
    def of(cls, text: str) -> SearchText:
        """Read what somebody has typed.

        Raises:
            WrongSearch: it has too many words, or says only what is not to be there.
        """
        wanted: dict[Term, None] = {}
        unwanted: dict[Term, None] = {}
        for sign, phrase, closed, word, star in _PART.findall(text):
            said = phrase or word
            is_open = bool(star) or (not closed and said.endswith("*"))
            if found := words(said):
                (unwanted if sign else wanted)[Term(tuple(found), is_open)] = None
        number = sum(len(term.words) for term in (*wanted, *unwanted))
        if number > MOST_WORDS:
            raise WrongSearch(f"a search may have {MOST_WORDS} words, and this one has {number}.")
        if unwanted and not wanted:
            raise WrongSearch(
                f"a search says what is to be found, and {text!r} only what is not: a word without "
                f"a minus sign is missing."
            )
        return cls(tuple(wanted), tuple(unwanted))

    @property
    def match(self) -> str:
        """What it is in SQLite's language for searches, where there is something wanted."""
        wanted = f"({' AND '.join(term.match for term in self.wanted)})"
        if not self.unwanted:
            return wanted
        return f"{wanted} NOT ({' OR '.join(term.match for term in self.unwanted)})"

    def fits(self, text: Sequence[str]) -> bool:
        """Return whether words are what is searched for. No words are searched for in vain."""
        return (
            bool(self.wanted)
            and all(_is_in(term, text) for term in self.wanted)
            and not any(_is_in(term, text) for term in self.unwanted)
        )


def _is_in(term: Term, text: Sequence[str]) -> bool:
    if len(term.words) == 1 and not term.is_open:
        return term.words[0] in text
    return bool(term.places(text))


def counts(terms: Iterable[Term], text: Sequence[str]) -> list[int]:
    """Return how often each term is in a text, by its words."""
    return [len(term.places(text)) for term in terms]
