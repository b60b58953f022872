"""The temporary folder is cleaned away or destroyed while connected: what is read stays right."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

import pytest

from discobase import Database, Table


@pytest.fixture
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the replica's folder is made."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def boxes():
    database = Database("shop")

    @database.table
    class Box(Table):
        content: str = ""

    return database, Box


def read_in_threads(box, number: int) -> list[object]:
    """What so many threads read that begin at the same moment."""
    begin, found = threading.Barrier(number), []

    def read() -> None:
        begin.wait()
        try:
            found.append([one.content for one in box.find()])
        except Exception as error:  # noqa: BLE001 - whatever it is has to be seen
            found.append(error)

    threads = [threading.Thread(target=read) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_records_are_read_and_saved_after_the_folder_was_cleaned_away(place, temp):
    database, box = boxes()
    with place.conn(database):
        box(content="a").save()
        assert len(box.find()) == 1
        shutil.rmtree(next(temp.iterdir()))
        # The connection that is open is taken, so that the threads need others.
        with database._source.replica()._reader._pool.connection():
            assert read_in_threads(box, 8) == [["a"]] * 8
        box(content="b").save()
        assert read_in_threads(box, 8) == [["a", "b"]] * 8
        assert len(list(temp.iterdir())) == 1, "another folder is in its place"
    assert list(temp.iterdir()) == []


def test_records_are_held_in_memory_where_no_folder_can_be_made_any_more(place, temp):
    database, box = boxes()
    with place.conn(database):
        box(content="a").save()
        shutil.rmtree(temp)
        assert read_in_threads(box, 8) == [["a"]] * 8
        box(content="b").save()
        assert read_in_threads(box, 8) == [["a", "b"]] * 8
        assert [one.content for one in box.find(content="b")] == ["b"]


def test_a_file_that_was_overwritten_is_built_again_from_the_log(place, temp):
    (database, box), (other, theirs) = boxes(), boxes()
    with place.conn(database):
        for number in range(5):
            box(content=str(number)).save()
        for file in next(temp.iterdir()).iterdir():
            if not file.name.endswith("-shm"):  # it is mapped into memory
                file.write_bytes(b"\xff" * file.stat().st_size)
        assert read_in_threads(box, 8) == [list("01234")] * 8
        box(content="5").save()
        with place.conn(other):
            theirs(content="6").save()
        database.refresh()
        assert [one.content for one in box.find()] == list("0123456")
    assert list(temp.iterdir()) == []


def test_a_text_that_was_overwritten_within_the_file_is_built_again_from_the_log(place, temp):
    database, box = boxes()
    with place.conn(database):
        for number in range(5):
            box(content=f"number {number}").save()
        for file in next(temp.iterdir()).iterdir():
            if not file.name.endswith("-shm"):  # it is mapped into memory
                file.write_bytes(file.read_bytes().replace(b"number 3", b"\xff" * 8))
        assert read_in_threads(box, 8) == [[f"number {number}" for number in range(5)]] * 8
        box(content="5").save()
        assert len(box.find()) == 6
    assert list(temp.iterdir()) == []
