"""The part of an expression that asks for words in the texts of a record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from discobase.engine.search_text import SearchText
from discobase.engine.texts import Place, texts_in
from discobase.engine.words import words_of
from discobase.records.expressions.nodes import Expression
from discobase.records.expressions.path import STORED, FieldPath, ValueOf


@dataclass(frozen=True, eq=False, repr=False)
class TextSearch(Expression):
    """Words in the texts of a record, as they are stored.

    Attributes:
        model: the table's class.
        places: where the texts stand.
        said: what was asked for, as somebody typed it.
        asked: that, read.
    """

    model: type[BaseModel]
    places: tuple[Place, ...]
    said: str
    asked: SearchText

    def words(self, stored: Mapping[str, Any]) -> list[str]:
        """Return the words of a record, given what is stored of it."""
        return words_of(texts_in(stored, self.places))

    def holds_of(self, value_of: ValueOf) -> bool:
        """Return whether it is true of a record, given what gives its values by name."""
        return self.asked.fits(self.words(value_of(STORED)))

    def paths(self) -> Iterator[FieldPath]:
        """Yield the fields that it looks at."""
        for name in dict.fromkeys(place[0] for place in self.places):
            assert name is not None
            yield FieldPath(self.model, name)

    def __repr__(self) -> str:
        return f"search({self.said!r})"


def stored_texts(data: str, search: TextSearch) -> list[str]:
    """Return the texts of a record that are searched, given the text that is stored of it."""
    return [*texts_in(json.loads(data), search.places)]
