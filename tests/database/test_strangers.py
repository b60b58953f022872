"""Servers that are no Discord, or another one than discord.py knows: what a login makes of them."""

from __future__ import annotations

import base64
import logging
import socket
import time
from concurrent.futures import TimeoutError as FutureTimeout

import pytest

from discobase.errors import BadToken, ConnectError, ServerFull
from tests.database.shop import WRONG_TOKEN, shop, soon
from tests.database.strangers import BadGateway, Stranger, points_to, says

PAGE = "<html>Welcome to the wireless network of the station.</html>" + "\n<p>trains</p>" * 500


class TestWhatIsNoDiscord:
    @pytest.mark.parametrize(
        ("answer", "status"),
        [(PAGE, 200), (PAGE, 404), ("", 200), ({"hello": 1}, 200), ([], 200), (None, 200)],
    )
    def test_another_web_server_at_the_address_is_told_as_such(self, answer, status):
        with Stranger({"*": says(answer, status=status)}) as stranger:
            began = time.perf_counter()
            with (
                pytest.raises(ConnectError) as caught,
                shop()[0].conn("a.b.c", api_url=stranger.api_url),
            ):
                pass
            assert time.perf_counter() - began < 2
            assert f"what answers at {stranger.api_url} is no Discord API" in str(caught.value)
            assert len(str(caught.value)) < 400

    @pytest.mark.parametrize("path", ["/users/@me/guilds", "/gateway/bot"])
    @pytest.mark.parametrize("answer", [PAGE, {"hello": 1}])
    def test_so_is_one_that_begins_like_it(self, place, path, answer):
        with (
            Stranger({f"GET */api/v10{path}": says(answer)}, place.api_url) as stranger,
            pytest.raises(ConnectError, match="is no Discord API"),
        ):
            shop()[0].login(place.token, api_url=stranger.api_url)

    def test_a_refusal_that_is_a_web_page_is_cut_short(self):
        with Stranger({"*": says(PAGE, status=403)}) as stranger:
            with pytest.raises(ConnectError, match="refused the login: <html>Welcome") as caught:
                shop()[0].login("a.b.c", api_url=stranger.api_url)
            assert len(str(caught.value)) < 400


class TestAnAddressThatIsNone:
    @pytest.mark.parametrize(
        "address",
        [
            "foo",
            "localhost:8080/api/v10",
            "ftp://example.org/api",
            "http://",
            "http:/x",
            "http://[",
        ],
    )
    def test_it_is_told_at_once_with_what_it_has_to_be(self, monkeypatch, address):
        monkeypatch.setenv("DISCOBASE_API_URL", address)
        began = time.perf_counter()
        with pytest.raises(ConnectError, match=r"http:// or https://.*DISCOBASE_API_URL") as caught:
            shop()[0].login("a.b.c")
        assert time.perf_counter() - began < 0.5
        assert repr(address.rstrip("/")) in str(caught.value)


class TestJsonThatNamesItsCharset:
    def test_it_is_read_as_any_other(self, place):
        database, item = shop()
        with (
            Stranger({}, place.api_url, charset=True) as stranger,
            database.conn(place.token, api_url=stranger.api_url),
        ):
            item(name="hat").save()
            database.refresh()
            assert item.find_unique(name="hat").pk == 1

    def test_so_is_a_refusal_with_the_code_it_carries(self, place):
        with (
            Stranger({}, place.api_url, charset=True) as stranger,
            pytest.raises(BadToken, match="Copy it anew"),
        ):
            shop()[0].login(WRONG_TOKEN, api_url=stranger.api_url)

    def test_the_code_decides_which_error_it_is(self, place):
        full = says({"code": 30013, "message": "Maximum number of channels reached"}, status=400)
        with (
            Stranger({"POST */channels": full}, place.api_url) as stranger,
            pytest.raises(ServerFull, match="500 channels"),
        ):
            shop()[0].login(place.token, api_url=stranger.api_url)


class TestTheGateway:
    @pytest.mark.parametrize("after", ["hello", "identify", "ready", "resumed"])
    def test_one_that_drops_each_session_is_called_at_once_and_then_ever_more_rarely(
        self, place, after
    ):
        gateway = BadGateway(bot_of(place), after)
        with Stranger({"GET /gateway": gateway}, place.api_url) as stranger:
            stranger.answer("GET */gateway/bot", points_to(stranger.gateway_url))
            database, _ = shop()
            task = database.login_task(place.token, api_url=stranger.api_url)
            assert soon(lambda: len(gateway.came) > 1)
            first, second = gateway.came[:2]
            assert second - first < 0.5
            with pytest.raises(FutureTimeout):
                task.result(2)
            task.cancel()
            assert task.result(10) is None
        # Again after 0 s, then at the soonest after 0.05, 0.1, 0.2, 0.4, 0.8 and 1.6 s more.
        assert len(gateway.came) <= 7

    def test_one_out_of_reach_keeps_nobody_from_saving_and_hearing_of_others(self, place, caplog):
        caplog.set_level(logging.INFO, "discobase")
        url = f"ws://127.0.0.1:{free_port()}/gateway"
        (one, first), (two, second) = shop(), shop()
        with (
            Stranger({"GET */gateway/bot": points_to(url)}, place.api_url) as stranger,
            place.conn(two),
        ):
            with one.conn(place.token, api_url=stranger.api_url):
                first(name="mine").save()
                second(name="another's").save()
                assert [record.name for record in second.find()] == ["mine", "another's"]
                assert soon(lambda: len(first.find()) == 2)
            assert any("Connect call failed" in record.getMessage() for record in told(caplog))

    def test_so_does_one_that_never_shows_the_server(self, place):
        gateway = BadGateway(bot_of(place), "silent")
        with Stranger({"GET /gateway": gateway}, place.api_url) as stranger, place.conn(shop()[0]):
            stranger.answer("GET */gateway/bot", points_to(stranger.gateway_url))
            (one, first), (two, second) = shop(), shop()
            with one.conn(place.token, api_url=stranger.api_url), place.conn(two):
                second(name="another's").save()
                assert soon(lambda: len(first.find()) == 1)

    def test_only_one_that_stays_away_is_worth_a_warning(self, place, caplog):
        caplog.set_level(logging.INFO, "discobase")
        url = f"ws://127.0.0.1:{free_port()}/gateway"
        with Stranger({"GET */gateway/bot": points_to(url)}, place.api_url) as stranger:
            database, _ = shop()
            task = database.login_task(place.token, api_url=stranger.api_url)
            assert soon(lambda: len(told(caplog)) > 6)
            task.cancel()
            assert task.result(10) is None
        levels = [record.levelname for record in told(caplog)]
        assert levels[:7] == ["INFO"] * 5 + ["WARNING"] * 2

    def test_a_session_that_lasted_is_lost_and_found_without_a_warning(self, place, caplog):
        caplog.set_level(logging.INFO, "discobase")
        (one, first), (two, second) = shop(), shop()
        with place.conn(one), place.conn(two):
            place.discord.drop_gateways()
            first(name="after").save()
            assert soon(lambda: len(second.find()) == 1)
        assert {record.levelname for record in told(caplog)} == {"INFO"}


def told(caplog) -> list[logging.LogRecord]:
    """What was logged of the gateway's losses."""
    return [record for record in caplog.records if "the gateway at" in record.getMessage()]


def bot_of(place) -> int:
    """The id of the bot."""
    return int(base64.b64decode(place.token.split(".")[0] + "=="))


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
