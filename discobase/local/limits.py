"""Rate limits: profiles as data, the buckets they make, and what clients are told of them.

The numbers of the profile ``discord`` are what people observed; Discord documents none but the
global one and asks clients to read the headers. The profile ``none`` refuses nothing, yet sends
the headers: where they are missing, discord.py runs the requests of a route one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import md5
from math import ceil
from typing import NamedTuple

from discobase.errors import UsageError
from discobase.local.snowflakes import unix_time

_SWEEP_AT = 4096


class Ask(NamedTuple):
    """A request as the limits see it.

    Attributes:
        bot: who asks.
        method: the HTTP method.
        route: the template.
        major: the channel or guild it is about; buckets of different ones are independent.
        fields: the names in the body.
        age: of the message it is about, in seconds; 0 where it is about none.
    """

    bot: int
    method: str
    route: str
    major: str
    fields: frozenset[str]
    age: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit on some requests.

    Attributes:
        method: an HTTP method, or a pattern with ``*``.
        route: a template, or a pattern with ``*``.
        limit: how many requests in a window, by bot and channel or guild.
        window: seconds, from the first request on.
        field: only requests whose body has this field.
        older_than: only requests about messages at least this old, in seconds.
        hidden: not told in the headers of answers; met only by a 429.
    """

    method: str
    route: str
    limit: int
    window: float
    field: str | None = None
    older_than: float = 0.0
    hidden: bool = False

    def is_for(self, method: str, route: str) -> bool:
        """Whether it limits requests of a route at all."""
        return fnmatchcase(method, self.method) and fnmatchcase(route, self.route)

    def fits(self, ask: Ask) -> bool:
        """Whether it limits this request of its route."""
        return (self.field is None or self.field in ask.fields) and ask.age >= self.older_than


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of limits; of its rules that are not hidden the first that fits is told."""

    name: str
    each_second: int | None
    rules: tuple[Rule, ...]


_MESSAGES = "/channels/{channel_id}/messages"
_MESSAGE = _MESSAGES + "/{message_id}"
_CHANNEL = "/channels/{channel_id}"
_TEN_MINUTES = 600.0
_TWO_WEEKS = 14 * 86_400.0
_EVERYTHING_ELSE = Rule("*", "*", limit=1_000_000, window=1.0)

NONE = Profile("none", None, (_EVERYTHING_ELSE,))
DISCORD = Profile(
    "discord",
    50,
    (
        Rule("POST", _MESSAGES, limit=5, window=5.0),
        Rule("GET", _MESSAGES, limit=1000, window=5.0),
        Rule("GET", _MESSAGES, limit=5, window=5.0, hidden=True),
        Rule("PATCH", _MESSAGE, limit=5, window=5.0),
        Rule("PATCH", _MESSAGE, limit=3, window=6.0, older_than=3600.0, hidden=True),
        Rule("DELETE", _MESSAGE, limit=30, window=4.0, older_than=_TWO_WEEKS),
        Rule("DELETE", _MESSAGE, limit=3, window=0.333, older_than=10.0),
        Rule("DELETE", _MESSAGE, limit=5, window=1.0),
        Rule("POST", _MESSAGES + "/bulk-delete", limit=1, window=1.0),
        Rule("PATCH", _CHANNEL, limit=10, window=15.0),
        Rule("PATCH", _CHANNEL, limit=2, window=_TEN_MINUTES, field="name", hidden=True),
        Rule("PATCH", _CHANNEL, limit=2, window=_TEN_MINUTES, field="topic", hidden=True),
        Rule("*", "*", limit=1000, window=5.0),
    ),
)
PROFILES = {profile.name: profile for profile in (NONE, DISCORD)}
"""The profiles there are; a test may put its own here."""


@dataclass(slots=True)
class _Bucket:
    ends: float
    left: int


class Verdict(NamedTuple):
    """What the limits say to a request: the headers, and for how long it is refused, if it is."""

    headers: dict[str, str]
    retry_after: float | None
    everywhere: bool


class Limits:
    """Rate limits under one profile.

    Args:
        profile: its name.

    Raises:
        UsageError: there is no such profile.
    """

    def __init__(self, profile: str) -> None:
        if profile not in PROFILES:
            known = ", ".join(PROFILES)
            raise UsageError(f"there is no profile of limits {profile!r}; there are: {known}.")
        self.profile = PROFILES[profile]
        self._buckets: dict[tuple[object, ...], _Bucket] = {}
        self._rules: dict[tuple[str, str], tuple[Rule, ...]] = {}
        self._hashes: dict[tuple[Rule, str], str] = {}
        self._sweep_at = _SWEEP_AT

    def take(self, ask: Ask) -> Verdict:
        """Counts a request against its limits. A refused one counts against none of them."""
        now = time.monotonic()
        fitting = [rule for rule in self._rules_of(ask.method, ask.route) if rule.fits(ask)]
        told = next(rule for rule in fitting if not rule.hidden)
        # Requests of one rule share a bucket; without a rule of their own, those of one route do.
        shared = "" if told.route != "*" else f"{ask.method} {ask.route}"
        met = {
            rule: self._bucket((rule, shared, ask.bot, ask.major), rule.limit, rule.window, now)
            for rule in (told, *(rule for rule in fitting if rule.hidden))
        }
        if (each_second := self.profile.each_second) is not None:
            everywhere = Rule("*", "*", each_second, 1.0, hidden=True)
            met[everywhere] = self._bucket((ask.bot,), each_second, 1.0, now)
        spent = [rule for rule, bucket in met.items() if bucket.left <= 0]
        if not spent:
            for bucket in met.values():
                bucket.left -= 1
            return Verdict(self._headers(told, shared, met[told], now), None, everywhere=False)
        longest = max(spent, key=lambda rule: met[rule].ends)
        return self._refused(longest, shared, met[longest], now)

    def _refused(self, rule: Rule, shared: str, bucket: _Bucket, now: float) -> Verdict:
        everywhere = rule.hidden and rule.route == "*"
        retry_after = bucket.ends - now
        headers = self._headers(rule, shared, bucket, now)
        headers["Retry-After"] = str(ceil(retry_after))
        headers["X-RateLimit-Scope"] = "global" if everywhere else "user"
        if everywhere:
            headers["X-RateLimit-Global"] = "true"
        return Verdict(headers, retry_after, everywhere)

    def _rules_of(self, method: str, route: str) -> tuple[Rule, ...]:
        key = (method, route)
        if key not in self._rules:
            every = self.profile.rules
            self._rules[key] = tuple(rule for rule in every if rule.is_for(method, route))
        return self._rules[key]

    def _bucket(self, key: tuple[object, ...], limit: int, window: float, now: float) -> _Bucket:
        bucket = self._buckets.get(key)
        if bucket is None or bucket.ends <= now:
            bucket = self._buckets[key] = _Bucket(now + window, limit)
            if len(self._buckets) >= self._sweep_at:
                self._buckets = {k: kept for k, kept in self._buckets.items() if kept.ends > now}
                self._sweep_at = 2 * len(self._buckets) + _SWEEP_AT
        return bucket

    def _headers(self, rule: Rule, shared: str, bucket: _Bucket, now: float) -> dict[str, str]:
        reset_after = bucket.ends - now
        return {
            "X-RateLimit-Limit": str(rule.limit),
            "X-RateLimit-Remaining": str(max(0, bucket.left)),
            "X-RateLimit-Reset": f"{time.time() + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": self._hash(rule, shared),
        }

    def _hash(self, rule: Rule, shared: str) -> str:
        key = (rule, shared)
        if key not in self._hashes:
            text = f"{rule} {shared}".encode()
            self._hashes[key] = md5(text, usedforsecurity=False).hexdigest()
        return self._hashes[key]


def ask(
    bot: int, method: str, route: str, parameters: Mapping[str, str], fields: Mapping[str, object]
) -> Ask:
    """A request as the limits see it.

    Args:
        bot: who asks; 0 for nobody.
        method: the HTTP method.
        route: the template.
        parameters: what stands in the path.
        fields: the body.
    """
    major = parameters.get("channel_id") or parameters.get("guild_id") or ""
    message = parameters.get("message_id", "")
    age = time.time() - unix_time(int(message)) if message.isdecimal() else 0.0
    return Ask(bot, method, route, major, frozenset(fields), max(0.0, age))
