"""A record's values and the JSON object that the log carries, each made of the other.

What :meth:`Codec.encode` accepts comes back from :meth:`Codec.decode` equal and of the same types.
That does not rest on rules about types: each record is really decoded again and compared before it
is handed on, so a type nobody thought of is refused, not changed. What this cannot foresee is a
validator whose verdict changes with time or place (``FutureDate``, ``FilePath``): it may refuse on
reading what it accepted when the record was written.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import make_dataclass
from types import NoneType
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PlainValidator,
    PydanticUndefinedAnnotation,
    Secret,
    SecretBytes,
    SecretStr,
    TypeAdapter,
    ValidationError,
    WrapValidator,
)
from pydantic_core import ArgsKwargs, from_json, to_jsonable_python

from discobase.engine import keys
from discobase.errors import TableError, UnknownField, UnstorableValue
from discobase.records.fields import marks_of
from discobase.records.sameness import MISSING, Difference, Missing, difference, shortened

_MASK = "**********"  # what pydantic writes in the place of a secret
_UNSAFE = re.compile(r"[`\x7f-\U0010ffff]")
_CARRIED_AS_IS = (int, bool, NoneType)

_SECRETS = (Secret, SecretStr, SecretBytes)
_SEQUENCES = (list, tuple, set, frozenset, deque)

_AS_ANNOTATION: dict[str, Callable[[Any], object]] = {
    "before": BeforeValidator,
    "after": AfterValidator,
    "wrap": WrapValidator,
    "plain": PlainValidator,
}

BytesMode = Literal["base64", "utf8"]


class Codec:
    """Encodes and decodes the records of one model class. Several threads may use it.

    Args:
        model: the model class.
        table: the table's name, for errors.

    Attributes:
        model: the model class.
        kinds: how each field's key is made.
        unique: the fields marked :class:`~discobase.records.fields.Unique`.
        indexed: the fields marked :class:`~discobase.records.fields.Index`.

    Raises:
        TableError: the annotations of the class cannot be resolved, or make no sense for a table.
    """

    def __init__(self, model: type[BaseModel], table: str) -> None:
        _complete(model)
        marks = marks_of(model)
        self.kinds: Mapping[str, keys.Kind] = marks.kinds
        self.unique = marks.unique
        self.indexed = marks.indexed
        self.model = model
        self._table = table
        self._serializer = model.__pydantic_serializer__
        self._validator = model.__pydantic_validator__
        self._excluded = [
            name
            for name, field in model.model_fields.items()
            if field.exclude or getattr(field, "exclude_if", None) is not None
        ]
        self._lone: dict[str, _LoneField] = {}

    def encode(self, record: BaseModel) -> str:
        """The JSON object of a record: compact, ASCII, without backticks, in field order.

        Keys are field names. Fields declared with ``exclude=True`` are kept, extras too, and
        secrets stand in it unmasked; computed fields and private attributes are left out. Does not
        block, and costs no API call.

        Args:
            record: an instance of the model.

        Raises:
            UnstorableValue: the record would not come back as it is.
            pydantic.ValidationError: a value was assigned that its field does not allow.
        """
        text = self._dump(record)
        if _MASK not in text and self._problem(record, text) is None:
            return text
        *forms, last = self._revealed(record, text)
        for form in forms:
            if self._problem(record, form) is None:
                return form
        problem = self._problem(record, last, has_secrets=last != text)
        if problem is not None:
            raise problem
        return last

    def decode(self, data: str) -> BaseModel:
        """The record of a JSON object that :meth:`encode` made, now or under an older schema.

        Missing fields get their defaults. Does not block, and costs no API call.

        Args:
            data: the JSON object.

        Raises:
            pydantic.ValidationError: the object does not fit the model as it is now. The error
                quotes the input, which may be secret.
        """
        return self._read(data)

    def stored_value(self, field: str, value: object) -> Any:
        """A value as a record would have it that was made with it, for comparing.

        The field's own validators run on it, those of the whole model do not.

        Args:
            field: the field's name.
            value: what a query gives for it.

        Raises:
            UnknownField: the model has no such field.
            pydantic.ValidationError: the field does not allow the value.
        """
        holder = self._lone_field(field).adapter.validator.validate_python(
            ArgsKwargs((), {field: value}), by_alias=False, by_name=True
        )
        return holder.__dict__[field]

    def stored_key(self, field: str, stored: Any) -> str | None:
        """The equality and sort key of a value that :meth:`stored_value` gave.

        Args:
            field: the field's name.
            stored: the value.

        Returns:
            The key (see :mod:`discobase.engine.keys`), or None if the field is ``opaque``: then its
            values are to be compared in Python.

        Raises:
            UnstorableValue: the value has no stored form, so no record can have it.
        """
        kind = self.kinds[field]
        if kind == "opaque":
            return None
        if type(stored) in _CARRIED_AS_IS or (type(stored) is str and stored.isascii()):
            return keys.key(kind, stored)
        try:
            return keys.key(kind, self._dump_lone(field, stored))
        except (ValueError, RecursionError) as error:
            raise self._unstorable(field, stored, str(error)) from error

    def _read(self, text: str) -> BaseModel:
        record: BaseModel = self._validator.validate_json(text, by_alias=False, by_name=True)
        return record

    def _dump(self, record: BaseModel) -> str:
        try:
            text = self._serialize(record)
            if self._excluded:
                text = _compact(self._with_excluded(record, json.loads(text)))
        except (ValueError, RecursionError) as error:
            name = self._culprit(record)
            raise self._unstorable(name, _value(record, name), _said(error)) from error
        if not text.startswith("{"):
            raise self._unstorable("", record, "its model is not stored as an object with fields")
        return _UNSAFE.sub(_escaped, text)

    def _serialize(self, record: BaseModel, include: set[str] | None = None) -> str:
        # round_trip leaves computed fields out, and writes pydantic.Json as the text that it reads.
        return self._serializer.to_json(
            record, include=include, by_alias=False, round_trip=True, warnings=False
        ).decode()

    def _dump_lone(self, field: str, value: object) -> Any:
        lone = self._lone_field(field)
        text = lone.adapter.serializer.to_json(
            lone.holder(value), by_alias=False, round_trip=True, warnings=False
        )
        return json.loads(text)[field]

    def _with_excluded(self, record: BaseModel, stored: dict[str, Any]) -> dict[str, Any]:
        held = record.__dict__
        added = {name: self._dump_lone(name, held[name]) for name in self._excluded if name in held}
        merged = stored | added
        order = [name for name in self.model.model_fields if name in merged]
        return {name: merged[name] for name in order} | merged

    def _revealed(self, record: BaseModel, text: str) -> list[str]:
        """The text with the secrets in the place of their masks, for each way to write their bytes.

        Which way a secret's model reads is not known here; the text itself if there are no secrets.
        """
        held: dict[str, Any] = self._serializer.to_python(
            record, mode="python", by_alias=False, round_trip=True, warnings=False
        )
        held |= {name: record.__dict__[name] for name in self._excluded if name in record.__dict__}
        try:
            stored: dict[str, Any] = json.loads(text)
        except (ValueError, RecursionError):
            return [text]  # nor will it be read: the check that follows says why
        held = {name: held.get(name, MISSING) for name in stored}
        forms = list(_unmasked_forms(stored, held))
        return [_UNSAFE.sub(_escaped, _compact(form)) for form in forms if form != stored] or [text]

    def _problem(
        self, record: BaseModel, text: str, *, has_secrets: bool = False
    ) -> Exception | None:
        """What is wrong with a record that is stored as this text; None if it comes back."""
        try:
            back = self._read(text)
        except ValidationError as error:
            refusal = error  # handled outside, so that it is no context: it quotes the input
        else:
            found = difference(record, back)
            if found is None:
                return None
            why = _changed(found, has_secrets=has_secrets)
            return self._unstorable(found.path, found.before, why, shown=found.shown)
        return self._unreadable(record, refusal)

    def _unreadable(self, record: BaseModel, error: ValidationError) -> Exception:
        """The error for a record whose stored form is refused: pydantic's if its values are."""
        values = record.__dict__ | (record.model_extra or {})
        try:
            self._validator.validate_python(values, by_alias=False, by_name=True)
        except ValidationError as refused:
            refused.add_note(
                f"Nothing was sent: a record of {self._table} is checked as it will be read. "
                f"A validator that refuses its own results has this effect too."
            )
            return refused
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        name = self._field_at(first["loc"]) or self._culprit(record)
        why = f"its stored form would be refused when it is read ({first['msg']})"
        return self._unstorable(name, _value(record, name), why)

    def _field_at(self, location: tuple[int | str, ...]) -> str:
        """The field that pydantic names in an error, by name or alias."""
        for name, field in self.model.model_fields.items():
            if location[:1] in ((name,), (field.alias,), (field.validation_alias,)):
                return name
        return ""

    def _culprit(self, record: BaseModel) -> str:
        """The first field that cannot be written or parsed as JSON; empty if each one can."""
        for name in self.model.model_fields:
            try:
                from_json(self._serialize(record, include={name}))
            except (ValueError, RecursionError):
                return name
        return ""

    def _unstorable(
        self, path: str, value: object, why: str, *, shown: bool = True
    ) -> UnstorableValue:
        field = self.model.model_fields.get(re.split(r"[.\[]", path)[0])
        if field is not None and not field.repr:
            shown = False
        place = f"{self._table}.{path}" if path else self._table
        what = (
            f"{shortened(value)} ({_named(type(value))})" if shown else f"a {_named(type(value))}"
        )
        return UnstorableValue(
            f"{place} cannot be stored as {what}: {why}; nothing was sent.{_hint(value, why)}"
        )

    def _lone_field(self, field: str) -> _LoneField:
        lone = self._lone.get(field)
        if lone is None:
            if field not in self.model.model_fields:
                raise UnknownField(self._table, field, self.model.model_fields)
            lone = self._lone[field] = _LoneField(self.model, field)
        return lone


