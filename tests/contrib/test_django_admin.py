"""The tables in Django's admin: who sees what of them, what is found, that nothing writes."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from html import unescape
from typing import Annotated
from urllib.parse import quote_plus, urljoin

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.cache import caches
from django.core.management import call_command
from django.db import connections
from django.test import Client, override_settings
from pydantic import BaseModel, Field, SecretStr

import discobase
from discobase.contrib.django import database
from discobase.contrib.django.models import Table
from tests.contrib.django_site import IS_SET_UP

pytestmark = pytest.mark.skipif(not IS_SET_UP, reason="Django has other settings")

TABLES = "/admin/discobase/table/"
WILD = "<script>alert('x')</script> & Söhne"


class Address(BaseModel):
    city: str


@pytest.fixture(scope="module")
def users():
    """Django's own database, with those who use the admin."""
    call_command("migrate", verbosity=0)
    make = get_user_model().objects.create_user
    reader = make("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_table"))
    yield {
        "reader": reader,
        "staff": make("staff", is_staff=True),
        "visitor": make("visitor"),
        "root": make("root", is_staff=True, is_superuser=True),
    }
    for connection in connections.all():
        connection.connection.close()  # what Django calls closing keeps one that is in memory


@pytest.fixture(scope="module")
def settings_of_site(discord):
    discord.join("admin")
    made = {
        "NAME": "admin",
        "TOKEN": discord.default_token,
        "API_URL": discord.api_url,
        "ADMIN_HIDDEN": ["Hidden", "Customer.note"],
    }
    with override_settings(DISCOBASE=made):
        _fill()
        yield made


def _attach():
    """Attach the classes: a test that has other settings leaves a database without them."""
    db = database()
    if "Customer" in db.tables:
        return

    @db.table
    class Customer(discobase.Table):
        name: Annotated[str, discobase.Unique()]
        age: int | None = None
        tags: list[str] = Field(default_factory=list)
        spent: Decimal = Decimal(0)
        address: Address | None = None
        note: str = "of the setting"
        password: SecretStr = SecretStr("opensesame")
        code: str = Field(default="in no repr", repr=False)
        hash: str = Field(default="in no dump", exclude=True)

    @db.table
    class Hidden(discobase.Table):
        name: str

    @db.table(name="of / two_words")
    class Numbered(discobase.Table):
        number: int


def _fill():
    _attach()
    customer, hidden, numbered = database().tables.values()
    customer.save_many(
        [
            customer(name="Ada", age=36, tags=["a", "b"], spent="1.50", address={"city": "Rome"}),
            customer(name="Bob", age=41),
            customer(name=WILD, note="Ada"),
        ]
    )
    hidden(name="x").save()
    numbered.save_many(numbered(number=number) for number in range(250))
    caches["small"].set("key", "value")


@pytest.fixture
def visit(users, settings_of_site):
    """Ask for a page as somebody, and take its text as a reader does."""
    clients: dict[str, Client] = {}
    _attach()

    def visit(path: str, *, as_: str = "reader", status: int = 200, method: str = "get") -> str:
        if as_ not in clients:
            clients[as_] = Client()
            clients[as_].force_login(users[as_])
        answer = getattr(clients[as_], method)(urljoin(TABLES, path))
        assert answer.status_code == status
        return answer.content.decode()

    return visit


def cells(page: str) -> list[list[str]]:
    """The rows of the page's table."""
    rows = re.findall(r"<tr><th>.*?</tr>", page, re.DOTALL)
    tags = re.compile(r"<[^>]+>")
    return [
        [
            unescape(tags.sub("", cell))
            for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.DOTALL)
        ]
        for row in rows
    ]


def found(page: str) -> list[str]:
    return [row[1] for row in cells(page)]


