"""Frames of a connected database: what queries and statements give, and what is made of frames."""

from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel, Field, SecretStr

import discobase
from discobase import SqlRows
from discobase.errors import FrameRefused, NotConnected, RecordOutdated, UnknownField
from discobase.frames import arrow_tables, polars_frames
from discobase.frames.columns import FrameColumn
from discobase.frames.kinds import type_of_field
from discobase.local import LocalDiscord

db = discobase.Database("frames")


class Home(BaseModel):
    city: str
    code: SecretStr = SecretStr("none")


@db.table
class User(discobase.Table):
    name: str
    age: int | None = None
    score: float = 0.0
    joined: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    born: date | None = None
    home: Home = Home(city="Rome")
    password: SecretStr = SecretStr("hush")


@pytest.fixture(scope="module", autouse=True)
def connected():
    with LocalDiscord() as discord:
        discord.join("frames")
        with db.conn(discord.default_token, api_url=discord.api_url):
            yield discord


@pytest.fixture(autouse=True)
def _empty():
    yield
    User.find().delete()


def users():
    User.save_many([User(name="Ada", age=36), User(name="Grace", score=2.5), User(name="Mary")])
    return User.find()


# Out


def test_a_query_gives_its_fields_in_its_order_without_a_call(connected):
    query = users().order_by("-name").limit(2)
    connected.reset_requests()
    frame = query.to_pandas("name", User.home.city, "version")
    assert frame.to_dict("list") == {
        "name": ["Mary", "Grace"],
        "home.city": ["Rome", "Rome"],
        "version": [each.version for each in query],
    }
    assert query.to_polars("name").to_dicts() == [{"name": "Mary"}, {"name": "Grace"}]
    assert query.to_arrow("pk").column_names == ["pk"]
    assert query.to_polars().columns == ["pk", *User.model_fields]
    assert connected.requests.total == 0
    with pytest.raises(UnknownField):
        query.to_pandas("nam")


def test_secrets_are_masked_and_a_mask_is_never_saved():
    users()
    frame = User.find().to_polars()
    assert set(frame["password"]) == {"**********"}
    assert "none" not in str(frame["home"].to_list())
    back = User.from_frame(frame.drop("home"))
    assert {user.password.get_secret_value() for user in back} == {"hush"}
    for wrong, column in ((frame, "home"), (frame.drop("pk", "home"), "password")):
        with pytest.raises(FrameRefused, match="stands for a secret") as refused:
            User.from_frame(wrong)
        assert (refused.value.row, refused.value.column) == (0, column)


class Extreme(discobase.Table):
    took: timedelta = timedelta(0)
    price: Annotated[Decimal, Field(decimal_places=2)] = Decimal(0)


LONGEST = timedelta(microseconds=2**63 - 1)


@pytest.mark.parametrize("make", [polars_frames.frame_of, arrow_tables.table_of])
@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("took", LONGEST, None),
        ("took", LONGEST + timedelta(microseconds=1), "row 0: a duration of more than 64 bits"),
        ("took", -LONGEST - timedelta(microseconds=2), "row 0: a duration of more than 64 bits"),
        ("price", Decimal("1.500"), None),
        ("price", Decimal("1e35"), None),
        ("price", Decimal("1e36"), "more than 38 digits"),
        ("price", Decimal("1e40"), "more than 38 digits"),
    ],
)
def test_what_is_beyond_the_type_of_a_column_is_refused_by_its_name(make, name, value, refused):
    type_ = type_of_field(Extreme, name, {})
    column = FrameColumn(name, type_, [value])
    if refused is None:
        (found,) = pl.DataFrame(make([column]))[name]
        assert found == value
        return
    with pytest.raises(FrameRefused, match=refused) as raised:
        make([column])
    assert raised.value.column == name


def test_the_rows_of_a_statement_know_their_columns():
    users()
    rows = db.sql("SELECT name, age, score, name AS name FROM User ORDER BY pk")
    assert rows.columns == ("name", "age", "score", "name")
    frame = rows.to_pandas()
    assert [*frame.columns] == ["name", "age", "score", "name_2"]
    assert [*map(str, frame.dtypes)] == ["string", "Int64", "Float64", "string"]
    assert rows.to_polars().schema["age"] == pl.Int64
    assert rows.to_arrow().column("age").to_pylist() == [36, None, None]
    none = db.sql("SELECT name, age FROM User WHERE pk < 0")
    assert (none, none.columns) == ([], ("name", "age"))
    assert [*none.to_pandas().columns] == none.to_polars().columns == ["name", "age"]
    again = pickle.loads(pickle.dumps(rows))
    assert isinstance(again, SqlRows)
    assert (again, again.columns) == (rows, rows.columns)


def test_a_record_that_does_not_load_is_named():
    other = discobase.Database("frames")

    @other.table(name="User")
    class Later(discobase.Table):
        age: int

    users()
    Later._binding.source = User._binding.source
    with pytest.raises(RecordOutdated):
        Later.find().to_pandas()


