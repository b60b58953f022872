"""What opening a database costs, and that nothing is overlooked for the calls that it saves."""

from __future__ import annotations

from collections import Counter

import pytest

from discobase.engine.changes import Insert
from discobase.engine.checkpoints import keeper
from discobase.engine.log.frame import encode
from discobase.engine.operations import Put
from discobase.errors import UpgradeNeeded
from tests.engine.rows import row, rows_of
from tests.engine.simulation import CALM, Faults
from tests.engine.workload import LIMITS, put


def written(world, process, engine, count):
    for number in range(count):
        world.run_in(process, put(engine, Insert("a", row(str(number)))))


def cost(world, join, **options):
    """The calls of an opening to the moment it is ready, and what it has opened."""
    process, engine = join(world, "counted", **options)
    return Counter(process.calls), engine


@pytest.mark.parametrize(("commits", "pages"), [(0, 0), (1, 1), (3, 3), (9, 4)])
def test_a_lane_costs_a_call_where_it_holds_something_and_none_where_it_does_not(
    make_world, join, commits, pages
):
    world = make_world()
    written(world, *join(world), commits)
    calls, engine = cost(world, join)
    assert calls == {"channels": 1, "history": 1 + pages}
    assert engine.replica.head.seq == commits


@pytest.mark.parametrize(("in_a_lane", "pages"), [(99, 1), (100, 1), (101, 2), (200, 2)])
def test_a_lane_ends_at_its_last_id_without_an_empty_page(
    make_world, join, monkeypatch, in_a_lane, pages
):
    monkeypatch.setattr(keeper, "is_due", lambda *_: False)
    world = make_world()
    written(world, *join(world), 4 * in_a_lane)
    calls, engine = cost(world, join)
    assert calls == {"channels": 1, "history": 1 + 4 * pages}
    assert engine.replica.head.seq == 4 * in_a_lane


def test_a_session_that_begins_meanwhile_costs_one_call(make_world, join):
    world = make_world()
    written(world, *join(world), 9)
    calls, _ = cost(world, join, session=0.6)
    assert calls == {"channels": 2, "history": 5}


def test_what_is_written_between_the_list_and_the_begin_of_the_session_is_read(make_world, join):
    for tenths in range(1, 11):
        world = make_world(tenths)
        one, first = join(world)
        written(world, one, first, 5)
        saving = []
        world.after(
            tenths / 20,
            lambda one=one, first=first, saving=saving: saving.append(
                one.loop.create_task(put(first, Insert("a", row("between"))))
            ),
        )
        _, second = join(world, "two", session=0.6)
        world.run(lambda saving=saving: saving and saving[0].done())
        world.pass_time(2)
        assert rows_of(second) == rows_of(first)


def test_a_session_that_begins_before_there_is_an_engine_is_made_up_for(make_world, join):
    world = make_world()
    one, first = join(world)

    def written_before_it(seam):
        require_readable = seam.require_readable

        async def required(channel):
            seam.require_readable = require_readable
            one.loop.create_task(put(first, Insert("a", row("unheard"))))
            await seam.sleep(0.5)

        seam.require_readable = required  # what comes between the list and the lanes

    _, second = join(world, "two", written_before_it, session=0.4)
    assert rows_of(second) == ["unheard"]


def test_a_second_message_heard_of_meanwhile_is_not_built_on_where_nonces_are_not_enforced(
    make_world, join
):
    world = make_world(faults=Faults(nonce_window=None))
    one, first = join(world)
    world.run_in(one, put(first, Insert("a", row("before"))))
    lane = first.superblock.lane_of(2)

    def written_meanwhile(seam):
        require_readable = seam.require_readable

        async def required(channel):
            seam.require_readable = require_readable
            for tag, heard in (("counts", False), ("second", True)):
                world.faults = Faults(nonce_window=None, dropped_event=0.0 if heard else 1.0)
                frame = encode(
                    [Put("a", 2, row(tag))],
                    seq=2,
                    chain=first.replica.head.chain,
                    writer=tag,
                    time=0.0,
                    limits=LIMITS,
                )
                world.post(lane, frame.content, (), tag)
            await seam.sleep(0.1)

        seam.require_readable = required  # what comes between the list and the lanes

    two, second = join(world, "two", written_meanwhile)
    world.run_in(two, put(second, Insert("a", row("built"))))
    assert rows_of(second) == ["before", "counts", "built"]


def test_a_superblock_of_a_later_format_that_comes_meanwhile_is_seen(make_world, join):
    world = make_world()
    _, first = join(world)
    later = first.superblock.to_content().replace(
        '{"superblock":1,', '{"superblock":3,"needs":"9.0",'
    )

    def written_meanwhile(seam):
        require_readable = seam.require_readable

        async def required(channel):
            seam.require_readable = require_readable
            world.post(first.superblock.catalog, later, (), "later")

        seam.require_readable = required  # what comes between the catalog and the lanes

    with pytest.raises(UpgradeNeeded):
        join(world, "two", written_meanwhile, session=0.6)


def test_a_server_that_names_no_last_ids_is_read_to_its_end(make_world, join):
    world = make_world()
    written(world, *join(world), 9)
    world.lists_ends = False
    calls, engine = cost(world, join)
    assert rows_of(engine) == [str(number) for number in range(9)]
    # For all that the list tells, the database is of this moment: it is looked for twice.
    assert calls == {"channels": 2, "history": 2 * 2 + 1 + 4 * 2}


def test_who_writes_after_a_silence_looks_also_where_the_server_names_no_last_ids(make_world, join):
    world = make_world()
    world.lists_ends = False
    one, first = join(world)
    two, second = join(world, "two")
    world.faults = Faults(dropped_event=1.0)
    written(world, one, first, 5)
    world.pass_time(600)
    world.run_in(two, put(second, Insert("a", row("after"))))
    world.faults = CALM
    world.run_in(one, first.refresh())
    assert rows_of(second) == rows_of(first) == [*map(str, range(5)), "after"]


@pytest.mark.parametrize("commits", [1, 6])
def test_what_a_list_tells_late_is_lost_to_nobody(make_world, join, commits):
    world = make_world()
    one, first = join(world)
    world.faults = Faults(list_lag=1_000.0)
    written(world, one, first, commits)
    two, second = join(world, "two")
    world.run_in(two, put(second, Insert("a", row("mine"))))
    assert rows_of(second) == [*map(str, range(commits)), "mine"]
    world.run_in(one, first.refresh())
    assert rows_of(first) == rows_of(second)


def test_what_a_list_tells_late_is_shown_by_a_refresh(make_world, join):
    world = make_world()
    one, first = join(world)
    world.faults = Faults(list_lag=1_000.0)
    written(world, one, first, 3)
    two, second = join(world, "two")
    world.run_in(two, second.refresh())
    assert rows_of(second) == rows_of(first)


def test_a_newest_message_that_is_gone_costs_one_page_more_and_is_noticed(make_world, join):
    world = make_world()
    one, first = join(world)
    written(world, one, first, 8)
    one.kill()
    lane = first.superblock.lane_of(8)
    world.delete(lane, first.replica.positions.message_at(8))
    calls, second = cost(world, join)
    assert calls == {"channels": 1, "history": 1 + 4 + 1}
    assert [*second._log.ends.unexplained] == [lane]


def test_a_refresh_of_all_lanes_costs_a_list_and_a_page_each(make_world, join):
    world = make_world()
    process, engine = join(world)
    written(world, process, engine, 9)
    process.calls.clear()
    world.run_in(process, engine._refreshes.refresh(thoroughly=True))
    assert process.calls == {"channels": 1, "history": 4}
