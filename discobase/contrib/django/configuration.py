"""What ``DISCOBASE`` says in Django's settings, checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from inspect import signature
from typing import Any, cast

from django import conf

from discobase import Database
from discobase.errors import UsageError

SETTING = "DISCOBASE"

_OPTIONS = tuple(name for name in signature(Database).parameters if name != "name")
"""What else a database can be made with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The setting ``DISCOBASE``, whose keys are these names in capitals. All but the name may be
    left out.

    Attributes:
        name: the database's name.
        token: the bot's token, or ``local``, or ``local:PATH``; from the environment's
            ``DISCOBASE_TOKEN`` where it is left out.
        api_url: the address of another server that speaks Discord's API.
        server: the Discord server, where it has another name than the database.
        cache: a folder in which the records are kept between runs.
        label: what this program is called in the log.
        options: other arguments of :class:`~discobase.Database`.
        session_table: the name of the table that sessions are in.
        session_rewrite_after: seconds for which a session in which nothing has changed is not
            written again.
        own_saves_seconds: how long a request waits for what its visitor has saved, at the most.
        admin_permission: which permission it takes to see the tables in Django's admin.
        admin_hidden: tables, as in ``"Customer"``, and fields, as in ``"Customer.password"``, that
            the admin does not show.
    """

    name: str
    token: str | None = field(default=None, repr=False)
    api_url: str | None = None
    server: str | int | None = None
    cache: str | None = None
    label: str | None = None
    options: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)
    session_table: str = "sessions"
    session_rewrite_after: float = 300.0
    own_saves_seconds: float = 2.0
    admin_permission: str = "discobase.view_table"
    admin_hidden: Sequence[str] = ()


def configuration() -> Configuration:
    """Return what the settings say now.

    Raises:
        UsageError: there is no such setting, or something in it makes no sense.
    """
    given: object = getattr(conf.settings, SETTING, None)
    wrong = faults(given)
    if wrong:
        raise UsageError(" ".join(wrong))
    said = cast("dict[str, Any]", given)
    return Configuration(**{name.lower(): value for name, value in said.items()})


def faults(given: object) -> list[str]:
    """Return what is wrong with what the settings say, a sentence each."""
    if not isinstance(given, dict):
        said = "not set" if given is None else f"of the type {type(given).__name__}, and no dict"
        return [f'{SETTING} is {said}: give it as {SETTING} = {{"NAME": "Guestbook"}}.']
    return list(_faults(cast("dict[str, object]", given)))


def _faults(said: dict[str, object]) -> Iterator[str]:
    known = [each.name.upper() for each in fields(Configuration)]
    for name in said:
        if name not in known:
            yield f"{SETTING} has a key {name!r} that there is not: they are {', '.join(known)}."
    if not (isinstance(said.get("NAME"), str) and said["NAME"]):
        yield f'{SETTING}["NAME"] is missing: give the Discord server\'s name.'
    yield from _faults_of_options(said.get("OPTIONS", {}))
    for name in ("SESSION_REWRITE_AFTER", "OWN_SAVES_SECONDS"):
        seconds = said.get(name, 0)
        if not (isinstance(seconds, int | float) and seconds >= 0):
            yield f'{SETTING}["{name}"] is {seconds!r}: give seconds from 0 on.'
    hidden = said.get("ADMIN_HIDDEN", ())
    if not isinstance(hidden, list | tuple):
        yield f'{SETTING}["ADMIN_HIDDEN"] is {hidden!r}: give a list, as in ["Customer.password"].'


def _faults_of_options(options: object) -> Iterator[str]:
    """Yield what is wrong with their names. No value is shown: one of them is the key."""
    if not isinstance(options, dict):
        yield f'{SETTING}["OPTIONS"] is no dict: give one, as in {{"timeout": 20}}.'
        return
    for name in cast("dict[object, object]", options):
        if name not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            yield f'{SETTING}["OPTIONS"] has a key {name!r} that there is not: they are {known}.'
