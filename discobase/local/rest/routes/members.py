"""Members: finding them, their names and roles, and removing them."""

from __future__ import annotations

from discobase.local import refusals
from discobase.local.rest.call import Call
from discobase.local.rest.forms.form import Form, from_query
from discobase.local.rest.response import NO_CONTENT, Reply, ok
from discobase.local.rest.routes.roles import check_rank, find_role
from discobase.local.rest.routing import Route
from discobase.local.state import payloads, permissions
from discobase.local.state.entities import Guild, Member
from discobase.local.state.intents import GUILD_MEMBERS
from discobase.local.state.permissions import (
    CHANGE_NICKNAME,
    KICK_MEMBERS,
    MANAGE_NICKNAMES,
    MANAGE_ROLES,
)

_LONGEST_NICK = 32
_MOST_IN_PAGE = 1000
"""Discord's pages "User" and "Guild"."""

_UNSERVED = ("mute", "deaf", "channel_id", "communication_disabled_until", "flags")


def get_guild_member(call: Call) -> Reply:
    """Return one member."""
    guild = call.guild()
    return _told(call, _member(call, guild))


def list_guild_members(call: Call) -> Reply:
    """Return a page of members by id; the bot needs the intent to be told of all."""
    guild = call.guild()
    form = from_query(call.query, "limit", "after")
    limit = form.integer("limit", least=1, most=_MOST_IN_PAGE) or 1
    after = form.snowflake("after") or 0
    form.check()
    if not call.bot.privileged & GUILD_MEMBERS:
        raise refusals.missing_access()
    users = call.platform.state.users
    ids = sorted(id_ for id_ in guild.members if id_ > after)[:limit]
    return ok([payloads.member(guild.members[id_], users[id_]) for id_ in ids])


def search_guild_members(call: Call) -> Reply:
    """Return members whose name or nickname begins with the query."""
    guild = call.guild()
    form = from_query(call.query, "query", "limit")
    beginning = (form.text("query", shortest=1, longest=100, needed=True) or "").lower()
    limit = form.integer("limit", least=1, most=_MOST_IN_PAGE) or 1
    form.check()
    users = call.platform.state.users
    found = [
        payloads.member(member, users[id_])
        for id_, member in sorted(guild.members.items())
        if users[id_].name.lower().startswith(beginning)
        or (member.nick or "").lower().startswith(beginning)
    ]
    return ok(found[:limit])


def get_my_guild_member(call: Call) -> Reply:
    """Return the bot as a member."""
    guild = call.guild()
    return _told(call, guild.members[call.bot.id])


def update_my_guild_member(call: Call) -> Reply:
    """Change the bot's own nickname."""
    guild = call.guild()
    form = Form(call.body)
    nick = form.text("nick", longest=_LONGEST_NICK, trimmed=True)
    form.check()
    member = guild.members[call.bot.id]
    if "nick" in form:
        _need(guild, call, CHANGE_NICKNAME)
        member.nick = nick or None
    return _changed(call, member)


def update_guild_member(call: Call) -> Reply:
    """Change a member's nickname and roles."""
    guild = call.guild()
    member = _member(call, guild)
    form = Form(call.body)
    nick = form.text("nick", longest=_LONGEST_NICK, trimmed=True)
    roles = form.ids("roles", most=len(guild.roles))
    form.check()
    if any(form.body.get(name) is not None for name in _UNSERVED):
        raise refusals.not_served("update_guild_member but for nick and roles")
    if "nick" in form:
        _need(guild, call, MANAGE_NICKNAMES)
        _check_member_rank(call, guild, member)
    if roles is not None:
        _need(guild, call, MANAGE_ROLES)
        for role_id in {*roles} ^ {*member.roles}:
            if role_id not in guild.roles or role_id == guild.id:
                raise refusals.unknown_role()
            check_rank(call, guild, guild.roles[role_id])
        member.roles = roles
    if "nick" in form:
        member.nick = nick or None
    return _changed(call, member)


def delete_guild_member(call: Call) -> Reply:
    """Remove a person from the guild."""
    state = call.platform.state
    guild = call.guild(KICK_MEMBERS)
    member = _member(call, guild)
    _check_member_rank(call, guild, member)
    if state.users[member.user_id].bot:
        call.platform.remove_bot(state.bots[member.user_id], guild)
    else:
        state.remove_member(member)
        call.platform.broadcast.member_removed(member)
    return NO_CONTENT


def add_guild_member_role(call: Call) -> Reply:
    """Give a member a role."""
    return _set_role(call, given=True)


def delete_guild_member_role(call: Call) -> Reply:
    """Take a role from a member."""
    return _set_role(call, given=False)


def _set_role(call: Call, *, given: bool) -> Reply:
    guild = call.guild(MANAGE_ROLES)
    member, role = _member(call, guild), find_role(call, guild)
    if role.id == guild.id or role.bot_id is not None:
        raise refusals.invalid_role()
    check_rank(call, guild, role)
    if (role.id in member.roles) != given:
        others = [id_ for id_ in member.roles if id_ != role.id]
        member.roles = [*others, role.id] if given else others
        _changed(call, member)
    return NO_CONTENT


def _member(call: Call, guild: Guild) -> Member:
    member = guild.members.get(call.ids["user_id"])
    if member is None:
        known = call.ids["user_id"] in call.platform.state.users
        raise refusals.unknown_member() if known else refusals.unknown_user()
    return member


def _need(guild: Guild, call: Call, needed: int) -> None:
    if not call.permissions_in(guild) & needed:
        raise refusals.missing_permissions()


def _check_member_rank(call: Call, guild: Guild, member: Member) -> None:
    """Check that a member stands below the bot; the owner stands above all."""
    own = guild.members[call.bot.id]
    higher = permissions.highest_rank(guild, member) >= permissions.highest_rank(guild, own)
    if member is not own and higher:
        raise refusals.missing_permissions()


def _told(call: Call, member: Member) -> Reply:
    return ok(payloads.member(member, call.platform.state.users[member.user_id]))


def _changed(call: Call, member: Member) -> Reply:
    call.platform.state.save_member(member)
    call.platform.broadcast.member_updated(member)
    return _told(call, member)


_MEMBERS = "/guilds/{guild_id}/members"
_MEMBER = _MEMBERS + "/{user_id}"

ROUTES = (
    Route("GET", _MEMBERS, list_guild_members),
    Route("GET", _MEMBERS + "/search", search_guild_members),
    Route("PATCH", _MEMBERS + "/@me", update_my_guild_member),
    Route("GET", _MEMBER, get_guild_member),
    Route("PATCH", _MEMBER, update_guild_member),
    Route("DELETE", _MEMBER, delete_guild_member),
    Route("PUT", _MEMBER + "/roles/{role_id}", add_guild_member_role),
    Route("DELETE", _MEMBER + "/roles/{role_id}", delete_guild_member_role),
    Route("GET", "/users/@me/guilds/{guild_id}/member", get_my_guild_member),
)
