"""Records of 1.0.0 as records of a class of today."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import SchemaValidator, core_schema

from discobase.binding import Binding
from discobase.engine.changes import Change
from discobase.errors import DiscobaseError, UnstorableValue
from discobase.records.core_schema import replaced
from discobase.records.outdated import reasons_for
from discobase.records.record import Record, unknown_fields
from discobase.records.secrets import MASK, holds_secrets
from discobase.transfer.original_layout import NoOriginal, OriginalRecord

R = TypeVar("R", bound=Record)

_DONE = "discobase_text"


class OriginalRecords(Generic[R]):
    """Makes records of one class of what 1.0.0 has stored.

    The types that JSON lacks are texts there, as pydantic writes them, and pydantic reads them.
    Bytes are the exception: 1.0.0 writes them as the text that they are, and a table of today as
    Base64.

    Args:
        binding: the table of the class.

    Attributes:
        unknown: the fields so far that the class does not know, and that are stored nonetheless.
    """

    def __init__(self, binding: Binding[R]) -> None:
        self.unknown: set[str] = set()
        self._binding = binding
        self._model = binding.codec.model
        self._validator = SchemaValidator(_with_bytes_as_text(self._model))
        self._secret = [
            name
            for name, field in self._model.model_fields.items()
            if holds_secrets(field.annotation)
        ]

    def change_of(self, original: OriginalRecord) -> Change:
        """Return what storing a record comes to. Fields that the class does not know go along.

        Raises:
            NoOriginal: it does not fit the class; the text says why, without its values.
        """
        self._refuse_masked(original)
        record = self._validated(original.text)
        self._binding.codec.carry_unknown(record, original.text)
        try:
            change = self._binding.change(record)
        except (UnstorableValue, ValidationError) as error:
            raise NoOriginal(
                f"it cannot be stored: what {self._model.__name__} makes of it would come back as "
                f"something else"
            ) from error
        carried = unknown_fields(record)
        if carried is not None:
            self.unknown.update(json.loads(carried))
        return change

    def _validated(self, text: str) -> R:
        try:
            record: R = self._validator.validate_json(
                text,
                self_instance=self._model.__new__(self._model),
                by_alias=False,
                by_name=True,
            )
        except (DiscobaseError, MemoryError):
            raise
        except Exception as error:  # a validator may raise anything at what it did not expect
            reasons = reasons_for(self._model, error)
            told = "; ".join(f"{place}: {why}" for place, why in reasons.items())
            raise NoOriginal(f"it does not fit {self._model.__name__}: {told}") from error
        return record

    def _refuse_masked(self, original: OriginalRecord) -> None:
        """Refuse a record whose secret is lost: 1.0.0 has stored pydantic's mask in its place."""
        for name in self._secret:
            if MASK in json.dumps(original.fields.get(name)):
                raise NoOriginal(
                    f"{name}: it is a secret, of which 1.0.0 has stored asterisks alone: what it "
                    f"was is lost. To take the rest, give the field a plain type for this, or a "
                    f"table without the field"
                )


class _ToFill:
    """What stands for the class of a record in a schema: pydantic would take the validator that the
    class has already, and not make the one that it is given. The record to fill is given, too.
    """


def _with_bytes_as_text(model: type[Record]) -> Any:
    """Return the schema of a class that takes bytes for what a text's are. Models in its fields
    have settings of their own, by which 1.0.0 has written them, too.
    """

    def replace(node: dict[str, Any]) -> dict[str, Any] | None:
        if node["type"] == "model":
            return {**node, "cls": _ToFill} if node["cls"] is model else None
        if node["type"] != "bytes" or node.get("metadata", {}).get(_DONE):
            return node
        inner: Any = {**node, "metadata": {_DONE: True}}
        wrapped: Any = core_schema.no_info_before_validator_function(_encoded, inner)
        return wrapped  # type: ignore[no-any-return]

    return replaced(model.__pydantic_core_schema__, replace)


def _encoded(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value
