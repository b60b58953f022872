"""Cells that are run again, in a real shell of IPython; lines at Python's own prompt; and programs,
for which nothing has changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.processes.conftest import Child, Start

DATABASE = """
import discobase

db = discobase.Database("Notes")
"""

TABLE = """
@db.table
class Note(discobase.Table):
    text: str
"""

CHANGED = TABLE + "    stars: int = 3\n"

CONNECT = """
task = db.login_task("local:notes.db")
db.wait_ready()
"""

LIVE = """
import threading
print([thread.name for thread in threading.enumerate() if thread.name == "discobase Notes"])
"""

ONE, TWO = "['discobase Notes']", "['discobase Notes', 'discobase Notes']"


class Notebook:
    """A kernel, and the cells that it is given to run."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def tries(self, cell: str) -> tuple[list[str], str | None]:
        """What a cell prints, and what it raises."""
        printed, raised = json.loads(self._child.ask(json.dumps(cell)))
        return printed, raised

    def runs(self, cell: str) -> list[str]:
        """What a cell prints, which raises nothing."""
        printed, raised = self.tries(cell)
        assert raised is None
        return printed

    def shows(self, expression: str) -> str:
        """What an expression is, in text."""
        (line,) = self.runs(f"print({expression})")
        return line

    def end(self) -> None:
        self.runs("import gc; db.close(); gc.collect()")
        self._child.end_well()


@pytest.fixture
def notebook(fork: Start, tmp_path: Path) -> Notebook:
    environment = {"IPYTHONDIR": str(tmp_path / "ipython")}
    shell = ["IPython.core.interactiveshell"]
    return Notebook(fork("notebook.py", cwd=tmp_path, environment=environment, imports=shell))


def test_the_connecting_cell_again_closes_the_old_connection_and_connects_anew(notebook):
    for cell in (DATABASE, TABLE, CONNECT, 'Note(text="first").save()'):
        notebook.runs(cell)
    notebook.runs("before = task")
    notebook.runs(CONNECT)
    assert notebook.shows("before.done(), task.done()") == "True False"
    assert notebook.shows("before.exception()") == "None"
    assert notebook.runs(LIVE) == [ONE]
    assert notebook.shows("list(Note.find())") == "[Note(pk=1, text='first')]"
    notebook.end()


@pytest.mark.parametrize(
    "connect",
    [
        CONNECT,
        'db.login_thread("local:notes.db")\ndb.wait_ready()',
        'from os import environ\nenviron["DISCOBASE_TOKEN"] = "local:notes.db"\ndb.login_task()',
    ],
)
def test_all_cells_again_leave_one_connection_whatever_keeps_the_old_database(notebook, connect):
    notebook.runs(DATABASE + "db")  # Out keeps it
    for cell in (TABLE, connect, 'first = Note(text="first").save()', LIVE):
        notebook.runs(cell)
    for _ in range(3):
        for cell in (DATABASE + "db", CHANGED, connect):
            notebook.runs(cell)
        assert notebook.runs(LIVE) == [ONE]
        assert notebook.shows("list(Note.find())") == "[Note(pk=1, text='first', stars=3)]"
    notebook.runs('first.text = "changed"; first.save()')
    assert notebook.shows("list(Note.find())") == "[Note(pk=1, text='changed', stars=3)]"
    notebook.end()


def test_a_class_whose_cell_was_not_run_again_goes_on_through_the_new_connection(notebook):
    for cell in (DATABASE, TABLE, CONNECT, DATABASE, CONNECT, 'Note(text="first").save()'):
        notebook.runs(cell)
    assert notebook.runs(LIVE) == [ONE]
    assert notebook.shows("list(Note.find()), db.head") == "[Note(pk=1, text='first')] 1"
    notebook.runs("db.close()")
    _, raised = notebook.tries("list(Note.find())")
    assert raised == "NotConnected: 'Notes' was closed: log in again to use it."
    notebook.end()


def test_the_table_cell_again_takes_the_place_of_the_class_and_old_objects_are_saved(notebook):
    for cell in (DATABASE, TABLE, CONNECT, 'first = Note(text="first").save()', CHANGED):
        notebook.runs(cell)
    notebook.runs('first.text = "changed"; first.save()')
    assert notebook.shows("list(Note.find())") == "[Note(pk=1, text='changed', stars=3)]"
    assert notebook.shows("len(db.tables)") == "1"
    notebook.end()