# In


def test_new_records_are_made_of_any_frame_and_none_is_saved():
    data = {"name": ["Ada", "Grace"], "age": [36, None]}
    for frame in (
        pd.DataFrame(data),
        pl.DataFrame(data),
        pa.table(data),
        pa.RecordBatch.from_pydict(data),
    ):
        made = User.from_frame(frame)
        assert [(user.name, user.age, user.pk, user.score) for user in made] == [
            ("Ada", 36, None, 0.0),
            ("Grace", None, None, 0.0),
        ]
    assert User.find().count() == 0
    assert User.save_many(made).records == 2


def test_a_frame_that_says_which_records_changes_these():
    users()
    frame = User.find().to_pandas("pk", "age")
    frame["age"] = frame["age"].fillna(1) + 1
    changed = User.from_frame(frame)
    assert [user.name for user in changed] == ["Ada", "Grace", "Mary"], "what it lacks stays"
    User.save_many(changed)
    assert User.find().values_list("age", flat=True) == [37, 2, 2]
    assert User.find().count() == 3


def test_a_row_without_a_primary_key_is_a_new_record():
    (pk, *_) = users().pks()
    frame = pd.DataFrame({"pk": [pk, None], "name": ["Ada", "New"]})
    User.save_many(User.from_frame(frame))
    assert User.find().values_list("name", flat=True) == ["Ada", "Grace", "Mary", "New"]


def test_a_record_changed_meanwhile_is_told_by_its_version():
    users()
    frame = User.find(name="Ada").to_polars("pk", "version", "score")
    User.find(name="Ada").update(age=40)
    (made,) = User.from_frame(frame)
    with pytest.raises(discobase.errors.ConflictError):
        made.update(if_unchanged=True)


def test_fields_that_the_class_does_not_know_stay(connected):
    users()
    other = discobase.Database("frames")

    @other.table(name="User")
    class Earlier(discobase.Table):
        name: str

    with other.conn(connected.default_token, api_url=connected.api_url):
        frame = Earlier.find(name="Ada").to_arrow()
        Earlier.save_many(Earlier.from_frame(frame))
        position = other.head
    db.refresh()
    assert db.head >= position
    assert User.find(name="Ada").one().age == 36


@pytest.mark.parametrize(
    ("frame", "row", "column", "why"),
    [
        (pd.DataFrame({"name": ["a", None]}), 1, "name", "it is missing, and the field takes no"),
        (pd.DataFrame({"name": ["a", np.nan]}), 1, "name", "it is missing"),
        (pl.DataFrame({"name": ["a"], "age": ["x"]}), 0, "age", "valid integer"),
        (pd.DataFrame({"name": ["a"], "age": [1.5]}), 0, "age", "fractional part"),
        (pl.DataFrame({"name": ["a"], "home": [{"city": 1}]}), 0, "home", "valid string"),
        (pd.DataFrame({"name": ["a"], "agee": [1]}), None, "agee", "did you mean 'age'"),
        (pd.DataFrame({"age": [1]}), None, "name", "has no column 'name'"),
        (pd.DataFrame({"name": ["a"], "pk": [9999]}), 0, "pk", "there is no record 9999"),
        (pd.DataFrame({"name": ["a"], "pk": ["x"]}), 0, "pk", "a primary key is an integer"),
        (pd.DataFrame({"name": ["a"], "version": [1]}), None, "version", "no column 'pk'"),
        (pd.DataFrame([["a", "b"]], columns=["name", "name"]), None, "name", "two columns"),
        (pd.DataFrame([["a"]], columns=[0]), None, None, "whose name is no text"),
        (
            pd.DataFrame(
                {"name": ["a"], "joined": [pd.Timestamp("2026-01-01T00:00:00.000000001Z")]}
            ),
            0,
            "joined",
            "nanoseconds",
        ),
        (
            pl.DataFrame({"name": ["a"], "joined": pl.Series([1], dtype=pl.Datetime("ns", "UTC"))}),
            0,
            "joined",
            "nanoseconds",
        ),
        (
            pa.table({"name": ["a"], "joined": pa.array([1], pa.timestamp("ns", "UTC"))}),
            None,
            "joined",
            "nanoseconds",
        ),
        (pl.DataFrame({"name": ["a"]}).lazy(), None, None, "collect()"),
        ([{"name": "a"}], None, None, "not a builtins.list"),
    ],
)
def test_what_is_no_record_is_refused_by_row_and_column(frame, row, column, why):
    with pytest.raises(FrameRefused) as refused:
        User.from_frame(frame)
    assert (refused.value.row, refused.value.column) == (row, column)
    assert why in str(refused.value)


@pytest.mark.parametrize("kind", ["to_pandas", "to_polars", "to_arrow"])
def test_a_column_is_asked_for_once(kind):
    with pytest.raises(FrameRefused, match="'name' is asked for twice"):
        getattr(users(), kind)("name", "age", "name")


