"""Records of any size: inside the message, as an attachment, in several, and too large."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from discobase import Database, Table
from discobase.errors import RecordTooLarge

NOISE = random.Random(7)


def boxes(**options):
    database = Database("shop", **options)

    @database.table
    class Box(Table):
        content: str = ""

    return database, Box


def noise(size: int) -> str:
    """Text that compresses badly."""
    return NOISE.randbytes(size // 2).hex()


def files(place) -> list[list[str]]:
    return [[file["filename"] for file in frame["attachments"]] for frame in place.frames()]


def test_an_empty_record(place):
    database, box = boxes()
    with place.conn(database):
        box().save()
        assert box.get(1).content == ""


def test_either_side_of_the_border_between_message_and_attachment(place):
    database, box = boxes()
    with place.conn(database):
        box().save()
        sizes = [*range(1500, 1800, 7)]
        for size in sizes:
            box(content=noise(size) + "x" * (size % 2)).save()
    assert {len(names) for names in files(place)} == {0, 1}
    assert all(len(frame["content"]) <= 2000 for frame in place.frames())
    database, box = boxes()
    with place.conn(database):
        assert [len(found.content) for found in box.find()] == [0, *sizes]


def test_a_hundred_kilobytes(place):
    database, box = boxes()
    text = noise(100_000)
    with place.conn(database):
        box(content=text).save()
    assert files(place) == [["c1.jsonl"]]
    database, box = boxes()
    with place.conn(database):
        assert box.find_unique().content == text


def test_text_that_compresses_well_is_stored_compressed(place):
    database, box = boxes()
    with place.conn(database):
        box(content="abc" * 100_000).save()
    assert files(place) == [["c1.jsonl.gz"]]
    database, box = boxes()
    with place.conn(database):
        assert box.find_unique().content == "abc" * 100_000


def test_five_megabytes_are_seen_by_a_connected_database_too(place):
    (one, first), (two, second) = boxes(), boxes()
    text = noise(5_000_000)
    with place.conn(one), place.conn(two):
        first(content=text).save()
        two.refresh()
        assert second.find_unique().content == text
        second.get(1).delete()
        one.refresh()
        assert len(first.find()) == 0


def test_a_record_larger_than_one_file_is_cut_into_several(place):
    database, box = boxes(attachment_limit=100_000)
    place.discord.set(attachment_limit=100_000)
    text = noise(250_000)
    with place.conn(database):
        box(content=text).save()
    assert files(place) == [["c1.0.jsonl", "c1.1.jsonl", "c1.2.jsonl"]]
    database, box = boxes(attachment_limit=100_000)
    with place.conn(database):
        assert box.find_unique().content == text


def test_a_record_over_the_limit_is_refused_with_size_and_limit_and_nothing_is_sent(place):
    database, box = boxes(attachment_limit=10_000)
    with place.conn(database):
        small = box(content="small").save()
        place.forget_calls()
        with pytest.raises(
            RecordTooLarge, match=r"bytes \(compressed\).*nothing was sent"
        ) as caught:
            box(content=noise(400_000)).save()
        assert caught.value.limit == 100_000
        assert 150_000 < caught.value.size < 400_000
        small.content = noise(400_000)
        with pytest.raises(RecordTooLarge):
            small.save()
        assert place.calls == 0
        assert small.refresh().content == "small"
        assert box(content="goes on").save().pk == 2


def test_a_limit_that_this_server_does_not_grant_is_told(place):
    database, box = boxes()
    place.discord.set(attachment_limit=1000)
    with place.conn(database):
        box(content="small").save()
        with pytest.raises(RecordTooLarge, match=r"this server does not take.*nothing was written"):
            box(content=noise(10_000)).save()
        assert box(content="goes on").save().pk == 2
        assert len(box.find()) == 2


def test_a_record_that_the_server_finds_too_large_keeps_only_itself_out(place):
    database, box = boxes()
    place.discord.set(attachment_limit=20_000, latency=0.1)
    with place.conn(database):
        box(content="first").save()
        contents = [*(f"small {number}" for number in range(20)), noise(60_000)]
        gate = threading.Barrier(len(contents))

        def save(content: str) -> str:
            record = box(content=content)
            gate.wait()
            try:
                record.save()
            except RecordTooLarge:
                return "refused"
            return "saved"

        with ThreadPoolExecutor(len(contents)) as threads:
            assert [*threads.map(save, contents)] == ["saved"] * 20 + ["refused"]
        assert len(box.find()) == 21


def test_save_many_spreads_over_several_commits_where_one_is_not_enough(place):
    database, box = boxes(attachment_limit=10_000)
    with place.conn(database):
        records = [box(content=noise(4_000)) for _ in range(60)]
        report = box.save_many(records)
        assert report.records == 60
        assert 2 <= report.commits <= 5
        assert [record.pk for record in records] == [*range(1, 61)]
    database, box = boxes()
    with place.conn(database):
        assert [found.content for found in box.find()] == [record.content for record in records]


def test_save_many_cuts_where_a_commit_would_unpack_to_more_than_its_limit(place):
    database, box = boxes()
    with place.conn(database):
        report = box.save_many(box(content="x" * 8_000_000) for _ in range(9))
        assert (report.records, report.commits) == (9, 2)
        assert len(box.find()) == 9
