"""The database of the settings: one for the process, which connects when it is first used."""

from __future__ import annotations

from threading import Lock
from typing import Any

from django.core.signals import setting_changed

from discobase import Database
from discobase.contrib.django.configuration import SETTING, Configuration, configuration

_made: dict[str, Database] = {}
_making = Lock()


def database() -> Database:
    """Return the database that the settings name. Nothing connects; the first use of it does, in
    each process. For the module that has the tables: ``db = database()``.

    Raises:
        BadToken: the token of the settings can be none.
        UsageError: the setting ``DISCOBASE`` is missing, or makes no sense.
    """
    with _making:
        if SETTING not in _made:
            wanted = configuration()
            _made[SETTING] = made(wanted, wanted.token)
        return _made[SETTING]


def made(wanted: Configuration, token: str | None) -> Database:
    """Make a database as the settings say. Nothing connects.

    Args:
        wanted: what they say.
        token: the token that it is to log in with; None for that of the environment.

    Raises:
        BadToken: the token that is given can be none.
        UsageError: something makes no sense.
    """
    new = Database(wanted.name, **wanted.options)
    new.login_lazily(
        token,
        api_url=wanted.api_url,
        server=wanted.server,
        cache=wanted.cache,
        label=wanted.label,
    )
    return new


def _forget(*, setting: str, **_: Any) -> None:
    """Take the settings of a test for the next use; tables of before stay with their database."""
    if setting == SETTING:
        with _making:
            forgotten = _made.pop(SETTING, None)
        if forgotten is not None:
            forgotten.close()


setting_changed.connect(_forget)
