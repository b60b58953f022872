"""Servers that are no Discord, or another one than discord.py knows: what a login makes of them."""

from __future__ import annotations

import time

import pytest

from discobase.errors import BadToken, ConnectError, ServerFull
from tests.database.shop import WRONG_TOKEN, shop
from tests.database.strangers import Stranger, says

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

    @pytest.mark.parametrize(
        "path", ["/users/@me/guilds", "/gateway/bot", "/oauth2/applications/@me"]
    )
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
