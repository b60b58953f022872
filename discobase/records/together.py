"""What a class says of several of its fields: that they are unique together."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import cast

from pydantic import BaseModel

from discobase.errors import TableError


class UniqueTogether:
    """No two records have the same values in all of these fields.

    .. code-block:: python

        class Membership(discobase.Table):
            user: int
            club: int
            once = UniqueTogether("user", "club")

    The attribute may have any name; with an annotation, that is `ClassVar`. Values are compared as
    those of a :class:`~discobase.Unique` field, and where one of them is None any number of records
    may have them. A class that is derived from this one has it, too. As with a unique field, the
    constraint is the database's from the first save on, and no class drops it by not having it:
    :meth:`Database.drop_unique <discobase.Database.drop_unique>` does.

    Args:
        fields: the names of two fields or more, whose types :class:`~discobase.Unique` could have.

    Raises:
        TableError: there are fewer than two, or one is there twice, or is no name.
    """

    def __init__(self, *fields: str) -> None:
        self.fields: tuple[str, ...] = fields
        if not all(isinstance(name, str) for name in fields):  # pyright: ignore[reportUnnecessaryIsInstance] - users' input
            raise TableError(f"{self!r}: give the names of fields, as texts.")
        if len(set(fields)) < len(fields):
            raise TableError(f"{self!r} names a field twice.")
        if len(fields) == 1:
            raise TableError(
                f"{self!r} has one field: write `{fields[0]}: Annotated[..., discobase.Unique()]`."
            )
        if not fields:
            raise TableError("UniqueTogether() takes the names of the fields.")
        self._is_named = False

    def __set_name__(self, owner: type[object], name: str) -> None:
        self._is_named = True

    def told(self) -> None:
        """Take note that whoever wrote it is told in another way that it is out of place."""
        self._is_named = True

    # Names are gone when the interpreter ends.
    def __del__(
        self,
        is_ending: Callable[[], bool] = sys.is_finalizing,
        warn: Callable[..., None] = warnings.warn,
    ) -> None:
        # Else a statement without a name would do nothing, and nobody be told.
        if not self.__dict__.get("_is_named", True) and not is_ending():  # True where refused
            warn(
                f"{self!r} has been no class's attribute: write `once = {self!r}` in the class, "
                f"with any name.",
                stacklevel=2,
            )

    def __repr__(self) -> str:
        return f"UniqueTogether({', '.join(map(repr, self.fields))})"


def together_in(model: type[BaseModel]) -> tuple[tuple[str, ...], ...]:
    """Return which fields of a class are unique together, each of them in one order.

    Args:
        model: a complete model class.

    Raises:
        TableError: there is no such field.
    """
    found: dict[tuple[str, ...], None] = {}
    for owner in reversed(model.__mro__):
        for value in vars(owner).values():
            if isinstance(value, UniqueTogether):
                _check(model, value)
                found[tuple(sorted(value.fields))] = None
    return tuple(found)


def refuse_as_elsewhere(model: type[BaseModel]) -> None:
    """Refuse a class that says which fields are unique together in the way of another library,
    which would say nothing here.

    Args:
        model: the class.

    Raises:
        TableError: it does.
    """
    for owner in model.__mro__:
        meta, arguments = vars(owner).get("Meta"), vars(owner).get("__table_args__")
        listed = isinstance(arguments, tuple | list)
        entries = cast("Iterable[object]", arguments) if listed else ()
        if hasattr(meta, "unique_together") or any(
            type(each).__name__ in _UNIQUE_ELSEWHERE for each in entries
        ):
            said = "__table_args__" if entries else "Meta.unique_together"
            raise TableError(
                f"{model.__name__}: {said} means nothing here: write an attribute of the class, of "
                f"any name, as in `once = UniqueTogether('user', 'club')`."
            )


_UNIQUE_ELSEWHERE = frozenset({UniqueTogether.__name__, "UniqueConstraint"})
"""What SQLAlchemy's way names, and this library's name in its place."""


def _check(model: type[BaseModel], wanted: UniqueTogether) -> None:
    for name in wanted.fields:
        if name not in model.model_fields:
            near = get_close_matches(name, model.model_fields, 1)
            hint = f": did you mean {near[0]!r}?" if near else "."
            raise TableError(f"{model.__name__}: {wanted!r}: there is no field {name!r}{hint}")
