"""The first example is silent under every warning; and what it takes to call from a loop."""

from __future__ import annotations

import pytest

from discobase.local import LocalDiscord
from tests.processes.conftest import Start


@pytest.mark.parametrize(
    "options", [("-X", "dev"), ("-W", "error"), ("-X", "dev", "-W", "error", "-bb")]
)
def test_the_first_example_says_nothing_but_its_own_words(
    start: Start, options: tuple[str, ...]
) -> None:
    assert start("plain.py", options=options).end_well() == ["pk=1 name='Ann' age=31 101", "0 1"]


def test_a_call_inside_a_loop_works_and_warns_once_and_on_the_databases_own_is_refused(
    start: Start, server: LocalDiscord
) -> None:
    child = start("in_a_loop.py")
    warning = (
        "blocks the event loop that runs in this thread: nothing else on it goes on meanwhile. "
        "Call it in another one, by `await asyncio.to_thread(...)`; connect by `async with`."
    )
    said = child.line()
    assert said.count("RuntimeWarning") == said.count(warning) == 1
    assert child.line() == "3"
    assert child.line() == "connected"
    # The client's own retries spare a 503, so the engine hears of it, and logs that.
    server.fault(method="POST", route="/channels/{channel_id}/messages", status=503)
    child.say()
    assert child.line() == (
        "{\"the save waits for the thread 'discobase shop', and was called on that very thread. "
        'Call it on another one: in a coroutine, by `await asyncio.to_thread(...)`."}'
    )
    assert child.line() == "1"
    assert child.end_well() == []
