"""The tables in Django's admin, to read: a list of them, their records in pages, and one record."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import django
from django import http
from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe
from pydantic import ValidationError

from discobase import Query
from discobase import Table as Records
from discobase.contrib.django.configuration import configuration
from discobase.contrib.django.models import Table
from discobase.contrib.django.selection import (
    FIELD,
    OPERATOR,
    OPERATORS,
    ORDER,
    PAGE,
    SEARCH,
    VALUE,
    Condition,
    Selection,
)
from discobase.contrib.django.visible import (
    open_fields,
    visible_fields,
    visible_table,
    visible_tables,
)
from discobase.errors import (
    DiscobaseError,
    RecordNotFound,
    RecordOutdated,
    TableNotFound,
    UsageError,
)

_PER_PAGE = 100
"""Records of a page, as in Django's own admin."""

_AT_A_GLANCE = 100
"""Characters of a value in a list: a guess at what a line shows."""

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Table]
else:
    _Admin = admin.ModelAdmin

View = Callable[..., http.HttpResponse]


@admin.register(Table)
class TablesAdmin(_Admin):
    """Shows the tables to staff who have the permission ``DISCOBASE["ADMIN_PERMISSION"]``.

    Nothing here writes: there are no forms but those for searching, and other requests than ``GET``
    and ``HEAD`` are refused. Reading costs no API call; the first page in a process connects. For
    an ``AdminSite`` of one's own: ``site.register(Table, TablesAdmin)``, with
    :class:`discobase.contrib.django.models.Table`.
    """

    def has_view_permission(self, request: http.HttpRequest, obj: Any = None) -> bool:
        """Return whether somebody may see the tables."""
        del obj  # who may see one of the tables may see all that are shown
        user: Any = request.user
        is_staff = user.is_active and user.is_staff
        return bool(is_staff and user.has_perm(configuration().admin_permission))

    def has_module_permission(self, request: http.HttpRequest) -> bool:
        """Return whether somebody sees them named on the admin's first page."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: http.HttpRequest, obj: Any = None) -> bool:
        """Return that nobody adds a table here."""
        del request, obj
        return False

    def has_change_permission(self, request: http.HttpRequest, obj: Any = None) -> bool:
        """Return that nobody changes one here."""
        del request, obj
        return False

    def has_delete_permission(self, request: http.HttpRequest, obj: Any = None) -> bool:
        """Return that nobody deletes one here."""
        del request, obj
        return False

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses of the three pages, in the place of those of a model's admin."""
        return [
            path("", self._page(self._tables), name="discobase_table_changelist"),
            path("<str:table>/", self._page(self._records), name="discobase_table_records"),
            path("<str:table>/<int:pk>/", self._page(self._record), name="discobase_table_record"),
        ]

    def _page(self, view: View) -> View:
        """Return a view for those who may see it, that says what fails."""

        @wraps(view)
        def page(request: http.HttpRequest, **of: Any) -> http.HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            try:
                return view(request, **of)
            except (TableNotFound, RecordNotFound) as error:
                raise http.Http404(str(error)) from error
            except DiscobaseError as error:
                return self._answer(request, "failed", "Not to be read", error=error, status=503)

        return self.admin_site.admin_view(require_safe(page))

    def _tables(self, request: http.HttpRequest) -> http.HttpResponse:
        tables = [(quote(each.name), each) for each in visible_tables()]
        return self._answer(request, "tables", "Tables", tables=tables)

    def _records(self, request: http.HttpRequest, table: str) -> http.HttpResponse:
        name = unquote(table)
        model = visible_table(name)
        fields, to_ask = visible_fields(model, name), open_fields(model, name)
        selection = Selection.of(request.GET)
        page, wrong = _found(model, selection, to_ask, request.GET.get(PAGE))
        paginator: Any = page.paginator
        return self._answer(
            request,
            "records",
            name,
            name=name,
            quoted=table,
            wrong=wrong,
            columns=[_Column(each, request.GET, selection, to_ask) for each in ("pk", *fields)],
            rows=[(each.pk, _cells(each, fields)) for each in page],
            page=page,
            pages=[
                (each, _changed(request.GET, PAGE, str(each)))
                for each in paginator.get_elided_page_range(page.number)
            ],
            ellipsis=paginator.ELLIPSIS,
            selection=selection,
            conditions=[
                (each, _without(request.GET, selection, each)) for each in selection.conditions
            ],
            choices=["pk", *to_ask],
            operators=OPERATORS.items(),
            called={
                "search": SEARCH,
                "order": ORDER,
                "field": FIELD,
                "operator": OPERATOR,
                "value": VALUE,
            },
        )

    def _record(self, request: http.HttpRequest, table: str, pk: int) -> http.HttpResponse:
        name = unquote(table)
        model = visible_table(name)
        record: Records | None = None
        wrong: RecordOutdated | None = None
        try:
            record = model.get(pk)
            fields = visible_fields(model, name)
            values = _values(record)
        except RecordOutdated as error:
            wrong = error
            fields = open_fields(model, name)  # what is stored has no masks
            values = model.raw(pk)
        return self._answer(
            request,
            "record",
            f"{name} {pk}",
            name=name,
            quoted=table,
            wrong=wrong,
            pk=pk,
            record=record,
            fields=[(each, _whole(values.get(each))) for each in fields],
        )

    def _answer(
        self,
        request: http.HttpRequest,
        template: str,
        title: str,
        *,
        status: int = 200,
        **shown: Any,
    ) -> http.HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            # What stands above the page is a list from Django 6.1 on.
            "has_listed_breadcrumbs": django.VERSION >= (6, 1),
            **shown,
        }
        request.current_app = self.admin_site.name
        return render(request, f"discobase/admin/{template}.html", context, status=status)


