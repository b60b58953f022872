"""Profiles of rate limits: tables of rules that can be read, replaced and written as JSON.

The numbers of the profile ``discord`` are what people observed; Discord documents none but the
global one and that of invalid requests, and asks clients to read the headers. The profile ``none``
refuses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple, get_args

from discobase.errors import UsageError

Shown = Literal["always", "when refused", "in the body"]


class RequestFacts(NamedTuple):
    """A request as the limits see it.

    Attributes:
        bot: who asks; 0 for nobody.
        method: the HTTP method.
        route: the template.
        major: the channel, guild or webhook it is about; buckets of different ones are independent.
        guild: the guild it is about, where it is known.
        fields: the names in the body.
        age: of the message it is about, in seconds; 0 where it is about none.
        missing: whether the message it is about is not there.
    """

    bot: int
    method: str
    route: str
    major: str = ""
    guild: str = ""
    fields: frozenset[str] = frozenset()
    age: float = 0.0
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit on some requests.

    Attributes:
        method: an HTTP method, or a pattern with ``*``.
        route: a template, or a pattern with ``*``.
        limit: how many requests in a window, by bot and channel, guild or webhook.
        window: seconds, from the first request on.
        field: only requests whose body has this field.
        older_than: only requests about messages at least this old, in seconds.
        missing: only requests about messages that are not there.
        shown: where clients are told of it: in the headers of each answer (of those rules the first
            that fits counts), in those of a refusal only, or in the body of a refusal only.
        shared: counts the requests of all bots together.
        by_guild: counts those about all channels of a guild together.
        code: Discord's JSON error code of a refusal, if it has one.
        message: Discord's wording of a refusal.
    """

    method: str
    route: str
    limit: int
    window: float
    field: str | None = None
    older_than: float = 0.0
    missing: bool = False
    shown: Shown = "always"
    shared: bool = False
    by_guild: bool = False
    code: int | None = None
    message: str = "You are being rate limited."

    def __post_init__(self) -> None:
        if self.limit < 1 or self.window <= 0 or self.shown not in get_args(Shown):
            raise UsageError(f"a rule needs a limit, a window and one of {get_args(Shown)}.")

    @property
    def takes_everything(self) -> bool:
        """Whether every request meets it and is told of it."""
        return self == Rule("*", "*", self.limit, self.window)

    def is_for(self, method: str, route: str) -> bool:
        """Return whether it limits requests of a route at all."""
        return fnmatchcase(method, self.method) and fnmatchcase(route, self.route)

    def fits(self, request: RequestFacts) -> bool:
        """Return whether it limits this request of its route."""
        return (
            (self.field is None or self.field in request.fields)
            and request.age >= self.older_than
            and (request.missing or not self.missing)
        )

    def bucket(self, request: RequestFacts) -> tuple[object, ...]:
        """Return what a request is counted under: requests of one rule share a bucket.

        Those of a rule for all routes share it by route.
        """
        route = f"{request.method} {request.route}" if self.route == "*" else ""
        who = 0 if self.shared else request.bot
        return (self, route, who, request.guild if self.by_guild else request.major)


@dataclass(frozen=True, slots=True)
class Invalid:
    """When an address is turned away altogether.

    Attributes:
        limit: how many answers of 401, 403 and 429 (but for scope ``shared``) it may get.
        window: in so many seconds.
        ban: for how long it is turned away then, in seconds.
    """

    limit: int
    window: float
    ban: float