def test_a_second_login_in_one_run_of_a_cell_is_refused_as_ever(notebook):
    for cell in (DATABASE, TABLE, CONNECT):
        notebook.runs(cell)
    _, raised = notebook.tries(CONNECT + CONNECT)
    assert (
        raised == "AlreadyConnected: 'Notes' is connected already: close() it before another login."
    )
    notebook.end()


def test_two_databases_that_have_names_both_stay_connected(notebook):
    for cell in (DATABASE, CONNECT, "other = db", DATABASE, CONNECT):
        notebook.runs(cell)
    assert notebook.runs(LIVE) == [TWO]
    notebook.runs("other.close()")
    notebook.runs('both = [discobase.Database("Notes") for _ in range(2)]; db.close()')
    notebook.runs('for one in both:\n    one.login_task("local:notes.db")\n    one.wait_ready()')
    assert notebook.runs(LIVE) == [TWO]
    notebook.runs("for one in both:\n    one.close()")
    notebook.end()


def test_a_database_in_another_place_stays_connected(notebook):
    for cell in (DATABASE, CONNECT, 'kept = [db]; db = discobase.Database("Notes")'):
        notebook.runs(cell)
    notebook.runs('db.login_task("local:other.db"); db.wait_ready()')
    assert notebook.runs(LIVE) == [TWO]
    notebook.runs("kept.pop().close()")
    notebook.end()


def test_a_token_that_is_none_leaves_the_connection_alone(notebook):
    for cell in (DATABASE, CONNECT):
        notebook.runs(cell)
    _, raised = notebook.tries('db.login_task("locl")')
    assert raised.startswith("BadToken")
    assert notebook.runs(LIVE) == [ONE]
    notebook.end()


def test_a_block_connects_anew_and_closes_at_its_end(notebook):
    for cell in (DATABASE, TABLE, CONNECT):
        notebook.runs(cell)
    for _ in range(2):
        assert notebook.runs('with db.conn("local:notes.db"):\n    print(len(Note.find()))') == [
            "0"
        ]
    assert notebook.runs(LIVE) == ["[]"]
    block = 'async with db.conn("local:notes.db"):\n    print(len(Note.find()))'
    assert notebook.runs(block) == ["0"]
    notebook.end()


def test_a_module_that_a_cell_imports_and_a_thread_that_it_starts_are_programs(notebook, tmp_path):
    module = (
        DATABASE + '\ndef connect():\n    db.login_task("local:notes.db")\n    db.wait_ready()\n'
    )
    (tmp_path / "store.py").write_text(module)
    notebook.runs("import sys; sys.path.insert(0, '.'); import store; db = store.db")
    notebook.runs("store.connect()")
    for cell in ("store.connect()", 'db.login_task("local:notes.db")'):
        _, raised = notebook.tries(cell)
        assert raised.startswith("AlreadyConnected")
    notebook.runs("db.close()")
    notebook.runs(CONNECT)
    on_a_thread = """
import threading
def connect():
    try:
        db.login_task("local:notes.db")
    except Exception as error:
        print(type(error).__name__)
thread = threading.Thread(target=connect)
thread.start()
thread.join()
"""
    assert notebook.runs(on_a_thread) == ["AlreadyConnected"]
    notebook.end()


def test_a_line_at_pythons_own_prompt_connects_anew_too(spawn, tmp_path):
    child = spawn("-q", "-i", "-c", "print('ready', flush=True)", cwd=tmp_path)
    assert child.line() == "ready"
    for line in (
        "import discobase, threading",
        'db = discobase.Database("Notes")',
        'task = db.login_task("local:notes.db")',
        "db.wait_ready()",
        'again = db.login_task("local:notes.db")',
        "db.wait_ready()",
        'db = discobase.Database("Notes")',
        'last = db.login_task("local:notes.db")',
        "db.wait_ready()",
    ):
        child.say(line)
    assert child.ask("print(task.done(), again.done(), last.done(), flush=True)") == (
        "True True False"
    )
    child.say("db.close()")
    ended: Any = child.end()
    assert ended.code == 0
    assert "Error" not in ended.complaints


def test_a_program_is_refused_a_second_login(spawn, tmp_path):
    program = (
        DATABASE
        + CONNECT
        + (
            "try:\n    db.login_task('local:notes.db')\n"
            "except discobase.errors.AlreadyConnected:\n    print('refused')\n"
            "db.close()\n"
        )
    )
    assert spawn("-c", program, cwd=tmp_path).end_well() == ["refused"]
