"""A file that is not as it was written is refused, by the line that is wrong, and nothing is
imported."""

from __future__ import annotations

import json
import os
import sqlite3
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discobase.errors import ExportDamaged, ImportRefused, PathRefused
from discobase.transfer import pieces
from discobase.transfer.importing import import_all
from discobase.transfer.pieces import KeyPiece, RecordPiece, piece_of
from discobase.transfer.seal import Seal
from tests.transfer.exports import Host, exported


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """The bytes of an export, and where to put others."""
    folder = tmp_path_factory.mktemp("exports")
    exported(folder)
    return (folder / "a.jsonl").read_bytes(), folder / "b.jsonl"


@pytest.fixture(scope="module")
def host():
    return Host()


def refused(host, path, kind=ExportDamaged):
    with pytest.raises(kind) as raised:
        import_all(host, path)
    assert host.log == []
    return raised.value


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_altered_byte_is_found_in_its_line(export, host, data):
    whole, path = export
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
    line = refused(host, path).line
    if place < len(pieces.MARK):
        assert line == 0
        return
    assert line == whole.count(b"\n", 0, place) + 1


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_a_file_that_is_cut_anywhere_is_found_to_be(export, host, data):
    whole, path = export
    path.write_bytes(whole[: data.draw(st.integers(len(pieces.MARK), len(whole) - 1))])
    error = refused(host, path)
    assert error.line == path.read_bytes().count(b"\n") + 1
    assert "is cut" in str(error)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_lines_that_are_left_out_moved_or_doubled_are_found(export, host, data):
    whole, path = export
    lines = whole.splitlines(keepends=True)
    order = data.draw(st.lists(st.sampled_from(range(len(lines))), max_size=len(lines) + 1))
    if order == list(range(len(lines))):
        return
    order = [0, *order[1:]]
    path.write_bytes(b"".join(lines[each] for each in order))
    if path.read_bytes() == whole:
        return
    wrong = next((at for at, each in enumerate(order) if at != each), len(order))
    assert refused(host, path).line == wrong + 1


