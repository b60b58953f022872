"""What the tests of this folder do again and again: a database with one table, waiting, threads."""

from __future__ import annotations

import threading
import time

from discobase import Database, Table

WRONG_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.this-is-nobodys-secret-token-at-all-001"


def shop(**options) -> tuple[Database, type[Table]]:
    database = Database("shop", **options)

    @database.table
    class Item(Table):
        name: str

    return database, Item


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "discobase shop"]


def soon(condition, seconds: float = 5.0) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def in_thread(function, *arguments):
    """What a function returns, or raises, on a thread of its own."""
    outcome: list[object] = []

    def run() -> None:
        try:
            outcome.append(function(*arguments))
        except BaseException as error:  # noqa: BLE001 - the caller looks at it
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert outcome, "the thread did not end"
    return outcome[0]
