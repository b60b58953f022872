"""Tables, records, search and history in the window, in a real browser."""

from __future__ import annotations

import pytest

from tests.cli.exhibited import EVIL, Shop, exhibiting
from tests.local.browser import CHROMIUM, DRIVER, browsing

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER),
    reason="chromium and chromedriver are not installed (CONTRIBUTING.md names the packages)",
)

TITLE = "return document.querySelector('h1').textContent"
TOPIC = "return document.getElementById('topic').textContent"
TABLES = "return [...document.querySelectorAll('nav .table')].map((e) => e.innerText.split('\\n'))"
HEADS = "return [...document.querySelectorAll('th')].map((e) => e.innerText.trim())"
CELLS = (
    "return [...document.querySelectorAll('#data tbody tr')]"
    ".map((row) => row.cells[COLUMN].innerText)"
)
WRONG = "return document.getElementById('wrong').innerText"
COMMITS = (
    "return [...document.querySelectorAll('.commit')]"
    ".map((e) => e.innerText.replace(/\\s+/g, ' ').trim())"
)
SEARCH = (
    "const box = document.getElementById('search'); box.value = arguments[0];"
    "box.dispatchEvent(new Event('input'))"
)


def column(number):
    return CELLS.replace("COLUMN", str(number))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def served():
    with exhibiting() as (discord, _):
        discord.join("Shop")
        shop = Shop()
        with shop.database.conn(discord.default_token, api_url=discord.api_url):
            shop.fill()
            yield discord, shop


@pytest.fixture(scope="module")
def opened(served, browser):
    discord, _ = served
    browser.open(discord.window_url)
    return browser


READY = (
    "return [location.hash.split('/')[2], document.querySelector('h1').textContent,"
    "document.getElementById('search').value, document.querySelectorAll('tbody tr').length,"
    "document.querySelector('tbody a')?.textContent]"
)


@pytest.fixture
def page(served, opened):
    """The page where nothing is chosen yet: at the first table."""
    discord, _ = served
    opened.run("document.activeElement.blur(); location.hash = ''")
    opened.until(READY, ["Customer", "Customer", "", 50, "1"])
    yield opened
    assert opened.complaints(discord.window_url) == []


def test_a_person_who_opens_it_sees_the_first_table(page):
    assert page.run(TABLES) == [["Customer", "120"], ["Order", "0"], ["Reading", "1"]]
    assert page.run(HEADS)[:4] == ["pk", "name", "email", "age"]
    assert page.run(TOPIC) == "120 records"
    assert page.run(column(1))[:2] == [EVIL, "Customer 2"]
    assert page.run("return document.querySelectorAll('#data img').length") == 0
    assert page.run("return document.title") == "Customer - discobase window"


def test_what_is_saved_and_deleted_appears_and_vanishes(page, served):
    _, shop = served
    page.run("location.hash = document.querySelectorAll('nav .table')[2].getAttribute('href')")
    page.until(column(1), ["0.5"])
    reading = shop.readings(value=1.5)
    reading.save()
    page.until(column(1), ["0.5", "1.5"])
    page.until(TABLES, [["Customer", "120"], ["Order", "0"], ["Reading", "2"]])
    reading.delete()
    page.until(column(1), ["0.5"])


def test_pages_order_and_search(page):
    page.run("document.querySelector('.pager a').scrollIntoView()")
    page.run("document.querySelector('.pager a').click()")
    page.until(f"{column(0)}[0]", "51")
    page.until("return document.getElementById('scroll').scrollTop", 0)
    page.run("document.querySelector('[data-focus=\"sort age\"]').click()")
    page.until(f"{column(0)}[0]", "1")
    page.run("document.querySelector('[data-focus=\"sort age\"]').click()")
    page.until(f"{column(0)}[0]", "120")
    sorted_by = "return [...document.querySelectorAll('th')].map((e) => e.ariaSort)"
    assert page.run(sorted_by)[3] == "descending"
    page.run(SEARCH, "customer age<13")
    page.until(column(0), [str(number) for number in range(12, 1, -1)])
    page.until(TOPIC, "11 of 120 records")
    page.run("document.getElementById('search').focus()")
    page.run(SEARCH, "agee<13")
    page.until(f"{WRONG}.includes(\"did you mean 'age'\")", True)
    assert len(page.run(column(0))) == 11  # what was found before stays
    (complaint,) = page.complaints("/_window/rows")  # the browser's word of the refusal
    assert "422" in complaint
    page.run(SEARCH, "")
    page.until(f"{column(0)}.length", 50)
    page.until(WRONG, "")


