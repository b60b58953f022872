"""A worker rests while the process forks: a child inherits no lock that its work held."""

from __future__ import annotations

import os
import threading
import time

import pytest

from discobase import worker
from discobase.worker import Worker

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")


@pytest.fixture
def resting():
    made = Worker("resting", rests=True)
    made.submit(int).result()
    yield made
    made.shutdown()


def forked(act) -> int:
    """The exit code of a forked child that does something."""
    child = os.fork()
    if not child:
        code = 1
        try:
            code = act()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
class TestForks:
    def test_a_fork_waits_for_the_step_that_is_under_way(self, resting):
        lock, begun = threading.Lock(), threading.Event()

        def hold():
            with lock:
                begun.set()
                time.sleep(0.2)

        for _ in range(3):
            begun.clear()
            step = resting.submit(hold)
            begun.wait()
            assert forked(lambda: not lock.acquire(timeout=1)) == 0
            step.result()

    def test_it_does_not_wait_for_ever(self, resting, monkeypatch):
        monkeypatch.setattr(worker, "_FORK_SECONDS", 0.05)
        go_on, begun = threading.Event(), threading.Event()
        step = resting.submit(lambda: (begun.set(), go_on.wait()))
        begun.wait()
        assert forked(lambda: 0) == 0
        go_on.set()
        step.result()

    def test_parent_and_child_go_on_with_workers(self, resting):
        assert forked(lambda: Worker("child's", rests=True).submit(int).result()) == 0
        assert resting.submit(lambda: 5).result(1) == 5

    def test_work_goes_on_where_a_handler_needs_it_in_the_midst_of_a_fork(
        self, resting, monkeypatch
    ):
        monkeypatch.setattr(worker, "_LONGEST_FORK", 0.05)
        worker._wait_for_workers()
        try:
            assert resting.submit(lambda: 5).result(1) == 5
        finally:
            worker._let_workers_go_on()

    def test_one_that_forks_itself_is_not_waited_for(self, resting):
        assert resting.submit(lambda: forked(lambda: 0)).result(5) == 0