class _LoneField:
    """One field of a model by itself, without its alias, default and exclusion.

    A class that holds just this field is easier to be sure of than a part cut out of the model.
    """

    def __init__(self, model: type[BaseModel], name: str) -> None:
        info = model.model_fields[name]
        annotation: Any = info.annotation
        for entry in (*info.metadata, *_decorated(model, name)):
            annotation = Annotated[annotation, entry]
        if info.discriminator is not None:
            annotation = Annotated[annotation, Field(discriminator=info.discriminator)]
        config = {"__pydantic_config__": model.model_config}
        self.holder: Callable[[object], Any]
        self.holder = make_dataclass(model.__name__, [(name, annotation)], namespace=config)
        self.adapter: TypeAdapter[Any] = TypeAdapter(self.holder)


def _complete(model: type[BaseModel]) -> None:
    try:
        model.model_rebuild()
    except PydanticUndefinedAnnotation as error:
        raise TableError(
            f"{model.__name__} names {error.name!r} in its annotations, which is not defined: "
            f"define it before the first use of the table."
        ) from error


def _decorated(model: type[BaseModel], name: str) -> Iterator[object]:
    """The validators that are methods of the model, as annotations."""
    for validator in model.__pydantic_decorators__.field_validators.values():
        if name in validator.info.fields or "*" in validator.info.fields:
            yield _AS_ANNOTATION[validator.info.mode](validator.func)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _compact(stored: Any) -> str:
    return json.dumps(stored, separators=(",", ":"))


