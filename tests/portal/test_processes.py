"""What only a process of its own can show: Ctrl-C, fork, a thread that fails, and exit.

The scripts run with all warnings on. Each must print exactly what is expected, and nothing else.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows cannot send SIGINT to one process"
)
needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
needs_epoll = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has epoll")

END_OF_THREAD = "the thread 'shop' died of OSError: [Errno 22] Invalid argument"
TOO_MANY = "OSError: [Errno 24] Too many open files"
CAUSE = "<- OSError(22, 'Invalid argument')"


def unclosed(script: str, name: str) -> str:
    """The warning that a script gets which never stops its portal."""
    [path] = [p for p in (Path(__file__).parent / "scripts").iterdir() if p.name == script]
    lines = path.read_text(encoding="utf-8").splitlines()
    line = lines.index("portal.start()") + 1
    return (
        f"{path}:{line}: ResourceWarning: {name!r} was never closed; "
        f"it was opened at {path}:{line}. Use `with`, or close it.\n  portal.start()\n"
    )


@needs_signals
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "interrupt_call.py",
            [
                "cancelled",
                "KeyboardInterrupt ['the look-up was under way, and was cancelled']",
                "cancelled",
                "KeyboardInterrupt ['the set-up was under way: its outcome is unknown']",
                "cancelled",
                "KeyboardInterrupt ['the stubborn one had ended already']",
                "still usable",
            ],
        ),
        (
            "interrupt_wait.py",
            [
                "['the save was withdrawn before it was sent'] True",
                "['the save was under way: its outcome is unknown'] False",
            ],
        ),
        (
            "interrupt_twice.py",
            ["interrupted, during the handling of KeyboardInterrupt()", "at once"],
        ),
        ("interrupt_often.py", ["usable 300"]),
        (
            "raise_from_handler.py",
            ["the alarm ['sleep() was under way, and was cancelled']"],
        ),
    ],
)
def test_an_interrupt_ends_the_wait_and_states_the_outcome(
    run_script: Run, script: str, expected: list[str]
) -> None:
    done = run_script(script)
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (expected, "", 0)


@needs_signals
def test_ctrl_c_from_outside_ends_the_process_after_cleaning_up(start_script: Start) -> None:
    with start_script("be_interrupted.py") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
    assert stdout == "cleaned up\n"
    assert stderr.startswith("Traceback (most recent call last):")
    assert stderr.endswith(
        "KeyboardInterrupt\nwait_long() was under way, and was cancelled\n",
    )
    assert process.returncode == -signal.SIGINT


@needs_fork
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("fork_before_start.py", ["child: 7 parent: served"]),
        ("fork_during_start.py", [str([7] * 30)]),
        (
            "fork_after_start.py",
            [
                r"parent: b'CONNECTED\n'",
                "children: [7, 7, 7]",
                r"parent: b'STILL CONNECTED\n'",
            ],
        ),
        ("fork_and_close.py", ["child: 7", r"parent: b'STILL CONNECTED\n'"]),
    ],
)
def test_a_fork_leaves_parent_and_child_usable(
    run_script: Run, script: str, expected: list[str]
) -> None:
    done = run_script(script)
    assert (done.stdout.splitlines(), done.stderr, done.returncode) == (expected, "", 0)


@needs_epoll
def test_a_failure_of_the_thread_is_told_to_all_and_a_new_start_is_possible(
    run_script: Run,
) -> None:
    done = run_script("thread_failure.py")
    assert done.stdout.splitlines() == [
        f"CRITICAL: the thread 'shop' died {CAUSE}",
        f"Disconnected: 'shop' is not connected any more: {END_OF_THREAD}. {CAUSE}",
        f"Disconnected: 'shop' is not connected any more: {END_OF_THREAD}. {CAUSE}",
        f"Disconnected: 1 was under way when {END_OF_THREAD}. {CAUSE}",
        f"Disconnected: 2 had not begun when {END_OF_THREAD}; nothing was written. {CAUSE}",
        (
            f"OutcomeUnknown: 3 was under way when {END_OF_THREAD}; "
            "repeat it with the same object, which does it once, or look whether it happened. "
            f"{CAUSE}"
        ),
        "restarted",
    ]
    assert (done.stderr, done.returncode) == ("", 0)


@needs_fork
def test_what_keeps_the_loop_from_being_made_is_the_starters_error(run_script: Run) -> None:
    done = run_script("no_more_files.py")
    assert done.stdout.splitlines() == [
        f"the thread 'shop' could not be started: {TOO_MANY} <- OSError",
        "False",
        "True",
    ]
    assert done.returncode == 0  # asyncio itself complains about its half-made loop.


def test_exit_without_stop_cleans_up_and_warns_those_who_ask_for_warnings(run_script: Run) -> None:
    done = run_script("exit_without_stop.py")
    assert done.stdout.splitlines() == ["end of script", "cleaned up"]
    assert done.stderr == unclosed("exit_without_stop.py", "shop")
    assert done.returncode == 0
    silent = run_script("exit_without_stop.py", warnings="ignore::ResourceWarning")
    assert (silent.stdout, silent.stderr, silent.returncode) == (done.stdout, "", 0)


def test_threads_that_wait_at_exit_get_an_error(run_script: Run) -> None:
    done = run_script("exit_while_waiting.py")
    assert done.stdout == "it was under way when 'shop' was closed.\n"
    assert done.stderr == unclosed("exit_while_waiting.py", "shop")
    assert done.returncode == 0


def test_exit_does_not_wait_for_a_blocked_loop(start_script: Start) -> None:
    with start_script("exit_while_blocked.py") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "end of script\n"
        before = time.monotonic()
        stdout, stderr = process.communicate(timeout=10)
    assert time.monotonic() - before < 5
    assert stdout == ""
    assert stderr.startswith("the thread 'shop' did not end within 1 s; it is at:\n")
    assert "never.wait(60)" in stderr
    assert stderr.endswith(unclosed("exit_while_blocked.py", "shop"))
    assert process.returncode == 0


def test_the_exception_that_ends_a_script_is_what_its_user_sees(run_script: Run) -> None:
    done = run_script("exit_by_exception.py")
    report, _, rest = done.stderr.partition("ZeroDivisionError: division by zero\n")
    assert "print(portal.call(divide, 0))" in report
    assert "return 1 / by" in report
    assert "asyncio" not in report.replace("exit_by_exception.py", "")
    assert rest == unclosed("exit_by_exception.py", "discobase")
    assert (done.stdout, done.returncode) == ("", 1)


def test_a_call_inside_a_running_loop_works_and_warns_once(run_script: Run) -> None:
    done = run_script("inside_a_loop.py")
    assert done.stdout.splitlines() == [
        "[0, 1, 2] threaded",
        (
            "RuntimeWarning at line 20: sleep() blocks the event loop that runs in this thread: "
            "nothing else on it goes on meanwhile. "
            "Call it in another one, by `await asyncio.to_thread(...)`; connect by `async with`."
        ),
    ]
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_call_inside_a_notebooks_loop_does_not_warn(run_script: Run) -> None:
    done = run_script("inside_a_loop.py", "notebook")
    assert (done.stdout, done.stderr, done.returncode) == ("[0, 1, 2] threaded\n", "", 0)


def test_a_wait_in_the_middle_of_another_one_that_is_given_up_ends(run_script: Run) -> None:
    ran = run_script("wait_in_handler.py")
    assert (ran.stdout.split(), ran.stderr, ran.returncode) == (["True", "ended"], "", 0)
