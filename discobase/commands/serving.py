"""Serves the commands of one database over one connection.

Each gateway session of a bot hears of each interaction. Discord takes the first answer to one and
no other, so whoever's answer is taken acts, and all others let go: of several programs with
commands exactly one changes anything.

What is asked of the database blocks, so it is done on threads of its own, never on the loop's.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError

from discobase.commands import rendering, writing
from discobase.commands.asked import Act, Asked, asked
from discobase.commands.completing import completions
from discobase.commands.declared import NAMES, to_register
from discobase.commands.operated import Operated
from discobase.commands.reading import READERS, export
from discobase.commands.remembered import Page, Remembered, Step, Task
from discobase.commands.replies import Reply, Shown, at_once, later
from discobase.commands.replies import completions as completing
from discobase.commands.settings import Commands
from discobase.engine.server.interactions import Interactions
from discobase.engine.server.seam import ServerError, Uncertain
from discobase.errors import DiscobaseError
from discobase.posted import plain

T = TypeVar("T")

_log = logging.getLogger(__name__)

_THREADS = 4
"""Commands that are under way at one time; others wait. A guess: a person waits for one."""

_COMPLETION_SECONDS = 2.0
"""How long completing may take: Discord gives three seconds for all of it."""

_FORM_SECONDS = 2.0
"""How long it may take to open a form, likewise."""

_OTHERS_SECONDS = 1.5
"""How long others have, who may know what a button is about, before this one says that it does not.
A guess; Discord gives three seconds."""

_FORMS = frozenset({"insert", "update", "reset"})
"""Commands that open a form, which has to be the first answer."""


class Serving:
    """Serves one connection, from :meth:`serve` until that is cancelled.

    Args:
        database: the database, if it is still there.
        settings: for whom.
        interactions: the bot's.
        server: tells the id of the server in which the database is.
    """

    def __init__(
        self,
        database: weakref.ref[Any],
        settings: Commands,
        interactions: Interactions,
        server: Callable[[], int],
    ) -> None:
        self._database = database
        self._settings = settings
        self._interactions = interactions
        self._server = server
        self._remembered = Remembered()
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="discobase-commands")

    async def serve(self) -> None:
        """Register the commands where they are not there, and serve them. One API call, and one
        more where they are not.
        """
        self._interactions.listen(self._heard)
        try:
            await self._register()
            await asyncio.Event().wait()
        finally:
            self._interactions.listen(None)
            for task in self._tasks:
                task.cancel()
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _register(self) -> None:
        server = self._server()
        try:
            held = await self._interactions.commands(server)
            wanted = to_register(held, self._settings.bit)
            if wanted is not None:
                await self._interactions.register(server, wanted)
        except ServerError as error:
            _log.warning(
                "the commands could not be registered in the server %d: %s. Those that are there "
                "are served; the next login tries again",
                server,
                error,
            )

    # What people do

    def _heard(self, raw: Mapping[str, Any]) -> None:
        """Take what the gateway tells. On the loop; never waits."""
        try:
            wanted = asked(raw)
        except (LookupError, TypeError, ValueError) as error:
            _log.warning("an interaction cannot be read: %r", error)
            return
        if wanted is None or wanted.server != self._server() or not _is_ours(wanted):
            return
        task = asyncio.get_running_loop().create_task(self._served(wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _served(self, wanted: Asked) -> None:
        try:
            await self._serve(wanted)
        except ServerError as error:
            _log.warning("/%s could not be answered: %s", wanted.name, error)
        except Exception:  # noqa: BLE001 - one command's fault is not the next one's
            _log.exception("/%s has failed by a fault of discobase", wanted.name)

    async def _serve(self, wanted: Asked) -> None:
        if not self._settings.allow(wanted.permissions):
            await self._refuse(wanted)
            return
        match wanted.kind:
            case Act.TYPING:
                await self._complete(wanted)
            case Act.COMMAND:
                await self._command(wanted)
            case _:
                await self._go_on(wanted)

    async def _refuse(self, wanted: Asked) -> None:
        if wanted.kind is Act.TYPING:
            await self._interactions.answer(wanted.id, wanted.token, completing(()))
            return
        text = (
            f"Who uses these commands needs the permission **{self._settings.shown}** in this "
            f"channel."
        )
        await self._show_at_once(wanted, Reply("You may not do that", text, is_error=True))

    async def _complete(self, wanted: Asked) -> None:
        found: Any = ()
        try:
            async with asyncio.timeout(_COMPLETION_SECONDS):
                found = await self._blocking(lambda database: completions(database, wanted))
        except TimeoutError:
            _log.info("what completes %s takes too long", wanted.typed)
        await self._interactions.answer(wanted.id, wanted.token, completing(found))

    # Commands

    async def _command(self, wanted: Asked) -> None:
        task, key = _task_of(wanted), str(wanted.id)
        if wanted.name in _FORMS:
            shown = await self._form(lambda base: writing.open_form(base, task, key))
            # Not before the fields are known that the form asks for.
            self._remembered.put(key, task)
            await self._show_at_once(wanted, shown)
            return
        self._remembered.put(key, task)
        match wanted.name:
            case "delete":
                await self._show_later(
                    wanted, lambda base: writing.question_of_delete(base, task, key)
                )
            case "export":
                await self._show_later(wanted, lambda base: export(base, task, wanted.limit))
            case _:
                await self._show_later(wanted, partial(_page, Page(task, key)))

    async def _go_on(self, wanted: Asked) -> None:
        """Go on with what a button or a form is about."""
        key, number, version, *_ = (*wanted.parts, "", "", "")
        task = self._remembered.of(key, wanted.person)
        step = None if task is None else Step(task, key, _number(number), _number(version))
        if step is None or not (wanted.name == "page" or step.is_known):
            await asyncio.sleep(_OTHERS_SECONDS)
            await self._show_at_once(wanted, _TOO_OLD)
        elif wanted.name == "form":
            await self._take_form(wanted, step)
        elif wanted.name == "next":
            shown = await self._form(lambda base: writing.next_form(base, step))
            await self._show_at_once(wanted, shown)
        elif wanted.name == "reset":
            said = wanted.fields.get(writing.SAID, "")
            await self._show_later(wanted, lambda base: writing.reset(base, step, said))
        elif wanted.name == "save":
            await self._save(wanted, step, changes=True)
        elif (pressed := _PRESSED.get(wanted.name)) is not None:
            await self._show_later(wanted, lambda base: pressed(base, step), changes=True)
        else:
            _log.info("a button of another version was pressed: %r", wanted.name)

    async def _take_form(self, wanted: Asked, step: Step) -> None:
        """Note what was typed, and store it where that was the last form."""
        onward = writing.take(step, wanted.fields)
        if onward is not None:
            await self._show_at_once(wanted, onward)
        else:
            await self._save(wanted, step)

    async def _form(self, make: Callable[[Operated], Shown]) -> Shown:
        """Return a form, which has to be there in three seconds."""
        try:
            async with asyncio.timeout(_FORM_SECONDS):
                return await self._told(make)
        except TimeoutError:
            return _TOO_SLOW

    # Answers

    async def _show_at_once(self, wanted: Asked, shown: Shown) -> None:
        await self._interactions.answer(wanted.id, wanted.token, at_once(shown))

    async def _show_later(
        self, wanted: Asked, make: Callable[[Operated], Reply], *, changes: bool = False
    ) -> None:
        """Take the interaction, do what it asks for, and show what came of it: only if no other
        program of the bot has taken it. Where it is not known who has, it is done: a new record is
        stored once for its key, and what is changed or deleted is so at one version alone.
        """
        try:
            if not await self._interactions.answer(wanted.id, wanted.token, later(changes=changes)):
                return
        except Uncertain as error:
            _log.warning("whether /%s is taken is not known: %s", wanted.name, error)
        shown = await self._told(make)
        assert isinstance(shown, Reply)
        try:
            await self._interactions.complete(wanted.token, shown.to_json(), shown.files)
        except ServerError as error:
            _log.warning("what /%s came to could not be shown: %s", wanted.name, error)
            came_to = "failed" if shown.is_error else "was done"
            failed = Reply(f"That {came_to}, and cannot be shown", plain(str(error)), is_error=True)
            await self._interactions.complete(wanted.token, failed.to_json())

    async def _save(self, wanted: Asked, step: Step, *, changes: bool = False) -> None:
        """Store what was typed. Where that fails it can be corrected and saved again."""

        def saved(database: Operated) -> Reply:
            try:
                return writing.save(database, step)
            except (ValidationError, DiscobaseError) as error:
                failed = _failure(error)
                return replace(failed, buttons=writing.ways_on(step))

        await self._show_later(wanted, saved, changes=changes)

    async def _told(self, make: Callable[[Operated], Shown]) -> Shown:
        """Return what something comes to, or what keeps it from being done."""
        try:
            return await self._blocking(make)
        except (ValidationError, DiscobaseError) as error:
            return _failure(error)
        except Exception:  # noqa: BLE001 - who has asked is told
            _log.exception("a command has failed by a fault of discobase")
            text = "The program's log says more. What was to be written may have been."
            return Reply("A fault of discobase", text, is_error=True)

    async def _blocking(self, make: Callable[[Operated], T]) -> T:
        """Call what blocks, on a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, partial(_with, self._database, make)
        )


