"""Stored records that their class cannot load any more: which they are, why, and what is stored."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from discobase.errors import RecordOutdated


@dataclass(frozen=True, slots=True)
class OutdatedRecord:
    """A stored record that does not fit its table's class any more.

    Args:
        table: the table's name.
        pk: its primary key.
        version: the position of the commit that wrote it.
        reasons: what is wrong, by the place where it is, as in ``home.city``; no stored values.
        data: what is stored, as the text of a JSON object.
    """

    table: str
    pk: int
    version: int
    reasons: Mapping[str, str]
    data: str = field(repr=False)

    @property
    def reason(self) -> str:
        """What is wrong, in one line."""
        return "; ".join(f"{place}: {why}" for place, why in self.reasons.items())

    @property
    def raw(self) -> dict[str, Any]:
        """What is stored, by the names of fields, as JSON has it. Secrets stand in it."""
        stored: dict[str, Any] = json.loads(self.data)
        return stored

    def error(self) -> RecordOutdated:
        """Return the error for who wants the record itself."""
        return RecordOutdated(
            f"record {self.pk} of {self.table!r} does not fit the table's fields any more "
            f"({self.reason}). Give new fields a default, or allow what was stored before. The "
            f"table's outdated() lists all such records, and skip_outdated() leaves them out of a "
            f"search.",
            table=self.table,
            pk=self.pk,
            reasons=self.reasons,
        )


def reasons_for(model: type[BaseModel], error: Exception) -> dict[str, str]:
    """Return why a class could not load a record, by places in the record, without its values.

    Args:
        model: the class.
        error: what its validator raised.
    """
    if not isinstance(error, ValidationError):
        return {"the record": f"{type(error).__name__} in {_where(error)}"}
    reasons: dict[str, str] = {}
    # pydantic's text quotes the record, which may hold secrets: only places and reasons here.
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        place, why = ".".join(map(str, each["loc"])) or "the record", each["msg"]
        info = model.model_fields.get(str(each["loc"][0])) if each["loc"] else None
        if info is not None and not info.repr:  # a reason may quote its value, a place its keys
            place, why = str(each["loc"][0]), "its value does not fit"
        reasons[place] = f"{reasons[place]}; {why}" if place in reasons else why
    return reasons


def _where(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.name}() ({Path(last.filename).name}, line {last.lineno})"
