"""Equality and sort keys: a stored value becomes a text that compares as the value does.

The replica indexes fields of records, which are JSON. JSON text orders numbers, instants and
durations wrongly, and writes equal values in several ways (``1`` and ``1.0``, one moment in two
time zones), so each field has a *kind* that says how its key is made. For all kinds but ``opaque``:

- two stored values of a field have one key if, and only if, they are equal as the field's own type;
- where values can be compared, their keys sort as they do, by code point or by UTF-8 bytes (which
  is SQLite's ``BINARY``);
- a value that does not fit the kind, because it was written under an older schema, is keyed as
  ``plain``; nothing is refused.

NaN has a key of its own, the one case where equal keys stand for values that are not equal: an
index needs an order, so it sorts above infinity, and a unique field holds one NaN.

============  ===================================================================================
first letter  what the key is of
============  ===================================================================================
``"``         a string, as it stands (escaping or closing it would disturb the order)
``#``         a number
``@``         an aware datetime or time, in microseconds of UTC
``&``         a naive datetime or time, in microseconds
``^``         an IP address
others        ``true``, ``false``, ``null``, and containers as JSON text with sorted keys
============  ===================================================================================
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import Literal, TypeAlias, get_args

JSON: TypeAlias = "str | int | float | bool | list[JSON] | dict[str, JSON] | None"
"""What :func:`json.loads` gives."""

NULL = "null"
"""The key of JSON null."""

Kind = Literal["plain", "decimal", "instant", "duration", "path", "address", "opaque", "together"]
"""How the key of a field is made; :func:`discobase.records.fields.kind_of` says which type has
which.

- ``plain``: strings, numbers, booleans and null, told apart by their JSON type;
- ``decimal``: numbers, some of which are strings in JSON (decimals; infinity and NaN of floats);
- ``instant``: datetimes and times in ISO 8601;
- ``duration``: durations in ISO 8601, or numbers;
- ``path``: file paths with ``/``, which sort by their parts;
- ``address``: IPv4 and IPv6 addresses;
- ``opaque``: no key; such a field cannot be indexed, and is compared in Python;
- ``together``: no field's, but that of several, whose key is made of theirs
  (:mod:`discobase.engine.together`).
"""

KINDS: frozenset[str] = frozenset(get_args(Kind))
"""Every :data:`Kind` there is."""

NAN = "#5"
"""The key of NaN."""

_BELOW, _NEGATIVE, _ZERO, _POSITIVE, _ABOVE = "#0", "#1", "#2", "#3", "#4"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_REVERSED = str.maketrans(_DIGITS + _LETTERS, _DIGITS[::-1] + _LETTERS[::-1])

_START = datetime.min  # noqa: DTZ901 - of any zone's wall time
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)

_DURATION = re.compile(
    r"(?P<sign>[-+]?)P(?=[\dT])(?:(?P<years>\d+)Y)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)(?:\.(?P<fraction>\d{1,6}))?S)?)?"
)
_DAYS_IN_A_YEAR = 365  # to speedate, with which pydantic writes and reads durations


def key(kind: Kind, value: JSON) -> str | None:
    """Make the key of a field's stored value.

    Args:
        kind: the field's kind.
        value: the value as it stands in the record, parsed from JSON. A field that is missing is
            the caller's business.

    Returns:
        The key, or None if the kind is ``opaque``. JSON null has the key ``null``.
    """
    if kind == "opaque":
        return None
    if kind != "plain" and isinstance(value, str):
        special = _OF_TEXT[kind](value)
        if special is not None:
            return special
    return _plain(value)


def _plain(value: JSON) -> str:
    if isinstance(value, str):
        return '"' + value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _number(value < 0, str(abs(value)), 0)
    if isinstance(value, float):
        return _float(value)
    if value is None:
        return NULL
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _number(negative: bool, digits: str, exponent: int) -> str:
    """Make the key of ``digits * 10**exponent``: magnitude, then digits; reversed if negative."""
    digits = digits.lstrip("0")
    if not digits:
        return _ZERO
    size = _magnitude(len(digits) - 1 + exponent) + digits.rstrip("0")
    return f"{_NEGATIVE}{size.translate(_REVERSED)}~" if negative else _POSITIVE + size


def _magnitude(exponent: int) -> str:
    digits = str(abs(exponent))
    size = _LETTERS[len(digits)] + digits
    return "p" + size if exponent >= 0 else "n" + size.translate(_REVERSED)


def _float(value: float) -> str:
    if math.isnan(value):
        return NAN
    if math.isinf(value):
        return _ABOVE if value > 0 else _BELOW
    numerator, denominator = value.as_integer_ratio()
    twos = (
        denominator.bit_length() - 1
    )  # n / 2**k == n * 5**k / 10**k, so every float has an exact decimal form
    return _number(value < 0, str(abs(numerator) * 5**twos), -twos)


def _decimal(text: str) -> str | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if number.is_nan():
        return NAN
    if number.is_infinite():
        return _ABOVE if number > 0 else _BELOW
    sign, digits, exponent = number.as_tuple()
    return _number(bool(sign), "".join(map(str, digits)), int(exponent))


def _instant(text: str) -> str | None:
    try:
        if text[2:3] == ":":
            clock = time.fromisoformat(text)
            moment, offset = datetime.combine(_START, clock.replace(tzinfo=None)), clock.utcoffset()
        else:
            moment = datetime.fromisoformat(text)
            moment, offset = moment.replace(tzinfo=None), moment.utcoffset()
    except ValueError:
        return None
    # An offset may lead out of the years datetime knows: hence a timedelta, kept positive by a day.
    since = moment - _START + _DAY - (offset or timedelta())
    return f"{'&' if offset is None else '@'}{since // _MICROSECOND:018d}"


def _duration(text: str) -> str | None:
    parts = _sign_and_microseconds(text)
    return None if parts is None else _number(parts[0], parts[1], -6)


def seconds(text: str) -> float | None:
    """Return how long a duration in ISO 8601 is; None where it is none."""
    parts = _sign_and_microseconds(text)
    if parts is None:
        return None
    length = int(parts[1]) / 1_000_000
    return -length if parts[0] else length


def _sign_and_microseconds(text: str) -> tuple[bool, str] | None:
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    years, days, hours, minutes, whole = (int(match[part] or 0) for part in _DURATION_PARTS)
    total = (((years * _DAYS_IN_A_YEAR + days) * 24 + hours) * 60 + minutes) * 60 + whole
    fraction = (match["fraction"] or "").ljust(6, "0")
    return match["sign"] == "-", f"{total}{fraction}"


_DURATION_PARTS = ("years", "days", "hours", "minutes", "seconds")


def _path(text: str) -> str:
    return '"' + text.replace("/", "\0")


def _address(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    zone = getattr(address, "scope_id", None) or ""
    return f"^{address.version}{int(address):032x}{zone}"


_OF_TEXT: dict[Kind, Callable[[str], str | None]] = {
    "decimal": _decimal,
    "instant": _instant,
    "duration": _duration,
    "path": _path,
    "address": _address,
}
