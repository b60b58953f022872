"""Tables whose dumps have the primary key, or the version, as computed fields."""

from __future__ import annotations

from typing import Self

from pydantic import computed_field, model_validator

from discobase.records.record import PlaceProperty, drop_extra
from discobase.table import Table


class WithPk(Table):
    """A table whose records have ``pk`` in what pydantic makes of them: ``model_dump``, JSON, the
    JSON schema of a response.

    Derive from it in the place of :class:`Table`, or from :class:`WithVersion` as well. ``pk`` is a
    computed field then: it comes after the fields, is no part of what is stored, and is null before
    the record is saved. In what a record is made from, it is an unknown field, and never becomes
    the record's own: pydantic leaves it out, or refuses it where the model has
    ``extra="forbid"``. ``model_dump(round_trip=True)`` is without it.
    """

    @computed_field(repr=False)
    @PlaceProperty
    def pk(self) -> int | None:
        """The primary key: an integer, given when the record is first saved, never used again."""  # noqa: D401 - a property
        return super().pk

    @model_validator(mode="after")
    def _leave_out_given_pk(self) -> Self:
        drop_extra(self, "pk")
        return self


class WithVersion(Table):
    """A table whose records have ``version`` in what pydantic makes of them, as :class:`WithPk` has
    ``pk``.
    """

    @computed_field(repr=False)
    @PlaceProperty
    def version(self) -> int | None:
        """The position of the commit that wrote what this object holds; None before the first."""  # noqa: D401 - a property
        return super().version

    @model_validator(mode="after")
    def _leave_out_given_version(self) -> Self:
        drop_extra(self, "version")
        return self
