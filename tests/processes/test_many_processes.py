"""Several processes on one server: nothing is lost, nothing is there twice, all see one chain."""

from __future__ import annotations

import signal
import sys
import time
from random import Random
from typing import Annotated

import pytest

from discobase import Database, Index, Table
from discobase.local import LocalDiscord
from tests.processes.conftest import (
    ServerProcess,
    Start,
    assert_acknowledged_once,
    place_of,
    stored,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these tests send POSIX signals")


@pytest.mark.parametrize("saves", [10, pytest.param(200, marks=pytest.mark.soak)])
def test_what_four_processes_with_eight_threads_save_is_there_exactly_once(
    start: Start, saves: int
) -> None:
    children = [start("save_in_threads.py", str(number), str(saves)) for number in range(4)]
    assert [child.line() for child in children] == ["ready"] * 4
    for child in children:
        child.say()
    assert [child.line() for child in children] == [str(8 * saves)] * 4
    for child in children:
        child.say()
    said = [child.end_well() for child in children]
    assert len({heads_chain for heads_chain, *_ in said}) == 1
    acknowledged = [line.split() for _, *lines in said for line in lines]
    assert len({pk for pk, _ in acknowledged}) == 32 * saves
    assert stored(start) == {name: 1 for _, name in acknowledged}


@pytest.mark.parametrize("pauses", [1, pytest.param(10, marks=pytest.mark.soak)])
def test_a_process_that_stood_still_loses_nothing_and_writes_nothing_twice(
    start: Start, pauses: int
) -> None:
    sleeper, other = (start("save_on.py", name, "1") for name in ("sleeper", "other"))
    acknowledged: list[str] = []
    for child in (sleeper, other):
        assert child.line() == "loaded"
        child.say()
        assert child.line() == "ready"
    for _ in range(pauses):
        acknowledged += [sleeper.line() for _ in range(20)]
        sleeper.signal(signal.SIGSTOP)
        acknowledged += [other.line() for _ in range(20)]
        time.sleep(2)
        acknowledged += [other.line() for _ in range(20)]
        sleeper.signal(signal.SIGCONT)
    for child in (sleeper, other):
        acknowledged += child.end_well()
    assert stored(start) == dict.fromkeys(acknowledged, 1)


@pytest.mark.parametrize("rounds", [2, pytest.param(30, marks=pytest.mark.soak)])
def test_a_server_that_is_killed_and_started_again_has_everything_and_its_clients_go_on(
    server_process: ServerProcess, start_on: Start, rounds: int
) -> None:
    def start(script: str, *arguments: str):
        return start_on(server_process.place, script, *arguments)

    children = [start("save_on.py", str(number), many) for number, many in enumerate("117")]
    for child in children:
        assert child.line() == "loaded"
        child.say()
        assert child.line() == "ready"
    acknowledged: list[str] = []
    for number in range(rounds):
        for child in children:
            acknowledged += [child.line() for _ in range(5 + 3 * number)]
        server_process.kill()
        server_process.start()
    for child in children:
        acknowledged += [child.line() for _ in range(20)]
        acknowledged += child.end_well()
    singles = [name for name in acknowledged if name[0] != "2"]
    sevens = [f"{name}.{part}" for name in acknowledged if name[0] == "2" for part in range(7)]
    assert stored(start) == dict.fromkeys(singles + sevens, 1)


class TestAProcessThatIsKilled:
    """``kill -9`` at any moment: what it had acknowledged is there, and nothing is half there."""

    @pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=pytest.mark.soak)])
    def test_while_it_saves_singly_loses_nothing(self, start: Start, rounds: int) -> None:
        acknowledged: list[str] = []
        for number in range(rounds):
            child = _saving(start, f"{number}", "1")
            time.sleep(0.013 * (number % 20))
            acknowledged += child.kill()
        assert_acknowledged_once(start, acknowledged)

    @pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=pytest.mark.soak)])
    def test_while_it_saves_many_leaves_all_or_none_of_them(
        self, start: Start, rounds: int
    ) -> None:
        many = 2000
        acknowledged: list[str] = []
        for number in range(rounds):
            child = _saving(start, f"{number}", str(many))
            time.sleep(0.037 * (number % 20))
            acknowledged += child.kill()
        found = stored(start)
        groups = {name.rpartition(".")[0] for name in found}
        assert set(acknowledged) <= groups
        assert found == {f"{group}.{part}": 1 for group in groups for part in range(many)}

    @pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=pytest.mark.soak)])
    def test_while_two_create_the_database_leaves_it_usable_for_the_other(
        self, start: Start, server: LocalDiscord, rounds: int
    ) -> None:
        server.set(latency=0.002)
        for number in range(rounds):
            server.join(f"shop-{number}")
        child = start("create_at_once.py", str(rounds))
        outcomes = [child.line().split(" ") for _ in range(rounds)]
        assert child.end_well() == []
        for code, acknowledged, found in outcomes:
            assert code == "0"
            assert {f"other.{number}" for number in range(4)} <= set(acknowledged.split(","))
            assert set(acknowledged.split(",")) <= set(found.split(","))
            assert len(found.split(",")) == len(set(found.split(",")))


def _saving(start: Start, name: str, many: str):
    child = start("save_on.py", name, many)
    assert child.line() == "loaded"
    child.say()
    assert child.line() == "ready"
    return child


@pytest.mark.parametrize("transfers", [40, pytest.param(1000, marks=pytest.mark.soak)])
def test_what_several_processes_ask_while_another_one_writes_is_of_one_moment(
    start: Start, server: LocalDiscord, transfers: int
) -> None:
    place = place_of(server)
    database, random = Database("shop"), Random(1)

    @database.table
    class Account(Table):
        points: Annotated[int, Index()]
        bonus: int = 0

    with database.conn(place["token"], api_url=place["api_url"]):
        accounts = [Account(points=100) for _ in range(40)]
        Account.save_many(accounts)
        children = [start("ask_while_written.py") for _ in range(3)]
        assert [child.line() for child in children] == ["asking"] * 3
        for _ in range(transfers):
            one, other = random.sample(accounts, 2)
            moved = random.randrange(1, 4)
            one.points, one.bonus = one.points - moved, one.bonus + moved
            other.points, other.bonus = other.points + moved, other.bonus - moved
            Account.save_many([one, other])
    said = [child.end_well() for child in children]
    assert said == [["all of it"]] * 3


@pytest.mark.parametrize("kills", [1, pytest.param(12, marks=pytest.mark.soak)])
def test_whoever_makes_a_vacuum_is_killed_and_nobody_else_loses_anything(
    start: Start, kills: int
) -> None:
    children = [start("save_on.py", name, "1") for name in ("one", "other")]
    acknowledged: list[str] = []
    for child in children:
        assert child.line() == "loaded"
        child.say()
        assert child.line() == "ready"
    for kill in range(kills):
        maker = start("vacuum_on.py")
        assert maker.line() == "ready"
        maker.say()
        assert maker.line().startswith("generation ")
        time.sleep(Random(kill).random() * 0.5)
        maker.signal(signal.SIGKILL)
        maker.process.wait()
        acknowledged += [child.line() for child in children for _ in range(20)]
    for child in children:
        acknowledged += child.end_well()
    assert stored(start) == dict.fromkeys(acknowledged, 1)
