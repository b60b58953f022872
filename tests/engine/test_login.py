"""A login, step by step, to an account that is made up: no discord.py, no sockets, no waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from discobase.engine.server.login import (
    DISCORD_API,
    Access,
    BotIdentity,
    Gateway,
    Login,
    Membership,
    TokenRefused,
)
from discobase.engine.server.permissions import NEEDED, Permission, invite_link
from discobase.engine.server.seam import Forbidden, NotFound, ServerError, Uncertain
from discobase.errors import (
    BadToken,
    ConnectError,
    MissingPermission,
    ServerAmbiguous,
    ServerNotFound,
)

BOT = BotIdentity(user=7)
APPLICATION = 8
URL = "wss://gateway.example"
UNSPENT = Gateway(URL, remaining=999, total=1000, reset_seconds=3600.0)


class Clock:
    """Time that passes at once, and is written down."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def random(self) -> float:
        return 0.0


@dataclass
class Account:
    """What Discord says, and how often it fails before."""

    held: list[Membership]
    limit: Gateway = UNSPENT
    failures: dict[str, list[Exception]] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)

    def _answer(self, call: str, *given: Any) -> None:
        self.calls.append((call, *given))
        if failures := self.failures.get(call):
            raise failures.pop(0)

    async def log_in(self, token: str) -> BotIdentity:
        self._answer("log_in")
        return BOT

    async def application(self) -> int:
        self._answer("application")
        return APPLICATION

    async def gateway(self) -> Gateway:
        self._answer("gateway")
        return self.limit

    async def servers(self, limit: int, after: int | None) -> list[Membership]:
        self._answer("servers", after)
        return [one for one in self.held if after is None or one.guild > after][:limit]


def guild(identity: int, name: str, permissions: int = NEEDED) -> Membership:
    return Membership(identity, name, permissions)


def enter(account: Account, server: str | int = "shop", *, clock: Clock | None = None) -> Access:
    login = Login(account, clock or Clock(), DISCORD_API)
    return asyncio.run(login.enter("a.b.c", server))


def fails(kind: type[ConnectError], act: Callable[[], object]) -> Any:
    with pytest.raises(ConnectError) as failure:
        act()
    assert type(failure.value) is kind
    return failure.value


class TestFinding:
    def test_a_server_by_its_name(self):
        account = Account([guild(1, "store"), guild(2, "shop")])
        assert enter(account) == Access(
            bot=7, guild=2, gateway=UNSPENT, membership=guild(2, "shop")
        )
        assert [call[0] for call in account.calls] == ["log_in", "gateway", "servers"]

    def test_without_the_gateway_nothing_is_asked_of_it(self):
        account = Account([guild(2, "shop")])
        login = Login(account, Clock(), DISCORD_API)
        access = asyncio.run(login.enter("a.b.c", "shop", gateway=False))
        assert access.gateway is None
        assert [call[0] for call in account.calls] == ["log_in", "servers"]

    @pytest.mark.parametrize("given", [2, "2"])
    def test_a_server_by_its_id(self, given):
        assert enter(Account([guild(1, "store"), guild(2, "shop")]), given).guild == 2

    def test_digits_that_are_a_name_are_taken_for_the_name(self):
        assert enter(Account([guild(1, "2"), guild(2, "shop")]), "2").guild == 1

    @pytest.mark.parametrize(("held", "pages"), [(199, 1), (200, 2), (401, 3)])
    def test_it_reads_all_pages(self, held, pages):
        servers = [guild(number, f"server {number}") for number in range(1, held + 1)]
        account = Account(servers)
        assert enter(account, f"server {held}").guild == held
        read = [call[1] for call in account.calls if call[0] == "servers"]
        assert read == [None, 200, 400][:pages]

    def test_none_of_that_name(self):
        error = fails(ServerNotFound, lambda: enter(Account([guild(1, "store")])))
        assert error.present == ["store"]
        assert error.invite == invite_link(APPLICATION)

    def test_none_of_that_name_and_no_answer_for_the_link(self):
        account = Account([], failures={"application": [Uncertain("503")] * 9})
        error = fails(ServerNotFound, lambda: enter(account))
        assert error.invite == invite_link(BOT.user)

    def test_several_of_that_name(self):
        error = fails(ServerAmbiguous, lambda: enter(Account([guild(3, "shop"), guild(4, "shop")])))
        assert "one of 3, 4" in str(error)

    def test_one_where_the_bot_may_too_little(self):
        account = Account([guild(2, "shop", NEEDED & ~Permission.MANAGE_ROLES)])
        error = fails(MissingPermission, lambda: enter(account))
        assert error.missing == ["manage_roles"]
        assert error.invite == invite_link(APPLICATION, 2)

    def test_what_other_servers_allow_does_not_matter(self):
        assert enter(Account([guild(1, "store", 0), guild(2, "shop")])).guild == 2


class TestFailures:
    def test_no_identify_left_is_none(self):
        spent = Gateway(URL, remaining=0, total=1000, reset_seconds=5400.0)
        assert enter(Account([guild(2, "shop")], spent)).gateway == spent

    def test_an_api_that_is_away_for_a_moment(self):
        lost = [Uncertain("reset"), Uncertain("reset")]
        account = Account(
            [guild(2, "shop")], failures={"log_in": lost, "gateway": [Uncertain("503")]}
        )
        clock = Clock()
        assert enter(account, clock=clock).guild == 2
        assert clock.slept == [0.1, 0.2, 0.1]

    def test_an_api_that_stays_away_is_given_up_sooner_than_a_request(self):
        account = Account([], failures={"log_in": [Uncertain("no route")] * 9})
        clock = Clock()
        error = fails(ConnectError, lambda: enter(account, clock=clock))
        assert f"{DISCORD_API} cannot be reached: no route" in str(error)
        assert len(account.calls) == 6
        assert sum(clock.slept) < 4

    @pytest.mark.parametrize(
        ("answer", "kind", "words"),
        [
            (TokenRefused("401"), BadToken, "Copy it anew"),
            (NotFound("nothing here", 0), ConnectError, "knows no logins (nothing here)"),
            (Forbidden("blocked", 40333), ConnectError, "refused the login: blocked"),
            (KeyError("id"), ConnectError, "answers in another form (KeyError: 'id')"),
        ],
    )
    def test_a_login_that_is_refused_is_not_repeated(self, answer, kind, words):
        account = Account([], failures={"log_in": [answer]})
        assert words in str(fails(kind, lambda: enter(account)))
        assert account.calls == [("log_in",)]

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (Forbidden("Missing Access", 50001), "refused: Missing Access (code 50001)"),
            (Uncertain("HTTP status 503"), "did not answer: HTTP status 503"),
        ],
    )
    @pytest.mark.parametrize("call", ["gateway", "servers"])
    def test_what_comes_after_it_fails(self, call, answer: ServerError, words):
        account = Account([guild(2, "shop")], failures={call: [answer] * 9})
        assert words in str(fails(ConnectError, lambda: enter(account)))

    @pytest.mark.parametrize("token", ["", "two words", "a\nb", "schlüssel"])
    def test_a_token_that_fits_into_no_header_is_not_sent(self, token):
        account = Account([])
        login = Login(account, Clock(), DISCORD_API)
        fails(BadToken, lambda: asyncio.run(login.enter(token, "shop")))
        assert account.calls == []

    @pytest.mark.parametrize("address", ["", "discord.com/api", "ftp://discord.com", "http://["])
    def test_an_address_that_is_none(self, address):
        error = fails(ConnectError, lambda: Login(Account([]), Clock(), address))
        assert repr(address) in str(error)
