"""docs/format.md says what is so: its example, its keys, its fields and its numbers."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from discobase.engine import keys
from discobase.engine.checkpoints.store import AGE_SECONDS, KEPT
from discobase.engine.generations.watch import LIFTED_AFTER
from discobase.engine.log import frame, last_look, leftovers
from discobase.engine.log.authors import Predecessor
from discobase.engine.log.catalogs import GIVEN_UP, ticket_given_up
from discobase.engine.log.creation import LANES
from discobase.engine.log.sealing import derivation
from discobase.engine.operations import (
    Constrain,
    Declare,
    Delete,
    FieldSchema,
    Introduce,
    Keys,
    Loaded,
    Missing,
    Names,
    Put,
    Release,
    Require,
    Seal,
    to_line,
)
from discobase.engine.replica import requests, writers
from discobase.engine.replica.positions import RECENT
from discobase.engine.server.seam import SETTLING
from tests.format import decrypting, reader
from tests.format import example as made
from tests.format.reader import find, key_of, open_database

TEXT = made.PAGE.read_text()


class OfPage:
    """The messages of the example, as the page shows them."""

    bot, server = made.BOT, 0

    def __init__(self) -> None:
        shown = made.on_page()
        # One second of ids is more than lies between these: all of the log is read again.
        self.files = {"file": made.packed(f"{shown['state']}\n".encode())}
        said = [
            (made.CATALOG, made.SUPERBLOCK, "superblock"),
            *((self.lane(seq), made.FRAMES[name], name) for seq, name in self.order()),
            (self.lane(2), made.LATE, "late"),
            (made.CHECKPOINTS, made.CHECKPOINT, "checkpoint"),
        ]
        self.held = [(channel, self.raw(id_, shown[name], name)) for channel, id_, name in said]

    def order(self):
        return enumerate(made.FRAMES, 1)

    def lane(self, seq):
        return made.LANES[seq % 4]

    def raw(self, identity, content, name) -> dict[str, Any]:
        files = [{"url": "file"}] if name == "checkpoint" else []
        author = {"id": str(self.bot)}
        return {"id": str(identity), "author": author, "content": content, "attachments": files}

    def channels(self):
        topic = f"discobase database {self.bot}/k3v9x0qa catalog"
        return [{"id": str(made.CATALOG), "topic": topic}]

    def messages(self, channel, after=0):
        found = [message for place, message in self.held if place == channel]
        return sorted(
            (each for each in found if int(each["id"]) > after), key=lambda each: int(each["id"])
        )

    def message(self, channel, message):
        return None

    def attachment(self, url):
        return self.files[url]


class TestTheExample:
    def test_is_what_the_code_makes(self):
        assert made.on_page() == made.example(), "python -m tests.format.example"
        found = made.TABLE.search(TEXT)
        assert found
        assert found[2] == made.key_rows(), "python -m tests.format.example"

    def test_is_read_from_the_page_whole_and_from_its_checkpoint(self):
        end = made.on_page()["end"]
        assert open_database(OfPage(), whole=True).hash() == end
        from_checkpoint = OfPage()
        first = made.FRAMES["first"]
        from_checkpoint.held = [
            each for each in from_checkpoint.held if each[1]["id"] != str(first)
        ]
        assert open_database(from_checkpoint).hash() == end

    def test_that_is_encrypted_is_read_from_the_page(self):
        shown = made.on_page()
        source = OfPage()
        frame = (
            source.lane(1),
            source.raw(made.FRAMES["first"], shown["encrypted_frame"], "first"),
        )
        block = (
            made.CATALOG,
            source.raw(made.SUPERBLOCK, shown["encrypted_superblock"], "superblock"),
        )
        source.held = [block, frame]
        state = decrypting.open_database(source, bytes(range(32)))
        (record,) = state.tables["City"].records.values()
        assert (state.seq, record.data) == (1, '{"name":"Paris"}')
        said = {"salt": bytes(range(16)).hex(), "scrypt": [16384, 8, 1]}
        root = decrypting.root_of(said, "correct horse battery staple")
        assert decrypting.Encrypted(root, "k3v9x0qa", 1).check == shown["encrypted_check"]

    def test_has_the_nonces_that_the_page_tells(self):
        block = find(OfPage())
        assert "`k3v9x0qa1.7` for position 7" in TEXT
        assert block.nonce(7) == made.superblock().nonce_of(7) == "k3v9x0qa1.7"


texts = st.text(max_size=12) | st.sampled_from(
    ["2026-07-01T12:00:00Z", "12:30:00", "P1Y2DT3H", "PT4.5S", "1E-7", "-0", "NaN", "::1%a", "a/b"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


class TestKeys:
    @given(kind=st.sampled_from(sorted(keys.KINDS - {"together"})), value=values)
    @example(kind="plain", value=5e-324)
    @example(kind="decimal", value="1_0")
    def test_are_those_of_the_code(self, kind, value):
        assert key_of(kind, value) == keys.key(kind, value)

    def test_have_the_kinds_that_the_page_names(self):
        table = TEXT.split("| KIND | a string of this form | key |")[1].split("\n\n")[0]
        named = set(re.findall(r"^\| `(\w+)` ", table, re.MULTILINE))
        assert named | {"plain", "opaque", "together"} == keys.KINDS


def fields_in(section: str) -> list[str]:
    """The fields that the first table of a section names."""
    text = re.split(rf"^##+ {re.escape(section)}\n", TEXT, flags=re.MULTILINE)[1]
    table = text.split("| field | |\n")[1].split("\n\n")[0]
    cells = re.findall(r"^\| (`[^|]*`) \|", table, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


class TestFields:
    def test_of_a_header(self):
        header = list(json.loads(made.on_page()["first"].splitlines()[1]))
        assert [name for name in fields_in("A frame") if name != "behind"] == header

    def test_of_a_superblock(self):
        held = json.loads(made.superblock().to_content().removeprefix("```json\n")[:-4])["is"]
        more = json.loads(made.on_page()["encrypted_superblock"].removeprefix("```json\n")[:-4])
        assert list(more["is"]) == [*held, "encryption"]
        assert fields_in("Encryption") == list(more["is"]["encryption"])
        before = (Predecessor(5, 3, "0" * 32),)
        content = replace(made.superblock(), predecessors=before).to_content()
        several = json.loads(content.removeprefix("```json\n")[:-4])["is"]
        assert fields_in("Several bots") == list(several["authors"][0])
        assert fields_in("The superblock") == [*held, "encryption", "authors"]

    def test_of_a_checkpoint(self):
        held = json.loads(made.on_page()["checkpoint"].removeprefix("```json\n")[:-4])["is"]
        assert sorted(fields_in("Checkpoints")) == sorted(held)

    def test_the_operations_are_those_that_are_written(self):
        kind = FieldSchema("plain", "p")
        operations = [
            Put("T", 1, "{}"),
            Put("T", 1, "{}", 1),
            Delete("T", 1),
            Declare("T", "{}", 1),
            Declare("T", "{}"),
            Keys("T", "f", kind, ((1, "k"),), Loaded(0, 1, 1)),
            Constrain("T", "f", 1),
            Release("T", "f"),
            Names("k"),
            Names("k", 1),
            Introduce("w", "l"),
            Require("2.0"),
            Seal(2, "t", 1, 2, (3, 4)),
            Missing(1),
        ]
        table = TEXT.split("| operation | |\n")[1].split("\n\n")[0]
        shown = re.findall(r'`\["([a-z]+\??)",', table)
        assert shown == [json.loads(to_line(operation))[0] for operation in operations]


def test_the_word_that_a_creation_was_given_up_is_that_of_the_code():
    assert f"    {GIVEN_UP}\n" in TEXT
    assert reader.GIVEN_UP == GIVEN_UP


def test_the_word_that_a_generation_was_given_up_is_that_of_the_code():
    assert f"    {ticket_given_up('TICKET')}\n" in TEXT
    found = reader.TICKET_GIVEN_UP.fullmatch(ticket_given_up("t1"))
    assert found is not None
    assert found[1] == "t1"


def test_the_numbers_are_those_of_the_code():
    told = {
        "after 20 seconds whoever waits": LIFTED_AFTER == 20,
        "discobase makes four": LANES == 4,
        "67,108,864 (64 MiB)": frame.UNPACKED == 67_108_864,
        "10,000 are forgotten": requests.KEPT == 10_000,
        "The 1,000 newest are kept": writers.KEPT == 1_000,
        "the last 1,024 positions": RECENT == 1_024,
        "Within 60 seconds": last_look.TRUST == 60,
        "discobase makes it inline up to\n   1,900": frame.Limits().inline == 1_900,
        "at most ten files of, by default, 10 MiB": frame.Limits().attachment == 10 << 20,
        "within the last 3 seconds": SETTLING == 3,
        "keeps the two newest checkpoints": KEPT == 2,
        "discobase writes 65536, 8 and 2": derivation.USUAL_COSTS == (65536, 8, 2),
        "when they are ten minutes old": AGE_SECONDS == leftovers.YOUTH == 600,
    }
    assert [words for words, holds in told.items() if not holds or words not in TEXT] == []
