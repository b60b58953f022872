"""A traceback shows its reader's lines, and an exception is each waiter's own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import traceback
from pathlib import Path

import pytest

from discobase import errors
from discobase.errors import DiscobaseError, UniqueViolation
from discobase.portal import Portal


async def look_up() -> None:
    async with asyncio.timeout(0.01):
        await asyncio.sleep(60)


def frames(error: BaseException) -> list[tuple[str, str]]:
    return [
        (Path(entry.filename).name, entry.name)
        for entry in traceback.extract_tb(error.__traceback__)
    ]


def caught(portal: Portal, future: concurrent.futures.Future[None]) -> BaseException:
    try:
        portal.wait(future, timeout=5, what="it")
    except BaseException as error:  # noqa: BLE001
        return error
    pytest.fail("nothing was raised")


def test_the_callers_and_the_coroutines_lines_are_there_and_asyncios_are_not(
    portal: Portal,
) -> None:
    with pytest.raises(TimeoutError) as information:
        portal.call(look_up)
    text = "".join(traceback.format_exception(information.value))
    assert "portal.call(look_up)" in text
    assert "await asyncio.sleep(60)" in text  # In the CancelledError that the timeout grew from.
    assert "asyncio/" not in text.replace("\\", "/")
    assert "concurrent/" not in text.replace("\\", "/")


def test_everything_is_shown_on_demand(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCOBASE_TRACEBACK", "full")
    with pytest.raises(TimeoutError) as information:
        portal.call(look_up)
    shown = frames(information.value)
    assert ("timeouts.py", "__aexit__") in shown
    assert ("call.py", "_run") in shown


@pytest.mark.parametrize(
    "error", [ValueError("x"), UniqueViolation("User", "name", "a", 1)], ids=["foreign", "own"]
)
def test_a_traceback_does_not_grow_from_waiter_to_waiter(portal: Portal, error: Exception) -> None:
    async def fail() -> None:
        raise error

    future = portal.submit(fail)
    first = frames(caught(portal, future))
    assert first[0] == ("test_tracebacks.py", "caught")
    assert first[-1] == ("test_tracebacks.py", "fail")
    for _ in range(3):
        assert frames(caught(portal, future)) == first


def instances() -> list[DiscobaseError]:
    """One of each class, made with something plausible for each argument it asks for."""
    samples = {"str": "text", "int": 1, "int | None": 1, "bool": True, "object": "value"}
    samples |= {"float": 1.0, "KeyKind": "none"}
    made: list[DiscobaseError] = []
    for kind in vars(errors).values():
        if not (isinstance(kind, type) and issubclass(kind, DiscobaseError)):
            continue
        if not inspect.isfunction(kind.__init__):
            made.append(kind("text"))
            continue
        _, *asked = inspect.signature(kind.__init__).parameters.values()
        values = {p.name: samples.get(str(p.annotation), ["text"]) for p in asked}
        more = [values.pop(p.name) for p in asked if p.kind is p.VAR_POSITIONAL]
        made.append(kind(*values.values(), *more) if more else kind(**values))
    return made


@pytest.mark.parametrize("error", instances(), ids=lambda error: type(error).__name__)
def test_waiters_of_one_error_get_equal_errors_of_their_own(
    portal: Portal, error: DiscobaseError
) -> None:
    error.__cause__ = OSError("why")
    error.add_note("noted")
    future: concurrent.futures.Future[None] = concurrent.futures.Future()
    future.set_exception(error)
    one, other = caught(portal, future), caught(portal, future)
    one.add_note("mine")
    assert len({id(error), id(one), id(other)}) == 3
    assert type(one) is type(other) is type(error)
    assert str(one) == str(other) == str(error)
    assert one.__cause__ is error.__cause__
    assert vars(other) == vars(error)
    assert other.__notes__ == ["noted"]
