"""The part of a record's texts that shows best why a search has found it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from discobase.engine.search_text import SearchText
from discobase.engine.words import spans, words

ELLIPSIS = "…"
"""What stands where the text goes on."""


@dataclass(frozen=True, slots=True)
class _Window:
    """Some words of a text, one after the other.

    Args:
        text: the text.
        spans: where each of its words stands.
        marked: the runs of words that were searched for: where each begins and ends among them.
        start: the first word shown.
        stop: the word after the last one shown.
        terms: how many different terms it shows.
    """

    text: str
    spans: Sequence[tuple[int, int]]
    marked: Sequence[tuple[int, int]]
    start: int
    stop: int
    terms: int


def snippet(
    texts: Iterable[str], asked: SearchText, marks: tuple[str, str], most_words: int
) -> str:
    """Return a part of one of a record's texts, in which is marked what was searched for.

    It is the first part that shows the most of what is searched for, as it stands in the text.

    Args:
        texts: the texts.
        asked: what is searched for.
        marks: what is put before and behind it.
        most_words: how many words the part has at most.
    """
    best: _Window | None = None
    for text in texts:
        window = _best(text, asked, most_words)
        if best is None or window.terms > best.terms:
            best = window
    return "" if best is None else _written(best, marks)


def _best(text: str, asked: SearchText, most_words: int) -> _Window:
    found, where = words(text), spans(text)
    hits = sorted(
        (place, place + len(term.words), number)
        for number, term in enumerate(asked.wanted)
        for place in term.places(found)
    )
    start, terms = 0, 0
    for first, _, _ in hits:
        shown = {number for at, end, number in hits if first <= at and end <= first + most_words}
        if len(shown) > terms:
            start, terms = first, len(shown)
    # What comes before it is shown as well, as far as there is room.
    last = max((end for at, end, _ in hits if start <= at and end <= start + most_words), default=0)
    room = most_words - max(last - start, 0)
    start = max(0, min(start - room // 2, len(found) - most_words))
    marked = [(at, end) for at, end, _ in hits]
    return _Window(text, where, marked, start, min(start + most_words, len(found)), terms)


def _written(window: _Window, marks: tuple[str, str]) -> str:
    """Return a window as a text."""
    text, where = window.text, window.spans
    begin = 0 if window.start == 0 else where[window.start][0]
    end = len(text) if window.stop == len(where) else where[window.stop - 1][1]
    parts = [ELLIPSIS if begin > 0 else ""]
    for first, stop in _joined(window):
        left, right = max(begin, where[first][0]), where[stop - 1][1]
        if left >= right:  # of several words in one character, as in a fraction
            continue
        parts += [text[begin:left], marks[0], text[left:right], marks[1]]
        begin = right
    return "".join([*parts, text[begin:end], ELLIPSIS if end < len(text) else ""])


def _joined(window: _Window) -> list[tuple[int, int]]:
    """Return the marked runs that are shown, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for at, end in window.marked:
        first, stop = max(at, window.start), min(end, window.stop)
        if first >= stop:
            continue
        if found and first < found[-1][1]:
            found[-1] = found[-1][0], max(stop, found[-1][1])
        else:
            found.append((first, stop))
    return found
