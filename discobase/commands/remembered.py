"""What was asked for a while ago: buttons and forms name it, and have no room to say it.

Each process of a bot hears of each command, so each remembers it, whichever has answered. What a
process does not know was asked before it began, or long ago.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from discobase.commands.replies import INPUTS

_MOST = 1_000
"""Things that are remembered: those of some days, of a few people. A guess."""


@dataclass(slots=True)
class Task:
    """What somebody is about.

    Attributes:
        person: the id of who.
        command: the command's name.
        table: the table's name.
        where: the conditions, as they were typed.
        order: the order.
        column: the field.
        pk: the record's primary key; 0 for none.
        fields: those that are asked for by forms.
        texts: what was typed into forms so far, by field.
    """

    person: int
    command: str
    table: str = ""
    where: str = ""
    order: str = ""
    column: str = ""
    pk: int = 0
    fields: tuple[str, ...] = ()
    texts: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Page:
    """A page of what a task shows.

    Attributes:
        task: the task.
        key: by which it is remembered.
        number: which page, from 0 on.
    """

    task: Task
    key: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a task that writes, as the id of a form or a button says it: what this process was
    told itself may be older, or less.

    Attributes:
        task: the task.
        key: by which it is remembered.
        number: which form it is about, from 0 on.
        version: at which version the record was shown; 0 for a new one.
    """

    task: Task
    key: str
    number: int = 0
    version: int = 0

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the form."""
        return self.task.fields[self.number * INPUTS :][:INPUTS]

    @property
    def left(self) -> tuple[str, ...]:
        """The fields of later forms."""
        return self.task.fields[(self.number + 1) * INPUTS :]

    @property
    def is_known(self) -> bool:
        """Whether this process has heard of what was typed into all forms before this one."""
        before = self.task.fields[: self.number * INPUTS]
        return self.task.texts.keys() >= {*before}

    def does(self, what: str, number: int | None = None) -> tuple[str, ...]:
        """Return what a form or a button is for, as its id says it."""
        step = self.number if number is None else number
        return (what, self.key, str(step), str(self.version))


class Remembered:
    """The newest tasks, by the ids of the interactions that they began with. From any thread."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[str, Task] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, key: str, task: Task) -> None:
        """Remember a task."""
        with self._lock:
            self._tasks[key] = task
            while len(self._tasks) > _MOST:
                self._tasks.popitem(last=False)

    def of(self, key: str, person: int) -> Task | None:
        """Return a task; None where it is not known, or another person's."""
        with self._lock:
            task = self._tasks.get(key)
        return task if task is not None and task.person == person else None
