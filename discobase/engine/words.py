"""What a word is to a search: texts cut into words, alike for an index and for whoever looks into
the texts themselves.

A text is decomposed (NFKD) and case folded, and loses the marks above and below its letters: "É" is
"e", "ß" is "ss", "ﬁ" is "fi". Words are what then stands between characters that are neither
letters, numbers nor marks, each cut to a length. Languages that are written without spaces are cut
further: each Chinese or Japanese character is a word by itself.

All of this is Python's, by its table of characters, and nothing SQLite's, whose versions differ.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

RULE = f"1 {unicodedata.unidata_version}"
"""The rule by which texts are cut: to be raised with every change here. What was cut by another one
has to be cut anew."""

LONGEST = 100
"""Characters of a word that count. A guess: longer ones are no words but data in the text."""

BREAK = "\ue000"
"""What stands between the words of two texts, so that no phrase reaches from one into the other: a
character that is in no word."""

_ASCII_WORDS = re.compile("[a-z0-9]+")

_HEBREW_AND_ARABIC = range(10, 37)
_ABOVE_AND_BELOW = 200
_OVERLAID = 1
"""Classes of marks (Unicode, UAX 44, Canonical_Combining_Class) without which a word is the same to
most who search. Those of other scripts, such as Indic vowels, are what tells words apart."""

_IGNORED = frozenset({"Cf", "Me"})
"""Categories of characters that are not seen, or enclose others: soft hyphens among them."""

_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
"""They choose between two pictures of a character."""

_UNSPACED = (range(0x3040, 0x3100), range(0x3400, 0xA000), range(0x20000, 0x40000))
"""Hiragana and Katakana, and the Han characters of Unicode's blocks (what else there are of them
NFKD makes these)."""


def words_of(texts: Iterable[str]) -> list[str]:
    """Return the words of texts in their order, :data:`BREAK` between one text and the next."""
    found: list[str] = []
    for text in texts:
        if found:
            found.append(BREAK)
        found += words(text)
    return found


def words(text: str) -> list[str]:
    """Return the words of one text in their order."""
    if text.isascii():
        found = _ASCII_WORDS.findall(text.lower())
    else:
        found = unicodedata.normalize("NFKD", text).translate(_folds).split()
    if len(text) > LONGEST:
        found = [word[:LONGEST] for word in found]
    return found


def spans(text: str) -> list[tuple[int, int]]:
    """Return where in a text each of its words begins and ends."""
    found: list[tuple[int, int]] = []
    start: int | None = None
    end = 0
    for index, char in enumerate(text):
        folded = unicodedata.normalize("NFKD", char).translate(_folds)
        if not folded and start is not None:
            end = index + 1
        for part in folded:
            if part != " ":
                start, end = index if start is None else start, index + 1
            elif start is not None:
                found.append((start, end))
                start = None
    return [*found, *([] if start is None else [(start, end)])]


class _Folds(dict[int, str]):
    """What becomes of each character of a decomposed text; found out when it is met first."""

    def __missing__(self, code: int) -> str:
        folded = self[code] = "".join(_folded(chr(code)))
        return folded


def _folded(char: str) -> Iterator[str]:
    if _is_left_out(char):
        return
    is_unspaced = any(ord(char) in block for block in _UNSPACED)
    for part in unicodedata.normalize("NFKD", char.casefold()):
        if _is_left_out(part):
            continue
        if unicodedata.category(part)[0] not in "LNM":
            yield " "
        else:
            yield f" {part} " if is_unspaced else part


def _is_left_out(char: str) -> bool:
    mark = unicodedata.combining(char)
    return (
        mark in _HEBREW_AND_ARABIC
        or mark >= _ABOVE_AND_BELOW
        or mark == _OVERLAID
        or unicodedata.category(char) in _IGNORED
        or any(ord(char) in block for block in _SELECTORS)
    )


_folds = _Folds()
