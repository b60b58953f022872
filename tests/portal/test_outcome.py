"""The future that a caller waits for: who has it, and that nobody who waits for it is forgotten."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import InvalidStateError

import pytest

from discobase.outcome import Outcome


def test_what_has_begun_cannot_be_withdrawn() -> None:
    outcome: Outcome[int] = Outcome()
    assert outcome.set_running_or_notify_cancel()
    assert not outcome.cancel()
    outcome.set_result(1)
    assert outcome.result() == 1


def test_what_was_withdrawn_cannot_begin() -> None:
    outcome: Outcome[int] = Outcome()
    assert outcome.cancel()
    assert outcome.cancelled()
    assert not outcome.set_running_or_notify_cancel()
    with pytest.raises(InvalidStateError):
        outcome.set_result(1)


def test_a_waiter_that_comes_while_it_is_settled_does_not_wait() -> None:
    outcome: Outcome[int] = Outcome()

    class SettledMeanwhile(deque[threading.Lock]):
        def append(self, lock: threading.Lock) -> None:
            outcome.set_result(1)
            super().append(lock)

    outcome._waiting_locks = SettledMeanwhile()
    assert outcome.waiter().acquire(blocking=False)


def test_every_waiter_is_told() -> None:
    outcome: Outcome[int] = Outcome()
    waiters = [outcome.waiter() for _ in range(3)]
    assert not any(lock.acquire(blocking=False) for lock in waiters)
    outcome.set_result(1)
    assert all(lock.acquire(blocking=False) for lock in waiters)
