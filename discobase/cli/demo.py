"""The demo: save, find and restart on the embedded server, and say what each step cost."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

from discobase import Database, Table, Unique
from discobase.errors import UniqueViolation, UsageError
from discobase.local import LocalDiscord

_SERVER = "The demo"
_SINGLY, _BY_THREADS, _IN_BULK = 5, 200, 1000
"""Records of each step: enough to see how commits are shared, and soon done. A guess."""

_THREADS = 50
"""As many as save at once in a busy web server: a guess."""

_TOTAL = _SINGLY + _BY_THREADS + _IN_BULK - 1


class Member(Table):
    """What the demo stores."""

    name: str
    email: Annotated[str, Unique()]
    points: int = 0


class _Steps:
    """Prints each step with what it came to: records, commits, API calls as the server counted,
    time.

    Args:
        server: the embedded server.
    """

    def __init__(self, server: LocalDiscord) -> None:
        self.db, self.members = _database()
        self._server = server

    @contextlib.contextmanager
    def step(self, text: str, records: int = 0) -> Generator[None]:
        """Print a step, which writes so many records, when it is done."""
        commits, calls, began = self.db.head, self._server.requests.total, time.perf_counter()
        yield
        self._tell(text, records, self.db.head - commits, calls, began)

    def connect(self, text: str) -> None:
        """Connect, as a step of its own."""
        calls, began = self._server.requests.total, time.perf_counter()
        self.db.login_thread(self._server.default_token, api_url=self._server.api_url)
        self.db.wait_ready()
        self._tell(text, 0, 0, calls, began)

    def _tell(self, text: str, records: int, commits: int, calls: int, began: float) -> None:
        seconds = time.perf_counter() - began
        calls = self._server.requests.total - calls
        print(f"  {text:<56} {records:>7} {commits:>7} {calls:>9} {seconds:>8.3f}")


def run(*, keep: str | None = None) -> int:
    """Run the demo and print it. Nothing is left behind, unless told so.

    Args:
        keep: a file to keep the server's state in, which must not exist.

    Returns:
        0, for the process to exit with.

    Raises:
        UsageError: the file exists.
        ConnectError: no file can be made there.
    """
    if keep is not None and Path(keep).exists():
        raise UsageError(f"{keep!r} exists already: the demo makes a new file.")
    with tempfile.TemporaryDirectory(prefix="discobase-demo-") as folder:
        path = keep or os.path.join(folder, "demo.db")  # noqa: PTH118 - one type for both
        _tell(path)
    if keep is not None:
        print(f"\nThe server's state is kept in {keep}. To look at it in a browser:")
        print(f"  discobase serve --db {keep}")
    return 0


def _tell(path: str) -> None:
    with LocalDiscord(path) as server:
        _tell_what_this_is()
        server.join(_SERVER)
        _first_life(_Steps(server))
    print("\n  ... the program and the server end, and both start again ...\n")
    with LocalDiscord(path) as server:
        _second_life(_Steps(server))
    print("\nEvery record was there again.")


def _tell_what_this_is() -> None:
    print(
        "A Discord server is the database, a bot writes to it, and pydantic models are its tables."
    )
    print("This is the embedded server; discord.py talks to it over real HTTP and WebSocket.\n")
    print(f"  {'':<56} {'records':>7} {'commits':>7} {'API calls':>9} {'seconds':>8}")


def _database() -> tuple[Database, type[Member]]:
    """Return the database and its table, as a program that has just started declares them."""
    db = Database(_SERVER)

    @db.table(name="Member")
    class Fresh(Member):
        pass

    return db, Fresh


def _first_life(steps: _Steps) -> None:
    steps.connect("connect: find the server, make a database in it")
    _write(steps)
    _change(steps)
    with steps.step(f"read all {_TOTAL:,} records"):
        _check(len(steps.members.find()) == _TOTAL)
    steps.db.close()


def _write(steps: _Steps) -> None:
    members = steps.members
    with steps.step("save records one after the other", _SINGLY):
        for n in range(_SINGLY):
            _member(members, f"single-{n}").save()
    text = f"save records in {_THREADS} threads at once: they share commits"
    with steps.step(text, _BY_THREADS), ThreadPoolExecutor(_THREADS) as threads:
        new = [_member(members, f"thread-{n}") for n in range(_BY_THREADS)]
        list(threads.map(Member.save, new))
    with steps.step("save records with save_many", _IN_BULK):
        members.save_many(_member(members, f"bulk-{n}") for n in range(_IN_BULK))


def _change(steps: _Steps) -> None:
    members = steps.members
    with steps.step("find one of them by its e-mail address"):
        found = members.find_unique(email="bulk-500@example.org")
    with steps.step("update it", 1):
        found.points = 10
        found.update()
    with steps.step("delete another", 1):
        members.find_unique(email="single-0@example.org").delete()
    with steps.step("save a second record with an address: refused"):
        refusal = _refused(_member(members, "bulk-500"))
    print(f"      {refusal}")


def _refused(member: Member) -> str:
    try:
        member.save()
    except UniqueViolation as error:
        return str(error)
    raise AssertionError("a unique value was saved twice")


def _second_life(steps: _Steps) -> None:
    steps.connect("connect: find the database, read its log")
    members = steps.members
    with steps.step(f"find the updated record, and all {_TOTAL:,}"):
        _check(members.find_unique(email="bulk-500@example.org").points == 10)
        _check(members.find_unique(email="single-0@example.org", strict=False) is None)
        _check(len(members.find()) == _TOTAL)
    steps.db.close()


def _member(members: type[Member], name: str) -> Member:
    return members(name=name, email=f"{name}@example.org")


def _check(holds: bool) -> None:
    if not holds:
        raise AssertionError("the demo did not find what it had saved")
