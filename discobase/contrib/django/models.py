"""What stands for the tables in Django's admin: a model that has no table in Django's database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models

if TYPE_CHECKING:
    _Manager = models.Manager["Table"]
else:
    _Manager = models.Manager


class _NoRows(_Manager):
    """Gives no rows, and asks no database: `dumpdata` goes through the rows of every model."""

    def get_queryset(self) -> Any:
        """Return a query for nothing."""
        return super().get_queryset().none()


class Table(models.Model):
    """The tables of the database of the settings, as Django's admin and its permissions name them.

    Django never makes a table for it, and it has no rows. It is there for its entry in the admin,
    and for the permission ``discobase.view_table``.
    """

    name: models.CharField[str, str] = models.CharField(max_length=100, primary_key=True)

    objects: ClassVar[models.Manager[Any]] = _NoRows()

    class Meta:
        """What Django makes of it."""

        managed = False
        app_label = "discobase"
        base_manager_name = "objects"
        default_permissions = ("view",)
        verbose_name = "table"
        verbose_name_plural = "tables"

    def __str__(self) -> str:
        return self.name
