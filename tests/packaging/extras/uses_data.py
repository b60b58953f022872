"""What the extra ``data`` is for: records as data frames, and back."""

from __future__ import annotations

from importlib.metadata import version

from discobase import Database, Table

db = Database("Extras")


@db.table
class Reading(Table):
    """Something to store."""

    place: str
    value: float | None = None


with db.conn("local"):
    Reading.save_many([Reading(place="roof", value=20.5), Reading(place="cellar")])
    found = Reading.find()
    assert list(found.to_pandas()["place"]) == ["roof", "cellar"]
    assert found.to_polars()["value"].to_list() == [20.5, None]
    assert found.to_arrow().column("place").to_pylist() == ["roof", "cellar"]
    again = Reading.from_frame(found.to_polars().drop("pk"))
    assert [each.value for each in again] == [20.5, None]

packages = ", ".join(f"{name} {version(name)}" for name in ("pandas", "polars", "pyarrow"))
print(f"{packages}: to frames, and back")
