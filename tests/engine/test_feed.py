"""The feed in the simulation: when it posts, and what it makes of failures and of generations."""

from __future__ import annotations

import asyncio

import pytest

from discobase.engine.changes import Insert
from discobase.engine.server.permissions import Permission
from discobase.engine.server.seam import Uncertain
from discobase.engine.trouble import Trouble, Troubles
from discobase.feed import Feed, Posting
from discobase.progress import Gauge
from tests.engine.lasting import open_lasting, vacuum
from tests.engine.rows import row
from tests.engine.seam import OTHER, SHOP
from tests.engine.workload import put

EVERY = 5.0


class Feeding:
    """A process with a database and a feed."""

    def __init__(self, world, name="one", **settings):
        self.world = world
        self.told: list[Trouble] = []
        self.process = world.process(name)
        world.run_in(self.process, self._begin(settings))
        options = {"committed": self.posting.note, "troubles": self._troubles}
        self.engine = open_lasting(world, self.process, **options)
        world.run_in(self.process, self._go())

    async def _begin(self, settings):
        self._troubles = Troubles(self.told.append)
        self.posting = Posting(Feed("changes", **settings), self._troubles)

    async def _go(self):
        self.posting.begin(self.engine)

    def save(self, *tags, table="a"):
        for tag in tags:
            self.world.run_in(self.process, put(self.engine, Insert(table, row(tag))))

    def do(self, work):
        return self.world.run_in(self.process, work)

    def end(self):
        self.do(self.engine.close())
        self.do(self.posting.end(posts=True))


def feeds(world, server=SHOP):
    """The channels of that name in a server."""
    return [each.id for each in world.channels_of(server) if each.name == "changes"]


def posted(world, server=SHOP):
    """The lines of each message of the feed's channel."""
    (channel,) = feeds(world, server)
    return [
        stored.message.content.splitlines()[1:-1] for stored in world.messages[channel].values()
    ]


@pytest.fixture
def world(make_world):
    """A calm one."""
    return make_world()


@pytest.fixture
def one(world):
    return Feeding(world)


def test_what_is_written_together_is_posted_together(world, one):
    one.save("x", "y")
    assert feeds(world) == []
    world.pass_time(EVERY + 1)
    assert posted(world) == [["#1 a 1 saved", "#2 a 2 saved"]]
    one.save("z")
    world.pass_time(EVERY - 1)
    assert len(posted(world)) == 1
    world.pass_time(2)
    assert posted(world)[1:] == [["#3 a 3 saved"]]


