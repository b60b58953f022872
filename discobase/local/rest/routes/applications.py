"""Application commands: registering them, globally and in a guild."""

from __future__ import annotations

from discobase.local import refusals
from discobase.local.rest.call import Call
from discobase.local.rest.forms.commands import read_changes, read_command, read_commands
from discobase.local.rest.response import NO_CONTENT, Reply, ok
from discobase.local.rest.routing import Route


def list_commands(call: Call) -> Reply:
    """Return the bot's commands in a place."""
    return ok(call.platform.commands.of(*_place(call)))


def create_command(call: Call) -> Reply:
    """Register a command, over the one of its name and type."""
    place = _place(call)
    command, new = call.platform.commands.save(*place, read_command(call.body))
    return ok(command, status=201 if new else 200)


def replace_commands(call: Call) -> Reply:
    """Register commands instead of all that there are."""
    place = _place(call)
    return ok(call.platform.commands.replace_all(*place, read_commands(call.body)))


def get_command(call: Call) -> Reply:
    """Return one command."""
    return ok(call.platform.commands.command(*_place(call), call.ids["command_id"]))


def update_command(call: Call) -> Reply:
    """Change a command."""
    commands = call.platform.commands
    place = _place(call)
    command = commands.command(*place, call.ids["command_id"])
    changes = read_changes(call.body, command)
    other = commands.named(*place, str(changes.get("name", command["name"])), command["type"])
    if other is not None and other is not command:
        raise refusals.invalid_field(
            "name",
            "APPLICATION_COMMANDS_DUPLICATE_NAME",
            "Application command names must be unique",
        )
    return ok(commands.change(command, changes))


def delete_command(call: Call) -> Reply:
    """Remove a command."""
    commands = call.platform.commands
    commands.delete(commands.command(*_place(call), call.ids["command_id"]))
    return NO_CONTENT


def _place(call: Call) -> tuple[int, int | None]:
    """Return the application and the guild, ``None`` for everywhere.

    Raises:
        Refusal: the application is not the bot's, or the bot is not in the guild.
    """
    application_id, guild_id = call.ids["application_id"], call.ids.get("guild_id")
    if application_id != call.bot.id:
        raise refusals.not_your_application()
    if guild_id is not None:
        guild = call.platform.state.guilds.get(guild_id)
        if guild is None or call.bot.id not in guild.members:
            raise refusals.missing_access()
    return application_id, guild_id


_EVERYWHERE = "/applications/{application_id}/commands"
_IN_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"
_ONE = "/{command_id}"

ROUTES = tuple(
    Route(method, place + rest, handler)
    for place in (_EVERYWHERE, _IN_GUILD)
    for method, rest, handler in (
        ("GET", "", list_commands),
        ("POST", "", create_command),
        ("PUT", "", replace_commands),
        ("GET", _ONE, get_command),
        ("PATCH", _ONE, update_command),
        ("DELETE", _ONE, delete_command),
    )
)
