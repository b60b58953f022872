"""What discobase writes, a reader by docs/format.md reads, over HTTP, to the same state."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import StringConstraints

from discobase import Database, Index, Table, Unique
from discobase.errors import UniqueViolation
from discobase.local import LocalDiscord
from tests.format.reader import (
    Damaged,
    DiscordApi,
    LaterFormat,
    State,
    find,
    hash_of,
    open_database,
)
from tests.formats.kept import WRITTEN, kept_by, scrypt_once
from tests.formats.specimens import later
from tests.local.rest import Rest

pytestmark = pytest.mark.one_python

READER = Path(__file__).with_name("reader.py")
SMALL_FILES = 1_000
"""Bytes of a file, so that commits have several, and a checkpoint several messages."""


@pytest.fixture
def discord():
    with LocalDiscord() as running:
        running.join("Shop")
        yield running


def source_of(discord, server="Shop"):
    return DiscordApi(discord.api_url, discord.default_token, server)


def connected(discord, database):
    return database.conn(discord.default_token, api_url=discord.api_url)


def shop():
    database = Database("Shop", attachment_limit=SMALL_FILES)

    @database.table
    class Item(Table):
        name: Annotated[str, Unique()]
        price: Annotated[Decimal, Index()] = Decimal(0)

    return database, Item


def second_shop():
    """The table as another program has it: names are alike in capitals and without."""
    database = Database("Shop", attachment_limit=SMALL_FILES)

    @database.table
    class Item(Table):
        name: Annotated[str, Unique(), StringConstraints(to_lower=True)]
        price: Annotated[Decimal, Index(), Unique()] = Decimal(0)
        note: str = ""

    return database, Item


def verified(discord, database) -> tuple[int, str]:
    """The position, and the hash of the state, by discobase itself."""
    report = database.verify()
    assert report.sound, report
    return report.position, report.state


def told(state: State) -> tuple[int, str]:
    return state.seq, state.hash()


def assert_read(discord, database, server="Shop"):
    """The reader comes to what discobase has, with checkpoints and without."""
    expected = verified(discord, database)
    assert told(open_database(source_of(discord, server), whole=True)) == expected
    assert told(open_database(source_of(discord, server))) == expected


def noise(size: int) -> str:
    return base64.b64encode(os.urandom(size)).decode()


class TestWhatDiscobaseWrites:
    def test_is_read_to_the_hash_that_verify_reports(self, discord):
        database, item = shop()
        with connected(discord, database):
            item(name="Tea", price=Decimal("1.50")).save()
            jam = item(name="Jam").save()
            jam.price = Decimal(3)
            jam.save()
            item(name="gone").save().delete()
            with pytest.raises(UniqueViolation):
                item(name="Tea").save()
            item.save_many(item(name=f"No. {number}") for number in range(500))
            item(name=noise(3_000)).save()
            database.require_version("2.0")
            assert_read(discord, database)

    def test_the_schemas_of_two_programs_and_dropped_constraints(self, discord):
        first, item = shop()
        second, other = second_shop()
        with connected(discord, first), connected(discord, second):
            item(name="Tea", price=Decimal(1)).save()
            item(name="Jam", price=Decimal(2)).save()
            other(name="BREAD", price=Decimal(3)).save()
            tea = other.find(name="tea")[0]
            tea.note = "another class has put it, and its name is as it was"
            tea.save()
            with pytest.raises(UniqueViolation):
                other(name="JAM", price=Decimal(4)).save()
            assert_read(discord, second)
            second.drop_unique("Item", "price")
            first.refresh()
            jam = item.find(name="Jam")[0]
            jam.price = Decimal("1.0")
            jam.save()
            second.refresh()
            assert_read(discord, second)

    def test_a_checkpoint_of_several_messages_and_what_was_written_above_it(self, discord):
        database, item = shop()
        with connected(discord, database):
            for _ in range(8):
                item(name=noise(4_000)).save()
            database.checkpoint()
            item(name="above").save()
            item.find(name="above")[0].delete()
            checkpoint, *parts = _checkpoints(discord)
            assert len(checkpoint["is"]["parts"]) == len(parts) > 2
            assert_read(discord, database)

    def test_a_later_generation_and_what_it_carries_on(self, discord):
        database, item = shop()
        with connected(discord, database):
            for number in range(3):
                item(name=f"No. {number}").save()
            item.find(name="No. 1")[0].delete()
            database.vacuum(lanes=3)
            assert_read(discord, database)
            item(name=noise(3_000)).save()
            database.checkpoint()
            item(name="above").save()
            assert_read(discord, database)
            database.vacuum()
            item(name="last").save()
            assert_read(discord, database)

    def test_by_a_command_that_needs_nothing_but_python(self, discord):
        database, item = shop()
        with connected(discord, database):
            item(name="Tea").save()
            position, state = verified(discord, database)
        ran = subprocess.run(
            [sys.executable, "-I", "-S", str(READER), discord.api_url, "Shop", "--lines"],
            env={"TOKEN": discord.default_token},
            capture_output=True,
            text=True,
            check=True,
        )
        *lines, said = ran.stdout.splitlines()
        found = json.loads(said)
        assert (found["position"], found["state"], found["records"]) == (position, state, 1)
        assert '[1,1,1,{"name":"Tea","price":"0"}]' in lines


def test_the_reader_knows_nothing_of_discobase():
    text = READER.read_text()
    assert "import discobase" not in text
    assert "from discobase" not in text


def _checkpoints(discord):
    """The checkpoints, and the parts, as they stand in the channel: the newest first."""
    (server,) = discord.servers()
    channels = {name: channel for channel, name in discord.channels(server).items()}
    texts = [each["content"] for each in discord.messages(channels["checkpoints"])]
    return [json.loads(text.removeprefix("```json\n").removesuffix("\n```")) for text in texts][
        ::-1
    ]


@pytest.mark.parametrize("version", WRITTEN)
def test_what_earlier_versions_have_written_is_read_and_so_is_what_is_written_on(
    version, tmp_path, monkeypatch
):
    """In these there are doubled positions, void frames, strangers' messages, renamed channels,
    and commits that are inline, one file or several.
    """
    monkeypatch.setattr(hashlib, "scrypt", scrypt_once)
    with kept_by(version, tmp_path / "discord.sqlite") as kept:
        untouched = kept.read()
        database, tables, connected = kept.open(later)
        with connected:
            assert told(untouched) == verified(kept.discord, database)
            tables.author(name="new", email="new@example.org").save()
            tables.book(title="new", isbn="3", price=1).save()
            database.checkpoint()
            tables.author.find(name="new")[0].delete()
            expected = verified(kept.discord, database)
            assert told(kept.read(whole=True)) == expected
            assert told(kept.read()) == expected


class TestWhatIsNotAsItShouldBe:
    @pytest.fixture
    def rest(self, discord):
        return Rest(discord.api_url, discord.default_token)

    @pytest.fixture
    def kept(self, discord):
        """A database of six commits, the second of them a file."""
        database, item = shop()
        with connected(discord, database):
            for number in range(1, 7):
                item(name=noise(2_500) if number == 2 else f"No. {number}").save()
        return open_database(source_of(discord))

    def frame(self, discord, seq):
        block = find(source_of(discord))
        for message in discord.messages(block.lanes[seq % 4]):
            header = json.loads(message["content"].splitlines()[1])
            if header["seq"] == seq:
                return block.lanes[seq % 4], message
        raise AssertionError(f"nothing at position {seq}")

    def write(self, discord, rest, channel, content):
        answer = rest("POST", f"/channels/{channel}/messages", {"content": content})
        assert answer.status == 200

    def altered(self, content, **fields):
        fence, header, *rest = content.split("\n")
        changed = json.dumps(json.loads(header) | fields, separators=(",", ":"))
        return "\n".join([fence, changed, *rest])

    def test_a_second_frame_at_a_position_does_not_count(self, discord, rest, kept):
        lane, third = self.frame(discord, 3)
        self.write(discord, rest, lane, self.altered(third["content"], writer="second"))
        assert told(open_database(source_of(discord))) == told(kept)

    def test_nor_does_one_behind_another_that_lost(self, discord, rest, kept):
        lane, third = self.frame(discord, 3)
        content = self.altered(third["content"], seq=7, prev="f" * 32, behind=1)
        self.write(discord, rest, lane, content)
        state = open_database(source_of(discord))
        assert (state.seq, state.chain) == (7, kept.chain)

    def test_nor_do_the_last_ones_that_go_on_from_nothing(self, discord, rest, kept):
        _, third = self.frame(discord, 3)
        for seq in (7, 8):
            lane, _ = self.frame(discord, seq - 4)
            self.write(discord, rest, lane, self.altered(third["content"], seq=seq, prev="f" * 32))
        state = open_database(source_of(discord))
        assert (state.seq, state.chain) == (8, kept.chain)

    def test_messages_of_others_and_frames_outside_their_lane_are_passed_over(
        self, discord, rest, kept
    ):
        lane, third = self.frame(discord, 3)
        other, _ = self.frame(discord, 4)
        discord.post_message(lane, self.altered(third["content"], seq=7, prev=kept.chain))
        self.write(discord, rest, other, self.altered(third["content"], seq=7, prev=kept.chain))
        self.write(discord, rest, lane, '```json\n{"discobase":1,"seq":7}\n```')
        self.write(discord, rest, lane, "hello")
        assert told(open_database(source_of(discord))) == told(kept)

    def test_an_altered_frame_is_damage(self, discord, kept):
        lane, third = self.frame(discord, 3)
        discord.edit_message(lane, int(third["id"]), third["content"].replace("No. 3", "No. 4"))
        with pytest.raises(Damaged, match="position 3"):
            open_database(source_of(discord))

    def test_so_is_one_that_was_deleted_until_a_checkpoint_is_above_it(self, discord, kept):
        lane, third = self.frame(discord, 3)
        database, _ = shop()
        with connected(discord, database):
            discord.delete_message(lane, int(third["id"]))
            database.checkpoint()
        with pytest.raises(Damaged, match="position 3 is missing"):
            open_database(source_of(discord), whole=True)
        assert told(open_database(source_of(discord))) == told(kept)

    def test_a_checkpoint_that_was_altered_is_passed_over(self, discord, kept):
        database, item = shop()
        with connected(discord, database):
            database.checkpoint()
            item(name="above").save()
        block = find(source_of(discord))
        (checkpoint,) = discord.messages(block.checkpoints)
        expected = told(open_database(source_of(discord)))
        for content in (
            checkpoint["content"].replace('"seq":6', '"seq":5'),
            checkpoint["content"].replace('"checkpoint":1', '"checkpoint":2'),
        ):
            discord.edit_message(block.checkpoints, int(checkpoint["id"]), content)
            assert told(open_database(source_of(discord))) == expected

    @pytest.mark.parametrize(
        "operation", ['["later","x"]', '["put","Item",7,1,{},{}]', '["put","Item", 7,1,{}]']
    )
    def test_an_operation_of_a_later_version_stops_the_reader(self, discord, rest, kept, operation):
        self.write(discord, rest, *self.following(discord, kept, operation))
        with pytest.raises(LaterFormat):
            open_database(source_of(discord))

    @pytest.mark.parametrize(
        "operation", ['["later?",{"any":"thing"}]', '["request?","key",-1]', '["writer?",1]']
    )
    def test_one_that_may_be_skipped_does_not(self, discord, rest, kept, operation):
        self.write(discord, rest, *self.following(discord, kept, operation))
        database, _ = shop()
        with connected(discord, database):
            assert_read(discord, database)

    def following(self, discord, kept, *operations):
        """The channel and the text of a frame that counts above all others."""
        seq, payload = kept.seq + 1, "\n".join(operations)
        header = {
            "discobase": 1,
            "seq": seq,
            "prev": kept.chain,
            "writer": "later",
            "time": 1.0,
            "ops": len(operations),
            "hash": hash_of(payload),
            "enc": "inline",
            "size": len(payload),
        }
        block = find(source_of(discord))
        line = json.dumps(header, separators=(",", ":"))
        return block.lanes[seq % 4], f"```json\n{line}\n{payload}\n```"

    @pytest.mark.parametrize(
        "operation",
        ["put", "[1]", '["unique","Item","name",9]', '["put","Item",9,1,{"name":"No. 1"}]'],
    )
    def test_a_commit_that_cannot_be_is_damage(self, discord, rest, kept, operation):
        self.write(discord, rest, *self.following(discord, kept, operation))
        with pytest.raises(Damaged):
            open_database(source_of(discord))

    @pytest.mark.parametrize("kind", ["discobase", "superblock"])
    def test_a_frame_or_superblock_of_a_later_format_stops_the_reader(
        self, discord, rest, kept, kind
    ):
        (server,) = discord.servers()
        channels = {name: channel for channel, name in discord.channels(server).items()}
        channel = channels["catalog" if kind == "superblock" else "log-3"]
        self.write(discord, rest, channel, f'```json\n{{"{kind}":9,"needs":"9.1"}}\n```')
        with pytest.raises(LaterFormat, match=r"9\.1"):
            open_database(source_of(discord))
