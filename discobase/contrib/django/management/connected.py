"""A command on the database of the settings: connected before, closed afterwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from discobase import Database
from discobase.contrib.django.connection import database
from discobase.errors import DiscobaseError


class ConnectedCommand(BaseCommand, ABC):
    """A command that uses the database."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Connect, run, and close.

        Raises:
            CommandError: discobase has raised an error, which it tells.
        """
        del args
        used: Database | None = None
        try:
            used = database()
            used.wait_ready()
            self.run_on(used, **options)
        except DiscobaseError as error:
            raise CommandError(str(error)) from error
        finally:
            if used is not None:
                used.close()

    @abstractmethod
    def run_on(self, connected: Database, **options: Any) -> None:
        """Do what the command is for."""
