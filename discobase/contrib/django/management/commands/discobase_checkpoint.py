"""``manage.py discobase_checkpoint``."""

from __future__ import annotations

from typing import Any

from discobase import Database
from discobase.contrib.django.management.connected import ConnectedCommand
from discobase.counted import counted


class Command(ConnectedCommand):
    """Write the whole state into Discord, so that logins read no more than that."""

    help = "Writes a checkpoint of the discobase database into Discord."

    def run_on(self, connected: Database, **options: Any) -> None:
        """Write it, and print what was written."""
        del options
        written = connected.checkpoint()
        self.stdout.write(
            f"position {written.position}: {counted(written.records, 'record')}, "
            f"{written.size} bytes"
        )
