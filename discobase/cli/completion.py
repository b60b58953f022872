"""What a shell is offered to go on with: tables, and fields with operators.

Names are offered as they stand in the database, where others have chosen them: only those that no
shell takes for more than a name. While a shell waits nothing is asked of whoever types, nothing is
printed, and Discord is asked only where nothing is known of the database yet.
"""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stderr
from typing import Any

import typer

from discobase.cli.connection import Settings, database
from discobase.cli.kept_names import Names, Note, is_there, names_of
from discobase.errors import DiscobaseError
from discobase.typed import suggestions
from discobase.typed.places import LOCATED

_WAITED = 3.0
"""Seconds that Discord is waited for while a shell stands still: a guess at what people bear."""

_NOT_AGAIN_WITHIN = 60.0
"""Seconds in which Discord is not asked a second time after it has told nothing: a guess."""

_PLAIN = re.compile(r"\w[\w.-]*")
"""Names that mean nothing else to any shell."""

_BREAKS = re.compile("[=:]+")
"""What bash takes for words of their own (`COMP_WORDBREAKS`)."""


def tables(context: typer.Context, incomplete: str) -> list[str]:
    """Offer tables."""
    return suggestions.begun(incomplete, filter(_is_plain, _names(context)))


def conditions(context: typer.Context, incomplete: str) -> list[str]:
    """Offer fields, also in models, with the operators of a condition."""
    return _for_the_shell(suggestions.conditions(incomplete, _places(context), suggestions.begun))


def assignments(context: typer.Context, incomplete: str) -> list[str]:
    """Offer fields that get a value."""
    fields = [each for each in _top(_places(context)) if each not in LOCATED]
    return _for_the_shell(suggestions.assignments(incomplete, fields, suggestions.begun))


def order(context: typer.Context, incomplete: str) -> list[str]:
    """Offer fields to sort by, behind those that are there, and backwards, too."""
    return suggestions.orders(incomplete, _top(_places(context)), suggestions.begun)


def is_asked() -> bool:
    """Return whether a shell asks what a command could go on with (by typer's own variable)."""
    return "_DISCOBASE_COMPLETE" in os.environ


def words(arguments: Sequence[str]) -> list[str]:
    """Return arguments as they were typed: bash has cut them where it sees `=` and `:`."""
    if not _is_bash():
        return [*arguments]
    joined: list[str] = []
    is_open = False
    for argument in arguments:
        is_break = _BREAKS.fullmatch(argument) is not None
        if joined and (is_break or is_open):
            joined[-1] += argument
        else:
            joined.append(argument)
        is_open = is_break
    return joined


def _for_the_shell(offered: list[str]) -> list[str]:
    """Return conditions or assignments as the shell that asks can go on with them."""
    if _is_value():
        return []
    if not _is_bash():
        return offered
    if len(offered) == 1:
        # An only one would get a blank behind it, where the value has to stand.
        offered.append(f"{offered[0]}VALUE")
    return offered if _is_quoted() else [re.sub("([<>])", r"\\\1", each) for each in offered]


def _names(context: typer.Context) -> Names:
    """Return the names in the database that a command is about; none where they are not known."""
    settings = _settings(context)
    if settings.server is None or settings.token is None or not is_there(settings.token):
        return {}
    note = Note(settings.server, settings.token, settings.api_url)
    known = note.read()
    if known or (known is not None and note.age() < _NOT_AGAIN_WITHIN):
        return known
    if not note.write({}):  # it would be asked for each time
        return {}
    found = _asked(settings, settings.token)
    note.write(found)
    return found


def _asked(settings: Settings, token: str) -> Names:
    """Return the names that Discord tells, without a word; none where it does not in time."""
    if settings.key or settings.ask_key:  # the names of what is encrypted are kept nowhere
        return {}
    logging.disable()
    with redirect_stderr(io.StringIO()):
        try:
            opened = database(settings, read_only=True)
            with opened.conn(token, api_url=settings.api_url, timeout=_WAITED):
                return names_of(opened.stored_tables())
        except (DiscobaseError, OSError):
            return {}
        finally:
            logging.disable(logging.NOTSET)


def _settings(context: typer.Context) -> Settings:
    """Return what was said about the connection, which no command has noted yet."""
    told: dict[str, Any] = context.find_root().params
    return Settings(
        server=told.get("server"),
        token=told.get("token"),
        api_url=told.get("api_url"),
        key=told.get("held_key"),
        ask_key=bool(told.get("key")),
        timeout=_WAITED,
        quiet=True,
    )


def _places(context: typer.Context) -> list[str]:
    """Return the places in the records of the table that a command names; none where it is not
    known.
    """
    told: dict[str, Any] = context.params
    # Behind an option that still lacks its value arguments are not told apart.
    table = told.get("name") or told.get("table") or next(iter(context.args), "")
    places = _names(context).get(table)
    return [*filter(_is_plain, places), *LOCATED] if places is not None else []


def _top(places: Iterable[str]) -> Iterator[str]:
    return (place for place in places if "." not in place)


def _is_plain(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None


def _is_bash() -> bool:
    return os.environ.get("_DISCOBASE_COMPLETE") == "complete_bash"


def _is_value() -> bool:
    """Return whether bash asks for what stands behind a `=`."""
    return any(_BREAKS.fullmatch(word) for word in _typed()[-2:])


def _is_quoted() -> bool:
    """Return whether what bash asks for stands in quotes, so that it needs no others."""
    return _typed()[-1:] != [] and _typed()[-1][:1] in ("'", '"')


def _typed() -> list[str]:
    """Return the words that bash has sent, up to the one that is to go on; none of others."""
    if not _is_bash():
        return []
    typed = os.environ.get("COMP_WORDS", "").split("\n")
    return typed[: int(os.environ.get("COMP_CWORD", "0")) + 1]
