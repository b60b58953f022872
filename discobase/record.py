"""What a record knows of itself: where it is stored, and which commit wrote it last."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, PrivateAttr


class Record(BaseModel):
    """A pydantic model with a place in a database. Users derive from :class:`discobase.Table`."""

    model_config = ConfigDict(
        ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="strings"
    )

    _pk: int | None = PrivateAttr(default=None)
    _version: int | None = PrivateAttr(default=None)

    @property
    def pk(self) -> int | None:
        """The primary key: an integer, given when the record is first saved, never used again; None
        before.
        """
        return self._pk

    @property
    def version(self) -> int | None:
        """The position of the commit that wrote what this object holds; None before the first
        save.
        """
        return self._version


def place(record: Record, pk: int | None, version: int | None) -> None:
    """Note in a record where it is stored, and which commit wrote it."""
    record._pk = pk
    record._version = version
