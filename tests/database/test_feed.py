"""The feed over HTTP: what people see of it, what it costs, and that it pings nobody."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from discobase import Database, Feed, Table
from discobase.local.state.permissions import SEND_MESSAGES
from tests.database.shop import shop, soon
from tests.database.test_permissions import Administrator

QUICK = Feed("changes", every=1.0)


def posts(place):
    """The messages of the feed's channel; none where there is no channel."""
    names = place.discord.channels(place.server)
    found = [id_ for id_, name in names.items() if name == "changes"]
    return [message for id_ in found for message in place.discord.messages(id_)]


def lines(place):
    return [line for each in posts(place) for line in each["content"].splitlines()[1:-1]]


def test_people_read_what_was_written(place):
    database = Database("shop", feed="changes")

    @database.table
    class Order(Table):
        item: str
        count: int = 1
        card: SecretStr = SecretStr("4111")

    with place.conn(database):
        tea = Order(item="tea").save()
        tea.count = 3
        tea.save()
        tea.delete()
    assert lines(place) == [
        '#1 Order 1 saved: item="tea", count=1, card=•••',
        '#2 Order 1 saved: item="tea", count=3, card=•••',
        "#3 Order 1 deleted",
    ]


def test_nothing_that_a_value_says_pings_anybody_or_leaves_its_code_block(place):
    database, item = shop(feed="changes")
    with place.conn(database):
        item(name="@everyone <@1> ```\n@here `x` https://example.org").save()
    (message,) = posts(place)
    assert (message["mention_everyone"], message["mentions"], message["embeds"]) == (False, [], [])
    assert message["flags"] & (1 << 12)  # SUPPRESS_NOTIFICATIONS
    assert message["content"].count("`") == 6
    assert message["content"].count("\n") == 2


def test_fields_that_are_to_be_hidden_are(place):
    database, item = shop(feed=Feed(hide={"Item": ["name"]}))
    with place.conn(database):
        item(name="hat").save()
    assert lines(place) == ["#1 Item 1 saved: name=•••"]


@pytest.mark.parametrize(
    ("hide", "named"), [({"Item": ["nmae"]}, "'Item.nmae'"), ({"Itme": ["name"]}, "'Itme'")]
)
def test_a_name_that_is_misspelt_shows_no_value(place, hide, named):
    told = []
    database, item = shop(feed=Feed(hide=hide, every=1), on_trouble=told.append)
    with place.conn(database):
        item(name="private").save()
        item(name="private, too").save()
    assert lines(place) == ["#1 Item 1 saved", "#2 Item 2 saved"]
    (trouble,) = told
    assert named in str(trouble)


def test_without_values_only_records_are_named(place):
    database, item = shop(feed=Feed(values=False))
    with place.conn(database):
        item(name="hat").save()
    assert lines(place) == ["#1 Item 1 saved"]


def test_a_login_costs_nothing_more_and_a_message_is_one_call(place):
    database, item = shop()
    with place.conn(database):
        item(name="hat").save()
    costs = []
    for feed in (None, QUICK):
        database, item = shop(feed=feed)
        place.discord.reset_requests()
        with place.conn(database):
            assert len(item.find()) == 1
        costs.append(place.calls)
    assert costs[0] == costs[1]
    with place.conn(database):
        item(name="scarf").save()
        assert soon(lambda: posts(place))
        place.forget_calls()
        item(name="glove").save()
        assert soon(lambda: len(posts(place)) == 2)
        assert (place.calls, place.sends) == (2, 2)


def test_only_the_bot_and_administrators_see_the_channel(place):
    database, item = shop(feed="changes")
    with place.conn(database):
        item(name="hat").save()
    admin = Administrator(place)
    channels = admin.rest("GET", f"/guilds/{place.server}/channels").body
    by_name = {each["name"]: each for each in channels}
    assert by_name["changes"]["parent_id"] == by_name["log-0"]["parent_id"]
    assert by_name["changes"]["permission_overwrites"] == by_name["log-0"]["permission_overwrites"]


def test_where_the_bot_may_not_post_the_program_hears_of_it_and_saves_go_on(place):
    told = []
    database, item = shop(feed=QUICK, on_trouble=told.append)
    with place.conn(database):
        item(name="hat").save()
        assert soon(lambda: posts(place))
        Administrator(place).deny_bot("changes", SEND_MESSAGES)
        item(name="scarf").save()
        assert soon(lambda: told)
        item(name="glove").save()
        assert not database.status().writes_blocked
    assert [each.kind for each in told] == ["feed"]
    assert "send_messages" in told[0].text


def test_clean_leaves_the_channel_and_the_next_database_goes_on_with_it(place):
    database, item = shop(feed="changes")
    with place.conn(database):
        item(name="hat").save()
    channel = place.channel("changes")
    database.clean("shop", token=place.token, api_url=place.api_url)
    left = place.discord.channels(place.server)
    assert set(left.values()) == {"discobase", "changes"}
    database, item = shop(feed="changes")
    with place.conn(database):
        item(name="scarf").save()
    assert place.channel("changes") == channel
    assert lines(place) == ['#1 Item 1 saved: name="hat"', '#1 Item 1 saved: name="scarf"']
    database.clean("shop", token=place.token, api_url=place.api_url)


def test_nothing_more_is_posted_when_the_database_becomes_encrypted(place):
    pytest.importorskip("cryptography")
    told = []
    database, item = shop(feed="changes", on_trouble=told.append)
    with place.conn(database):
        item(name="hat").save()
        database.vacuum(key="a long passphrase")
        item(name="secret").save()
        assert soon(lambda: told)
    assert lines(place) == ['#1 Item 1 saved: name="hat"']
    assert "encrypted by now" in told[0].text


def test_verify_finds_nothing_wrong_with_it(place):
    database, item = shop(feed=QUICK)
    with place.conn(database):
        item(name="hat").save()
        assert soon(lambda: posts(place))
        assert database.verify().sound
