"""What the tests of this folder export: a database without a server, with a table that has all."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, SecretStr

from discobase import Index, Table, Unique, UniqueTogether
from discobase.binding import Binding
from discobase.table import bind
from discobase.transfer.exporting import ExportReport, export_all
from tests.engine.test_evolution import Host as EngineHost

__all__ = ["Host", "attach", "exported", "things"]


class Host(EngineHost):
    """A database without a server. Whoever makes some calls :meth:`close_all` at the end."""

    made: ClassVar[list[Host]] = []

    def __init__(self) -> None:
        super().__init__()
        self.made.append(self)

    @classmethod
    def close_all(cls) -> None:
        while cls.made:
            cls.made.pop().state.close()


class Colour(Enum):
    RED = "r"


class Maker(BaseModel):
    city: str


def attach(host: Host, model: type[Table], name: str) -> type[Table]:
    bind(model, Binding(host, name, model))
    return model


def things() -> tuple[Host, type[Table]]:
    """A database, and a class of its one table."""

    class Thing(Table):
        code: Annotated[str, Unique()]
        number: Annotated[int, Index()] = 0
        weight: float = 0.0
        price: Decimal = Decimal("1.50")
        when: datetime = datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC)
        took: timedelta = timedelta(seconds=90)
        blob: bytes = b""
        is_on: bool = False
        colour: Colour = Colour.RED
        id: UUID = UUID(int=7)
        secret: SecretStr = SecretStr("hidden")
        tags: tuple[str, ...] = ()
        maker: Maker | None = None
        either: int | str | None = None
        once = UniqueTogether("code", "number")

    host = Host()
    return host, attach(host, Thing, "Thing")


def exported(folder: Path, name: str = "a.jsonl", **fields: Any) -> tuple[Host, ExportReport]:
    """Three records, the second of which has these fields, and an export of them."""
    host, thing = things()
    thing.save_many(
        [thing(code="a"), thing(**{"code": "b"} | fields), thing(code="c", weight=math.nan)]
    )
    return host, export_all(host, folder / name)
