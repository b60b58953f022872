"""The extension in a real kernel: the command, cells of SQL, completion, and interrupts."""

from __future__ import annotations

import sys
import time

import pytest

from discobase.local import LocalDiscord
from tests.database.test_hidden_token import SECRET
from tests.notebook.kernel import SECONDS, kernel

TABLE = """
@db.table
class Note(discobase.Table):
    text: str
    done: bool = False
"""
AT_ONCE = 1.5
"""Seconds from an interrupt until a call has ended, on a machine that does other things, too."""

SLOW = 2.5
"""Seconds that the server takes, where it is the server that is waited for."""


@pytest.fixture(scope="module")
def discord():
    with LocalDiscord() as running:
        running.join("Notes")
        yield running


@pytest.fixture(scope="module")
def running(discord, tmp_path_factory):
    """A kernel whose environment knows the server, and which has the extension."""
    folder = tmp_path_factory.mktemp("kernel")
    (folder / "temporary").mkdir()
    environment = {"DISCOBASE_API_URL": discord.api_url, "OWN_TOKEN": discord.default_token}
    with kernel(folder, TMPDIR=str(folder / "temporary"), **environment) as started:
        started.runs("%load_ext discobase")
        yield started


@pytest.fixture
def notebook(running):
    """The kernel, connected, with a table."""
    running.runs("%discobase connect Notes --token-env OWN_TOKEN")
    running.runs(f"import discobase\n{TABLE}")
    yield running
    running.runs("Note.find().delete()\nfor each in ('rows', 'least'):\n    globals().pop(each, 0)")


# The command


def test_it_connects_by_the_environment_and_says_how_the_database_is(notebook, discord):
    notebook.runs("Note(text='first').save()")
    again = notebook.runs("%discobase connect --token-env OWN_TOKEN")
    assert "&lt;Database &#x27;Notes&#x27;: connected" in again.html
    assert notebook.runs("[note.text for note in Note.find()]").text == "['first']"
    assert "identifies_left" in notebook.runs("%discobase status").html
    assert "<td" in (tables := notebook.runs("%discobase tables")).html
    assert "table='Note', records=1, fields='text, done'" in tables.text
    assert "%%discobase sql" in notebook.runs("%discobase").printed


def test_without_a_variable_the_token_is_asked_for_and_not_shown(notebook, discord):
    request = notebook.client.execute("%discobase connect Notes", allow_stdin=True)
    asked = notebook.client.get_stdin_msg(timeout=SECONDS)["content"]
    assert asked == {"prompt": "token of the bot: ", "password": True}
    notebook.client.input(discord.default_token)
    ran = notebook.wait(request)
    assert "connected" in ran.text
    assert discord.default_token not in str(ran)


def test_a_statement_is_a_cell_whose_rows_are_shown_and_kept(notebook):
    notebook.runs("Note.save_many([Note(text='a'), Note(text='b', done=True)])")
    notebook.runs("least = 'a'")
    cell = "%%discobase sql --as rows\nSELECT text, done FROM Note\nWHERE text > :least -- ':x'\n"
    ran = notebook.runs(cell)
    assert "1 row" in ran.html
    assert ran.text == "[SqlRow(text='b', done=1)]"
    assert notebook.runs("_ is rows, rows.columns").text == "(True, ('text', 'done'))"
    assert notebook.runs("%discobase sql SELECT count(*) AS n FROM Note").text == "[SqlRow(n=2)]"
    fresh = notebook.runs("%%discobase sql Notes --fresh\nSELECT 1 AS one")
    assert fresh.text == "[SqlRow(one=1)]"


@pytest.mark.parametrize(
    ("cell", "kind", "why"),
    [
        ("%discobase sql SELECT nmae FROM Note", "InvalidStatement", "no such column: nmae"),
        ("%%discobase sql\nSELECT :nothing", "InvalidStatement", "no variable nothing"),
        ("%discobase conect", "UsageError", "invalid choice: 'conect'"),
        ("%discobase status Elsewhere", "UsageError", "no database 'Elsewhere'"),
        ("%discobase connect Elsewhere", "BadToken", "there is no token"),
        ("%discobase connect Elsewhere --token-env NONE", "BadToken", "no variable NONE"),
        ("%discobase connect Elsewhere --as text", "BadToken", "there is no token"),
        ("text = 1\n%discobase connect Elsewhere local --as text", "UsageError", "something else"),
        ("%%discobase status\nx", "UsageError", "%%discobase sql"),
        ("%discobase connect 'Elsewhere", "UsageError", "No closing quotation"),
    ],
)
def test_a_mistake_is_one_line(notebook, cell, kind, why):
    ran = notebook.tries(cell)
    assert (ran.raised[0], len(ran.traceback)) == (kind, 1)
    assert why in ran.traceback[0]
    assert ran.traceback[0].startswith(f"{kind}: ")


