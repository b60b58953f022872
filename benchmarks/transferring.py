"""A million records out, in both formats, and into another database: time, and memory beyond that
of the process before."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import discobase
from benchmarks.measuring import Place, embedded_server

_RECORDS = 1_000_000


def transferring(place: Place) -> None:
    """Export what was saved, and import it elsewhere."""
    records = place.records or _RECORDS
    db = discobase.Database(place.server, timeout=600)

    @db.table
    class User(discobase.Table):
        name: str
        points: int = 0

    print(f"{records:,} records")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.jsonl"
        with db.conn(place.token, api_url=place.api_url, timeout=600):
            User.save_many(User(name=f"user {n}", points=n) for n in range(records))
            _tell("export as JSON Lines", lambda: db.export(path))
            _tell("export as a SQLite file", lambda: db.export(path.with_suffix(".sqlite")))
        with embedded_server() as other:
            empty = discobase.Database(other.server, timeout=600)
            with empty.conn(other.token, api_url=other.api_url, timeout=600):
                _tell("import of JSON Lines", lambda: empty.import_(path))
                _tell("import of what is there already", lambda: empty.import_(path))
    print()


def _tell(name: str, work: Callable[[], object]) -> None:
    before, began = _peak(), time.perf_counter()
    done = work()
    taken = time.perf_counter() - began
    size = getattr(done, "size", None)
    print(
        f"  {name:<32} {taken:>7.1f} s  {(_peak() - before) / 1024:>6.1f} MB more"
        + (f"  {size / 1e6:,.0f} MB" if size else f"  {done.commits} commits")  # type: ignore[attr-defined]
    )


def _peak() -> int:
    """The most memory that this process has had, in KiB, as Linux counts."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