def test_a_row_opens_to_the_whole_record_and_the_way_back_leads_to_it(page, served):
    page.run(SEARCH, "age<3")
    page.until(column(0), ["1", "2"])
    page.run("document.querySelectorAll('#data tbody td')[2].click()")
    page.until(TITLE, "Customer 1")
    page.until("return document.querySelectorAll('.record dd').length", 8)
    values = page.run("return [...document.querySelectorAll('.record dd')].map((e) => e.innerText)")
    assert values[1] == EVIL
    assert values[6] == "**********"
    written = served[1].customers.get(1).version  # the columns of the class may come first
    assert page.run(TOPIC) == f"written at position {written}"
    page.run("history.back()")
    page.until(column(0), ["1", "2"])
    assert page.run("return document.getElementById('search').value") == "age<3"


def test_a_record_that_is_not_there_any_more_is_said_to_be_gone(page):
    page.run("location.hash = location.hash.replace('table', 'record') + '/999'")
    page.until("return document.getElementById('data').innerText.includes('no record')", True)
    (complaint,) = page.complaints("/_window/record")
    assert "422" in complaint


FOCUS = (
    "const found = document.querySelector(arguments[0]); found.focus();"
    "return document.activeElement === found"
)


def test_everything_is_reached_with_the_keyboard_and_keeps_the_focus(page, served):
    _, shop = served
    for what in ["nav .table", "nav .channel", "#search", "th a", "tbody a", ".pager a"]:
        assert page.run(FOCUS, what), what
    page.run("document.querySelector('[data-focus=\"row 2\"]').focus()")
    shop.customers.find(pk=1).update(age=0)
    page.until(f"{column(3)}[0]", "0")
    assert page.run("return document.activeElement.textContent") == "2"
    shop.customers.find(pk=1).update(age=1)
    page.until(f"{column(3)}[0]", "1")


def test_the_history_shows_what_changed_as_it_changes(page, served):
    _, shop = served
    page.run("document.querySelector('nav a[href^=\"#history\"]').click()")
    page.until(TITLE, "History")
    order = shop.orders(what=EVIL)
    order.save()
    name = f"Order {order.pk}"
    page.until(f"{COMMITS}[0].includes('saved {name} what <img')", True)
    order.what = "two books"
    order.update()
    page.until(f"{COMMITS}[0].includes('changed {name} what')", True)
    assert page.run("return document.querySelector('del').textContent") == EVIL
    assert page.run(f"{COMMITS}[0]").endswith(f"{EVIL} two books")
    order.delete()
    page.until(f"{COMMITS}[0].endsWith('deleted {name}')", True)
    assert page.run("return document.querySelectorAll('#past img').length") == 0


def test_channels_are_beside_them(page):
    first = "document.querySelector('nav .channel')"
    assert page.run(f"return {first}.textContent") == "catalog"
    page.run(f"{first}.click()")
    page.until(TITLE, "# catalog")
    page.until("return document.querySelectorAll('.message').length > 0", True)
    assert page.run("return document.getElementById('data').checkVisibility()") is False


def test_nothing_is_wider_than_the_window(page):
    database = page.run("return location.hash.split('/')[1]")
    places = [each.format(database) for each in ("table/{}/Customer", "record/{}/Customer/1")]
    try:
        for width in (390, 1100):
            page.size(width, 760)
            for place in [*places, f"history/{database}"]:
                page.run("location.hash = arguments[0]", place)
                page.until("return document.getElementById('state').textContent", "Live")
                assert page.run("return document.documentElement.scrollWidth") <= width
    finally:
        page.size(1100, 760)
