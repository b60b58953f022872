"""Roles: listing, making, changing, ordering and deleting them."""

from __future__ import annotations

from discobase.local import refusals
from discobase.local.rest.call import Call
from discobase.local.rest.forms.form import Form
from discobase.local.rest.response import NO_CONTENT, Reply, ok
from discobase.local.rest.routing import Route
from discobase.local.state import payloads, permissions
from discobase.local.state.entities import Guild, Role
from discobase.local.state.permissions import EVERYTHING, MANAGE_ROLES

MOST_ROLES = 250
_LONGEST_NAME = 100
"""Discord's list of codes, 30005, and its page "Guild"."""

_LARGEST_COLOR = 0xFFFFFF


def list_guild_roles(call: Call) -> Reply:
    """Return the guild's roles."""
    guild = call.guild()
    return ok([payloads.role(role) for role in guild.roles.values()])


def get_guild_role(call: Call) -> Reply:
    """Return one role."""
    guild = call.guild()
    return ok(payloads.role(find_role(call, guild)))


def guild_role_member_counts(call: Call) -> Reply:
    """Return how many members have each role, without @everyone."""
    guild = call.guild()
    return ok(
        {
            str(role_id): sum(role_id in member.roles for member in guild.members.values())
            for role_id in guild.roles
            if role_id != guild.id
        }
    )


def create_guild_role(call: Call) -> Reply:
    """Make a role, below all others; it allows what @everyone may unless told otherwise."""
    state = call.platform.state
    guild = call.guild(MANAGE_ROLES)
    everyone = guild.roles[guild.id]
    role = Role(call.platform.new_id(), guild.id, "new role", everyone.permissions, position=1)
    _read(call, guild, role)
    if len(guild.roles) >= MOST_ROLES:
        raise refusals.too_many_roles(MOST_ROLES)
    state.save_role(role)
    call.platform.broadcast.role_created(guild, role.id)
    return ok(payloads.role(role))


def update_guild_role(call: Call) -> Reply:
    """Change a role that stands below the bot's own."""
    state = call.platform.state
    guild = call.guild(MANAGE_ROLES)
    role = find_role(call, guild)
    check_rank(call, guild, role)
    _read(call, guild, role)
    state.save_role(role)
    call.platform.broadcast.role_updated(guild, role.id)
    return ok(payloads.role(role))


def bulk_update_guild_roles(call: Call) -> Reply:
    """Move roles; all of them, and where they go, are below the bot's own."""
    state = call.platform.state
    guild = call.guild(MANAGE_ROLES)
    form = Form({"roles": call.body})
    moves: list[tuple[Role, int]] = []
    for number, item in enumerate(form.objects("roles", most=MOST_ROLES) or ()):
        entry = Form(item, form, str(number))
        role = guild.roles.get(entry.snowflake("id") or 0)
        position = entry.integer("position")
        form.check()
        if role is None:
            raise refusals.unknown_role()
        if position is not None and role.id != guild.id:
            moves.append((role, position))
    form.check()
    for role, position in moves:
        check_rank(call, guild, role)
        check_rank(call, guild, Role(role.id, guild.id, "", 0, position=position))
    for role, position in moves:
        role.position = position
        state.save_role(role)
        call.platform.broadcast.role_updated(guild, role.id)
    return ok([payloads.role(role) for role in guild.roles.values()])


def delete_guild_role(call: Call) -> Reply:
    """Delete a role that stands below the bot's own, and is nobody's but people's."""
    state = call.platform.state
    guild = call.guild(MANAGE_ROLES)
    role = find_role(call, guild)
    if role.id == guild.id or role.bot_id is not None:
        raise refusals.invalid_role()
    check_rank(call, guild, role)
    former = state.delete_role(guild, role)
    call.platform.broadcast.role_deleted(guild, role.id)
    for member in former:
        call.platform.broadcast.member_updated(member)
    return NO_CONTENT


def find_role(call: Call, guild: Guild) -> Role:
    """Return the role that the path names.

    Raises:
        Refusal: there is none.
    """
    role = guild.roles.get(call.ids["role_id"])
    if role is None:
        raise refusals.unknown_role()
    return role


def check_rank(call: Call, guild: Guild, role: Role) -> None:
    """Check that a role stands below the highest of the bot's (Discord's page "Permissions").

    Raises:
        Refusal: it does not.
    """
    if role.rank >= permissions.highest_rank(guild, guild.members[call.bot.id]):
        raise refusals.missing_permissions()


def _read(call: Call, guild: Guild, role: Role) -> None:
    form = Form({} if call.body is None else call.body)
    name = form.text("name", shortest=1, longest=_LONGEST_NAME)
    allowed = form.integer("permissions", most=EVERYTHING)
    color = form.integer("color", most=_LARGEST_COLOR)
    colors = form.part("colors")
    if colors is not None:
        color = colors.integer("primary_color", most=_LARGEST_COLOR)
    hoist, mentionable = form.boolean("hoist"), form.boolean("mentionable")
    form.check()
    if allowed is not None and allowed != role.permissions:
        own = call.permissions_in(guild)
        if (allowed ^ role.permissions) & ~own:
            raise refusals.missing_permissions()
        role.permissions = allowed
    role.name = role.name if name is None else name
    role.color = role.color if color is None else color
    role.hoist = role.hoist if hoist is None else hoist
    role.mentionable = role.mentionable if mentionable is None else mentionable


_ROLES = "/guilds/{guild_id}/roles"
_ROLE = _ROLES + "/{role_id}"

ROUTES = (
    Route("GET", _ROLES, list_guild_roles),
    Route("POST", _ROLES, create_guild_role),
    Route("PATCH", _ROLES, bulk_update_guild_roles),
    Route("GET", _ROLES + "/member-counts", guild_role_member_counts),
    Route("GET", _ROLE, get_guild_role),
    Route("PATCH", _ROLE, update_guild_role),
    Route("DELETE", _ROLE, delete_guild_role),
)
