"""``manage.py discobase_verify``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from discobase import Database
from discobase.contrib.django.management.connected import ConnectedCommand


class Command(ConnectedCommand):
    """Read all that is written in Discord, and report what is damaged."""

    help = "Reads all that the discobase database holds in Discord, and reports what is damaged."

    def run_on(self, connected: Database, **options: Any) -> None:
        """Print the report; the exit status is 1 where something is damaged."""
        del options
        report = connected.verify()
        if not report.sound:
            raise CommandError(str(report))
        self.stdout.write(str(report))
