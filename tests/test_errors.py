"""Errors come whole through pickle, as between the processes of a pool, and through copies."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest

from discobase import errors

Way = Callable[[errors.DiscobaseError], errors.DiscobaseError]

WITH_ARGUMENTS = {
    errors.UnknownField: lambda kind: kind("User", "nam", ["name", "age"]),
    errors.TableNotFound: lambda kind: kind("shop", "users", ["User"]),
    errors.UnknownAttribute: lambda kind: kind("User", "nam", ["name", "age"], ["find"]),
    errors.WrongOperand: lambda kind: kind("User.age", "old", "it is no integer"),
    errors.ServerNotFound: lambda kind: kind("shop", ["other"], "https://discord.com/x"),
    errors.DatabaseNotFound: lambda kind: kind("the server 'shop'"),
    errors.MissingPermission: lambda kind: kind("shop", ["Manage Channels"], "https://discord.com"),
    errors.NoncesIgnored: lambda kind: kind("the server 'shop'", "it made two"),
    errors.FrameRefused: lambda kind: kind("it is missing", row=3, column="age"),
    errors.PackageMissing: lambda kind: kind("cryptography", "crypto"),
    errors.KeyNeeded: lambda kind: kind("the server 'shop'"),
    errors.WrongKey: lambda kind: kind(passphrase=True, given=False),
    errors.KeyChanged: lambda kind: kind(
        generation=2, time=1.5, writer="w7", label="host demo", before="key", now="none"
    ),
    errors.NotEncrypted: lambda kind: kind("the server 'shop'"),
    errors.UniqueViolation: lambda kind: kind("User", "tags", ["a", {"b": None}], 7),
    errors.DuplicatesFound: lambda kind: kind("User", "email", "a", [(1, 2), (3, 5)], 2),
    errors.SchemaConflict: lambda kind: kind("User", "email"),
    errors.ConflictError: lambda kind: kind("User", 7, expected=1, found=2),
    errors.RecordOutdated: lambda kind: kind("gone", table="User", pk=7, reasons={"a": "b"}),
    errors.RecordTooLarge: lambda kind: kind(2_000, 1_000),
    errors.ImportRefused: lambda kind: kind("it is there", table="User", pk=7, line=3),
    errors.ExportDamaged: lambda kind: kind("it is altered", line=3),
    errors.LogDamaged: lambda kind: kind("a frame is gone", position=7, channel=1, message=2),
    errors.UpgradeNeeded: lambda kind: kind("a frame of format 2", "0.4", position=7),
    errors.DatabaseTakenOver: lambda kind: kind(43, 7, 1, 2),
}
"""How to make those that take more than a message."""

WAYS = {
    **{
        f"pickle {protocol}": lambda error, protocol=protocol: pickle.loads(
            pickle.dumps(error, protocol)
        )
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def and_below(kind: type[errors.DiscobaseError]) -> Iterator[type[errors.DiscobaseError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from and_below(below)


CLASSES = [kind for kind in and_below(errors.DiscobaseError) if kind.__module__ == errors.__name__]


def example(kind: type[errors.DiscobaseError]) -> errors.DiscobaseError:
    """One with all that it can carry, attributes of somebody else's included."""
    error = WITH_ARGUMENTS.get(kind, lambda kind: kind("the message"))(kind)
    error.add_note("the save was under way")
    error.request_id = 5  # type: ignore[attr-defined]
    return error


def test_every_class_is_here():
    named = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.DiscobaseError)
    }
    assert set(CLASSES) == named


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("kind", CLASSES)
def test_it_comes_whole_through(kind: type[errors.DiscobaseError], way: Way) -> None:
    error = example(kind)
    back = way(error)
    assert back is not error
    assert type(back) is kind
    assert (str(back), repr(back), back.args) == (str(error), repr(error), error.args)
    assert vars(back) == vars(error)
    assert back.__notes__ == ["the save was under way"]
    back.add_note("and was repeated")
    assert error.__notes__ == ["the save was under way"]


class Refused(errors.UniqueViolation):
    """An error as a program derives its own."""

    def __init__(self, *, reason: str) -> None:
        super().__init__("User", "name", "Ada", 1)
        self.reason = reason


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_one_that_a_program_derives_comes_whole_through(way: Way) -> None:
    back = way(Refused(reason="taken"))
    assert type(back) is Refused
    assert vars(back) == {
        "table": "User",
        "field": "name",
        "value": "Ada",
        "pk": 1,
        "reason": "taken",
    }


def test_a_pool_of_processes_hands_it_on_and_goes_on() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        raised = pool.submit(partial(raise_error, errors.UniqueViolation, "User", "name", "Ada", 7))
        with pytest.raises(errors.UniqueViolation) as caught:
            raised.result(30)
        assert (caught.value.table, caught.value.pk) == ("User", 7)
        assert pool.submit(len, "goes on").result(30) == 7


def raise_error(kind: type[errors.DiscobaseError], *arguments: object) -> None:
    raise kind(*arguments)