def _unmasked_forms(stored: Any, held: Any) -> Iterator[Any]:
    for bytes_mode in get_args(BytesMode):
        try:
            yield _unmasked(stored, held, bytes_mode)
        except ValueError:
            continue  # secret bytes that are no text, or a secret with no form in JSON at all


def _unmasked(stored: Any, held: Any, bytes_mode: BytesMode) -> Any:
    """A JSON value with the secrets of the Python value it was made of in place of their masks."""
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


def _value(record: BaseModel, name: str) -> object:
    return record.__dict__.get(name, MISSING) if name else record


def _changed(found: Difference, *, has_secrets: bool) -> str:
    """What has become of a value."""
    before, after = type(found.before), type(found.after)
    if after is Missing:
        return "it would be left out"
    became = "another value" if has_secrets or not found.shown else shortened(found.after)
    if before is after:
        return f"it would come back as {became}"
    return f"it would come back as {became} ({_named(after)})"


def _hint(value: object, why: str) -> str:
    """What to do about it, as far as that can be told."""
    if "recursion" in why or "depth" in why or "Circular" in why:
        return " JSON carries no cycles, and no more than some 200 levels."
    if "surrogates" in why:
        return " Text must be valid Unicode: repair it with errors='replace' where it is decoded."
    if "number out of range" in why or "digits" in why:
        return " Integers have up to 4,300 digits: store it as text."
    if "utf-8" in why or isinstance(value, (bytes, float)):
        return (
            " A nested model needs a config of its own for this: ser_json_bytes and val_json_bytes "
            "'base64', ser_json_inf_nan 'strings'."
        )
    return (
        " Annotate the field with the exact type of what it holds; a validator must accept its own "
        "results and leave them as they are."
    )


def _said(error: Exception) -> str:
    return str(error).removeprefix("Error serializing to JSON: ")


def _named(kind: type) -> str:
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