class _Column:
    """The head of a column: its name, and where sorting by it leads.

    Args:
        name: of the field.
        address: of the page.
        selection: what is shown.
        to_ask: the fields by which records can be sorted.
    """

    def __init__(
        self, name: str, address: http.QueryDict, selection: Selection, to_ask: Sequence[str]
    ) -> None:
        self.name = name
        by = selection.order or "pk"
        self.is_ascending = by == name
        self.is_descending = by == f"-{name}"
        self.address = ""
        if name == "pk" or name in to_ask:
            self.address = _changed(address, ORDER, f"-{name}" if self.is_ascending else name)


def _found(
    table: type[Records], selection: Selection, to_ask: Sequence[str], number: str | None
) -> tuple[Any, str]:
    """Return a page of what an address asks for, and what is wrong with that, if anything is."""
    try:
        query = selection.query(table, to_ask)
    except (UsageError, ValidationError) as error:
        return _read(table.find()[:0], None), str(error)
    try:
        return _read(query, number), ""
    except RecordOutdated as error:
        return _read(query.skip_outdated(), number), f"{error} Such records are left out here."


def _read(query: Query[Records], number: str | None) -> Any:
    """Return a page of a query, its records read."""
    paginator: Paginator[Any] = Paginator(query, _PER_PAGE)
    page = paginator.get_page(number)
    page.object_list = list(page.object_list)
    return page


def _changed(address: http.QueryDict, name: str, value: str) -> str:
    """Return an address with another value of a name, at the first page if it is no page."""
    changed = address.copy()
    changed.pop(PAGE, None)
    changed[name] = value
    return f"?{changed.urlencode()}"


def _without(address: http.QueryDict, selection: Selection, condition: Condition) -> str:
    """Return an address without one of its conditions."""
    changed = address.copy()
    changed.pop(PAGE, None)
    kept = [each for each in selection.conditions if each is not condition]
    changed.setlist(FIELD, [each.field for each in kept])
    changed.setlist(OPERATOR, [each.operator for each in kept])
    changed.setlist(VALUE, [each.value for each in kept])
    return f"?{changed.urlencode()}"


def _values(record: Records) -> dict[str, Any]:
    """Return what a record holds, as JSON has it, secrets masked."""
    values: dict[str, Any] = json.loads(record.model_dump_json(by_alias=False))
    return values


def _cells(record: Records, fields: Sequence[str]) -> list[str]:
    values = _values(record)
    return [_text(values.get(each)) for each in fields]


def _text(value: Any) -> str:
    """Return a value on one line, cut where it is long."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _AT_A_GLANCE else f"{text[:_AT_A_GLANCE]}…"


def _whole(value: Any) -> str:
    """Return a value as the page of its record shows it."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