def _failure(error: ValidationError | DiscobaseError) -> Reply:
    if isinstance(error, ValidationError):
        return Reply("These values do not fit", rendering.mistakes(error), is_error=True)
    return Reply("That could not be done", plain(str(error)), is_error=True)


def _with(database: weakref.ref[Any], make: Callable[[Operated], T]) -> T:
    held = database()
    if held is None:
        raise DiscobaseError("the program has let go of the database.")
    return make(held)


def _page(page: Page, database: Operated) -> Reply:
    return READERS[page.task.command](database, page)


def _turned(database: Operated, step: Step) -> Reply:
    return _page(Page(step.task, step.key, step.number), database)


def _kept(_: Operated, __: Step) -> Reply:
    return Reply("Nothing was changed")


_PRESSED: Mapping[str, Callable[[Operated, Step], Reply]] = {
    "page": _turned,
    "delete": writing.delete,
    "forget": _kept,
}
"""What buttons do that change their message, by what they are for."""


def _is_ours(wanted: Asked) -> bool:
    is_command = wanted.kind in {Act.COMMAND, Act.TYPING}
    return wanted.name in NAMES if is_command else True


def _task_of(wanted: Asked) -> Task:
    return Task(
        person=wanted.person,
        command=wanted.name,
        table=wanted.text("table"),
        where=wanted.text("where"),
        order=wanted.text("order"),
        column=wanted.text("field") or wanted.text("format"),
        pk=wanted.number("pk"),
    )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


_TOO_SLOW = Reply(
    "That takes too long",
    "The database could not be asked in time. Nothing was changed; try again.",
    is_error=True,
)

_TOO_OLD = Reply(
    "That was too long ago",
    "The program that serves the commands has been started again since. Run the command once more.",
    is_error=True,
)
