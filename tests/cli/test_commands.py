"""What the commands do to a database, what they print, and the status with which they end."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, SecretStr

import discobase
from discobase import Database, Index, Table, Unique, errors
from discobase.cli import main
from discobase.cli.exit_status import MEANINGS, line_of, status_of
from discobase.local import LocalDiscord
from tests.test_errors import WITH_ARGUMENTS, and_below

ROOT = Path(__file__).parents[2]


class Address(BaseModel):
    city: str
    zip: str | None = None


class User(Table):
    email: Annotated[str, Unique()]
    name: str
    age: Annotated[int | None, Index()] = None
    balance: Decimal = Decimal(0)
    joined: datetime = datetime.fromisoformat("2026-01-01T00:00:00")
    tags: list[str] = []  # noqa: RUF012 - pydantic copies it
    home: Address | None = None
    password: SecretStr | None = None


USERS = [
    {"email": "ada@x", "name": "Ada", "age": 36, "home": Address(city="London")},
    {"email": "bob@x", "name": "Bob", "age": 16, "tags": ["new", "red"]},
    {"email": "eve@x", "name": "null", "password": SecretStr("hush")},
]


@pytest.fixture(scope="module")
def discord() -> Iterator[LocalDiscord]:
    with LocalDiscord() as discord:
        yield discord


@dataclass
class Ended:
    status: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        assert self.status == 0, self.err
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ended]


@pytest.fixture
def run(discord, monkeypatch, capsys, request) -> Run:
    """Run a command on a server that is this test's own, and has some users."""
    server = request.node.name[:90]
    discord.join(server)
    monkeypatch.setenv("DISCOBASE_TOKEN", discord.default_token)
    monkeypatch.setenv("DISCOBASE_API_URL", discord.api_url)
    monkeypatch.setenv("DISCOBASE_SERVER", server)
    database = Database(server, gateway=False)

    class Own(User):
        pass

    database.table(name="User")(Own)
    with database.conn():
        Own.save_many([Own(**values) for values in USERS])

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        status = main([str(each) for each in arguments])
        return Ended(status, *capsys.readouterr())

    return run


def failed(ended: Ended, status: int, *parts: str) -> None:
    assert (ended.status, ended.out) == (status, "")
    assert ended.err.count("\n") == 1
    assert ended.err.startswith("discobase: ")
    for part in parts:
        assert part in ended.err


def test_tables_and_their_fields_are_listed(run):
    (user,) = run("tables").rows
    assert (user["table"], user["records"], user["unique"]) == ("User", 3, "email")
    fields = {row["field"]: row for row in run("schema", "User").rows}
    assert fields["age"] == {
        "field": "age",
        "type": "int | None",
        "default": "null",
        "unique": None,
        "index": "yes",
    }
    assert fields["tags"]["type"] == "list[str]"
    assert fields["home"]["type"] == "Address | None"
    assert fields["email"]["unique"] == "yes"
    whole = json.loads(run("schema", "User", "--json-schema").out)
    assert whole["properties"]["age"]["anyOf"] == [{"type": "integer"}, {"type": "null"}]
    status = run("status").rows[0]
    assert (status["records"], status["encrypted"]) == (3, False)


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ([], ["ada@x", "bob@x", "eve@x"]),
        (["age>30"], ["ada@x"]),
        (["age>=16", "age!=36"], ["bob@x"]),
        (["age=null"], ["eve@x"]),
        (['name="null"'], ["eve@x"]),
        (["home.city=London"], ["ada@x"]),
        (["tags~red"], ["bob@x"]),
        (['tags=["new", "red"]'], ["bob@x"]),
        (["name~AD"], ["ada@x"]),
        (["balance=0.00", "joined<2027-01-01"], ["ada@x", "bob@x", "eve@x"]),
        (["pk=2"], ["bob@x"]),
    ],
)
def test_records_are_found_by_conditions(run, conditions, found):
    assert [row["email"] for row in run("find", "User", *conditions).rows] == found