def test_the_tables_are_listed_but_for_sessions_caches_and_those_that_are_hidden(visit):
    listed = {name: tuple(of) for name, *of in cells(visit(""))}
    assert listed["Customer"] == ("3", "name")
    assert listed["of / two_words"] == ("250", "")
    assert not {"Hidden", "sessions", "small"} & listed.keys()
    stored = {each.name for each in database().stored_tables()}
    assert {"Hidden", "sessions", "small"} < stored
    for name in ("Hidden", "sessions", "small", "nosuch"):
        visit(f"{name}/", status=404)
        visit(f"{name}/1/", status=404)


def test_the_admin_names_them_for_who_may_see_them(visit):
    assert f'href="{TABLES}"' in visit("../../")
    assert f'href="{TABLES}"' not in visit("../../", as_="staff")


@pytest.mark.parametrize("path", ["", "Customer/", "Customer/1/"])
def test_only_staff_who_have_the_permission_see_anything(
    visit, path, settings_of_site, monkeypatch
):
    assert "Ada" in visit("Customer/1/", as_="root")
    visit(path, as_="staff", status=403)
    visit(path, as_="visitor", status=302)
    answer = Client().get(TABLES + path)
    assert (answer.status_code, answer.url.split("?")[0]) == (302, "/admin/login/")
    monkeypatch.setitem(settings_of_site, "ADMIN_PERMISSION", "auth.view_user")
    visit(path, status=403)


@pytest.mark.parametrize("path", ["", "Customer/", "Customer/1/"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_writes(visit, path, method):
    visit(path, as_="root")
    head = database().head
    visit(path, method=method, status=405, as_="root")
    assert database().head == head


@pytest.mark.parametrize("path", ["add/", "Customer/1/change/", "Customer/1/delete/"])
def test_there_are_no_pages_that_change_anything(visit, path):
    visit(path, status=404, as_="root")


def test_records_are_shown_escaped_and_without_what_is_hidden(visit):
    page = visit("Customer/")
    assert cells(page) == [
        ["1", "Ada", "36", '["a", "b"]', "1.50", '{"city": "Rome"}', "**********"],
        ["2", "Bob", "41", "[]", "0", "-", "**********"],
        ["3", WILD, "-", "[]", "0", "-", "**********"],
    ]
    one = visit("Customer/1/")
    for text in (page, one, visit("Customer/3/")):
        assert "<script>alert" not in text
        assert [each for each in ("opensesame", "in no", "of the setting") if each in text] == []


def test_a_record_is_shown_whole(visit):
    rows = dict(cells(visit("Customer/1/")))
    assert rows["version"] == "1"
    assert rows["address"] == '{\n  "city": "Rome"\n}'
    assert list(rows) == ["pk", "version", "name", "age", "tags", "spent", "address", "password"]
    visit("Customer/4/", status=404)
    visit(f"Customer/{2**70}/", status=404)


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("q=aDa", ["Ada"]),
        ("q=ohn", []),
        ("q=S%C3%B6hne", [WILD]),
        ("field=age&is=gt&value=36", ["Bob"]),
        ("field=age&is=ge&value=36&field=name&is=ne&value=Bob", ["Ada"]),
        ("field=age&is=none&value=", [WILD]),
        ("field=age&is=some&value=&o=-age", ["Bob", "Ada"]),
        ("field=tags&is=has&value=b", ["Ada"]),
        ("field=name&is=has&value=BO", ["Bob"]),
        ("field=spent&is=eq&value=1.5", ["Ada"]),
        ("field=tags&is=eq&value=" + quote_plus('["a", "b"]'), ["Ada"]),
        ("field=pk&is=lt&value=3&q=o", ["Bob"]),
        ("field=&is=eq&value=x&o=-pk", [WILD, "Bob", "Ada"]),
        ("q=%00", []),
        ("field=name&is=has&value=%25", []),
        ("field=age&is=gt&value=" + "9" * 400, []),
        ("field=pk&is=lt&value=" + "9" * 400, ["Ada", "Bob", WILD]),
        ("field=name&is=eq&value=%ED%A0%80", []),
        ("field=name", ["Ada", "Bob", WILD]),
    ],
)
def test_records_are_searched_filtered_and_sorted(visit, address, names):
    assert found(visit(f"Customer/?{address}")) == names


