"""A million records go out and in with no more memory than a few."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

SCRIPT = """
import resource, sys
from pathlib import Path
from discobase import Table
from discobase.transfer.exporting import export_all
from discobase.transfer.importing import import_all
from tests.transfer.exports import Host, attach

class Kept(Host):
    capacity = 20_000_000
    def commit(self, request):
        placed = super().commit(request)
        self.log.clear()  # in a test's database they would be what takes memory
        return placed

class Thing(Table):
    code: str
    number: int = 0

def peak(work):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = work()
    return done, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024

host, other, folder, many = Kept(), Kept(), Path(sys.argv[1]), int(sys.argv[2])
thing = attach(host, Thing, "Thing")
thing.save_many(thing(code=f"number {number}", number=number) for number in range(many))
for name in ("a.jsonl", "a.sqlite"):
    report, more = peak(lambda: export_all(host, folder / name))
    assert report.records == many
    print(more)
report, more = peak(lambda: import_all(other, folder / "a.jsonl"))
assert (report.records, report.commits) == (many, many // 20_000 + 1), report
print(more)
assert export_all(other, folder / "b.jsonl").content == report.content
"""

_MORE = 60
"""MB that a million records may take beyond what was taken before. They are 150 MB of lines."""


def test_a_million_records_take_no_more_memory(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path, "1000000"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert ran.returncode == 0, ran.stderr
    grown = [int(line) for line in ran.stdout.split()]
    assert max(grown) < _MORE, grown