def test_what_is_found_is_sorted_cut_counted_and_written_in_each_format(run):
    assert [row["age"] for row in run("find", "User", "--order", "age").rows] == [16, 36, None]
    backwards = run("find", "User", "--order", "-age,email").rows
    assert [row["age"] for row in backwards] == [None, 36, 16]
    cut = run("find", "User", "-o", "name", "-n", 1)
    assert [row["name"] for row in cut.rows] == ["Ada"]
    assert cut.err == "1 of 3 records; --limit says how many, 0 for all.\n"
    assert run("find", "User", "age>0", "--count").out == "2\n"
    lines = [*csv.DictReader(io.StringIO(run("find", "User", "-f", "csv").out))]
    assert (lines[0]["pk"], lines[0]["age"], lines[2]["age"]) == ("1", "36", "")
    assert json.loads(lines[0]["home"]) == {"city": "London", "zip": None}
    table = run("find", "User", "pk=3", "--format", "table").out
    assert table.splitlines()[0].split() == ["pk", *User.model_fields]
    assert "hush" not in table + run("find", "User").out
    assert run("get", "User", 2).rows[0]["tags"] == ["new", "red"]


def test_what_would_move_the_cursor_of_a_terminal_is_shown_and_not_done(run):
    assert run("update", "User", 1, "name=a\x1b[31m\u202eb\nc").status == 0
    shown = run("get", "User", 1, "-f", "table").out
    assert "a\\u001b[31m\\u202eb\\nc" in shown
    assert "\x1b" not in shown


def test_records_are_written_one_by_one(run):
    new = run(
        *("insert", "User", "email=new@x", "name=New", "balance=1.50", "age=null"),
        *('tags=["z"]', 'home={"city": "Oslo"}'),
    ).rows[0]
    assert (new["pk"], new["balance"], new["home"]["city"]) == (4, "1.50", "Oslo")
    changed = run("update", "User", 4, "age=7", "home.city=x")
    failed(changed, 2, "FIELD=VALUE")
    assert run("update", "User", 4, "age=7").rows[0]["age"] == 7
    failed(run("update", "User", 4, "age=8", "--if-version", 1), 5, "1")
    failed(run("insert", "User", "email=new@x", "name=Another"), 5, "unique", "record 4")
    failed(run("insert", "User", "email=y@x"), 5, "name: Field required")
    failed(run("insert", "User", "email=y@x", "nam=1"), 2, "did you mean 'name'")
    failed(run("update", "User", 4, "age=old"), 5, "age: Input should be a valid integer")
    assert run("get", "User", 4).rows[0]["age"] == 7


def test_nothing_is_deleted_before_its_name_is_said_back(run):
    failed(run("delete", "User", 1), 2, "--confirm User", "1 record of 'User'")
    failed(run("delete", "User", 1, "--confirm", "user"), 2, "nothing was done")
    failed(run("delete", "User"), 2, "--where")
    failed(run("delete", "User", 1, 9, "--confirm", "User"), 4, "no record 9")
    assert len(run("find", "User").rows) == 3
    assert run("delete", "User", 1, "--confirm", "User").err == "deleted 1 of User\n"
    deleted = run("delete", "User", "--where", "age<20", "--where", "name=Bob", "--confirm", "User")
    assert deleted.err == "deleted 1 of User\n"
    assert [row["pk"] for row in run("find", "User").rows] == [3]
    server = os.environ["DISCOBASE_SERVER"]
    failed(run("clean"), 2, "--confirm")
    assert run("clean", "--confirm", server).status == 0
    failed(run("tables"), 3, "no database")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "sqlite"])
def test_a_table_goes_out_and_in_as_rows(run, tmp_path, ending):
    file = tmp_path / f"users.{ending}"
    assert run("export", file, "--table", "User").err == f"wrote 3 records to {file}\n"
    assert file.stat().st_mode & 0o077 == 0
    before = run("find", "User").rows
    failed(run("export", file, "--table", "User"), 2, "is there already")
    if ending == "csv":
        failed(run("import", file), 2, "give their table by --table")
    failed(run("import", file, "--table", "User"), 5, "unique")
    assert run("delete", "User", "--where", "pk>0", "--confirm", "User").status == 0
    assert "3 rows fit" in run("import", file, "-t", "User", "--check").err
    assert run("find", "User").rows == []
    imported = run("import", file, "--table", "User")
    assert imported.err == "stored 3 records in 1 commit\n"
    after = run("find", "User").rows
    assert [{**row, "pk": 0} for row in after] == [{**row, "pk": 0} for row in before]
    assert b"hush" in file.read_bytes()