@pytest.mark.parametrize("behind", ["the end again", "a byte", "a line that was cut"])
def test_what_stands_behind_the_end_is_refused(behind, export, host):
    whole, path = export
    end = whole.splitlines(keepends=True)[-1]
    path.write_bytes(whole + {"the end again": end, "a byte": b"\0"}.get(behind, end[:-1]))
    assert refused(host, path).line == whole.count(b"\n") + 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"hello\n", r"it begins with b'hello\n'"),
        (b"SQLite format 3\0", "it begins with"),
        (b'{"discobase":1}\n', "it begins with"),
    ],
)
def test_what_is_no_export_is_refused(content, why, host, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    error = refused(host, path)
    assert error.line == 0
    assert why in str(error)


def test_line_ends_that_were_converted_are_named(export, host):
    whole, path = export
    path.write_bytes(whole.replace(b"\n", b"\r\n"))
    error = refused(host, path)
    assert error.line == 1
    assert "CR LF" in str(error)


def test_a_later_format_is_refused_as_such(export, host):
    whole, path = export
    path.write_bytes(whole.replace(b'"format":1,', b'"format":2,'))
    assert "upgrade it" in str(refused(host, path))


@pytest.mark.parametrize("place", ["missing", "a folder", "a FIFO"])
def test_a_path_without_a_file_is_refused(place, host, tmp_path):
    path = tmp_path / "x"
    if place == "a folder":
        path.mkdir()
    elif place == "a FIFO":
        os.mkfifo(path)
    refused(host, path, PathRefused)


def sealed(*texts):
    """An export of these texts, whatever they say."""
    seal = Seal()
    lines = [seal.line(SimpleNamespace(text=text)) for text in texts]
    return "".join(f"{line}\n" for line in [*lines, seal.end()]).encode()


def texts_of(whole):
    return [line.rpartition(',"check":"')[0] for line in whole.decode().splitlines()[:-1]]


def test_a_file_that_is_made_anew_from_its_texts_is_the_same(export):
    whole, _ = export
    assert sealed(*texts_of(whole)) == whole


REFUSED = {
    "a value that is unique stands there twice": (
        lambda record: record._replace(data=record.data.replace('"code":"b"', '"code":"a"')),
        "record 1 has the same",
    ),
    "a record is none": (lambda record: record._replace(data="{[]}"), "is no record"),
    "a record has a back-tick": (
        lambda record: record._replace(data='{"code":"`"}'),
        "is no record",
    ),
    "a record has a schema that is not there": (
        lambda record: record._replace(schema=9),
        "no schema 9",
    ),
    "a record is nested too deeply": (
        lambda record: record._replace(data=f'{{"code":{"[" * 100_000}{"]" * 100_000}}}'),
        "is no record",
    ),
    "a record is too large": (
        lambda record: record._replace(data=json.dumps({"code": _noise(3_000_000)})),
        "one commit here carries 1,000,000",
    ),
}


def _noise(size):
    return Random(1).randbytes(size // 2).hex()


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_log_would_refuse_is_named_by_line_and_record_before_anything_is_written(
    what, export, host
):
    whole, path = export
    change, says = REFUSED[what]
    texts = texts_of(whole)
    at = next(at for at, text in enumerate(texts) if text.startswith('{"pk":2,'))
    record = piece_of(texts[at])
    assert isinstance(record, RecordPiece)
    texts[at] = change(record).text
    path.write_bytes(sealed(*texts))
    error = refused(host, path, ImportRefused)
    assert (error.table, error.pk, error.line) == ("Thing", 2, at + 1)
    assert says in str(error)


def test_a_next_primary_key_that_no_database_stores_is_refused(export, host):
    whole, path = export
    texts = texts_of(whole)
    assert '"next":4,' in texts[1]
    texts[1] = texts[1].replace('"next":4,', f'"next":{1 << 63},')
    path.write_bytes(sealed(*texts))
    assert refused(host, path, ImportRefused).line == 2


def test_a_key_that_is_no_text_is_refused(export, host):
    whole, path = export
    texts = texts_of(whole)
    table = piece_of(texts[-1]).table
    texts.append(KeyPiece(table, "code", 1, 1, "\ud800").text)
    path.write_bytes(sealed(*texts))
    assert refused(host, path, ImportRefused).line == len(texts)


MISPLACED = {
    "a primary key is there twice": lambda texts: [*texts[:7], texts[6], *texts[7:]],
    "a record is missing": lambda texts: [*texts[:6], *texts[7:]],
    "there is no table": lambda texts: [texts[0], *texts[5:]],
    "there is no header": lambda texts: texts[1:],
    "a table is there twice": lambda texts: [*texts, texts[1]],
    "a line is no piece": lambda texts: [*texts, '{"a":1'],
    "a name is no JSON": lambda texts: [
        text.replace('"table":"Thing","schema"', r'"table":"T\hing","schema"') for text in texts
    ],
    "a line has a blank": lambda texts: [*texts[:1], texts[1].replace(":", ": "), *texts[2:]],
}


@pytest.mark.parametrize("what", MISPLACED)
def test_an_export_that_is_sealed_and_makes_no_sense_is_refused(what, export, host):
    whole, path = export
    path.write_bytes(sealed(*MISPLACED[what](texts_of(whole))))
    refused(host, path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE discobase_export SET text = replace(text, 'hidden', 'Hidden') WHERE line = 6",
        "DELETE FROM discobase_export WHERE line = 6",
        "DELETE FROM discobase_export WHERE line = 9",
        "UPDATE discobase_export SET line = 99 WHERE line = 6",
        "UPDATE discobase_export SET text = x'00' WHERE line = 6",
        "INSERT INTO discobase_export VALUES (10, '')",
        "INSERT INTO discobase_export VALUES (99, 'hidden')",
    ],
)
def test_an_altered_sqlite_file_is_refused(statement, host, tmp_path):
    exported(tmp_path, "a.sqlite")
    with sqlite3.connect(tmp_path / "a.sqlite") as connection:
        connection.execute(statement)
    connection.close()
    assert refused(host, tmp_path / "a.sqlite").line in (6, 9, 10)


def test_a_sqlite_file_whose_tables_are_no_text_is_refused(host, tmp_path):
    exported(tmp_path, "a.sqlite")
    path = tmp_path / "a.sqlite"
    whole = path.read_bytes()
    path.write_bytes(
        whole.replace(b"CREATE TABLE discobase_export", b"CREATE T\xa8BLE discobase_export")
    )
    refused(host, path)


def test_what_is_altered_in_the_columns_does_not_come_along(tmp_path):
    exported(tmp_path, "a.sqlite")
    with sqlite3.connect(tmp_path / "a.sqlite") as connection:
        connection.execute('UPDATE "Thing" SET code = code || 1')
    connection.close()
    other = Host()
    import_all(other, tmp_path / "a.sqlite")
    assert '"code":"a"' in other.state.get("Thing", 1)[2]


def test_a_cut_sqlite_file_is_refused(host, tmp_path):
    exported(tmp_path, "a.sqlite")
    path = tmp_path / "a.sqlite"
    path.write_bytes(path.read_bytes()[:5_000])
    refused(host, path)
