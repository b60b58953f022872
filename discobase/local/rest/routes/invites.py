"""Invites: making, listing, resolving and revoking them."""

from __future__ import annotations

from discobase.local import refusals
from discobase.local.rest.call import Call
from discobase.local.rest.forms.form import Form
from discobase.local.rest.response import Reply, ok
from discobase.local.rest.routing import Route
from discobase.local.state import payloads
from discobase.local.state.entities import Invite
from discobase.local.state.invites import MOST_IN_GUILD
from discobase.local.state.permissions import CREATE_INSTANT_INVITE, MANAGE_CHANNELS, MANAGE_GUILD

_A_DAY = 86_400
_LONGEST_AGE = 604_800
_MOST_USES = 100
"""Seconds and uses (Discord's page "Channel", "Create Channel Invite")."""


def create_channel_invite(call: Call) -> Reply:
    """Make an invite, or hand out one of the bot's with the same terms unless it is unique."""
    platform = call.platform
    channel = call.channel(CREATE_INSTANT_INVITE)
    form = Form(call.body)
    max_age = form.integer("max_age", most=_LONGEST_AGE)
    max_uses = form.integer("max_uses", most=_MOST_USES) or 0
    temporary, unique = form.boolean("temporary"), form.boolean("unique")
    form.check()
    terms = (_A_DAY if max_age is None else max_age, max_uses)
    invite = None if unique else platform.invites.alike(channel, call.bot.id, *terms)
    if invite is None:
        if len(platform.invites.of_guild(channel.guild_id)) >= MOST_IN_GUILD:
            raise refusals.too_many_invites()
        invite = platform.invites.create(channel, call.bot.id, *terms, temporary=bool(temporary))
        platform.broadcast.invite_created(invite)
    return ok(_body(call, invite))


def list_channel_invites(call: Call) -> Reply:
    """Return the invites that lead to a channel."""
    channel = call.channel(MANAGE_CHANNELS)
    invites = call.platform.invites.of_guild(channel.guild_id)
    return ok([_body(call, invite) for invite in invites if invite.channel_id == channel.id])


def list_guild_invites(call: Call) -> Reply:
    """Return all invites of a guild."""
    guild = call.guild(MANAGE_GUILD)
    return ok([_body(call, invite) for invite in call.platform.invites.of_guild(guild.id)])


def invite_resolve(call: Call) -> Reply:
    """Return one invite, whoever asks."""
    invite = _invite(call)
    body = _body(call, invite)
    for name in ("uses", "max_uses", "max_age", "temporary", "created_at"):
        del body[name]
    if call.query.get("with_counts") == "true":
        count = len(call.platform.state.guilds[invite.guild_id].members)
        body["approximate_member_count"] = body["approximate_presence_count"] = count
    return ok(body)


def invite_revoke(call: Call) -> Reply:
    """Revoke an invite."""
    platform = call.platform
    invite = _invite(call)
    guild = call.guild_by_id(invite.guild_id)
    in_guild = call.permissions_in(guild)
    channel = platform.state.channels[invite.channel_id]
    in_channel = platform.state.permissions_in(channel, call.bot.id)
    if not (in_guild & MANAGE_GUILD or in_channel & MANAGE_CHANNELS):
        raise refusals.missing_permissions()
    body = _body(call, invite)
    platform.invites.delete(invite)
    platform.broadcast.invite_deleted(invite)
    return ok(body)


def _invite(call: Call) -> Invite:
    invite = call.platform.invites.find(call.words["code"])
    if invite is None:
        raise refusals.unknown_invite()
    return invite


def _body(call: Call, invite: Invite) -> payloads.Json:
    state = call.platform.state
    guild, channel = state.guilds[invite.guild_id], state.channels[invite.channel_id]
    return payloads.invite(invite, guild, channel, state.users[invite.inviter_id])


_INVITE = "/invites/{code}"

ROUTES = (
    Route("POST", "/channels/{channel_id}/invites", create_channel_invite),
    Route("GET", "/channels/{channel_id}/invites", list_channel_invites),
    Route("GET", "/guilds/{guild_id}/invites", list_guild_invites),
    Route("GET", _INVITE, invite_resolve, public=True),
    Route("DELETE", _INVITE, invite_revoke),
)
