"""Signal handlers, finalizers and logging handlers that save: it works, or is refused; none hangs.

Each of them may come between any two lines of a thread, and a script that hangs is ended with the
stacks of its threads. The databases of the scripts have no time limit that would help one out.
"""

from __future__ import annotations

import os

import pytest

from tests.processes.conftest import Start


@pytest.mark.parametrize("outer", ["in_save", "in_find", "in_refresh", "in_wait", "in_connecting"])
def test_one_that_comes_between_any_two_lines_saves(start: Start, outer: str) -> None:
    told, counts = start("save_in_handler.py", outer).end_well()
    assert told == "True True"
    saved, refused = counts.split(" saved, ")
    assert (int(saved) > 20, refused) == (True, "0 refused")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_one_that_comes_while_a_forked_process_connects_saves_or_is_refused(start: Start) -> None:
    told, counts = start("save_in_handler.py", "in_reconnecting_after_a_fork").end_well()
    assert told == "True True"
    saved, refused = (int(word) for word in counts.split() if word.isdecimal())
    assert (saved > 0, refused > 0, saved + refused) == (True, True, 24)


def test_finalizers_save_on_the_programs_threads_and_are_refused_on_those_of_discobase(
    start: Start,
) -> None:
    assert start("save_in_finalizer.py").end_well() == ["True True", "True True"]


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_a_logging_handler_that_saves_goes_on_even_if_the_loop_logs_meanwhile(
    start: Start, level: str
) -> None:
    told, counts = start("save_what_is_logged.py", level).end_well()
    assert told == "True True"
    if level == "INFO":
        assert counts == "{'saved': 60}"
    else:
        assert "'WouldDeadlock':" in counts