def test_there_is_one_message_in_five_seconds_however_much_is_written(world, one):
    for _ in range(40):
        one.save("x")
        world.pass_time(0.5)
    world.pass_time(EVERY + 1)
    assert 2 <= len(posted(world)) <= 1 + (world.time // EVERY)
    assert [line for lines in posted(world) for line in lines] == [
        f"#{number} a {number} saved" for number in range(1, 41)
    ]


def test_it_finds_its_channel_and_costs_a_call_a_message_from_then_on(world, one):
    one.save("x")
    world.pass_time(EVERY + 1)
    before = sum(one.process.calls.values())
    one.save("y")
    world.pass_time(EVERY + 1)
    assert sum(one.process.calls.values()) - before == 2  # the commit, and the message


def test_each_process_posts_what_it_has_written_itself_in_one_channel(world, one):
    other = Feeding(world, "other")
    one.save("x")
    other.save("y")
    world.pass_time(EVERY + 1)
    assert sorted(posted(world)) == [["#1 a 1 saved"], ["#2 a 2 saved"]]


def test_of_two_who_want_one_position_each_posts_what_it_has_written(world, one):
    other = Feeding(world, "other")
    tasks = [
        each.process.loop.create_task(put(each.engine, Insert("a", row("x"))))
        for _ in range(8)
        for each in (one, other)
    ]
    world.run(lambda: all(task.done() for task in tasks))
    world.pass_time(2 * EVERY)
    lines = [line for lines in posted(world) for line in lines]
    assert sorted(int(line.split()[2]) for line in lines) == list(range(1, 17))


def test_programs_that_make_the_channel_at_the_same_moment_end_with_one(world, one):
    other = Feeding(world, "other")
    create = other.process.seam.create_channel

    async def late(*given, **options):
        await other.process.seam.sleep(2)
        return await create(*given, **options)

    other.process.seam.create_channel = late
    other.save("x")
    one.save("y")
    world.pass_time(EVERY + 4)
    assert other.process.calls["create_channel"] == 1
    assert posted(world) == [["#2 a 2 saved"], ["#1 a 1 saved"]]


def test_only_the_tables_that_were_asked_for(world):
    one = Feeding(world, tables=["b"])
    one.save("x")
    one.save("y", table="b")
    world.pass_time(EVERY + 1)
    assert posted(world) == [["#2 b 1 saved"]]


def test_an_orderly_end_posts_what_is_left(world, one):
    one.save("x")
    one.end()
    assert posted(world) == [["#1 a 1 saved"]]


def test_a_process_that_dies_leaves_it_unposted(world, one):
    one.save("x")
    one.process.kill()
    other = Feeding(world, "other")
    other.save("y")
    world.pass_time(EVERY + 1)
    assert posted(world) == [["#2 a 2 saved"]]


def test_where_nothing_can_be_posted_it_is_told_once_and_counted(world, one):
    one.save("x")
    world.pass_time(EVERY + 1)
    (channel,) = feeds(world)
    world.deny(channel, Permission.SEND_MESSAGES)
    for _ in range(10):
        one.save("y")
        world.pass_time(EVERY + 1)
    assert [(each.kind, each.over, each.writes_blocked) for each in one.told] == [
        ("feed", False, False)
    ]
    refusals = one.process.calls["send"]
    world.deny(channel, Permission(0))
    world.pass_time(120)
    assert one.told[-1].over
    (missed, *others) = posted(world)[1]
    assert missed.endswith("earlier changes are not shown")
    assert int(missed.split()[0]) + len(others) == 10
    assert refusals < 40


def test_a_message_without_an_answer_is_there_once(world, one):
    send = one.process.seam.send
    lost = []

    async def unanswered(channel, content, uploads, nonce, **options):
        found = await send(channel, content, uploads, nonce, **options)
        if nonce.startswith("feed") and len(lost) < 2:
            lost.append(nonce)
            raise Uncertain("no answer")
        return found

    one.process.seam.send = unanswered
    one.save("x")
    world.pass_time(EVERY + 3)
    assert len(lost) == 2
    assert posted(world) == [["#1 a 1 saved"]]
    assert one.told == []


def test_a_message_that_never_has_an_answer_is_given_up_and_the_next_one_comes(world, one):
    async def never(channel, content, uploads, nonce, **options):
        if nonce.startswith("feed"):
            raise Uncertain("no answer")
        return await send(channel, content, uploads, nonce, **options)

    send, one.process.seam.send = one.process.seam.send, never
    one.save("x")
    world.pass_time(EVERY + 10)
    assert [each.kind for each in one.told] == ["feed"]
    assert "may be missing" in one.told[0].text
    one.process.seam.send = send
    one.save("y")
    world.pass_time(70)
    assert posted(world) == [["#2 a 2 saved"]]


def test_a_feed_that_hangs_holds_up_neither_saves_nor_the_end(world, one):
    async def hang(channel, content, uploads, nonce, **options):
        if nonce.startswith("feed"):
            await asyncio.Event().wait()
        return await send(channel, content, uploads, nonce, **options)

    send, one.process.seam.send = one.process.seam.send, hang
    one.save("x")
    world.pass_time(EVERY + 1)
    began = world.time
    one.save(*map(str, range(10)))
    saved = world.time
    one.end()
    assert saved - began < 5
    assert world.time - saved < 4


def test_a_fault_in_the_feed_is_told_and_fails_no_save(world, one, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("discobase.feed.posting.post", fail)
    one.save("x")
    world.pass_time(EVERY + 1)
    one.save("y")
    assert [each.kind for each in one.told] == ["fault"]
    monkeypatch.undo()
    world.pass_time(70)
    assert posted(world) == [["#2 a 2 saved"]]


def test_a_channel_that_was_deleted_is_made_again(world, one):
    one.save("x")
    world.pass_time(EVERY + 1)
    (channel,) = feeds(world)
    world.remove_channel(channel)
    one.save("y")
    world.pass_time(EVERY + 1)
    assert posted(world) == [["#2 a 2 saved"]]
    assert one.told == []


def test_a_channel_that_is_there_is_taken_wherever_it_stands(world, one):
    chat = world.make_channel("chat", None, "")
    made = world.make_channel("changes", chat.id, "our own")
    one.save("x")
    world.pass_time(EVERY + 1)
    assert feeds(world) == [made.id]


def test_a_vacuum_leaves_the_channel_and_the_feed_goes_on(world, one):
    one.save("x")
    world.pass_time(EVERY + 1)
    before = feeds(world)
    one.do(vacuum(one.engine))
    one.save("y")
    world.pass_time(EVERY + 1)
    assert feeds(world) == before
    assert posted(world) == [["#1 a 1 saved"], ["#3 a 2 saved"]]
    assert one.told == []


def test_a_move_takes_the_feed_along_and_leaves_the_old_channel(world, one):
    one.save("x")
    world.pass_time(EVERY + 1)
    one.do(one.engine.move(OTHER, Gauge()))
    one.save("y")
    world.pass_time(EVERY + 1)
    assert posted(world) == [["#1 a 1 saved"]]
    assert posted(world, OTHER) == [["#3 a 2 saved"]]
    assert one.told == []
