"""Logging in and out, as type checkers see it. Checked, never run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from concurrent.futures import Future
from threading import Thread
from typing import assert_type

from discobase import Database, LoginTask, Progress

db = Database("Shop")
encrypted = [Database("Shop", key=bytes(32)), Database("Shop", key="a passphrase of words")]


def around_the_work() -> None:
    with db.conn() as connected:
        assert_type(connected, Database)
    with db.conn("local", api_url="http://127.0.0.1:1/api/v10", timeout=5):
        db.refresh()
    with db.conn(timeout=None):
        pass


def told(progress: Progress) -> None:
    assert_type(progress.doing, str)
    assert_type(progress.done, int)
    assert_type(progress.total, int | None)


async def around_the_work_of_a_coroutine() -> None:
    async with db.conn("local") as connected:
        assert_type(connected, Database)


def for_the_life_of_the_process() -> None:
    assert_type(db.login_thread("local"), Thread)
    db.wait_ready(5.0)
    db.wait_ready()
    db.wait_ready(progress=told)
    db.wait_ready(5.0, progress=True)
    db.close()
    db.login("local")


def by_a_handle() -> None:
    task = assert_type(db.login_task("local"), LoginTask)
    future: Future[None] = task
    future.add_done_callback(lambda done: print(done.exception()))
    assert_type(task.cancel(), bool)
    assert_type(task.done(), bool)
    assert_type(task.exception(timeout=1), BaseException | None)
    task.result(timeout=1)


async def by_a_handle_of_a_coroutine() -> None:
    task = db.login_task("local")
    awaitable: Awaitable[None] = task
    await awaitable
    await asyncio.wait_for(task, 5)