def test_rows_are_one_commit_or_none(run, tmp_path, monkeypatch):
    monkeypatch.setattr("discobase.batches.AT_ONCE", 10)
    rows = [f"u{number}@x,User {number},{number if number % 2 else ''}" for number in range(40)]
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("\n".join(["email,name,age", *rows]) + "\n", encoding="utf-8-sig")
    bad.write_text("\n".join(["email,name,age", *rows[:30], "z@x,Zoe,old"]) + "\n")
    before = run("status").rows[0]["position"]
    failed(run("import", bad, "--table", "User"), 5, "age: ", "line 32", "nothing was written")
    assert run("status").rows[0]["position"] == before
    assert run("import", good, "--table", "User").err == "stored 40 records in 1 commit\n"
    assert run("status").rows[0]["position"] == before + 1
    assert [row["age"] for row in run("find", "User", "email~u1@").rows] == [1]
    assert [row["age"] for row in run("find", "User", "email~u2@").rows] == [None]
    kept = run("import", good, "--table", "User", "--on-conflict", "ignore")
    assert kept.err == "stored 0 records in 1 commit, left 40 out\n"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.csv", "email,nam\nx,y\n", "did you mean 'name'"),
        ("a.csv", "email,name\nx\n", "not as many values"),
        ("a.jsonl", "{\n", "line 1 of"),
        ("a.jsonl", "[]\n", "no JSON object"),
        ("a.sqlite", "text", "no SQLite file"),
        ("a.txt", "", "--format"),
    ],
)
def test_a_file_that_is_none_is_named(run, tmp_path, name, text, why):
    file = tmp_path / name
    file.write_text(text)
    failed(run("import", file, "--table", "User"), 2, why)
    failed(run("import", tmp_path / "missing.csv", "--table", "User"), 2, "cannot be read")


def test_a_table_of_sqlite_is_named_where_it_has_another_name(run, tmp_path):
    file = tmp_path / "old.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE people (email, name, tags)")
        connection.execute("""INSERT INTO people VALUES ('s@x', '12', '["a"]')""")
    connection.close()
    failed(run("import", file, "-t", "User"), 2, "there are people", "--from")
    assert run("import", file, "-t", "User", "--from", "people").status == 0
    (row,) = run("find", "User", "email=s@x").rows
    assert (row["name"], row["tags"]) == ("12", ["a"])


def test_a_whole_database_goes_out_and_into_another_one(run, tmp_path, discord):
    file = tmp_path / "all.jsonl"
    assert run("export", file).err == f"wrote 3 records to {file}\n"
    discord.join("another")
    assert run("import", file, "--server", "another").err == "imported 3 records\n"
    assert run("--server", "another", "find", "User", "--count").out == "3\n"
    failed(run("export", "-", "--format", "jsonl"), 2, "--table")


def test_whoever_reads_may_have_enough(run):
    process = subprocess.run(
        f"{sys.executable} -m discobase sql "
        "'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 50000) "
        "SELECT x FROM n' | head -1",
        shell=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=30,
        check=False,
    )
    assert (process.stdout, process.stderr) == ('{"x": 1}\n', "")


def test_sql_reads_and_does_not_write(run):
    assert run("sql", "SELECT name, age FROM User WHERE age > 20").rows == [
        {"name": "Ada", "age": 36}
    ]
    assert run("sql", "SELECT 1 WHERE 0").out == ""
    failed(run("sql", "DELETE FROM User"), 2, "only reads")
    failed(run("sql", "SELECT * FROM Usr"), 2, "did you mean 'User'")


def test_upkeep(run):
    verified = run("verify", "-f", "table")
    assert verified.out.startswith("sound: ")
    assert run("verify").rows == []
    assert "position" in run("checkpoint").err
    failed(run("vacuum"), 2, "--confirm")
    assert run("vacuum", "--confirm", os.environ["DISCOBASE_SERVER"]).status == 0
    assert len(run("find", "User").rows) == 3


def test_the_shell_has_the_tables_and_runs_a_program(run, monkeypatch):
    monkeypatch.setattr(
        "sys.stdin", io.StringIO("print(User.find(User.age > 20).one().name, db.name)")
    )
    assert run("shell").out == f"Ada {os.environ['DISCOBASE_SERVER']}\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("User.get(1).delete()"))
    failed(run("shell", "--read-only"), 2, "read_only")


