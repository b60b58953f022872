"""A record's values and the JSON object that the log carries, each made of the other.

What :meth:`Codec.encode` accepts comes back from :meth:`Codec.decode` equal and of the same types:
those of the fields, which a value gets that was held as another one.
That does not rest on rules about types: each record is really decoded again and compared before it
is handed on, so a type nobody thought of is refused, not changed. What this cannot foresee is a
validator whose verdict changes with time or place (``FutureDate``, ``FilePath``): it may refuse on
reading what it accepted when the record was written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaValidator

from discobase.engine import keys
from discobase.engine.texts import Place
from discobase.errors import DiscobaseError, TableError, UnknownField, UnstorableValue
from discobase.once import once
from discobase.records.conversion import Conversion
from discobase.records.core_schema import list_of, runs_no_code
from discobase.records.explain import Explainer
from discobase.records.fields import is_mark, marks_of
from discobase.records.json_text import as_ascii, json_text
from discobase.records.lone_field import LoneField
from discobase.records.model import blank, refuse_inits_inside, undefined_name
from discobase.records.record import note_unknown_fields, unknown_fields
from discobase.records.sameness import MISSING, Difference, difference
from discobase.records.searchable import searched_places
from discobase.records.secrets import MASK, unmasked_forms
from discobase.records.unknown_fields import UnknownFields, with_fields

M = TypeVar("M", bound=BaseModel)

_CARRIED_AS_IS = (int, bool, NoneType)
"""Types whose values are their own JSON values, so that their keys need no serializer."""


class Codec(Generic[M]):
    """Encodes and decodes the records of one model class. Several threads may use it.

    Args:
        model: the model class.
        table: the table's name, for errors.
        names: what its annotations may name besides what is in its module.

    Attributes:
        model: the model class.
        kinds: how each field's key is made.
        unique: the fields marked :class:`~discobase.records.fields.Unique`.
        indexed: the fields marked :class:`~discobase.records.fields.Index`.
        searched: where texts stand that are :class:`~discobase.records.fields.Searchable`.
        together: those that are unique together.

    Raises:
        TableError: the annotations of the class cannot be resolved, or make no sense for a table.
    """

    def __init__(self, model: type[M], table: str, names: dict[str, Any] | None = None) -> None:
        if undefined := undefined_name(model, names):
            raise TableError(
                f"{model.__name__} names {undefined!r} in its annotations, which is not defined: "
                f"define it before the first use of the table."
            )
        refuse_inits_inside(model)
        marks = marks_of(model)
        self.kinds: Mapping[str, keys.Kind] = marks.kinds
        self.unique: tuple[str, ...] = marks.unique
        self.indexed: tuple[str, ...] = marks.indexed
        self.searched: tuple[Place, ...] = searched_places(model)
        self.together: tuple[tuple[str, ...], ...] = marks.together
        self.model = model
        self._table = table
        self._serializer = model.__pydantic_serializer__
        self._validator = model.__pydantic_validator__
        self._has_init = model.__pydantic_custom_init__
        self._excluded = [
            name
            for name, field in model.model_fields.items()
            if field.exclude or getattr(field, "exclude_if", None) is not None
        ]
        self._unknown = UnknownFields(model)
        self._has_serializer = bool(model.__pydantic_decorators__.model_serializers)
        self._lone: dict[str, LoneField] = {}
        self._carried: dict[str, bool] = {}
        self._explainer = Explainer(model, table, self._serialize)

    def encode(self, record: M) -> str:
        """Return the JSON object of a record: compact, ASCII, without backticks, in field order.

        Keys are field names. Fields declared with ``exclude=True`` are kept, extras too, and
        secrets stand in it unmasked; computed fields and private attributes are left out. Does not
        block, and costs no API call.

        Fields that a record was loaded with, and that its class does not know, follow.

        A value that its field takes without loss is stored as the field's own type, and the record
        holds that afterwards: see :mod:`discobase.records.conversion`.

        Args:
            record: an instance of the model.

        Raises:
            UnstorableValue: the record would not come back as it is. It is left as it was.
            pydantic.ValidationError: a value was assigned that its field does not allow.
        """
        text = self._known_fields(record)
        unknown = unknown_fields(record)
        return text if unknown is None else self._with_unknown(record, text, json.loads(unknown))

    def decode(self, data: str) -> M:
        """Return the record of a JSON object that :meth:`encode` made, now or under an older
        schema.

        Missing fields get their defaults, and those that the class does not know are carried along
        with the record. An ``__init__`` of the class is not called, nor need it take the fields.
        Does not block, and costs no API call.

        Args:
            data: the JSON object.

        Raises:
            pydantic.ValidationError: the object does not fit the model as it is now. The error
                quotes the input, which may be secret.
        """
        record = self._read(data)
        if self._unknown.may_be_in(data, (record,)):
            self.carry_unknown(record, data)
        return record

    def decoded(self, data: str) -> M | Exception:
        """Return the record of a JSON object, as :meth:`decode` does; or why it does not fit the
        model as it is now, which is pydantic's error, or what a validator raised that had not
        expected such a value.
        """
        try:
            return self.decode(data)
        except (DiscobaseError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - a validator may raise anything at what it did not expect
            return error

    @once
    def loads_quietly(self) -> bool:
        """Whether loading a record runs no code of others, so that nobody can tell when it is."""
        return not self._has_init and runs_no_code(self.model.__pydantic_core_schema__)

    def decoded_all(self, texts: Sequence[str]) -> list[M] | None:
        """Return the records of several JSON objects, each as :meth:`decode` does, in two thirds of
        the time; None where they have to be loaded one by one.
        """
        if not self.loads_quietly:
            return None
        together = f"[{','.join(texts)}]"
        try:
            records: list[M] = self._list_validator.validate_json(
                together, by_alias=False, by_name=True
            )
        except ValueError:  # one of them does not fit: each by itself says which
            return None
        if len(records) != len(texts):
            return None
        if self._unknown.may_be_in(together, records):
            for record, data in zip(records, texts, strict=True):
                self.carry_unknown(record, data)
        return records

    @once
    def _list_validator(self) -> SchemaValidator:
        return SchemaValidator(list_of(self.model.__pydantic_core_schema__))

    def stored_value(self, field: str, value: object) -> Any:
        """Return a value as a record would have it that was made with it, for comparing.

        The field's own validators run on it, but for those that look at other fields; those of the
        whole model do not.

        Args:
            field: the field's name.
            value: what a query gives for it.

        Raises:
            UnknownField: the model has no such field.
            pydantic.ValidationError: the field does not allow the value.
        """
        validator = self._lone_field(field).validator
        return validator.validate_python({field: value}, by_alias=False, by_name=True)[field]

    def value_alone(self, field: str, stored: Mapping[str, Any]) -> Any:
        """Return what a record would hold in a field that cannot be loaded as a whole; MISSING
        where it has nothing that the field allows.

        As for :meth:`stored_value`, the field's own validators decide, but for those that look at
        other fields.

        Args:
            field: the field's name.
            stored: the record, as JSON has it.
        """
        try:
            return self._lone_field(field).read(stored)
        except (DiscobaseError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - a validator may raise anything at what it did not expect
            return MISSING

    def is_carried(self, field: str) -> bool:
        """Return whether a field's values are its stored ones, as JSON has them, if those are of
        the field's type: nothing looks at them or changes them on the way.

        Args:
            field: the field's name.
        """
        known = self._carried.get(field)
        if known is None:
            known = self._carried[field] = _is_carried(self.model, field)
        return known

    def stored_form(self, field: str, value: object) -> Any:
        """Return a value of a field as JSON has it.

        Args:
            field: the field's name.
            value: the value, as a record would hold it.

        Raises:
            ValueError, RecursionError: it has no such form.
        """
        return self._dump_lone(field, value)

    def stored_key(self, field: str, stored: Any) -> str | None:
        """Return the equality and sort key of a value that :meth:`stored_value` gave.

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
        is_plain = type(stored) in _CARRIED_AS_IS or (type(stored) is str and stored.isascii())
        try:
            return keys.key(kind, stored if is_plain else self._dump_lone(field, stored))
        except (ValueError, RecursionError) as error:
            raise self._explainer.unstorable(field, stored, str(error)) from error

    def comes_back(self, field: str, value: Any) -> bool:
        """Return whether a value that :meth:`stored_value` gave equals what is loaded of it when it
        has been stored, so that its key decides what it is equal to. NaN does not, nor does a
        moment that a clock shows twice.

        Args:
            field: the field's name.
            value: the value.
        """
        if type(value) in _CARRIED_AS_IS or type(value) is str:
            return True
        try:
            return bool(self.value_alone(field, {field: self._dump_lone(field, value)}) == value)
        except Exception:  # noqa: BLE001 - a foreign class may raise anything (as NumPy's do)
            return False

    def _known_fields(self, record: M) -> str:
        """Return the JSON object of what the class knows of a record: see :meth:`encode`."""
        text = self._dump(record)
        if MASK not in text and self._wrong(record, text) is None:
            return text
        forms = self._revealed(record, text)
        for form in forms:
            if self._wrong(record, form) is None:
                return form
        return self._converted(record, forms, has_secrets=forms[-1] != text)

    def _with_unknown(self, record: M, text: str, unknown: dict[str, Any]) -> str:
        """Return the text of a record with the fields behind it that its class does not know.

        One that a validator of the class reads, to make of it what the class knows now, is left out
        where the record would not come back as it is.
        """
        written = json.loads(text)  # a serializer of the class may write what is no field
        carried = {name: value for name, value in unknown.items() if name not in written}
        if self._wrong(record, whole := with_fields(text, carried)) is None:
            return whole
        kept: dict[str, Any] = {}
        for name, value in carried.items():
            if self._wrong(record, with_fields(text, kept | {name: value})) is None:
                kept[name] = value
        note_unknown_fields(record, json_text(kept) if kept else None)
        return with_fields(text, kept)

    def _read(self, data: str) -> M:
        to_fill = blank(self.model) if self._has_init else None
        try:
            record: M = self._validator.validate_json(
                data, self_instance=to_fill, by_alias=False, by_name=True
            )
        except ValidationError as error:
            if not self._unknown.explain(error):
                raise
            known, unknown = self._unknown.split(data)
            if not unknown:
                raise
        else:
            return record
        return self._read(json_text(known))

    def carry_unknown(self, record: M, data: str) -> None:
        """Have a record carry the fields of a JSON object that its class does not know."""
        _, unknown = self._unknown.split(data)
        if unknown and self._has_serializer:
            written = self._written(record)
            unknown = {name: value for name, value in unknown.items() if name not in written}
        if unknown:
            note_unknown_fields(record, json_text(unknown))

    def _written(self, record: M) -> dict[str, Any]:
        """Return what the class itself writes of a record, which may be more than its fields."""
        try:
            written: dict[str, Any] = json.loads(self._dump(record))
        except UnstorableValue:
            return {}
        return written

    def _dump(self, record: M) -> str:
        try:
            text = self._serialize(record)
            if self._excluded:
                text = json_text(self._with_excluded(record, json.loads(text)))
        except (ValueError, RecursionError) as error:
            raise self._explainer.unwritable(record, error) from error
        if not text.startswith("{"):
            why = "its model is not stored as an object with fields"
            raise self._explainer.unstorable("", record, why)
        return as_ascii(text)

    def _serialize(self, record: M, include: set[str] | None = None) -> str:
        # round_trip leaves computed fields out, and writes pydantic.Json as the text that it reads.
        return self._serializer.to_json(
            record, include=include, by_alias=False, round_trip=True, warnings=False
        ).decode()

    def _dump_lone(self, field: str, value: object) -> Any:
        text = self._lone_field(field).serializer.to_json(
            {field: value}, by_alias=False, round_trip=True, warnings=False
        )
        return json.loads(text)[field]

    def _with_excluded(self, record: M, stored: dict[str, Any]) -> dict[str, Any]:
        held = record.__dict__
        added = {name: self._dump_lone(name, held[name]) for name in self._excluded if name in held}
        merged = stored | added
        order = [name for name in self.model.model_fields if name in merged]
        return {name: merged[name] for name in order} | merged

    def _revealed(self, record: M, text: str) -> list[str]:
        """Return the text with the secrets in the place of their masks, in each way that may be
        read; the text itself if there are no secrets.
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
        forms = list(unmasked_forms(stored, held))
        return [json_text(form) for form in forms if form != stored] or [text]

    def _wrong(self, record: M, text: str) -> Difference | ValidationError | None:
        """Return what is wrong with a record that is stored as this text; None if it comes back."""
        try:
            back = self._read(text)
        except ValidationError as error:
            return error
        return difference(record, back)

    def _converted(self, record: M, forms: list[str], *, has_secrets: bool) -> str:
        """Return the text of a record of which some values are held as other types than their
        fields', and make it hold what the fields have.
        """
        wrong: Difference | ValidationError | None = None
        for form in forms:
            try:
                back = self._read(form)
            except ValidationError as error:
                wrong = error
                continue
            conversion = Conversion(record, back)
            if conversion.lost is None and (text := self._exact(back)):
                conversion.carry_out()
                return text
            wrong = conversion.lost or difference(record, back)
        # Not raised where it was caught: as its context, pydantic's error would quote the input.
        if isinstance(wrong, ValidationError):
            raise self._explainer.unreadable(record, wrong)
        assert wrong is not None
        raise self._explainer.changed(wrong, has_secrets=has_secrets)

    def _exact(self, record: M) -> str | None:
        """Return the text as which a record comes back, if there is one."""
        forms = self._revealed(record, self._dump(record))
        return next((form for form in forms if self._wrong(record, form) is None), None)

    def _lone_field(self, field: str) -> LoneField:
        lone = self._lone.get(field)
        if lone is None:
            if field not in self.model.model_fields:
                raise UnknownField(self._table, field, self.model.model_fields)
            lone = self._lone[field] = LoneField(self.model, field)
        return lone


def _is_carried(model: type[BaseModel], name: str) -> bool:
    field = model.model_fields[name]
    annotation: Any = field.annotation
    changes_texts = any(setting.startswith("str_") for setting in model.model_config)
    validators = model.__pydantic_decorators__.field_validators.values()
    return (
        annotation in (str, int, bool)
        and all(map(is_mark, field.metadata))
        and not changes_texts
        and not any({name, "*"} & {*validator.info.fields} for validator in validators)
    )
