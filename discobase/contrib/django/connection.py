"""The database of the settings: one for the process, which connects when it is first used."""

from __future__ import annotations

from threading import Lock
from typing import Any

from django.core.signals import setting_changed

from discobase import Database
from discobase.contrib.django.configuration import SETTING, configuration

_made: dict[str, Database] = {}
_making = Lock()


def database() -> Database:
    """Return the database that the settings name. Nothing connects; the first use of it does, in
    each process. For the module that has the tables: ``db = database()``.

    Raises:
        UsageError: the setting ``DISCOBASE`` is missing, or makes no sense.
    """
    with _making:
        if SETTING not in _made:
            wanted = configuration()
            made = Database(wanted.name, **wanted.options)
            made.login_lazily(
                wanted.token,
                api_url=wanted.api_url,
                server=wanted.server,
                cache=wanted.cache,
                label=wanted.label,
            )
            _made[SETTING] = made
        return _made[SETTING]


def _forget(*, setting: str, **_: Any) -> None:
    """Take the settings of a test for the next use; tables of before stay with their database."""
    if setting == SETTING:
        with _making:
            made = _made.pop(SETTING, None)
        if made is not None:
            made.close()


setting_changed.connect(_forget)
