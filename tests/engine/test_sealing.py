"""What is encrypted opens by its key, in its place, and nowhere else; nothing can be guessed."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discobase.engine.checkpoints.manifest import Manifest, part_content
from discobase.engine.log.frame import (
    COMPRESSION_LEVEL,
    GENESIS,
    Limits,
    Malformed,
    check_files,
    encode,
    read_header,
    read_operations,
    read_payload,
)
from discobase.engine.log.sealing import (
    Derivation,
    Encrypted,
    Encryption,
    Forged,
    Locked,
)
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import LaterFormat, Put, to_line
from discobase.errors import KeyNeeded, RecordTooLarge
from discobase.key import Key

ROOT = bytes(range(32))
SALT = bytes(16)
SMALL = Limits(inline=500, attachment=300, message=3_000)


def sealing(root=ROOT, database="abcdefgh", generation=1):
    return Encrypted(root, database, generation)


def frame(operations, *, seq=7, writer="w", limits=SMALL, by=None, chain=GENESIS):
    by = by or sealing()
    return encode(
        operations, seq=seq, chain=chain, writer=writer, time=1.5, limits=limits, sealing=by
    )


def opened(draft, by=None, content=None, files=None):
    by = by or sealing()
    content = content or draft.content
    header = read_header(content, by)
    assert header is not None
    files = [each.data for each in draft.uploads] if files is None else files
    check_files(header, map(len, files), by)
    return read_operations(header, read_payload(header, content, files, by))


def record(text, table="t", pk=1):
    return Put(table, pk, json.dumps({"n": text}))


texts = st.text(st.characters(codec="utf-8"), max_size=900)
puts = st.lists(
    st.builds(lambda pk, text: record(text, "secret table", pk), st.integers(1, 9), texts),
    max_size=4,
)


@given(puts)
def test_a_frame_comes_back_and_nobody_sees_what_it_says(operations):
    draft = frame(operations)
    assert opened(draft) == operations
    assert read_header(draft.content, sealing()) == draft.header
    said = [draft.content.encode(), *(each.data for each in draft.uploads)]
    assert not any(b"secret" in each or b'"put"' in each for each in said)
    assert all(each.name.endswith(".bin") for each in draft.uploads)


def test_it_is_inline_where_it_fits_and_hangs_on_it_in_files_where_not():
    limits = [len(frame([record("x" * n)]).uploads) for n in (1, 400, 2_000)]
    assert limits == [0, 1, 1]
    noise = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(12))
    assert len(frame([record(noise)]).uploads) > 1


def test_what_no_message_carries_any_more_for_its_tag_is_refused():
    operations = [record(hashlib.shake_256(b"x").hexdigest(900))]
    size = len(gzip.compress(to_line(operations[0]).encode(), COMPRESSION_LEVEL, mtime=0))
    fits = frame(operations, limits=Limits(inline=9, attachment=size + 16, message=size + 16))
    assert len(fits.uploads[0].data) == size + 16
    with pytest.raises(RecordTooLarge) as raised:
        frame(operations, limits=Limits(inline=9, attachment=size + 15, message=size + 15))
    assert (raised.value.size, raised.value.limit) == (size, size - 1)


@pytest.mark.parametrize(
    "other",
    [
        sealing(root=bytes(32)),
        sealing(database="abcdefgi"),
        sealing(generation=2),
    ],
    ids=["key", "database", "generation"],
)
@pytest.mark.parametrize("size", [1, 900])
def test_a_frame_opens_by_its_key_and_in_its_database_and_generation_alone(other, size):
    draft = frame([record("x" * size)])
    with pytest.raises(Malformed):
        opened(draft, other)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", 8),
        ("prev", "f" * 32),
        ("writer", "x"),
        ("time", 2.5),
        ("ops", 2),
        ("size", 1),
        ("needs", "2.1"),
        ("hash", "0" * 32),
    ],
)
@pytest.mark.parametrize("size", [1, 900])
def test_it_opens_beside_its_own_header_alone(field, value, size):
    draft = frame([Put("t", 1, json.dumps("x" * size), 1)])
    line = draft.content.split("\n")[1]
    altered = json.dumps(json.loads(line) | {field: value}, separators=(",", ":"))
    with pytest.raises(Malformed):
        opened(draft, content=draft.content.replace(line, altered))


def test_what_is_bound_to_a_place_does_not_open_for_another_by_the_right_hash():
    """As beside what else keeps it from there: what is associated is by itself enough."""
    by = sealing()
    closed = by.close("state", "7", "h", b"state")
    assert by.open("state", "7", "h", closed) == b"state"
    for kind, place in [("state", "8"), ("payload", "7")]:
        with pytest.raises(Forged):
            by.open(kind, place, "h", closed)


@given(st.data())
def test_one_byte_other_of_what_is_encrypted_is_noticed(data):
    draft = frame([record("x" * data.draw(st.sampled_from([1, 900])))])
    if not draft.uploads:
        head, kept = draft.content.removesuffix("\n```").rsplit("\n", 1)
        at = data.draw(st.integers(0, len(kept) - 1))
        character = data.draw(st.sampled_from("AQgw`é=\n"))
        altered = f"{head}\n{kept[:at]}{character}{kept[at + 1 :]}\n```"
        if altered == draft.content:
            return
        with pytest.raises(Malformed):
            opened(draft, content=altered)
        return
    (upload,) = draft.uploads
    at = data.draw(st.integers(0, len(upload.data) - 1))
    altered = bytearray(upload.data)
    altered[at] ^= 1 << data.draw(st.integers(0, 7))
    for files in ([bytes(altered)], [], [upload.data[:-1]]):
        with pytest.raises(Malformed):
            opened(draft, files=files)


def test_no_two_messages_have_one_key_and_a_frame_that_is_sent_again_is_the_same():
    """Two writers at one position, and one that is restored from a copy of its memory: it is at the
    same position, at the same moment, with the same randomness, and writes something else.
    """
    one = [Put("t", 1, '{"n":"a"}')]
    drafts = [
        frame(one),
        frame([Put("t", 1, '{"n":"b"}')]),
        frame(one, writer="x"),
        frame(one, seq=8),
        frame(one, chain="f" * 32),
        frame([]),
        frame([], seq=8),
    ]
    keys = {hash_in(draft) for draft in drafts}
    assert len(keys) == len(drafts)
    assert frame(one) == drafts[0]


def hash_in(draft):
    return json.loads(draft.content.split("\n")[1])["hash"]


def test_no_two_messages_are_encrypted_by_one_key():
    """Or of two of them the difference would be seen: that of nothing but zeros shows the key."""
    by = sealing()
    streams = {by.close(kind, "", hash_, bytes(32))[:32] for kind in KINDS for hash_ in ("a", "b")}
    assert len(streams) == 2 * len(KINDS)


KINDS = ("payload", "checkpoint", "part", "state")


def test_one_payload_that_is_packed_otherwise_has_another_key(monkeypatch):
    """By another build of zlib."""
    operations = [record("x" * 2_000)]
    before = frame(operations)
    monkeypatch.setattr("discobase.engine.log.frame.COMPRESSION_LEVEL", 1)
    after = frame(operations)
    assert before.uploads != after.uploads
    assert hash_in(before) != hash_in(after)


def test_nothing_can_be_guessed_from_a_hash():
    """Not what a commit says, nor that two say the same, nor what a chain is made of."""
    operations = [Put("t", 1, '{"n":"yes"}')]
    draft, again = frame(operations), frame(operations, seq=8)
    line = draft.content.split("\n")[1]
    payload = b'["put","t",1,{"n":"yes"}]'
    assert draft.header.payload_hash not in {
        hashlib.sha256(payload).hexdigest()[:32],
        again.header.payload_hash,
    }
    assert draft.header.hash != hashlib.sha256(line.encode()).hexdigest()[:32]
    others = [sealing(root=bytes(32)).hash(kind, b"x") for kind in ("frame", "state")]
    own = [sealing().hash(kind, b"x") for kind in ("frame", "state", "superblock")]
    assert len({*others, *own, hashlib.sha256(b"x").hexdigest()}) == 6


def test_a_frame_that_is_not_encrypted_is_none_in_a_log_that_is_and_the_other_way_round():
    plain = encode([], seq=7, chain=GENESIS, writer="w", time=1.5, limits=SMALL)
    with pytest.raises(Malformed):
        read_header(plain.content, sealing())
    with pytest.raises(LaterFormat):
        read_header(frame([]).content)
    later = frame([]).content.replace('{"discobase":2', '{"discobase":3,"needs":"9.1"')
    with pytest.raises(LaterFormat):
        read_header(later, sealing())


# Checkpoints


MANIFEST = Manifest(
    "abcdefgh", 1, 7, "c" * 32, "s" * 64, 5, 3, "h" * 64, 2, (5, 0), 0, "writer-1", 1.5
)


def test_a_manifest_and_a_part_come_back_and_say_nothing():
    content = MANIFEST.to_content(sealing())
    assert Manifest.from_content(content, sealing()) == MANIFEST
    assert not any(each in content for each in ("abcdefgh", "writer-1", "cccc", "ssss", '"seq"'))
    assert "ticket" not in part_content("ticket", 0, sealing())
    for other in (sealing(bytes(32)), sealing(generation=2)):
        assert Manifest.from_content(content, other) is None
    with pytest.raises(LaterFormat):
        Manifest.from_content(content)
    assert Manifest.from_content(MANIFEST.to_content(), sealing()) is None


@given(st.data())
def test_one_character_other_of_a_manifest_makes_it_none(data):
    content = MANIFEST.to_content(sealing())
    at = data.draw(st.integers(content.index('"hash"'), len(content) - 6))
    character = data.draw(st.sampled_from('Aa1"=\\}'))
    altered = content[:at] + character + content[at + 1 :]
    # The last character of base64 has bits that stand for nothing.
    assert Manifest.from_content(altered, sealing()) in {None, MANIFEST}


def test_a_part_is_no_manifest():
    content = MANIFEST.to_content(sealing()).replace('{"checkpoint"', '{"part"')
    assert '"part"' in content
    raw = json.loads(content.removeprefix("```json\n").removesuffix("\n```"))
    closed = sealing().from_json(raw["is"])
    with pytest.raises(Forged):
        sealing().open("part", "", raw["hash"], closed)


# Superblocks


def superblock(key=None, **changes):
    key = key or Key(ROOT)
    derivation = Derivation.new(key, SALT)
    by = Encrypted(derivation.root(key), "abcdefgh", 1)
    block = Superblock("abcdefgh", 1, 1, (2, 3), 4, 5.0, Encryption(derivation, by.check), by)
    return dataclasses.replace(block, **changes)


def test_a_superblock_is_authenticated_by_the_key():
    block = superblock()
    content = block.to_content()
    assert content.startswith('```json\n{"superblock":2,"needs":"2.0",')
    assert Superblock.from_content(content, block.sealing) == block
    assert block.stands_in(content)
    for before, after in [
        ('"2"', '"7"'),
        ('"generation":1', '"generation":2'),
        ('"salt":"0', '"salt":"1'),
    ]:
        assert before in content
        altered = content.replace(before, after)
        assert Superblock.from_content(altered, block.sealing) is None
        assert not block.stands_in(altered)


def test_one_that_was_signed_without_the_key_is_none():
    block = superblock()
    text = block.to_content().split('"is":')[1].removesuffix("}\n```")
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    forged = f'```json\n{{"superblock":2,"hash":"{digest}",\n"is":{text}}}\n```'
    assert Superblock.from_content(forged, block.sealing) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"superblock":2', '"superblock":0'),
        ('"superblock":2', '"superblock":"2"'),
        ('"cipher":"AES-256-GCM"', '"cipher":"ROT-13"'),
        ('"check":"', '"check":"\\ud800'),
        ('"salt":"', '"salt":"zz'),
        ('"salt":"00', '"salt":"'),
        ('"encryption":', '"decryption":'),
    ],
)
def test_what_no_superblock_says_is_none_before_its_key_is_known(before, after):
    content = superblock().to_content()
    assert before in content
    assert Superblock.from_content(content.replace(before, after)) is None


def test_without_the_key_it_is_locked_and_writes_nothing():
    block = Superblock.from_content(superblock().to_content())
    assert block == superblock()
    assert isinstance(block.sealing, Locked)
    for attempt in (
        block.to_content,
        lambda: frame([], by=block.sealing),
        lambda: MANIFEST.to_content(block.sealing),
        lambda: read_header(frame([]).content, block.sealing),
    ):
        with pytest.raises(KeyNeeded):
            attempt()


@pytest.mark.parametrize(
    "costs",
    [
        (1 << 25, 8, 1), (1 << 16, 64, 1), (1 << 16, 8, 1000), (1 << 13, 8, 1), (65_537, 8, 1),
        (1 << 16, 0, 1), (1 << 16, 8, 0), (1 << 16, -8, -1), (True, 8, 1), (1 << 16, 8.0, 1),
        (1 << 16, 8), "abc", 5, (1 << 4000, 8, 1),
    ],
)  # fmt: skip
def test_costs_of_scrypt_that_a_forged_superblock_names_are_not_paid(costs, monkeypatch):
    monkeypatch.setattr(hashlib, "scrypt", lambda *_, **__: pytest.fail("it was paid"))
    with pytest.raises((ValueError, TypeError)):
        Derivation.of_facts({"salt": SALT.hex(), "scrypt": costs})
    content = superblock().to_content()
    forged = content.replace('"scrypt":null', f'"scrypt":{json.dumps(costs)}')
    assert forged != content
    assert Superblock.from_content(forged) is None


def test_those_that_are_written_are_read():
    for given_key in (ROOT, "a passphrase"):
        derivation = Derivation.new(Key(given_key), SALT)
        assert Derivation.of_facts(json.loads(json.dumps(derivation.to_facts()))) == derivation


def test_the_keys_of_generations_and_salts_have_nothing_in_common():
    key = Key(ROOT)
    checks = {
        Encrypted(Derivation(bytes([salt]) * 16, None).root(key), database, generation).check
        for salt in (0, 1)
        for database in ("abcdefgh", "abcdefgi")
        for generation in (1, 2, 11)
    }
    assert len(checks) == 12


def test_the_root_is_that_of_rfc_5869_and_7914():
    """HKDF-Extract; scrypt by the parameters of the superblock, of the passphrase as it is
    composed.
    """
    assert Derivation(SALT, None).root(Key(ROOT)) == hmac.digest(SALT, ROOT, "sha256")
    costs = (1 << 14, 8, 1)
    composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"
    roots = {Derivation(SALT, costs).root(Key(text)) for text in (composed, decomposed)}
    master = hashlib.scrypt(composed.encode(), salt=SALT, n=1 << 14, r=8, p=1, dklen=32)
    assert roots == {hmac.digest(SALT, master, "sha256")}
