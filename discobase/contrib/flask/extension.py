"""The extension: settings of an app, and a connection that is made when it is first used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from flask import Flask

from discobase import Database
from discobase.contrib.flask.commands import commands
from discobase.contrib.own_saves import OwnSaves
from discobase.errors import UsageError

NAME = "discobase"
"""Under which the extension stands in ``app.extensions``."""

_OWN_SAVES_SECONDS = 2.0
"""How long a request waits for what its visitor has saved: the gateway brings it within moments."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an app connects to, by its settings."""

    token: str | None = field(repr=False)
    api_url: str | None
    server: str | int | None
    cache: str | None
    label: str | None


class Discobase:
    """A database in Flask apps.

    Nothing connects when it is made, nor by :meth:`init_app`: the first use of the database does,
    in each process. So a module with an app, or an application factory, may be loaded by whatever
    loads it: a server before it forks its workers, a reloader, a command.

    Args:
        database: with its tables; they may be attached later, too.
        app: the app, where it is there already; else call :meth:`init_app`.

    Attributes:
        database: the database.

    Raises:
        UsageError: what is given first is no database; or as for :meth:`init_app`.
    """

    def __init__(self, database: Database, app: Flask | None = None) -> None:
        if not isinstance(cast("object", database), Database):
            raise UsageError(
                f"Discobase({database!r}): the database comes first, and then the app, as in "
                f"Discobase(db, app)."
            )
        self.database = database
        self._place: _Place | None = None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Take an app's settings, and give it commands and a shell with the tables. Several apps
        may share one database, if their settings name the same place.

        The settings, each of which may be missing:

        - ``DISCOBASE_TOKEN``, ``DISCOBASE_API_URL``, ``DISCOBASE_SERVER``, ``DISCOBASE_CACHE``,
          ``DISCOBASE_LABEL``: as for :meth:`Database.login_lazily
          <discobase.Database.login_lazily>`;
        - ``DISCOBASE_CONNECT``: False where the app logs in by itself. True by default;
        - ``DISCOBASE_OWN_SAVES_SECONDS``: how long a request waits for what its visitor has saved
          by another process, at the most; 0 for not at all, and for no cookie. 2 by default.

        Args:
            app: the app.

        Raises:
            UsageError: the app has a database already; a setting makes no sense; or the database is
                connected as another app's settings say, which are not this one's.
        """
        if NAME in app.extensions:
            raise UsageError(f"{app.name!r} has a database already: initialize it once.")
        settings = cast("dict[str, Any]", app.config)
        place = _place(settings)
        seconds = _seconds(settings.setdefault("DISCOBASE_OWN_SAVES_SECONDS", _OWN_SAVES_SECONDS))
        if settings.setdefault("DISCOBASE_CONNECT", True):
            self._connect(place, app)
        app.extensions[NAME] = self
        app.cli.add_command(commands)
        app.shell_context_processor(self._shell_context)
        if seconds:
            layered: Any = OwnSaves(app.wsgi_app, self.database, seconds)
            app.wsgi_app = layered  # type: ignore[method-assign]

    def _connect(self, place: _Place, app: Flask) -> None:
        if self.database.ready and self._place not in {None, place}:
            raise UsageError(
                f"{self.database.name!r} is connected as another app's settings say, and those of "
                f"{app.name!r} differ: close() it first, or give each app a database of its own."
            )
        self.database.login_lazily(
            place.token,
            api_url=place.api_url,
            server=place.server,
            cache=place.cache,
            label=place.label,
        )
        self._place = place

    def _shell_context(self) -> dict[str, Any]:
        tables = {table.__name__: table for table in self.database.tables.values()}
        return {"db": self.database, **tables}


def database_of(app: Flask) -> Database:
    """Return the database of an app.

    Raises:
        UsageError: it has none yet.
    """
    extension = app.extensions.get(NAME)
    if not isinstance(extension, Discobase):
        raise UsageError(f"{app.name!r} has no database yet: call Discobase.init_app(app) before.")
    return extension.database


def _place(settings: dict[str, Any]) -> _Place:
    names = ("TOKEN", "API_URL", "SERVER", "CACHE", "LABEL")
    return _Place(*(settings.setdefault(f"DISCOBASE_{name}", None) for name in names))


def _seconds(given: object) -> float:
    if isinstance(given, int | float) and not isinstance(given, bool) and given >= 0:
        return given
    raise UsageError(f"DISCOBASE_OWN_SAVES_SECONDS={given!r}: give seconds from 0 on.")
