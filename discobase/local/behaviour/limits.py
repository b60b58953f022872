"""Rate limits: the buckets that a profile's rules make, and what clients are told of them.

Answers carry the headers whatever the profile: where they are missing, discord.py runs the requests
of a route one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import md5
from math import ceil, inf
from typing import Any, Literal, NamedTuple

from discobase.local.behaviour.profiles import Profile, RequestFacts, Rule, profile_named

Scope = Literal["user", "global", "shared"]

_SWEEP_AT = 4096
"""Buckets at which those that are over are removed: a guess, some hundred kilobytes."""

_INVALID = {401, 403, 429}


@dataclass(slots=True)
class _Bucket:
    ends: float
    left: int


class Verdict(NamedTuple):
    """What the limits say to a request.

    Attributes:
        headers: what its answer carries.
        retry_after: for how many seconds it is refused; ``None`` where it is not.
        scope: of the refusal.
        body: of the refusal.
    """

    headers: dict[str, str]
    retry_after: float | None = None
    scope: Scope = "user"
    body: dict[str, Any] | None = None


class Limits:
    """Rate limits under one profile.

    Args:
        profile: a profile, or the name of one.
        clock: seconds that only go forward; another one makes time stand still or fly.

    Raises:
        UsageError: there is no profile of this name.
    """

    def __init__(
        self, profile: str | Profile, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self.impose(profile)

    def impose(self, profile: str | Profile) -> None:
        """Put another profile in force; all counts begin again, and nobody is banned any more.

        Raises:
            UsageError: there is no profile of this name; nothing was changed.
        """
        self.profile = profile_named(profile) if isinstance(profile, str) else profile
        self._buckets: dict[tuple[object, ...], _Bucket] = {}
        self._rules: dict[tuple[str, str], tuple[Rule, ...]] = {}
        self._hashes: dict[tuple[object, ...], str] = {}
        self._invalid: dict[str, _Bucket] = {}
        self._banned: dict[str, float] = {}
        self._sweep_at = _SWEEP_AT

    def take(self, request: RequestFacts) -> Verdict:
        """Count a request against its limits. A refused one counts against none of them."""
        now = self._clock()
        fitting = [
            rule for rule in self._rules_of(request.method, request.route) if rule.fits(request)
        ]
        told = next(rule for rule in fitting if rule.shown == "always")
        met = {
            rule: self._bucket(rule.bucket(request), rule.limit, rule.window, now)
            for rule in (told, *(rule for rule in fitting if rule.shown != "always"))
        }
        everywhere = self._global(request, now)
        if everywhere is not None and everywhere.left <= 0:
            return _refused_everywhere(everywhere.ends - now)
        spent = [rule for rule, bucket in met.items() if bucket.left <= 0]
        if spent:
            longest = max(spent, key=lambda rule: met[rule].ends)
            shown = told if longest.shown == "in the body" else longest
            headers = self._headers(shown, shown.bucket(request)[:2], met[shown], now)
            return _refused(longest, headers, met[longest].ends - now)
        for bucket in (*met.values(), *([] if everywhere is None else [everywhere])):
            bucket.left -= 1
        return Verdict(self._headers(told, told.bucket(request)[:2], met[told], now))

    def answered(self, address: str, status: int, scope: Scope | None) -> None:
        """Count an answer if it was to an invalid request.

        Args:
            address: who asked.
            status: of the answer.
            scope: of a 429.
        """
        invalid = self.profile.invalid
        if invalid is None or status not in _INVALID or scope == "shared":
            return
        now = self._clock()
        bucket = self._invalid.get(address)
        if bucket is None or bucket.ends <= now:
            bucket = self._invalid[address] = _Bucket(now + invalid.window, invalid.limit)
        bucket.left -= 1
        if bucket.left <= 0:
            self._banned[address] = now + invalid.ban

    def is_banned(self, address: str) -> bool:
        """Return whether an address made so many invalid requests that it is not heard."""
        return bool(self._banned) and self._banned.get(address, -inf) > self._clock()

    def _global(self, request: RequestFacts, now: float) -> _Bucket | None:
        each_second = self.profile.each_second
        if each_second is None:
            return None
        if any(fnmatchcase(request.route, pattern) for pattern in self.profile.exempt):
            return None
        return self._bucket((request.bot,), each_second, 1.0, now)

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

    def _headers(
        self, rule: Rule, key: tuple[object, ...], bucket: _Bucket, now: float
    ) -> dict[str, str]:
        reset_after = bucket.ends - now
        return {
            "X-RateLimit-Limit": str(rule.limit),
            "X-RateLimit-Remaining": str(max(0, bucket.left)),
            "X-RateLimit-Reset": f"{time.time() + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": self._hash(key),
        }

    def _hash(self, key: tuple[object, ...]) -> str:
        if key not in self._hashes:
            text = repr(key).encode()
            self._hashes[key] = md5(text, usedforsecurity=False).hexdigest()
        return self._hashes[key]


def _refused(rule: Rule, headers: dict[str, str], retry_after: float) -> Verdict:
    scope: Scope = "shared" if rule.shared else "user"
    headers["Retry-After"] = str(ceil(retry_after))
    headers["X-RateLimit-Scope"] = scope
    body = too_fast(retry_after, message=rule.message, code=rule.code)
    return Verdict(headers, retry_after, scope, body)


def _refused_everywhere(retry_after: float) -> Verdict:
    headers = {
        "Retry-After": str(ceil(retry_after)),
        "X-RateLimit-Global": "true",
        "X-RateLimit-Scope": "global",
    }
    return Verdict(headers, retry_after, "global", too_fast(retry_after, everywhere=True))


def too_fast(
    retry_after: float,
    *,
    everywhere: bool = False,
    message: str = "You are being rate limited.",
    code: int | None = None,
) -> dict[str, Any]:
    """Return the body of a 429."""
    body: dict[str, Any] = {
        "message": message,
        "retry_after": round(retry_after, 3),
        "global": everywhere,
    }
    return body if code is None else {**body, "code": code}


def major(parameters: Mapping[str, str]) -> str:
    """Return what a path's buckets are apart by: its channel, guild, or webhook with its token."""
    for name in ("channel_id", "guild_id"):
        if name in parameters:
            return parameters[name]
    webhook = parameters.get("webhook_id") or parameters.get("application_id", "")
    token = next((value for name, value in parameters.items() if name.endswith("_token")), "")
    return f"{webhook}/{token}" if token else ""