@dataclass(frozen=True, slots=True)
class GatewayLimits:
    """How fast clients may talk to the gateway. Under them the logins of a day are limited too.

    Attributes:
        sends: frames a connection may send.
        window: in so many seconds.
        max_concurrency: how many shards of a bot may log in at once.
        pause: for how many seconds they hold up the others.
    """

    sends: int
    window: float
    max_concurrency: int
    pause: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of limits.

    Attributes:
        name: what it is called.
        each_second: how many requests a bot may make in a second, whatever they ask; ``None`` for
            any number.
        rules: the limits of routes.
        exempt: patterns of routes that ``each_second`` does not count.
        invalid: what happens to those who go on after refusals; ``None`` for nothing.
        gateway: the limits of the gateway; ``None`` for none.

    Raises:
        UsageError: some request would meet no rule that is always shown.
    """

    name: str
    each_second: int | None
    rules: tuple[Rule, ...]
    exempt: tuple[str, ...] = ()
    invalid: Invalid | None = None
    gateway: GatewayLimits | None = None

    def __post_init__(self) -> None:
        if not any(rule.takes_everything for rule in self.rules):
            raise UsageError('a profile needs a rule Rule("*", "*", ...) for all that is left.')

    def as_json(self) -> dict[str, Any]:
        """Return the profile for the admin API."""
        return asdict(self)

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> Profile:
        """Return the profile that :meth:`as_json` describes.

        Raises:
            TypeError, UsageError: it describes none.
        """
        fields = dict(body)
        fields["rules"] = tuple(Rule(**rule) for rule in fields.get("rules", ()))
        fields["exempt"] = tuple(fields.get("exempt", ()))
        if fields.get("invalid") is not None:
            fields["invalid"] = Invalid(**fields["invalid"])
        if fields.get("gateway") is not None:
            fields["gateway"] = GatewayLimits(**fields["gateway"])
        return Profile(**fields)


_CHANNEL = "/channels/{channel_id}"
_MESSAGES = _CHANNEL + "/messages"
_MESSAGE = _MESSAGES + "/{message_id}"
_TEN_MINUTES = 600.0
_HOUR = 3600.0
_DAY = 24 * _HOUR

NONE = Profile("none", None, (Rule("*", "*", limit=1_000_000, window=1.0),))
DISCORD = Profile(
    "discord",
    50,
    (
        Rule("POST", _MESSAGES, limit=5, window=5.0),
        Rule(
            "POST",
            _MESSAGES,
            limit=10,  # Assumed: that it exists was observed, its size was not.
            window=1.0,
            shown="in the body",
            shared=True,
            code=20028,
            message="The write action you are performing on the channel has hit the write rate "
            "limit.",
        ),
        Rule("GET", _MESSAGES, limit=1000, window=5.0),
        Rule("GET", _MESSAGES, limit=5, window=5.0, shown="when refused"),
        Rule("PATCH", _MESSAGE, limit=5, window=5.0),
        Rule(
            "PATCH",
            _MESSAGE,
            limit=3,
            window=6.0,
            older_than=_HOUR,
            shown="in the body",
            code=30046,
            message="Maximum number of edits to messages older than 1 hour reached. "
            "Try again later.",
        ),
        Rule("DELETE", _MESSAGE, limit=5, window=1.0, missing=True),
        Rule("DELETE", _MESSAGE, limit=30, window=4.0, older_than=14 * _DAY),
        Rule("DELETE", _MESSAGE, limit=5, window=1.0, older_than=14 * _DAY, shown="when refused"),
        Rule("DELETE", _MESSAGE, limit=3, window=0.333, older_than=10.0),
        Rule("DELETE", _MESSAGE, limit=5, window=1.0),
        Rule("POST", _MESSAGES + "/bulk-delete", limit=1, window=1.0, by_guild=True),
        Rule("*", _MESSAGE + "/reactions*", limit=1, window=0.25),
        Rule("PATCH", _CHANNEL, limit=10, window=15.0),
        Rule("PATCH", _CHANNEL, limit=2, window=_TEN_MINUTES, field="name", shown="in the body"),
        Rule("PATCH", _CHANNEL, limit=2, window=_TEN_MINUTES, field="topic", shown="in the body"),
        Rule("POST", "/webhooks/{*}/{*}", limit=5, window=2.0),
        Rule("*", "*", limit=1000, window=5.0),
    ),
    exempt=("/interactions/*", "/webhooks/{*}/{*}*"),
    invalid=Invalid(10_000, window=_TEN_MINUTES, ban=_DAY),
    gateway=GatewayLimits(sends=120, window=60.0, max_concurrency=1, pause=5.0),
)
PROFILES = {profile.name: profile for profile in (NONE, DISCORD)}
"""The profiles there are by name."""


def profile_named(name: str) -> Profile:
    """Return the profile of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in PROFILES:
        known = ", ".join(PROFILES)
        raise UsageError(f"there is no profile of limits {name!r}; there are: {known}.")
    return PROFILES[name]
