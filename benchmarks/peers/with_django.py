"""The questions, asked of Django."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from benchmarks.peers.side import CHUNK, PAGE, Side


class WithDjango(Side):
    """Its models, which validate nothing that comes from a table. One in a process: it is
    configured once.

    Args:
        path: the file.
        stack: closes what is open.
    """

    name = "Django"

    def __init__(self, path: Path, stack: ExitStack) -> None:
        at = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}}
        settings.configure(DATABASES=at)
        django.setup()
        from django.db import connection, models

        class User(models.Model):
            name = models.TextField()
            city = models.TextField()
            points = models.IntegerField()

            class Meta:
                """Where it is."""

                app_label = "benchmarks"
                db_table = "user"

        stack.callback(connection.close)
        self._objects: Any = User.objects
        self._models = models

    def get(self, pk: int) -> object:
        return self._objects.get(pk=pk)

    def of_city(self, city: str) -> list[Any]:
        return list(self._objects.filter(city=city).order_by("id"))

    def page(self, points: int) -> list[Any]:
        return list(self._objects.filter(points__gte=points).order_by("points")[:PAGE])

    def count(self, city: str) -> int:
        return int(self._objects.filter(city=city).count())

    def total(self) -> int:
        return int(self._objects.aggregate(total=self._models.Sum("points"))["total"])

    def per_city(self) -> dict[str, int]:
        grouped = self._objects.values_list("city").annotate(number=self._models.Count("id"))
        return dict(grouped.order_by())

    def values(self, city: str) -> list[Any]:
        found = self._objects.filter(city=city).order_by("id")
        return list(found.values_list("name", "points"))

    def iterate(self) -> Iterator[Any]:
        yield from self._objects.order_by("id").iterator(chunk_size=CHUNK)
