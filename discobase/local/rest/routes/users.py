"""The bot itself: its user, its application, its guilds, and where the gateway is."""

from __future__ import annotations

import time

from discobase.local import refusals
from discobase.local.gateway.gateway import gateway_url
from discobase.local.rest.call import Call
from discobase.local.rest.forms.form import from_query
from discobase.local.rest.response import NO_CONTENT, Reply, ok
from discobase.local.rest.routing import Route
from discobase.local.state import payloads


def get_my_user(call: Call) -> Reply:
    """Return the bot's own user, and when writes can be read, which Discord does not say."""
    user = payloads.own_user(call.platform.state.users[call.bot.id])
    return ok({**user, "settling_seconds": call.platform.settings.settling})


def get_user(call: Call) -> Reply:
    """Return anybody's user."""
    person = call.platform.state.users.get(call.ids["user_id"])
    if person is None:
        raise refusals.unknown_user()
    return ok(payloads.user(person))


def leave_guild(call: Call) -> Reply:
    """Take the bot out of a guild."""
    guild = call.guild()
    call.platform.remove_bot(call.bot, guild)
    return NO_CONTENT


def get_my_guilds(call: Call) -> Reply:
    """Return the guilds the bot is in, by id."""
    form = from_query(call.query, "before", "after", "limit")
    before, after = form.snowflake("before"), form.snowflake("after")
    limit = form.integer("limit", least=1, most=200) or 200
    form.check()
    guilds = [
        guild
        for guild in call.platform.state.guilds_of(call.bot.id)
        if (after is None or guild.id > after) and (before is None or guild.id < before)
    ]
    chosen = guilds[-limit:] if before is not None else guilds[:limit]
    counts = call.query.get("with_counts") == "true"
    bodies = [
        payloads.partial_guild(guild, call.permissions_in(guild), counts=counts) for guild in chosen
    ]
    return ok(bodies)


def get_my_application(call: Call) -> Reply:
    """Return the bot's application."""
    state = call.platform.state
    guilds = len(state.guilds_of(call.bot.id))
    person = state.users[call.bot.id]
    return ok(payloads.application(call.bot, person, state.owner(), guilds))


def get_gateway(call: Call) -> Reply:
    """Return the gateway's address."""
    return ok({"url": gateway_url(call.origin)})


def get_bot_gateway(call: Call) -> Reply:
    """Return the gateway's address, and how many logins are left today."""
    bot, total = call.bot, call.platform.settings.identifies_a_day
    gateway = call.platform.limits.profile.gateway
    day = call.platform.settings.identify_day
    passed = time.time() - bot.identifies_since
    used = bot.identifies if passed < day else 0
    limit = {
        "total": total,
        "remaining": max(0, total - used),
        "reset_after": round(max(0.0, day - passed) * 1000) if used else 0,
        "max_concurrency": 1 if gateway is None else gateway.max_concurrency,
    }
    return ok(
        {
            "url": gateway_url(call.origin),
            "shards": 1,
            "session_start_limit": limit,
        }
    )


ROUTES = (
    Route("GET", "/users/@me", get_my_user),
    Route("GET", "/users/{user_id}", get_user),
    Route("GET", "/users/@me/guilds", get_my_guilds),
    Route("DELETE", "/users/@me/guilds/{guild_id}", leave_guild),
    Route("GET", "/oauth2/applications/@me", get_my_application),
    Route("GET", "/applications/@me", get_my_application),
    Route("GET", "/gateway", get_gateway, public=True),
    Route("GET", "/gateway/bot", get_bot_gateway),
)
