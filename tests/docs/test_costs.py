"""The README's table of costs is what the embedded server counts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import discobase
from discobase.local import LocalDiscord

README = (Path(__file__).parents[2] / "README.md").read_text()
READING = (
    "`find()` and all that a query is asked, `find_unique()`, `get()`, `record.refresh()`, "
    "`db.sql()`"
)
COSTS = dict(re.findall(r"^\| (.+?) \| (?:about )?(\d+)", README, re.MULTILINE))


class Counting:
    """A database on a server of its own, and what its calls cost."""

    def __init__(self, discord):
        self.discord = discord
        self.db = discobase.Database("Costs")
        discord.join("Costs")

        @self.db.table
        class Item(discobase.Table):
            name: str

        self.item = Item

    def cost(self, call):
        self.discord.reset_requests()
        result = call()
        return result, self.discord.requests.total

    def connect(self):
        self.db.login_thread(self.discord.default_token, api_url=self.discord.api_url)
        self.db.wait_ready()


@pytest.fixture
def counting():
    with LocalDiscord() as discord:
        place = Counting(discord)
        yield place
        place.db.close()


def test_each_call_costs_what_the_table_says(counting, tmp_path):
    counting.connect()
    writing = int(COSTS["`save()`, `update()`, `delete()`"])
    reading = int(COSTS[READING])
    item, cost = counting.cost(lambda: counting.item(name="one").save())
    assert cost == writing
    assert counting.cost(item.update)[1] == writing
    for read in (
        lambda: len(counting.item.find(name="one")),
        counting.item.find().order_by("-name").count,
        lambda: counting.db.sql("SELECT count(*) FROM Item"),
        lambda: counting.item.find_unique(name="one"),
        lambda: counting.item.get(1),
        item.refresh,
    ):
        assert counting.cost(read)[1] == reading
    assert counting.cost(item.delete)[1] == writing
    assert counting.cost(counting.db.refresh)[1] == int(
        COSTS["`db.refresh()` when there is nothing new"]
    )
    many = [counting.item(name=f"item {n}") for n in range(10_000)]
    report, cost = counting.cost(lambda: counting.item.save_many(many))
    assert report.records == 10_000
    assert cost == int(COSTS["`save_many()` of 10,000 small records"])
    report, cost = counting.cost(lambda: counting.db.export(tmp_path / "all.jsonl"))
    assert (report.records, cost) == (10_000, int(COSTS["`db.export()` of any size"]))
    known, cost = counting.cost(counting.db.history)
    assert (len(known), cost) == (4, int(COSTS["`db.history()` of the last 50 commits"]))
    counting.discord.join("Copy")
    copy = discobase.Database("Copy")
    with copy.conn(counting.discord.default_token, api_url=counting.discord.api_url):
        _, cost = counting.cost(lambda: copy.import_(tmp_path / "all.jsonl"))
    assert cost == pytest.approx(int(COSTS["`db.import_()` of 10,000 small records"]), abs=2)


def test_connecting_costs_about_what_the_table_says(counting):
    creating = int(COSTS["connecting for the first time, which creates it"])
    assert counting.cost(counting.connect)[1] == pytest.approx(creating, abs=3)
    for lane in range(4):
        counting.item(name=f"for lane {lane}").save()
    counting.db.close()
    finding = int(COSTS["connecting to an existing database"])
    assert counting.cost(counting.connect)[1] == pytest.approx(finding, abs=3)