@pytest.mark.parametrize(
    "address",
    [
        "field=age&is=eq&value=old",
        "field=nosuch&is=eq&value=1",
        "field=age&is=like&value=1",
        "field=address&is=has&value=x",
        "field=pk&is=eq&value=x",
        "o=nosuch",
        "o=address",
    ],
)
def test_what_makes_no_sense_is_said_and_finds_nothing(visit, address):
    page = visit(f"Customer/?{address}")
    assert 'class="errornote"' in page
    assert found(page) == []


@pytest.mark.parametrize("field", ["note", "password", "code", "hash"])
def test_what_is_hidden_cannot_be_guessed_by_asking_for_it(visit, field):
    for address in (f"field={field}&is=has&value=o", f"o={field}", f"field={field}&is=some&value="):
        page = visit(f"Customer/?{address}")
        assert "There is no field" in page
        assert found(page) == []
    assert found(visit("Customer/?q=setting")) == []


def test_there_are_pages_and_links_keep_what_is_asked_for(visit):
    page = visit("of _2F two_5Fwords/?field=number&is=ge&value=20&o=-number&p=2")
    numbers = found(page)
    assert (numbers[0], len(numbers)) == ("149", 100)
    assert "230 records" in page
    links = [unescape(each) for each in re.findall(r'href="(\?[^"]*p=3)"', page)]
    assert found(visit(f"of _2F two_5Fwords/{links[0]}"))[-1] == "20"
    assert len(found(visit("of _2F two_5Fwords/?p=nosuch"))) == 100
    (without,) = re.findall(r'href="(\?[^"]*)" aria-label="Without', page)
    assert "250 records" in visit(f"of _2F two_5Fwords/{unescape(without)}")


def test_records_that_do_not_fit_their_class_are_named_and_the_others_shown(
    visit, new_database, settings_of_site, discord
):
    other = discobase.Database("admin")

    class Old(discobase.Table):
        number: str
        code: str = Field(default="in no repr", repr=False)

    class New(discobase.Table):
        number: int
        code: str = Field(default="in no repr", repr=False)

    other.table(Old, name="Aged")
    with other.conn(settings_of_site["TOKEN"], api_url=settings_of_site["API_URL"]):
        Old.save_many([Old(number="7"), Old(number="seven")])
        database().wait_for(other.head)
    database().table(New, name="Aged")
    page = visit("Aged/")
    assert found(page) == ["7"]
    assert "left out" in page
    one = visit("Aged/2/")
    assert dict(cells(one))["number"] == "seven"
    assert 'class="errornote"' in one
    assert "in no repr" not in one


def test_a_table_that_no_class_is_attached_to_is_shown_as_the_log_tells(visit, settings_of_site):
    other = discobase.Database("admin")

    @other.table
    class Foreign(discobase.Table):
        name: str
        token: SecretStr

    with other.conn(settings_of_site["TOKEN"], api_url=settings_of_site["API_URL"]):
        Foreign(name="Ada", token="opensesame").save()
        database().wait_for(other.head)
    assert cells(visit("Foreign/")) == [["1", "Ada", "**********"]]


def test_where_the_database_cannot_be_reached_the_page_says_so(users, settings_of_site):
    sessions = "django.contrib.sessions.backends.signed_cookies"
    with override_settings(
        DISCOBASE={**settings_of_site, "SERVER": "nowhere"},
        SESSION_ENGINE=sessions,
        MIDDLEWARE=MIDDLEWARE,
    ):
        client = Client()
        client.force_login(users["root"])
        answer = client.get(TABLES)
    assert answer.status_code == 503
    assert "no server named &#x27;nowhere&#x27;" in answer.content.decode()


MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]


def test_djangos_database_has_no_table_for_it_and_its_dump_is_not_in_the_way(users):
    (connection,) = connections.all()
    assert Table._meta.db_table not in connection.introspection.table_names()
    for more in ({}, {"use_base_manager": True}):
        out = io.StringIO()
        call_command("dumpdata", "discobase", stdout=out, **more)
        assert out.getvalue().strip() == "[]"
