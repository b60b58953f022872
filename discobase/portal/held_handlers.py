"""Logging handlers that wait: they hold a lock, which other threads that log wait for in turn."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from types import FrameType

from discobase.own_threads import own_idents

_FILE = logging.Handler.handle.__code__.co_filename
_WAITING_IN = {"acquire", "handle"}
"""Where a thread waits for a handler: the first up to Python 3.12, the second from 3.13 on."""


def blocking_handler() -> logging.Handler | None:
    """Return a logging handler in which the current thread is, and for which one of the package's
    own threads waits. Does not block.

    A handler that saves what is logged is held until the save has ended; if the loop logs something
    meanwhile, and the handler gets to see it, neither can go on.
    """
    held = set(_handlers_of(sys._getframe()))  # pyright: ignore[reportPrivateUsage]
    if not held:
        return None
    frames = sys._current_frames()  # pyright: ignore[reportPrivateUsage]
    awaited = (_awaited_by(frames.get(ident)) for ident in own_idents())
    return next((handler for handler in awaited if handler in held), None)


def _handlers_of(frame: FrameType | None) -> Iterator[logging.Handler]:
    while frame is not None:
        if frame.f_code.co_name == "handle" and (handler := _handler(frame)):
            yield handler
        frame = frame.f_back


def _awaited_by(frame: FrameType | None) -> logging.Handler | None:
    if frame is None or frame.f_code.co_name not in _WAITING_IN:
        return None
    return _handler(frame)


def _handler(frame: FrameType) -> logging.Handler | None:
    if frame.f_code.co_filename != _FILE:
        return None
    found = frame.f_locals.get("self")
    return found if isinstance(found, logging.Handler) else None
