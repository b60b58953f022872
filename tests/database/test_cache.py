"""A database that keeps its records between runs: what a login costs, and what it survives."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from discobase.errors import ConnectError, UsageError
from tests.database.shop import shop, soon

CALLS = 11
"""API calls of a login with what was kept, where nobody has written since, at the most."""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def fill(place, folder, number=300):
    """Have records kept by a connection that has ended; returns their names."""
    database, item = shop(cache=folder)
    names = [f"name {one}" for one in range(number)]
    with place.conn(database):
        item.save_many(item(name=name) for name in names)
        item(name="last").save()
    return [*names, "last"]


def names_of(item):
    return [one.name for one in item.find()]


def newest(folder):
    return max(folder.glob("replica-*.sqlite"))


def test_a_login_with_what_was_kept_reads_what_is_new_alone(place, folder):
    names = fill(place, folder)
    for number in range(3):
        database, item = shop(cache=folder)
        place.forget_calls()
        with place.conn(database):
            assert place.calls <= CALLS
            assert names_of(item) == names
            names.append(f"more {number}")
            item(name=names[-1]).save()
    other, theirs = shop()
    with place.conn(other):
        theirs(name="theirs").save()
        theirs.find(name="last")[0].delete()
    database, item = shop(cache=folder)
    with place.conn(database):
        assert names_of(item) == [*(name for name in names if name != "last"), "theirs"]
        assert item.find(name="theirs")[0].version == other_version(item)


def other_version(item):
    return max(one.version for one in item.find())


def test_what_is_kept_of_another_database_is_not_taken(place, folder, caplog):
    fill(place, folder)
    place.discord.join("another shop")
    database, item = shop(server="another shop", cache=folder)
    with place.conn(database):
        assert names_of(item) == []
        item(name="new").save()
    assert "another database" in caplog.text
    assert [path.name for path in folder.glob("*.sqlite")] == ["replica-2.sqlite"]
    database, item = shop(server="another shop", cache=folder)
    with place.conn(database):
        assert names_of(item) == ["new"]


def test_a_second_connection_does_without_and_says_so_once(place, folder, caplog):
    names = fill(place, folder)
    (one, first), (two, second) = shop(cache=folder), shop(cache=folder)
    with place.conn(one):
        with place.conn(two):
            second(name="by the second").save()
            one.refresh()
            assert names_of(first) == names_of(second) == [*names, "by the second"]
        told = [record for record in caplog.records if "in use by another" in record.getMessage()]
        assert [record.levelno for record in told] == [logging.WARNING]
    with place.conn(two):
        assert names_of(second) == [*names, "by the second"]
    assert caplog.text.count("in use by another") == 1


def test_what_was_altered_while_nobody_had_it_open_is_built_again_when_it_is_read(
    place, folder, caplog
):
    names = fill(place, folder)
    path = newest(folder)
    content = path.read_bytes()
    assert content.count(b'"name 77"}') == 1
    path.write_bytes(content.replace(b'"name 77"}', b'"name 78"}'))
    database, item = shop(cache=folder)
    with place.conn(database):
        assert item.get(78).name == "name 77"
        assert names_of(item) == names
        assert "not what was written" in caplog.text
        item(name="more").save()
    database, item = shop(cache=folder)
    with place.conn(database):
        assert names_of(item) == [*names, "more"]


def test_what_was_altered_and_is_not_read_is_found_in_the_background(place, folder):
    names = fill(place, folder)
    path = newest(folder)
    path.write_bytes(path.read_bytes().replace(b'"name 77"}', b'"name 78"}'))
    database, item = shop(cache=folder)
    with place.conn(database):
        assert soon(lambda: newest(folder).name == "replica-2.sqlite")
        assert soon(lambda: not path.exists())
        assert names_of(item) == names


def test_a_file_of_another_program_is_left_as_it_is(place, folder):
    folder.mkdir()
    path = folder / "replica-1.sqlite"
    path.write_text("mine")
    database, _ = shop(cache=folder)
    with pytest.raises(ConnectError, match=r"replica-1\.sqlite") as raised, place.conn(database):
        pass
    assert str(folder) in str(raised.value)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("left", [0, 100, 5000, -4096])
def test_a_file_that_was_cut_short_is_built_again(place, folder, left):
    names = fill(place, folder)
    path = newest(folder)
    os.truncate(path, left if left >= 0 else path.stat().st_size + left)
    database, item = shop(cache=folder)
    with place.conn(database):
        assert names_of(item) == names
        item(name="more").save()
    database, item = shop(cache=folder)
    with place.conn(database):
        assert names_of(item) == [*names, "more"]


@pytest.mark.parametrize("removed", ["the folder", "the files"])
def test_what_is_removed_while_it_is_in_use_is_put_back(place, folder, removed, caplog):
    database, item = shop(cache=folder)
    with place.conn(database):
        item(name="a").save()
        assert names_of(item) == ["a"]
        if removed == "the folder":
            shutil.rmtree(folder)
        else:
            for path in folder.glob("replica-*"):
                path.unlink()
        # The connection that is open is taken, so that the next read needs another.
        with database._source.replica()._reader._pool.connection():
            assert names_of(item) == ["a"]
        item(name="b").save()
        assert names_of(item) == ["a", "b"]
        # Nobody else has it meanwhile.
        other, theirs = shop(cache=folder)
        with place.conn(other):
            theirs(name="c").save()
        assert "in use by another" in caplog.text
        assert [path.name for path in folder.glob("*.sqlite")] == ["replica-2.sqlite"]
    database, item = shop(cache=folder)
    place.forget_calls()
    with place.conn(database):
        assert place.calls <= CALLS
        assert names_of(item) == ["a", "b", "c"]


def test_nothing_is_left_in_the_temporary_folder(place, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    fill(place, folder)
    assert list((tmp_path / "temp").iterdir()) == []


def test_a_relative_path_and_the_home_folder_are_taken_when_the_database_is_made(
    place, tmp_path, monkeypatch
):
    home, work, elsewhere = (tmp_path / name for name in ("home", "work", "elsewhere"))
    for made in (home, work, elsewhere):
        made.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(work)
    for given, where in (("a/b", work / "a/b"), ("~/kept", home / "kept"), (Path("c"), work / "c")):
        monkeypatch.chdir(work)
        database, item = shop(cache=given)
        monkeypatch.chdir(elsewhere)
        with place.conn(database):
            item(name="a").save()
        assert (where / "replica-1.sqlite").exists()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("cache", [1, True, "", b"folder", b"", "a\0b", object()])
def test_what_can_be_no_folder_is_refused_when_the_database_is_made(cache):
    with pytest.raises(UsageError, match="cache="):
        shop(cache=cache)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        shop(cache=tmp_path / "file")


def test_a_folder_that_cannot_be_made_is_told_clearly(place, tmp_path):
    (tmp_path / "file").write_text("mine")
    database, _ = shop(cache=tmp_path / "file" / "below")
    with pytest.raises(ConnectError, match="Give cache= a folder"), place.conn(database):
        pass


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="Windows has no such users")
@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_a_folder_that_may_not_be_written_to_is_told_clearly(place, reachable, mode, unprivileged):
    folder = reachable / "cache"
    folder.mkdir()
    unprivileged(folder, mode)
    database, _ = shop(cache=folder)
    with pytest.raises(ConnectError, match="Give cache= a folder"), place.conn(database):
        pass


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="Windows has no such users")
@pytest.mark.parametrize("mode", [0o000, 0o400])
def test_a_file_that_may_not_be_read_or_written_is_built_again(
    place, reachable, mode, unprivileged
):
    folder = reachable / "cache"
    names = fill(place, folder)
    path = newest(folder)
    unprivileged(path, mode)
    database, item = shop(cache=folder)
    with place.conn(database):
        assert names_of(item) == names
        item(name="more").save()
    assert [path.name for path in folder.glob("*.sqlite")] == ["replica-2.sqlite"]


@pytest.fixture
def reachable():
    """A folder that other users may come to, as they may not to pytest's own."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def unprivileged(reachable):
    """Gives a path a mode, and has this process be no superuser until the test is over."""
    given = []

    def become(path, mode):
        given.append(path)
        if os.geteuid() == 0:
            for each in reachable.rglob("*"):
                os.chown(each, NOBODY, -1)
        path.chmod(mode)
        if os.geteuid() == 0:
            os.seteuid(NOBODY)

    yield become
    if os.getuid() == 0:
        os.seteuid(0)
    for path in given:
        if path.exists():
            path.chmod(0o700)


NOBODY = 65534
