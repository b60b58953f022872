"""The app: its checks. It connects to nothing."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from discobase.contrib.django.checks import check_settings


class DiscobaseConfig(AppConfig):
    """The app ``discobase.contrib.django``."""

    name = "discobase.contrib.django"
    label = "discobase"
    verbose_name = "discobase"

    def ready(self) -> None:
        """Register the checks."""
        register(check_settings)
