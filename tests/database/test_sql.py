"""SQL over the replica: what a table looks like, that nothing can be written, and what ends it."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import FrameType
from typing import Any
from uuid import UUID

import pandas as pd
import pytest
from pydantic import BaseModel, Field, Secret, SecretStr

from discobase import Database, SqlRow, Table
from discobase.engine.replica import Replica
from discobase.engine.replica.file import ReplicaFile
from discobase.errors import InvalidStatement, NotConnected, UsageError, WaitTimeout

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"

WRITES = [
    "INSERT INTO Guest VALUES (1)",
    "UPDATE Guest SET name = 'x'",
    "DELETE FROM Guest",
    "REPLACE INTO main.tables VALUES ('x', 1)",
    "DELETE FROM main.frame",
    "DROP VIEW Guest",
    "DROP TABLE main.frame",
    "ALTER TABLE main.frame RENAME TO x",
    "CREATE TABLE x (y)",
    "CREATE TEMP TABLE x (y)",
    "CREATE VIRTUAL TABLE temp.x USING fts5(y)",
    "CREATE TEMP TRIGGER x INSTEAD OF INSERT ON Guest BEGIN SELECT 1; END",
    "ATTACH ':memory:' AS other",
    "DETACH temp",
    "VACUUM",
    "VACUUM INTO 'copy.sqlite'",
    "REINDEX",
    "ANALYZE",
    "SAVEPOINT x",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 7",
    "PRAGMA encoding = 'UTF-16'",
    "SELECT load_extension('x')",
    "SELECT fts3_tokenizer('simple')",
    "WITH x AS (SELECT 1) INSERT INTO main.tables SELECT 'x', 1",
]


class Colour(Enum):
    RED = "red"


class Address(BaseModel):
    city: str


def guests(**options) -> tuple[Database, type[Table]]:
    database = Database("shop", **options)

    @database.table
    class Guest(Table):
        name: str
        age: int | None = None
        is_member: bool = True
        balance: Decimal = Decimal("1.50")
        weight: float = 1.0
        joined: datetime = datetime(2024, 1, 1, 12, 0, 0, 999900, timezone(timedelta(hours=2)))
        born: date = date(1990, 1, 2)
        stay: timedelta = timedelta(days=1, seconds=1.5)
        key: UUID = UUID(int=5)
        colour: Colour = Colour.RED
        home: Address = Address(city="Rome")
        tags: list[str] = Field(default=["a"])
        password: SecretStr | None = None
        pin: Secret[int] = Secret[int](7)
        photo: bytes = b"\x00\xff"
        größe: int = 3  # noqa: PLC2401 - names that JSON writes otherwise

    return database, Guest


@pytest.fixture
def connected(place):
    database, guest = guests()
    with place.conn(database):
        guest(name="Ada", age=36, password=SecretStr("hush")).save()
        guest(name="Bob", balance=Decimal(-20), weight=float("-inf")).save()
        yield database


class TestColumns:
    def test_each_field_has_what_people_who_write_sql_expect(self, connected):
        (ada,) = connected.sql("SELECT * FROM Guest WHERE pk = 1")
        assert dict(ada) == {
            "pk": 1,
            "version": 1,
            "name": "Ada",
            "age": 36,
            "is_member": 1,
            "balance": 1.5,
            "weight": 1.0,
            "joined": "2024-01-01 10:00:00.999900",
            "born": "1990-01-02",
            "stay": 86401.5,
            "key": str(UUID(int=5)),
            "colour": "red",
            "home": '{"city":"Rome"}',
            "tags": '["a"]',
            "password": "**********",
            "pin": "**********",
            "photo": b"\x00\xff",
            "größe": 3,
        }

    def test_numbers_are_compared_as_numbers_infinity_included(self, connected):
        below = connected.sql("SELECT name FROM Guest WHERE balance < 1 AND weight < -1e300")
        assert below == [("Bob",)]
        assert connected.sql("SELECT sum(balance) FROM Guest") == [(-18.5,)]

    @pytest.mark.parametrize("table", ["json_each", "json_tree"])
    def test_lists_and_models_are_gone_through_in_sql(self, connected, table):
        # Of its own: a view that uses json_each itself would have made it known.
        assert connected.sql(f"SELECT value FROM {table}('[7]') WHERE atom") == [(7,)]
        tags = f"SELECT name, value FROM Guest, {table}(tags) WHERE atom = 'a'"
        assert connected.sql(tags) == [("Ada", "a"), ("Bob", "a")]

    def test_what_is_none_is_null_secrets_included(self, connected):
        found = connected.sql("SELECT age, password FROM Guest WHERE name = 'Bob'")
        assert found == [(None, None)]

    def test_parameters_stand_for_what_their_columns_have(self, connected):
        for name, value in {
            "joined": datetime(2024, 1, 1, 10, 0, 0, 999900, UTC),
            "born": date(1990, 1, 2),
            "stay": timedelta(days=1, seconds=1.5),
            "key": UUID(int=5),
            "colour": Colour.RED,
            "is_member": True,
            "photo": b"\x00\xff",
        }.items():
            found = connected.sql(f"SELECT count(*) FROM Guest WHERE {name} = ?", [value])
            assert found == [(2,)], name
        named = connected.sql("SELECT name FROM Guest WHERE balance = :b", {"b": Decimal("1.5")})
        assert named == [("Ada",)]

    def test_a_field_that_a_record_lacks_has_its_default(self, place):
        before = Database("shop")

        @before.table(name="Guest")
        class Old(Table):
            name: str

        with place.conn(before):
            Old(name="Ada").save()
        database, guest = guests()
        with place.conn(database):
            guest(name="Bob").save()
            found = database.sql("SELECT colour, balance, tags FROM Guest")
        assert found[0] == found[1] == ("red", 1.5, '["a"]')

    def test_a_table_without_records_is_empty_and_one_without_class_is_there(self, place):
        database, _ = guests()
        with place.conn(database):
            assert database.sql("SELECT name FROM Guest") == []
        database, guest = guests()
        with place.conn(database):
            guest(name="Ada").save()
        with place.conn(Database("shop")) as other:
            assert other.sql("SELECT name, balance FROM Guest") == [("Ada", 1.5)]

    def test_tables_and_fields_whose_names_differ_in_case_alone_are_told_apart(self, place):
        database = Database("shop")

        @database.table
        class Item(Table):
            name: str
            Name: str

        @database.table(name="item")
        class Other(Table):
            size: int

        with place.conn(database):
            Item(name="a", Name="b").save()
            Other(size=3).save()
            assert database.sql("SELECT name, Name_2 FROM Item") == [("a", "b")]
            assert database.sql("SELECT size FROM item_2") == [(3,)]


class TestRows:
    def test_a_row_has_its_values_by_place_name_and_attribute(self, connected):
        (row,) = connected.sql("SELECT name, count(*) FROM Guest WHERE pk = ?", [1])
        assert isinstance(row, SqlRow)
        assert row == ("Ada", 1)
        assert (row[0], row["count(*)"], row.name, row[:1]) == ("Ada", 1, "Ada", ("Ada",))
        assert repr(row) == "SqlRow(name='Ada', count(*)=1)"
        assert pickle.loads(pickle.dumps(row)).name == "Ada"

    @pytest.mark.parametrize("name", ["count", "index"])
    def test_a_column_named_as_a_method_of_tuples_is_a_value(self, connected, name):
        (row,) = connected.sql(f"SELECT count(*) AS '{name}' FROM Guest")
        assert (getattr(row, name), row[name], dict(row)) == (2, 2, {name: 2})
        assert getattr(pickle.loads(pickle.dumps(row)), name) == 2
        (other,) = connected.sql("SELECT 7 AS seven")
        assert getattr(other, name)(7) == getattr((7,), name)(7)

    def test_a_column_named_keys_leaves_the_method_that_dict_asks_for(self, connected):
        (row,) = connected.sql("SELECT 7 AS keys")
        assert (row["keys"], row.keys(), dict(row)) == (7, ("keys",), {"keys": 7})

    def test_a_misspelt_column_of_a_row_names_the_nearest(self, connected):
        (row,) = connected.sql("SELECT name FROM Guest LIMIT 1")
        with pytest.raises(KeyError, match="did you mean 'name'"):
            row["nmae"]
        with pytest.raises(AttributeError, match="did you mean 'name'"):
            _ = row.nmae

    def test_pandas_takes_rows_and_the_connection(self, connected):
        assert list(pd.DataFrame(connected.sql("SELECT name, age FROM Guest"))) == ["name", "age"]
        with closing(connected.sqlite()) as connection:
            read = pd.read_sql(
                "SELECT name, balance, joined FROM Guest WHERE balance > ?",
                connection,
                params=(1,),
                parse_dates=["joined"],
            )
        assert read["name"].tolist() == ["Ada"]
        assert read["balance"].dtype == "float64"
        assert read["joined"][0] == pd.Timestamp("2024-01-01 10:00:00.999900")


class TestBadInput:
    @pytest.mark.parametrize(
        ("statement", "message"),
        [
            ("SELECT nmae FROM Guest", "did you mean 'name'"),
            ("SELECT g.nmae FROM Guest AS g", "did you mean 'name'"),
            ("SELECT * FROM Gusts", "did you mean 'Guest'"),
            ("SELECT * FROM elsewhere", "there are Guest"),
            ("SELEKT 1", "syntax error"),
            ("", "no statement"),
            ("-- nothing", "no statement"),
            ("SELECT 1; SELECT 2", "one statement at a time"),
            ("SELECT ?", "binding"),
            ("SELECT '\0'", "null character"),
            ("SELECT '\ud800'", "surrogates"),
            ("SELECT CAST(x'ff' AS TEXT)", "UTF-8"),
            (7, "a statement is a text"),
            ("SELECT * FROM main.frame", "discobase's own"),
            ("SELECT * FROM sqlite_master", "discobase's own"),
            ("DROP VIEW Guest", r"^that is not possible here: db.sql\(\) only reads"),
            ("CREATE TABLE x (y)", r"^that is not possible here: db.sql\(\) only reads"),
            ("DELETE FROM Guest", r"^that is not possible here: db.sql\(\) only reads"),
            ("ANALYZE", r"^that is not possible here: db.sql\(\) only reads"),
            ("PRAGMA user_version = 7", "^PRAGMA user_version is not possible here"),
        ],
    )
    def test_a_statement_that_cannot_be_run_says_why(self, connected, statement, message):
        with pytest.raises(InvalidStatement, match=message):
            connected.sql(statement)
        assert connected.sql("SELECT count(*) FROM Guest") == [(2,)]

    @pytest.mark.parametrize(
        "condition", ["name MATCH 'a'", "Guest MATCH 'a'", "match('a', name)", "name MATCH NULL"]
    )
    def test_match_is_refused_whether_there_are_records_or_not(self, connected, condition):
        for guest in connected.sql("SELECT pk FROM Guest"):
            assert guest.pk
        errors = []
        for statement in (
            f"SELECT * FROM Guest WHERE {condition}",
            f"SELECT * FROM (SELECT Guest.*, name AS Guest FROM Guest LIMIT 0) WHERE {condition}",
        ):
            with pytest.raises(InvalidStatement) as raised:
                connected.sql(statement)
            errors.append(str(raised.value))
        if not condition.startswith("Guest"):
            assert errors[0] == errors[1]
            assert errors[0].startswith("MATCH is not possible here")

    @pytest.mark.parametrize("named", ["Order", "order"])
    def test_a_table_whose_name_is_a_word_of_sql_is_to_be_quoted(self, place, named):
        database = Database("shop")

        @database.table
        class Order(Table):
            name: str

        with place.conn(database):
            Order(name="a").save()
            with pytest.raises(InvalidStatement, match='FROM "Order"'):
                database.sql(f"SELECT name FROM {named}")
            assert database.sql('SELECT name FROM "Order"') == [("a",)]

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [("ab", "give a list"), (7, "give a list"), ([object()], "not supported|unsupported")],
    )
    def test_parameters_that_are_none_say_so(self, connected, parameters, message):
        with pytest.raises(InvalidStatement, match=message):
            connected.sql("SELECT ?", parameters)

    def test_a_number_that_is_too_large_says_so(self, connected):
        with pytest.raises(InvalidStatement, match="too large"):
            connected.sql("SELECT ?", [2**64])

    def test_a_timeout_that_is_none_says_so(self, connected):
        for call in (
            lambda: connected.sql("SELECT 1", timeout=-1),
            lambda: connected.sqlite(timeout="x"),
        ):
            with pytest.raises(UsageError, match="timeout"):
                call()

    def test_without_a_connection_it_says_so(self):
        database, _ = guests()
        with pytest.raises(NotConnected):
            database.sql("SELECT 1")


class TestOnlyReading:
    @pytest.mark.parametrize("statement", WRITES)
    def test_no_statement_writes_attaches_or_loads(
        self, connected, statement, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InvalidStatement):
            connected.sql(statement)
        with closing(connected.sqlite()) as connection:
            for run in (connection.execute, connection.executescript, connection.cursor().execute):
                with pytest.raises(sqlite3.DatabaseError):
                    run(statement)
            with pytest.raises(sqlite3.Error):
                connection.executemany(statement, [()])
        assert [*tmp_path.iterdir()] == []
        assert connected.sql("SELECT name FROM Guest") == [("Ada",), ("Bob",)]

    @pytest.mark.parametrize("statement", WRITES[:5])
    def test_without_the_authorizer_the_file_is_still_not_written(self, connected, statement):
        """Python lets a program go round what a class of its own refuses."""
        with closing(connected.sqlite()) as connection:
            sqlite3.Connection.set_authorizer(connection, None)
            with pytest.raises(sqlite3.OperationalError):
                connection.execute(statement)
            with pytest.raises(sqlite3.OperationalError, match="attached"):
                connection.execute("ATTACH ':memory:' AS other")
            sqlite3.Cursor(connection).execute("PRAGMA query_only=OFF")
            with pytest.raises(sqlite3.OperationalError):
                connection.execute("DELETE FROM main.frame")

    def test_what_would_lift_the_guard_is_refused(self, connected):
        with closing(connected.sqlite()) as connection:
            for method in (
                *("set_authorizer", "enable_load_extension", "load_extension", "setconfig"),
                *("setlimit", "deserialize", "blobopen"),
            ):
                with pytest.raises(sqlite3.NotSupportedError, match=method):
                    getattr(connection, method)(None)
            with pytest.raises(sqlite3.NotSupportedError, match="cursors"):
                connection.cursor(sqlite3.Cursor)

    def test_errors_of_the_connection_are_those_of_the_standard_library(self, connected):
        with closing(connected.sqlite()) as connection:
            with pytest.raises(sqlite3.OperationalError, match="did you mean 'name'"):
                connection.execute("SELECT nmae FROM Guest")
            with pytest.raises(sqlite3.DatabaseError, match="only reads"):
                connection.execute("DELETE FROM Guest")
            assert connection.execute("PRAGMA table_info(Guest)").fetchone()[1] == "pk"

    def test_it_sees_what_is_saved_later_but_for_the_length_of_a_transaction(self, connected):
        guest = connected.tables["Guest"]
        with closing(connected.sqlite()) as connection:
            count = lambda: connection.execute("SELECT count(*) FROM Guest").fetchone()[0]  # noqa: E731
            connection.execute("BEGIN")
            assert count() == 2
            guest(name="Cid").save()
            assert count() == 2
            connection.execute("COMMIT")
            assert count() == 3


class Places:
    """Places in the code of some files, of which one raises what Ctrl-C does."""

    def __init__(self, *files: str) -> None:
        self._files = files
        self.left = 0
        self.passed: set[str] = set()

    def raise_at(self, count: int) -> None:
        """Raise at the one with a number, on this thread."""
        self.left = count
        sys.settrace(self._trace)

    def _trace(self, frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.endswith(self._files):
            return None
        if event not in {"call", "line"}:  # no handler runs where one returns
            return self._trace
        self.left -= 1
        self.passed.add(frame.f_code.co_name)
        if self.left == 0:
            sys.settrace(None)
            raise KeyboardInterrupt
        return self._trace


class TestInterrupting:
    def test_a_long_statement_ends_with_its_timeout(self, connected):
        with pytest.raises(WaitTimeout, match="longer"):
            connected.sql(ENDLESS, timeout=0.05)
        with closing(connected.sqlite(timeout=0.05)) as connection:
            with pytest.raises(sqlite3.OperationalError, match=r"longer than 0\.05 s"):
                connection.execute(ENDLESS).fetchall()
            assert connection.execute("SELECT count(*) FROM Guest").fetchall() == [(2,)]

    def test_ctrl_c_ends_a_long_statement(self, connected):
        # What is started in the background may have been told to ignore it.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)

        def on_a_connection(text: str) -> None:
            with closing(connected.sqlite()) as connection:
                connection.execute(text).fetchall()

        for run in (connected.sql, on_a_connection):
            timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                run(ENDLESS)
            timer.join()
        signal.signal(signal.SIGINT, before)

    # Between the making of a connection and the `with` that closes it there is a place, too.
    @pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
    def test_ctrl_c_ends_it_wherever_it_comes_in_what_sqlite_calls(self, connected):
        """A handler runs where code of Python's begins, or goes on, and SQLite drops what is raised
        in code that it calls. Tracing raises at each such place, one after the other.
        """
        places = Places("guarded.py", "_weakrefset.py")
        # What other tests have left is not to be collected meanwhile: weak sets of others are told
        # then, and Python drops what is raised there.
        gc.collect()
        gc.disable()
        try:
            with closing(connected.sqlite()):
                for count in range(1, 250):
                    places.raise_at(count)
                    with pytest.raises(KeyboardInterrupt):
                        connected.sql(ENDLESS, timeout=20)
                    assert places.left == 0
        finally:
            gc.enable()
        assert {"authorize", "_calls", "begin"} <= places.passed

    def test_what_another_handler_raises_ends_it_too(self, connected):
        class Enough(Exception):
            pass

        def handle(*_):
            raise Enough

        before = signal.signal(signal.SIGUSR1, handle)
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        try:
            with pytest.raises(Enough):
                connected.sql(ENDLESS)
        finally:
            timer.join()
            signal.signal(signal.SIGUSR1, before)


class TestTheFileUnderIt:
    def test_after_the_close_of_the_database_it_has_ended(self, place):
        database, guest = guests()
        with place.conn(database):
            guest(name="Ada").save()
            connection = database.sqlite()
            cursor = connection.execute("SELECT name FROM Guest")
        with closing(connection):
            for call in (cursor.fetchall, lambda: connection.execute("SELECT 1")):
                with pytest.raises(sqlite3.ProgrammingError, match="has ended"):
                    call()

    def test_where_another_file_has_come_it_has_ended_and_a_new_one_goes_on(self, connected):
        replica = connected._source.replica()
        with closing(connected.sqlite()) as connection:
            replica._renew(sqlite3.OperationalError("gone"))
            with pytest.raises(sqlite3.ProgrammingError, match="has ended"):
                connection.execute("SELECT 1")
        assert connected.sql("SELECT count(*) FROM Guest") == [(2,)]

    def test_in_memory_it_reads_a_copy_so_that_commits_go_on(self, place, monkeypatch):
        monkeypatch.setattr(ReplicaFile, "in_folder", ReplicaFile.in_memory)
        database, guest = guests()
        with place.conn(database):
            guest(name="Ada").save()
            with closing(database.sqlite()) as connection:
                connection.execute("BEGIN")
                assert connection.execute("SELECT name FROM Guest").fetchone() == ("Ada",)
                guest(name="Cid").save()
                with pytest.raises(sqlite3.DatabaseError):
                    connection.execute("DELETE FROM main.frame")
            assert database.sql("SELECT count(*) FROM Guest") == [(2,)]

    @pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
    def test_in_a_forked_process_it_raises_and_the_parents_goes_on(self, connected):
        connection = connected.sqlite()
        queue = multiprocessing.get_context("fork").SimpleQueue()

        def child() -> None:
            try:
                connection.execute("SELECT 1")
            except sqlite3.ProgrammingError as error:
                queue.put(str(error))
            finally:
                queue.put("none")
                os._exit(0)

        pid = os.fork()
        if pid == 0:
            child()
        os.waitpid(pid, 0)
        assert "forked" in queue.get()
        with closing(connection):
            assert connection.execute("SELECT count(*) FROM Guest").fetchall() == [(2,)]

    def test_a_record_of_a_kept_file_that_was_altered_is_not_served(
        self, place, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(Replica, "check_on", lambda replica: False)  # or it would be first
        database, guest = guests(cache=tmp_path)
        with place.conn(database):
            guest(name="Ada").save()
            guest(name="Bob").save()
            assert database.sql("SELECT name FROM Guest") == [("Ada",), ("Bob",)]
        (file,) = tmp_path.glob("*.sqlite")
        content = file.read_bytes()
        assert content.count(b'"Ada"') == 1
        file.write_bytes(content.replace(b'"Ada"', b'"Eve"'))
        with place.conn(database), closing(database.sqlite()) as connection:
            counting = connection.execute
            with pytest.raises(sqlite3.DatabaseError, match="not what was written"):
                counting("SELECT count(*) FROM Guest").fetchall()
            assert database.sql("SELECT name FROM Guest") == [("Ada",), ("Bob",)]

    def test_a_statement_itself_meets_what_was_altered_and_reads_what_was_built_again(
        self, place, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(Replica, "check_on", lambda replica: False)
        database, guest = guests(cache=tmp_path)
        with place.conn(database):
            guest(name="Ada").save()
        (file,) = tmp_path.glob("*.sqlite")
        file.write_bytes(file.read_bytes().replace(b'"Ada"', b'"Eve"'))
        with place.conn(database):
            assert database.sql("SELECT name FROM Guest") == [("Ada",)]
