"""System checks: what is wrong with the settings, before anything connects."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from django import conf
from django.apps import AppConfig
from django.core import checks

from discobase.contrib.django.configuration import SETTING, configuration, faults
from discobase.contrib.django.connection import made
from discobase.errors import DiscobaseError

_SESSIONS = "discobase.contrib.django.sessions"
_MIDDLEWARE = "discobase.contrib.django.middleware.OwnSavesMiddleware"


def check_settings(
    *, app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Return what is wrong with the settings; for Django's checks."""
    del app_configs, databases, kwargs  # the settings are no app's, and no database of Django's
    wrong = faults(getattr(conf.settings, SETTING, None))
    if wrong:
        return [checks.Error(each, id="discobase.E001") for each in wrong]
    return [*_values(), *_sessions()]


def _values() -> list[checks.CheckMessage]:
    """Return what keeps a database from being made as the settings want it. Nothing connects."""
    wanted = configuration()
    token = wanted.token or os.environ.get("DISCOBASE_TOKEN")
    try:
        made(wanted, token)
    except DiscobaseError as error:
        return [checks.Error(f"{SETTING} cannot be used: {error}", id="discobase.E002")]
    return [] if token else _no_token()


def _no_token() -> list[checks.CheckMessage]:
    return [
        checks.Warning(
            "There is no bot token: the first use of the database will fail.",
            hint=f'Set DISCOBASE_TOKEN in the environment, or {SETTING}["TOKEN"].',
            id="discobase.W001",
        )
    ]


def _sessions() -> list[checks.CheckMessage]:
    if conf.settings.SESSION_ENGINE != _SESSIONS:
        return []
    told: list[checks.CheckMessage] = []
    if conf.settings.SESSION_SAVE_EVERY_REQUEST and not configuration().session_rewrite_after:
        told.append(
            checks.Warning(
                "Each request writes its session, and each write is a commit, of which some four a "
                "second go through.",
                hint=f'Set {SETTING}["SESSION_REWRITE_AFTER"] to some minutes.',
                id="discobase.W002",
            )
        )
    if _MIDDLEWARE not in conf.settings.MIDDLEWARE:
        told.append(
            checks.Warning(
                "Who has just logged in may be taken for a stranger by another process.",
                hint=f"Put {_MIDDLEWARE!r} before SessionMiddleware in MIDDLEWARE.",
                id="discobase.W003",
            )
        )
    return told