def test_where_to_connect_is_told_or_asked_for(run, monkeypatch, tmp_path):
    failed(run("find", "Usr"), 4, "did you mean 'User'")
    failed(run("find", "User", "age>x"), 2, "valid integer")
    failed(run("fnd", "User"), 2, "find")
    failed(run("find"), 2, "--help")
    failed(run("get", "User", "x"), 2, "--help")
    failed(run("get", "User", 9), 4, "no record 9")
    failed(run("tables", "--server", "nowhere"), 3, "nowhere")
    failed(run("tables", "--token", "wrong"), 3)
    monkeypatch.delenv("DISCOBASE_TOKEN")
    failed(run("tables"), 3, "DISCOBASE_TOKEN")
    monkeypatch.delenv("DISCOBASE_SERVER")
    failed(run("tables"), 2, "DISCOBASE_SERVER")
    local = f"local:{tmp_path / 'x.db'}"
    failed(run("tables", "--token", local, "-s", "Shop"), 3, "there is no file")
    assert not (tmp_path / "x.db").exists()


def test_an_encrypted_database_is_opened_by_its_key(run, discord, monkeypatch):
    server = "encrypted"
    discord.join(server)
    monkeypatch.setenv("DISCOBASE_SERVER", server)
    database = Database(server, gateway=False, key=bytes(range(32)))

    @database.table
    class Note(Table):
        text: str

    with database.conn():
        Note(text="secret").save()
    failed(run("tables"), 3, "encrypted")
    monkeypatch.setenv("DISCOBASE_KEY", bytes(range(32)).hex())
    assert run("find", "Note").rows == [{"pk": 1, "text": "secret"}]
    monkeypatch.setenv("DISCOBASE_KEY", "another passphrase")
    failed(run("tables"), 3, "key")


@pytest.mark.parametrize(
    "kind",
    [kind for kind in and_below(errors.DiscobaseError) if kind.__module__ == errors.__name__],
    ids=lambda kind: kind.__name__,
)
def test_each_error_has_a_status_and_one_line(kind):
    error = WITH_ARGUMENTS.get(kind, lambda kind: kind("some\nlines"))(kind)
    error.add_note("and a note")
    assert status_of(error) in MEANINGS.keys() - {0, 130}
    assert "\n" not in line_of(error)
    assert line_of(error).endswith("and a note")


def test_the_kinds_of_errors_are_told_apart():
    told = {
        kind: status_of(WITH_ARGUMENTS.get(kind, lambda kind: kind(""))(kind))
        for kind in (
            errors.UsageError,
            errors.BadToken,
            errors.RecordNotFound,
            errors.UniqueViolation,
            errors.Unavailable,
            errors.OutcomeUnknown,
            errors.LogDamaged,
            errors.DiscobaseError,
        )
    }
    assert [*told.values()] == [2, 3, 4, 5, 6, 7, 8, 1]


def test_the_version_and_the_help(run, capsys):
    assert run("--version").out == f"discobase {discobase.__version__}\n"
    helped = run("--help")
    assert (helped.status, helped.err) == (0, "")
    assert all(name in helped.out for name in ("find", "import", "verify", "demo", "serve"))
    nothing = run()
    assert (nothing.status, nothing.out) == (2, "")
    assert "find" in nothing.err


def test_a_shell_completes_commands_and_options(run, monkeypatch):
    monkeypatch.setenv("_DISCOBASE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "discobase find User --or")
    monkeypatch.setenv("COMP_CWORD", "3")
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 0


def test_the_reference_page_is_made_of_the_commands():
    from discobase.cli.reference import page

    assert (ROOT / "docs/reference/commands.md").read_text() == page()


def test_at_a_terminal_the_token_and_the_name_are_asked_for(run, discord):
    """A real one: what is typed as the token is not shown."""
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "80", "PYTHONPATH": str(ROOT)}
    token = environment.pop("DISCOBASE_TOKEN")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "discobase", "delete", "User", "1"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""
    answers = {"token: ": token, "to go on: ": "User"}
    while True:
        try:
            shown += os.read(ours, 1024).decode()
        except OSError:  # the other end is closed
            break
        for question in [each for each in answers if shown.endswith(each)]:
            os.write(ours, f"{answers.pop(question)}\n".encode())
    os.close(ours)
    assert process.wait(20) == 0
    assert not answers
    assert token not in shown
    assert shown.replace("\r", "").endswith("deleted 1 of User\n")
    assert run("find", "User", "--count").out == "2\n"
