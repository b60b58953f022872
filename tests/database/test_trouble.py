"""What a connection survives, and what ends it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import wait

import pytest
from aiohttp import web

from discobase.errors import (
    BadToken,
    NoncesIgnored,
    Unavailable,
)
from tests.database.shop import shop, soon, threads
from tests.database.strangers import Stranger, points_to


class TestTrouble:
    def revoke(self, place) -> None:
        """Have the server refuse the token from now on."""

        def forget() -> None:
            place.discord._platform.state._bots_by_token.clear()

        place.discord._run(forget)

    def test_a_token_revoked_while_running_reaches_callers_with_the_reason(self, place):
        database, item = shop()
        task = database.login_task(place.token, api_url=place.api_url)
        database.wait_ready(10)
        hat = item(name="hat").save()
        self.revoke(place)
        with pytest.raises(Unavailable, match="401"):
            hat.save()
        place.discord.drop_gateways(resumable=False)
        with pytest.raises(BadToken, match="4004"):
            task.result(5)
        for use in (hat.save, lambda: item.get(1), database.refresh, database.wait_ready):
            with pytest.raises(BadToken, match="4004"):
                use()
        database.close()
        assert threads() == []

    def test_a_login_after_a_revoked_token_works_with_a_new_one(self, place):
        database, _item = shop()
        task = database.login_task(place.token, api_url=place.api_url)
        database.wait_ready(10)
        token = place.discord.create_bot("fresh")
        place.discord.add_bot(token, place.server, permissions=1 << 3)

        def forget() -> None:
            place.discord._platform.state._bots_by_token.pop(place.token)

        place.discord._run(forget)
        place.discord.drop_gateways(resumable=False)
        assert wait([task], 5).done
        with database.conn(token, api_url=place.api_url):
            pass

    @pytest.mark.parametrize(
        ("manner", "resumable"),
        [("close", True), ("cut", True), ("reconnect", True), ("cut", False)],
    )
    def test_a_dropped_gateway_comes_back_and_events_are_seen_again(self, place, manner, resumable):
        # A new session has to wait 5 s, for Discord allows one identify in 5 s.
        (one, first), (two, second) = shop(), shop()
        with place.conn(one), place.conn(two):
            first(name="before").save()
            assert soon(lambda: len(second.find()) == 1)
            assert place.discord.drop_gateways(resumable=resumable, manner=manner) == 2
            first(name="while it is away").save()
            assert soon(lambda: len(second.find()) == 2, seconds=10)
            first(name="after").save()
            assert soon(lambda: len(second.find()) == 3)
            # Each of the two has a session of its own, and comes back at its own time.
            identifies = 2 if resumable else 4
            assert soon(lambda: place.discord.requests.identifies >= identifies, seconds=10)
            assert place.discord.requests.identifies == identifies

    def test_a_server_without_nonce_enforcement_is_refused(self, place):
        place.discord.set(enforce_nonce=False)
        with pytest.raises(NoncesIgnored, match=f"'shop' at {place.api_url}.*allow_unsafe=True"):
            place.conn(shop()[0]).__enter__()
        # It is known from now on, and costs no message.
        place.forget_calls()
        with pytest.raises(
            NoncesIgnored, match=r"is kept, .* delete the message that says 'nonces'"
        ):
            place.conn(shop()[0]).__enter__()
        assert place.sends == 0

    def test_a_server_that_was_mended_is_asked_again_when_what_was_found_is_deleted(self, place):
        place.discord.set(enforce_nonce=False)
        with pytest.raises(NoncesIgnored):
            place.conn(shop()[0]).__enter__()
        place.discord.set(enforce_nonce=True)
        catalog = place.channel("catalog")
        for message in place.discord.messages(catalog):
            if "nonces" in message["content"]:
                place.discord.delete_message(catalog, int(message["id"]))
        with place.conn(shop()[0]):
            pass

    def test_a_server_that_looks_for_nonces_without_a_lock_is_refused(self, place):
        place.discord.set(nonce_gap=0.1)
        with pytest.raises(NoncesIgnored, match="of 3 messages with one nonce it made"):
            place.conn(shop()[0]).__enter__()

    def test_a_server_without_nonce_enforcement_works_for_who_allows_it(self, place, caplog):
        place.discord.set(enforce_nonce=False)
        (one, first), (two, second) = shop(), shop()
        with place.conn(one, allow_unsafe=True), place.conn(two, allow_unsafe=True):
            assert "does not enforce nonces" in caplog.text
            workers = [
                threading.Thread(target=lambda t=t, n=n: t(name=f"{n}").save())
                for n in range(10)
                for t in (first, second)
            ]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            one.refresh()
            two.refresh()
            names = sorted(record.name for record in first.find())
            assert names == sorted([*map(str, range(10))] * 2)
            assert list(first.find().find()) != []
            assert [(r.pk, r.name) for r in first.find()] == [(r.pk, r.name) for r in second.find()]

    def test_the_process_environment_is_not_changed(self, place):
        before = dict(os.environ)
        with place.conn(shop()[0]):
            assert dict(os.environ) == before

    def test_a_close_while_a_new_session_waits_its_turn_leaves_no_heartbeats(self, place):
        database, _ = shop()
        with place.conn(database):
            assert heartbeats() == 1
            place.discord.drop_gateways(resumable=False)
            time.sleep(0.5)  # it may identify again only after 5 s
            assert place.discord.requests.identifies == 1
            assert heartbeats() == 1
        assert soon(lambda: heartbeats() == 0)

    def test_a_close_just_after_the_other_side_closed_leaves_no_heartbeats(self, place):
        for _ in range(5):
            with place.conn(shop()[0]):
                place.discord.drop_gateways()
            assert soon(lambda: heartbeats() == 0)


def heartbeats() -> int:
    """How many of discord.py's heartbeat threads run."""
    return sum("keep-alive-handler" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("lost_before", [0, 1], ids=["at once", "while it waits to identify"])
def test_a_close_does_not_wait_for_a_gateway_that_has_fallen_silent(place, lost_before):
    """What a machine does that is gone, or frozen: it answers no close."""
    heard, released, came = threading.Event(), threading.Event(), []

    async def silent(request):
        came.append(request)
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 41250}})
        if len(came) > lost_before:
            heard.set()
            await asyncio.to_thread(released.wait)  # aiohttp answers nothing by itself here
        request.transport.abort()
        return socket

    with Stranger({"GET /gateway": silent}, place.api_url) as stranger:
        stranger.answer("GET */gateway/bot", points_to(stranger.gateway_url))
        database, item = shop()
        with database.conn(place.token, api_url=stranger.api_url):
            assert heard.wait(10)
            item(name="hat").save()
            time.sleep(0.3)  # it has read the hello by then
            began = time.monotonic()
        took = time.monotonic() - began
        released.set()
    assert took < 5
    assert threads() == []
