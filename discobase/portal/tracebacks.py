"""Tracebacks that show the reader their own lines, without those of asyncio and this package."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import copy
import functools
import inspect
import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType

from discobase.errors import DiscobaseError

_PORTAL = str(Path(__file__).parent) + os.sep
_PACKAGE = str(Path(__file__).parent.parent) + os.sep
_NOT_USER_CODE = (_PACKAGE, contextlib.__file__, functools.__file__)
_ASYNC_PACKAGES = tuple(
    str(Path(module.__file__ or "").parent) + os.sep for module in (asyncio, concurrent.futures)
)


def users_frame() -> FrameType | None:
    """Find the caller's own code from which the package was called. Does not block.

    Returns:
        The innermost frame outside the package, and outside what may stand between two frames of
        the package; the outermost one where all are inside.
    """
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_NOT_USER_CODE):
        if frame.f_back is None:
            break
        frame = frame.f_back
    return frame


def users_line() -> tuple[str, int]:
    """Return the file and the line in the caller's own code from which the package was called.
    Does not block.
    """
    frame = users_frame()
    return ("<unknown>", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def describe(error: BaseException) -> str:
    """Return an exception as the last line of its traceback would have it."""
    return "".join(traceback.format_exception_only(error)).strip()


def reraisable(error: BaseException) -> BaseException:
    """Return an exception to raise in one waiter, although others may get the same one.

    Errors of this package, which all waiters of one commit may share, are copied. Others cannot
    be copied in general: they are raised as they are, with the traceback that the coroutine gave
    them and nothing of what earlier waiters added.

    Args:
        error: the exception as it was set on a future.

    Returns:
        The exception to raise.
    """
    if not isinstance(error, DiscobaseError):
        return trim_traceback(error)
    own = copy.copy(error)
    own.__cause__ = error.__cause__
    own.__context__ = error.__context__
    own.__suppress_context__ = error.__suppress_context__
    return trim_traceback(own.with_traceback(error.__traceback__))


def drop_traceback(error: BaseException) -> BaseException:
    """Rid an error of this package of the lines it has come through.

    It says all there is to know, and somebody else's lines will be put above it.

    Args:
        error: the exception; its tracebacks and those of its causes are dropped if it is a
            :exc:`DiscobaseError`, unless ``DISCOBASE_TRACEBACK`` is ``full`` in the environment.

    Returns:
        The same exception.
    """
    if isinstance(error, DiscobaseError) and not _wanted_in_full():
        for each in _with_causes(error):
            each.__traceback__ = None
    return error


def trim_traceback(error: BaseException) -> BaseException:
    """Rid the traceback of an exception, and those of its causes, of what tells nothing.

    Args:
        error: the exception; its traceback is replaced, unless ``DISCOBASE_TRACEBACK`` is
            ``full`` in the environment.

    Returns:
        The same exception.
    """
    if not _wanted_in_full():
        for each in _with_causes(error):
            each.__traceback__ = _trimmed(each.__traceback__)
    return error


def _wanted_in_full() -> bool:
    return os.environ.get("DISCOBASE_TRACEBACK") == "full"


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, its cause, that one's cause, and so on."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _trimmed(trace: TracebackType | None) -> TracebackType | None:
    """Return the entries below the last one of the portal, without asyncio's."""
    kept: list[TracebackType] = []
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if filename.startswith(_PORTAL):
            kept.clear()
        elif not filename.startswith(_ASYNC_PACKAGES):
            kept.append(trace)
        trace = trace.tb_next
    below: TracebackType | None = None
    for entry in reversed(kept):
        below = TracebackType(below, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return below