@pytest.mark.parametrize(
    "line",
    [
        f"connect Notes {SECRET}",
        f"connect {SECRET}",
        f"connect Notes --token {SECRET}",
        f"connect Notes --token-env '{SECRET}'",
        f"disconnect {SECRET}",
        "connect Notes some-text-that-may-be-one",
    ],
)
def test_a_token_in_a_cell_is_refused_and_not_repeated(notebook, line):
    ran = notebook.tries(f"%discobase {line}")
    assert ran.raised[0] == "UsageError"
    assert "no token: cells are saved" in ran.traceback[0]
    assert "a-secret" not in f"{ran}"
    assert "may-be-one" not in f"{ran}"


def test_other_errors_have_their_tracebacks_as_ever(notebook):
    ran = notebook.tries("Note.find(nmae='x')")
    assert ran.raised[0] == "UnknownField"
    assert len(ran.traceback) > 1


# Completion


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("Note.te", {"text"}),
        ("Note.find(", {"text=", "done=", "pk=", "fresh="}),
        ("x = Note.find(done=True, te", {"text="}),
        ("Note.find(Note.do", {"done"}),
        ("Note(do", {"done="}),
        ("db.tables.No", {"Note"}),
        ("db.tables['No", {"Note"}),
        ("query.to_p", {"to_pandas", "to_polars"}),
        ("%discobase sta", {"status"}),
        ("%discobase connect Notes --t", {"--token-env"}),
        ("%%discobase sql\nSELECT * FROM no", {"Note"}),
        ("%%discobase sql\nSELECT *\nFROM Note WHERE te", {"text"}),
    ],
)
def test_tables_fields_and_words_are_completed(notebook, cell, words):
    notebook.runs("Note(text='x').save()\nquery = Note.find()")
    found = {match.rpartition(".")[2] for match in notebook.completes(cell)}
    assert words <= found


# Interrupts and restarts


def interrupted(notebook, call):
    """Interrupt the kernel while a call waits, which has to end at once; what is shown of that."""
    request = notebook.give(
        f"import time\nprint('waiting')\ntry:\n    {call}\n"
        f"except KeyboardInterrupt:\n    print('at', time.monotonic())\n    raise"
    )
    notebook.wait_for_text("waiting")
    time.sleep(0.3)
    began = notebook.interrupt()
    ran = notebook.wait(request)
    assert ran.raised[0] == "KeyboardInterrupt"
    # Not when all is shown: for a traceback IPython reads whole modules.
    assert float(ran.printed.split()[-1]) - began < AT_ONCE
    return "".join(ran.traceback)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows interrupts a kernel by other means")
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupted_save_stands_once_or_not_at_all(notebook, discord, when):
    """Where Discord has the message already, or will have it, nobody has heard of it yet."""
    sends = {"method": "POST", "route": "/channels/{channel_id}/messages"}
    discord.fault(**sends, delay=SLOW, when=when)
    discord.event_fault(event="MESSAGE_CREATE", action="delay", delay=SLOW)
    notebook.runs("note = Note(text='slow')")
    assert "the save" in interrupted(notebook, "note.save()")
    discord.clear_faults()
    notebook.runs("db.refresh()")
    assert notebook.runs("Note.find(text='slow').count() in (0, 1)").text == "True"
    assert notebook.runs("note.save().pk == Note.find(text='slow').one().pk").text == "True"
    assert notebook.runs("db.refresh()\nNote.find(text='slow').count()").text == "1"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows interrupts a kernel by other means")
def test_an_interrupted_search_is_asked_anew(notebook, discord):
    notebook.runs("Note(text='x').save()")
    discord.fault(method="GET", delay=SLOW, count=None)
    interrupted(notebook, "list(Note.find(fresh=True))")
    discord.clear_faults()
    assert notebook.runs("len(Note.find(fresh=True))").text == "1"


def test_a_restarted_kernel_leaves_nothing_behind(notebook, discord):
    def left():
        found = notebook.runs("import os, tempfile\nos.listdir(tempfile.gettempdir())").text
        return found.count("discobase")

    assert left() == 1
    notebook.restart()
    assert left() == 0
    assert notebook.tries("Note").raised[0] == "NameError"
    notebook.runs("%load_ext discobase\n%discobase connect Notes --token-env OWN_TOKEN")
    assert left() == 1
    notebook.runs(f"import discobase\n{TABLE}")


def test_it_can_be_taken_out_again(notebook):
    notebook.runs("%unload_ext discobase")
    assert "UsageError" in notebook.tries("%discobase status").printed
    assert "text=" not in notebook.completes("Note.find(te")
    notebook.runs("%load_ext discobase\n%reload_ext discobase")
    assert notebook.completes("%discobase sta") == ["status"]
