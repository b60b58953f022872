"""Secrets: the text of a record with what pydantic masks in it put back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast, get_args, get_origin

from pydantic import Secret, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

MASK = "**********"
"""What pydantic writes in the place of a secret."""

_SECRETS = (Secret, SecretStr, SecretBytes)
_SEQUENCES = (list, tuple, set, frozenset, deque)

BytesMode = Literal["base64", "utf8"]


def holds_secrets(annotation: Any) -> bool:
    """Return whether values of a type may be secrets, or have some in them as far as its arguments
    tell.
    """
    origin = get_origin(annotation) or annotation
    is_one = isinstance(origin, type) and issubclass(origin, _SECRETS)
    return is_one or any(map(holds_secrets, get_args(annotation)))


def unmasked_forms(stored: Any, held: Any) -> Iterator[Any]:
    """Yield a JSON value with its secrets unmasked, once for each way to write their bytes.

    Which way the model of a secret reads cannot be told from outside.

    Args:
        stored: the JSON value, with masks.
        held: the Python value that it was made of.
    """
    for bytes_mode in get_args(BytesMode):
        try:
            yield _unmasked(stored, held, bytes_mode)
        except ValueError:
            continue  # secret bytes that are no text, or a secret with no form in JSON at all


def _unmasked(stored: Any, held: Any, bytes_mode: BytesMode) -> Any:
    if isinstance(held, _SECRETS):
        return to_jsonable_python(
            cast("SecretStr", held).get_secret_value(),
            by_alias=False,
            round_trip=True,
            bytes_mode=bytes_mode,
            inf_nan_mode="strings",
        )
    if _fit(stored, dict, held, (Mapping,)):
        return {
            _unmasked(name, key, bytes_mode): _unmasked(value, inner, bytes_mode)
            for (name, value), (key, inner) in zip(stored.items(), held.items(), strict=False)
        }
    if _fit(stored, list, held, _SEQUENCES):
        return [
            _unmasked(value, inner, bytes_mode) for value, inner in zip(stored, held, strict=False)
        ]
    return stored


def _fit(
    stored: object, container: type[object], held: object, origins: tuple[type[object], ...]
) -> bool:
    return isinstance(stored, container) and isinstance(held, origins)