def test_a_class_derived_from_a_frame_is_one():
    class Mine(pd.DataFrame):
        pass

    (user,) = User.from_frame(Mine({"name": ["Ada"]}))
    assert user.name == "Ada"


def test_two_rows_of_one_record_are_refused():
    saved = User(name="a").save()
    frame = pd.DataFrame({"name": ["b", "c", "d"], "pk": [saved.pk, None, float(saved.pk)]})
    with pytest.raises(FrameRefused, match=f"row 2, 'pk': row 0 is about record {saved.pk} as"):
        User.from_frame(frame)


def test_all_rows_that_do_not_fit_are_counted_and_some_explained():
    frame = pd.DataFrame({"name": [None] * 8 + ["a"]})
    with pytest.raises(FrameRefused, match="rows that do not fit 'User', 8 of 9: row 0") as refused:
        User.from_frame(frame)
    assert str(refused.value).count("it is missing") == 5
    assert "And 3 more rows." in str(refused.value)


def test_an_index_is_no_field_only_where_it_counts_rows():
    frame = pd.DataFrame({"name": ["b", "a", "c"], "age": [1, 2, 3]})
    sorted_ = frame.sort_values("name")[lambda each: each["age"] < 3]
    assert [user.name for user in User.from_frame(sorted_)] == ["a", "b"]
    by_name = frame.set_index("name")
    assert [user.name for user in User.from_frame(by_name)] == ["b", "a", "c"]
    grouped = frame.groupby(["name", "age"]).first()
    assert [user.age for user in User.from_frame(grouped)] == [2, 1, 3]
    with pytest.raises(FrameRefused, match="no field for the column 'who'"):
        User.from_frame(frame.rename_axis("who"))
    with pytest.raises(FrameRefused, match="index without a name"):
        User.from_frame(frame.set_axis(["x", "y", "z"]))
    with pytest.raises(FrameRefused, match="levels with names and without"):
        User.from_frame(by_name.set_index([[1, 2, 3]], append=True))
    with pytest.raises(FrameRefused, match="the name of an index, too"):
        User.from_frame(frame.set_index("name", drop=False))


def test_missing_values_are_what_the_field_takes_them_for():
    frame = pd.DataFrame(
        {
            "name": ["a", "b"],
            "age": [1, np.nan],
            "score": [np.nan, 1.0],
            "born": [pd.NaT, pd.Timestamp("2026-01-02")],
        }
    )
    one, two = User.from_frame(frame)
    assert (one.age, two.age, one.born, two.born) == (1, None, None, date(2026, 1, 2))
    assert one.score != one.score, "NaN, where the field has no None"


def test_other_types_of_columns_give_the_same():
    joined = datetime(2026, 1, 2, tzinfo=UTC)
    table = pa.table(
        {
            "name": pa.array(["a"]).dictionary_encode(),
            "joined": pa.array([joined], pa.timestamp("s", "Europe/Rome")),
            "age": pa.array([3], pa.int8()),
        }
    )
    frames = [
        table,
        table.to_pandas(),
        pl.from_arrow(table),
        table.to_pandas(types_mapper=pd.ArrowDtype),
    ]
    for frame in frames:
        (user,) = User.from_frame(frame)
        assert (user.name, user.joined, user.age) == ("a", joined, 3)
        assert type(user.joined) is datetime


def test_records_are_made_without_a_connection_unless_they_are_there():
    other = discobase.Database("elsewhere")

    @other.table
    class Item(discobase.Table):
        price: Annotated[Decimal, Field(decimal_places=2)]
        took: timedelta = timedelta(0)

    (item,) = Item.from_frame(pd.DataFrame({"price": [1.25], "took": [pd.Timedelta(hours=1)]}))
    assert (item.price, item.took) == (Decimal("1.25"), timedelta(hours=1))
    with pytest.raises(NotConnected):
        Item.from_frame(pd.DataFrame({"pk": [1], "price": [1.25]}))


def test_a_class_with_a_field_of_that_name_keeps_it():
    other = discobase.Database("elsewhere")

    @other.table
    class Film(discobase.Table):
        from_frame: int

    assert repr(Film.from_frame) == "Film.from_frame"
    assert "from_frame" in dir(User)


WITHOUT = """
import sys
for name in ("pandas", "polars", "pyarrow"):
    sys.modules[name] = None  # as where it is not installed
import discobase
db = discobase.Database("shop")
@db.table
class Item(discobase.Table):
    name: str
with db.conn("local"):
    Item(name="x").save()
    for way in ("to_pandas", "to_polars", "to_arrow"):
        for rows in (Item.find(), db.sql("SELECT * FROM Item")):
            try:
                getattr(rows, way)()
            except discobase.errors.PackageMissing as error:
                print(error.package, error.extra)
"""


def test_the_packages_are_asked_for_when_they_are_used():
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False
    )
    packages = [name for name in ("pandas", "polars", "pyarrow") for _ in range(2)]
    assert (told.stdout.splitlines(), told.stderr) == ([f"{name} data" for name in packages], "")
