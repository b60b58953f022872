"""Records of 1.0.0 as records of a class of today."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

from pydantic_core import SchemaValidator, core_schema

from discobase.errors import DiscobaseError, UnstorableValue
from discobase.records.codec import Codec
from discobase.records.core_schema import replaced
from discobase.records.outdated import reasons_for
from discobase.records.record import Record
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
        codec: how the class's records are written and read.
    """

    def __init__(self, codec: Codec[R]) -> None:
        self._codec = codec
        self._model = codec.model
        self._validator = SchemaValidator(_with_bytes_as_text(codec.model))
        self._secret = [
            name
            for name, field in codec.model.model_fields.items()
            if holds_secrets(field.annotation)
        ]

    def made_of(self, original: OriginalRecord) -> R:
        """Return the record, which has not been saved. Fields that the class does not know are
        carried along with it.

        Raises:
            NoOriginal: it does not fit the class; the text says why, without its values.
        """
        self._refuse_masked(original)
        record = self._validated(original.text)
        self._codec.carry_unknown(record, original.text)
        try:
            self._codec.encode(record)
        except UnstorableValue as error:
            raise NoOriginal(f"it cannot be stored: {error}") from error
        return record

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
