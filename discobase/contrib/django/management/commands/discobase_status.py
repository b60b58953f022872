"""``manage.py discobase_status``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from discobase import Database
from discobase.contrib.django.management.connected import ConnectedCommand


class Command(ConnectedCommand):
    """Connect, and print how the connection is."""

    help = "Connects to the discobase database of the settings, and prints how the connection is."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ``--json``."""
        parser.add_argument("--json", action="store_true", help="print it as JSON")

    def run_on(self, connected: Database, **options: Any) -> None:
        """Print it."""
        told = asdict(connected.status())
        if options["json"]:
            self.stdout.write(json.dumps(told, default=str))
            return
        for name, value in told.items():
            self.stdout.write(f"{name}: {value}")
