"""What the tests of this folder have in common: a base class configured as tables are."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from discobase.records.codec import Codec
from discobase.records.sameness import difference


class Record(BaseModel):
    model_config = ConfigDict(
        ser_json_bytes="base64",
        val_json_bytes="base64",
        ser_json_inf_nan="strings",
        arbitrary_types_allowed=True,
    )


def with_field(annotation: Any) -> type[Any]:
    """A model with one field, `value`."""
    return create_model("Box", __base__=Record, value=(annotation, ...))


def comes_back(annotation: Any, value: object) -> bool:
    """Whether a value is stored exactly; raises what encode raises."""
    model = with_field(annotation)
    codec = Codec(model, "boxes")
    record = model(value=value)
    text = codec.encode(record)
    assert text.isascii()
    assert "`" not in text
    return difference(record.value, codec.decode(text).value) is None
