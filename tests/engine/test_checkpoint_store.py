"""Checkpoints as they are stored: packed, in parts, listed, damaged, removed when they are old."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discobase.engine.checkpoints.manifest import Manifest, part_content
from discobase.engine.checkpoints.packing import hash_of_packed, pack, unpack
from discobase.engine.checkpoints.store import (
    AGE_SECONDS,
    CheckpointDamaged,
    CheckpointStore,
    TooLarge,
)
from discobase.engine.log.frame import Limits
from discobase.engine.log.sealed import seal
from discobase.engine.log.sealing import PLAIN
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import LaterFormat
from discobase.engine.replica import NotTheState
from tests.engine.seam import BOT
from tests.engine.simulation import CALM, Faults, Process, World

SMALL = Limits(inline=1_900, attachment=100, message=250, files=10)
"""Two files of 100 bytes a message."""

ids = st.integers(0, 2**63 - 1)
texts = st.text("0123456789abcdef", max_size=64)
counts = st.integers(0, 2**40)
manifests = st.builds(
    Manifest,
    database=st.text("abcdefgh", min_size=8, max_size=8),
    generation=st.integers(1, 99),
    seq=counts,
    chain=texts,
    state=texts,
    size=counts,
    packed=counts,
    hash=texts,
    records=counts,
    lanes=st.lists(ids, min_size=1, max_size=16).map(tuple),
    before=ids,
    writer=texts,
    time=st.integers(0, 2**31).map(float),
    parts=st.lists(st.integers(1, 2**63 - 1), max_size=8).map(tuple),
)


@given(manifests)
def test_a_manifest_is_read_as_it_was_written(manifest):
    content = manifest.to_content()
    assert len(content) <= 2_000
    assert content.isascii()
    assert Manifest.from_content(content) == manifest


@given(manifests, st.data())
def test_one_character_more_less_or_other_makes_it_none(manifest, data):
    content = manifest.to_content()
    at = data.draw(st.integers(0, len(content) - 1))
    character = data.draw(st.characters(codec="ascii"))
    cut = data.draw(st.sampled_from([0, 1]))
    altered = content[:at] + character + content[at + cut :]
    with contextlib.suppress(LaterFormat):
        assert Manifest.from_content(altered) in {None, manifest}


FACTS = {
    "database": "abcdefgh", "generation": 1, "seq": 7, "chain": "c", "state": "s", "size": 5,
    "packed": 3, "hash": "h", "records": 2, "lanes": ["5", "0"], "before": "0", "writer": "w",
    "time": 1.5, "parts": [],
}  # fmt: skip


def test_facts_in_their_form_are_a_manifest():
    assert Manifest.from_content(seal("checkpoint", PLAIN, FACTS)).lanes == (5, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", -1), ("seq", True), ("seq", "1"), ("lanes", {}), ("lanes", [1]), ("lanes", ["-1"]),
        ("size", 1.5), ("state", None), ("time", float("inf")), ("time", "x"), ("parts", ["0"]),
        ("parts", None), ("before", None), ("before", "9" * 30), ("database", 5),
    ],
)  # fmt: skip
def test_a_sealed_text_that_nobody_wrote_is_no_manifest(field, value):
    assert Manifest.from_content(seal("checkpoint", PLAIN, FACTS | {field: value})) is None
    lacking = {name: fact for name, fact in FACTS.items() if name != field}
    assert Manifest.from_content(seal("checkpoint", PLAIN, lacking)) is None


def test_a_later_format_is_called_that():
    with pytest.raises(LaterFormat, match="a checkpoint of format 2"):
        Manifest.from_content(seal("checkpoint", PLAIN, FACTS).replace('":1,', '":2,', 1))


# Packing


def manifest_for(packed, size, **facts):
    given = {
        "database": "abcdefgh", "generation": 1, "seq": 1, "chain": "c", "state": "s",
        "size": size, "packed": len(packed), "hash": hash_of_packed(packed), "records": 1,
        "lanes": (1,), "before": 0, "writer": "w", "time": 0.0,
    }  # fmt: skip
    return Manifest(**given | facts)


@given(st.lists(st.binary(max_size=300)), st.integers(1, 50))
def test_what_was_packed_is_unpacked(chunks, step):
    lines = b"".join(chunks)
    packed = pack(chunks)
    assert b"".join(unpack(packed, manifest_for(packed, len(lines)))) == lines
    for wrong in (len(lines) + step, max(0, len(lines) - step)):
        if wrong != len(lines):
            with pytest.raises(NotTheState):
                list(unpack(packed, manifest_for(packed, wrong)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-9],
        lambda packed: packed + b"x",
        lambda packed: packed + packed,
        lambda packed: packed[:20] + b"\0\0" + packed[22:],
        lambda _: b"",
        lambda _: b"no gzip at all",
    ],
)
@pytest.mark.parametrize("lines", [b"a line\n" * 50, bytes(range(256)) * 40_000])
def test_other_bytes_are_refused(spoil, lines):
    packed = spoil(pack([lines]))
    with pytest.raises(NotTheState):
        list(unpack(packed, manifest_for(packed, len(lines))))


def test_no_more_is_unpacked_than_the_manifest_says():
    packed = gzip.compress(b"\0" * 500_000_000, 1)
    chunks = unpack(packed, manifest_for(packed, 1_000_000))
    with pytest.raises(NotTheState):
        next(chunks)


# Stored


@pytest.fixture
def place(make_world, join):
    """A world, a process in it, and its checkpoints."""

    def made(faults=CALM, limits=SMALL, seed=1):
        world = make_world(seed)
        process, engine = join(world)
        world.faults = faults
        store = CheckpointStore(process.seam, engine.superblock, limits)
        return Place(world, process, engine.superblock, store)

    return made


@dataclasses.dataclass
class Place:
    world: World
    process: Process
    superblock: Superblock
    store: CheckpointStore

    def manifest(self, packed, **facts):
        whose = {"database": self.superblock.database, "lanes": (1,) * len(self.superblock.lanes)}
        return manifest_for(packed, len(packed), **whose | facts)

    def write(self, packed, **facts):
        return self.run(self.store.write(self.manifest(packed, **facts), packed))

    def list(self):
        return self.run(self.store.list())

    def listed(self):
        return [each.message.id for each in self.list().stored]

    def run(self, work):
        return self.world.run_in(self.process, work)

    def messages(self):
        return self.world.messages[self.superblock.checkpoints]


@pytest.mark.parametrize(("size", "messages"), [(0, 1), (1, 1), (200, 1), (201, 2), (950, 5)])
def test_a_checkpoint_is_read_as_it_was_written_in_as_many_messages_as_it_takes(
    place, size, messages
):
    here = place()
    packed = bytes(index % 251 for index in range(size))
    written = here.write(packed)
    assert len(here.messages()) == messages
    assert here.listed() == [written.message.id]
    assert here.run(here.store.read(written)) == packed


@pytest.mark.parametrize("seed", range(20))
def test_answers_that_are_lost_leave_one_checkpoint_and_no_doubled_part(place, seed):
    here = place(Faults(error_before=0.2, lost_answer=0.2), seed=seed)
    packed = bytes(range(250)) * 2
    written = here.write(packed)
    assert len(here.messages()) == 3
    assert here.run(here.store.read(written)) == packed


def test_urls_that_have_expired_are_renewed(place):
    here = place(Faults(url_lifetime=5.0))
    packed = bytes(range(250)) * 2
    written = here.write(packed)
    here.world.pass_time(10)
    assert here.run(here.store.read(written)) == packed


def test_what_no_message_can_name_is_not_written(place):
    here = place(limits=Limits(inline=1_900, attachment=1, message=1, files=1))
    with pytest.raises(TooLarge, match="200 bytes"):
        here.write(bytes(200))
    assert not here.messages()


def test_the_newest_position_comes_first_and_of_one_position_the_older_message(place):
    here = place()
    written = [here.write(b"x", seq=seq) for seq in (5, 9, 7, 9)]
    assert here.listed() == [written[number].message.id for number in (1, 3, 2, 0)]


def test_what_is_not_this_databases_own_does_not_count_and_is_told(place):
    here = place()
    world, channel = here.world, here.superblock.checkpoints
    sound = here.write(b"x")
    content = sound.manifest.to_content()
    world.post(channel, content, (), "forged", author=BOT + 1)
    world.post(channel, here.manifest(b"x", database="zzzzzzzz").to_content(), (), "other")
    world.post(channel, here.manifest(b"x", generation=2).to_content(), (), "generation")
    world.post(channel, here.manifest(b"x", lanes=(1,)).to_content(), (), "lanes")
    world.post(channel, content.replace('"checkpoint":1', '"checkpoint":7'), (), "later")
    world.post(channel, content.replace('"records":1', '"records":2'), (), "altered")
    world.post(channel, "Hello!", (), "chat", author=BOT + 1)
    listing = here.list()
    assert [each.message.id for each in listing.stored] == [sound.message.id]
    reasons = [reason for _, reason in listing.ignored]
    other = "it is of another database, or another generation"
    assert reasons == [
        "it is by somebody else", other, other, other,
        "it is a checkpoint of format 7", "its text was altered",
    ]  # fmt: skip


@pytest.mark.parametrize("part", [0, 1, -1])
def test_a_part_that_is_deleted_or_altered_is_noticed(place, part):
    here = place()
    packed = bytes(range(250)) * 2
    written = here.write(packed)
    message = [*written.manifest.parts, written.message.id][part]
    stored = here.messages()[message]
    stored.files = (stored.files[0][:-1] + b"!", *stored.files[1:])
    with pytest.raises(CheckpointDamaged, match="not those that were written"):
        here.run(here.store.read(written))
    here.world.delete(here.superblock.checkpoints, message)
    with pytest.raises(CheckpointDamaged, match="gone"):
        here.run(here.store.read(written))


def test_all_but_the_two_newest_are_removed_when_they_are_old(place):
    here = place()
    _, _, third = (here.write(bytes(350), seq=seq) for seq in (1, 2, 3))
    here.run(here.store.tidy(here.list(), third))
    assert len(here.messages()) == 6
    here.world.pass_time(AGE_SECONDS)
    here.world.post(here.superblock.checkpoints, part_content("left", 0), (), "orphan")
    fourth = here.write(bytes(350), seq=4)
    calls = here.process.calls["delete_message"]
    here.run(here.store.tidy(here.list(), fourth))
    assert here.listed() == [fourth.message.id, third.message.id]
    assert here.process.calls["delete_message"] - calls == 4
    assert len(here.messages()) == 5  # the orphan may still become a checkpoint's
    here.world.pass_time(AGE_SECONDS)
    fifth = here.write(b"x", seq=5)
    here.run(here.store.tidy(here.list(), fifth))
    assert here.listed() == [fifth.message.id, fourth.message.id]
    assert len(here.messages()) == 3


def test_what_is_not_known_is_never_removed(place):
    here = place()
    channel = here.superblock.checkpoints
    for number in (1, 2, 3):
        content = here.manifest(b"x", seq=number).to_content()
        here.world.post(
            channel, content.replace('"checkpoint":1', '"checkpoint":2'), (), f"later {number}"
        )
        here.world.post(channel, content, (), f"forged {number}", author=BOT + 1)
    here.world.pass_time(AGE_SECONDS)
    newest = here.write(b"x", seq=9)
    here.run(here.store.tidy(here.list(), newest))
    assert len(here.messages()) == 7
