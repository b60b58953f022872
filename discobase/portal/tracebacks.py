"""What a traceback shows its reader: the lines that are theirs, and none of the machinery."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import inspect
import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from discobase.errors import DiscobaseError

_PORTAL = str(Path(__file__).parent) + os.sep
_PACKAGE = str(Path(__file__).parent.parent) + os.sep
_NOT_THE_USERS = (_PACKAGE, contextlib.__file__, functools.__file__)
_MACHINERY = tuple(
    str(Path(module.__file__ or "").parent) + os.sep for module in (asyncio, concurrent.futures)
)


def users_line() -> tuple[str, int]:
    """The place in the caller's own code from which the package was called.

    Returns:
        The file and the line of the innermost frame outside the package, and outside what may
        stand between two frames of the package. Does not block.
    """
    frame = inspect.currentframe()
    place = ("<unknown>", 0)
    while frame is not None:
        place = (frame.f_code.co_filename, frame.f_lineno)
        if not place[0].startswith(_NOT_THE_USERS):
            break
        frame = frame.f_back
    return place


def described(error: BaseException) -> str:
    """An exception as the last line of its traceback would have it."""
    return "".join(traceback.format_exception_only(error)).strip()


def own(error: BaseException) -> BaseException:
    """An exception to raise in one waiter, although other waiters may get the same one.

    Errors of this package, which all waiters of one commit may share, are copied. Others cannot
    be copied in general: they are raised as they are, with the traceback that the coroutine gave
    them and nothing of what earlier waiters added.

    Args:
        error: the exception as it was set on a future.

    Returns:
        The exception to raise.
    """
    if not isinstance(error, DiscobaseError):
        return trimmed(error)
    kind = type(error)
    twin = kind.__new__(kind, *error.args)
    twin.args = error.args
    twin.__dict__.update(error.__dict__)
    if "__notes__" in twin.__dict__:
        twin.__dict__["__notes__"] = list(twin.__dict__["__notes__"])
    twin.__cause__ = error.__cause__
    twin.__context__ = error.__context__
    twin.__suppress_context__ = error.__suppress_context__
    return trimmed(twin.with_traceback(error.__traceback__))


def bare(error: BaseException) -> BaseException:
    """The same exception, without the lines it has come through: for an error of this package that
    says all there is to know, and that somebody else's lines will be put above.

    Args:
        error: the exception; its tracebacks and those of its causes are dropped if it is a
            :exc:`DiscobaseError`, unless ``DISCOBASE_TRACEBACK`` is ``full`` in the environment.

    Returns:
        The exception.
    """
    if isinstance(error, DiscobaseError) and not _wanted_in_full():
        for link in _chain(error):
            link.__traceback__ = None
    return error


def trimmed(error: BaseException) -> BaseException:
    """The same exception, its traceback and those of its causes rid of what tells nothing.

    Args:
        error: the exception; its traceback is replaced, unless ``DISCOBASE_TRACEBACK`` is
            ``full`` in the environment.

    Returns:
        The exception.
    """
    if not _wanted_in_full():
        for link in _chain(error):
            link.__traceback__ = _without_machinery(link.__traceback__)
    return error


def _wanted_in_full() -> bool:
    return os.environ.get("DISCOBASE_TRACEBACK") == "full"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and its causes."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _without_machinery(trace: TracebackType | None) -> TracebackType | None:
    """The entries below the last one of the portal, without asyncio's."""
    kept: list[TracebackType] = []
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if filename.startswith(_PORTAL):
            kept.clear()
        elif not filename.startswith(_MACHINERY):
            kept.append(trace)
        trace = trace.tb_next
    below: TracebackType | None = None
    for entry in reversed(kept):
        below = TracebackType(below, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return below
