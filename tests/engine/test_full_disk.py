"""A disk that takes no more: memory has the records from then on, and the log is not read again."""

from __future__ import annotations

import contextlib

import pytest

from discobase.engine.changes import IndexWanted, Insert, Remove, Replace
from discobase.engine.keys import key
from discobase.engine.replica import Cache, Replica
from tests.engine.rows import row
from tests.engine.schemas import FINGERPRINT, column
from tests.engine.test_cache import everything, fill, save

LANES = 4


@pytest.fixture(params=["temporary", "kept"])
def replica(request, tmp_path):
    cache = Cache.claimed(tmp_path / "cache", "this one") if request.param == "kept" else None
    with contextlib.closing(Replica(LANES, cache)) as made:
        yield made


def full(replica):
    """The file takes no more pages: what SQLite says then it says of a full disk, too."""
    (pages,) = replica._writer.execute("PRAGMA page_count").fetchone()
    replica._writer.execute(f"PRAGMA max_page_count = {pages}")


def until_it_is_moved(replica, begin):
    """Save until the file was too small for it, and return the tags."""
    former, number = replica._file, begin
    while replica._file is former:
        save(replica, Insert("a", row(f"tag {number}", long="x" * 500)))
        number += 1
        assert number < begin + 100
    return [f"tag {each}" for each in range(begin, number)]


def in_memory(replica):
    """Fill the disk, and where another file is made in a temporary folder that one, too."""
    full(replica)
    tags = until_it_is_moved(replica, 300)
    if not replica.in_memory:
        full(replica)
        tags += until_it_is_moved(replica, 300 + len(tags))
    return tags


def test_records_go_on_in_memory_and_none_is_read_again(replica):
    fill(replica)
    tags = in_memory(replica)
    assert replica.in_memory
    assert not replica.lost
    assert replica.select("a", [])[299:302:2] == [
        (300, 300, row("tag 299")),
        (302, 302, row("tag 301", long="x" * 500)),
    ]
    assert replica.head.seq == len(replica.select("a", [])) == 300 + len(tags)


def test_all_that_it_knows_is_the_same_there(replica):
    fill(replica)
    replica.index(IndexWanted("a", "tag", FINGERPRINT))
    while replica.fill(1000):
        pass
    in_memory(replica)
    save(replica, Replace("a", 7, row("other")), Remove("a", 9))
    with contextlib.closing(replica.snapshot()) as snapshot:
        lines, head = list(snapshot.lines()), snapshot.head
        state = snapshot.hash
    with contextlib.closing(Replica(LANES)) as another:
        another.restore(lines, head, state)
        assert everything(another)[:3] == everything(replica)[:3]
    assert replica.position(7).message == 70
    found = replica.select("a", [(column("tag"), key("plain", "other"))])
    assert [(pk, data) for pk, _, data in found] == [(7, row("other"))]
