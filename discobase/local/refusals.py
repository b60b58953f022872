"""What the server says when it refuses a request.

Status, JSON code, message and, for bad bodies, the tree of errors. Codes are those of Discord's
page "Opcodes and Status Codes"; the HTTP status of each is common practice, not documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):
    """A request is refused; it becomes the answer's status and JSON body.

    Args:
        status: the HTTP status.
        code: Discord's JSON error code, 0 for the general ones.
        message: Discord's wording.
        errors: the tree of a 50035, by field.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        errors: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code} {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the answer."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


def not_found() -> Refusal:
    """Say that there is no such path."""
    return Refusal(404, 0, "404: Not Found")


def method_not_allowed() -> Refusal:
    """Say that the path is known, the method is not one of its own."""
    return Refusal(405, 0, "405: Method Not Allowed")


def unauthorized() -> Refusal:
    """Say that the token is missing or nobody's."""
    return Refusal(401, 0, "401: Unauthorized")


def not_served(name: str) -> Refusal:
    """Say that Discord has this endpoint, this server does not (yet)."""
    return Refusal(501, 0, f"501: Not Implemented: {name}")


def unknown_channel() -> Refusal:
    """Say that no channel has this id."""
    return Refusal(404, 10003, "Unknown Channel")


def unknown_guild() -> Refusal:
    """Say that no server has this id."""
    return Refusal(404, 10004, "Unknown Guild")


def unknown_invite() -> Refusal:
    """Say that no invite has this code, or it is over."""
    return Refusal(404, 10006, "Unknown Invite")


def unknown_role() -> Refusal:
    """Say that the server has no such role."""
    return Refusal(404, 10011, "Unknown Role")


def unknown_emoji(status: int = 400) -> Refusal:
    """Say that no emoji has this name; or with 404, that none has this id."""
    return Refusal(status, 10014, "Unknown Emoji")


def too_many_emojis(limit: int) -> Refusal:
    """Say that there are as many emojis as there may be."""
    return Refusal(400, 30008, f"Maximum number of emojis reached ({limit})")


def too_many_reactions(limit: int) -> Refusal:
    """Say that the message has all its different reactions."""
    return Refusal(400, 30010, f"Maximum number of reactions reached ({limit})")


def unknown_user() -> Refusal:
    """Say that nobody has this id."""
    return Refusal(404, 10013, "Unknown User")


def too_many_pins(limit: int) -> Refusal:
    """Say that the channel has all its pins."""
    return Refusal(400, 30003, f"Maximum number of pins reached for the channel ({limit})")


def too_many_roles(limit: int) -> Refusal:
    """Say that the server has all its roles."""
    return Refusal(400, 30005, f"Maximum number of server roles reached ({limit})")


def too_many_invites() -> Refusal:
    """Say that the server has its 1000 invites."""
    return Refusal(400, 30016, "Maximum number of invites reached (1000)")


def invalid_role() -> Refusal:
    """Say that this role can be neither changed, given nor taken so."""
    return Refusal(400, 50028, "Invalid Role")


def unknown_upload() -> Refusal:
    """Say that a file was uploaded some other way, which this server does not know."""
    return Refusal(400, 50146, "Uploaded file not found.")


def reply_needs_history() -> Refusal:
    """Say that a reply needs the permission to read history."""
    return Refusal(400, 160002, "Cannot reply without permission to read message history")


def unknown_member() -> Refusal:
    """Say that the server has no such member."""
    return Refusal(404, 10007, "Unknown Member")


def unknown_message() -> Refusal:
    """Say that the channel has no such message, or not any more."""
    return Refusal(404, 10008, "Unknown Message")


def unknown_overwrite() -> Refusal:
    """Say that the channel has no overwrite for this role or member."""
    return Refusal(404, 10009, "Unknown Permission Overwrite")


def unknown_webhook() -> Refusal:
    """Say that no application has this id, or that its interaction was not answered yet."""
    return Refusal(404, 10015, "Unknown Webhook")


def unknown_interaction() -> Refusal:
    """Say that no interaction has this id and token, or its time to be answered is over."""
    return Refusal(404, 10062, "Unknown interaction")


def unknown_command() -> Refusal:
    """Say that the application has no such command in this place."""
    return Refusal(404, 10063, "Unknown application command")


def bots_may_not() -> Refusal:
    """Say that the endpoint is for people only."""
    return Refusal(403, 20001, "Bots cannot use this endpoint")


def not_your_application() -> Refusal:
    """Say that the bot is another application's."""
    return Refusal(403, 20012, "You are not authorized to perform this action on this application")


def too_many_commands(limit: int) -> Refusal:
    """Say that the application has all the commands of a type that it may have in a place."""
    return Refusal(400, 30032, f"Maximum number of application commands reached ({limit})")


def already_acknowledged() -> Refusal:
    """Say that an interaction is answered once."""
    return Refusal(400, 40060, "Interaction has already been acknowledged.")


def invalid_webhook_token() -> Refusal:
    """Say that no interaction has this token, or its time for follow-ups is over."""
    return Refusal(401, 50027, "Invalid Webhook Token")


def too_many_channels() -> Refusal:
    """Say that the server has its 500 channels."""
    return Refusal(400, 30013, "Maximum number of server channels reached (500)")


def too_many_attachments(limit: int) -> Refusal:
    """Say that there are more files than one message carries."""
    return Refusal(400, 30015, f"Maximum number of attachments in a message reached ({limit})")


def too_large() -> Refusal:
    """Say that the request, or one of its files, is larger than the server takes."""
    return Refusal(413, 40005, "Request entity too large")


def missing_access() -> Refusal:
    """Say that the bot does not see the thing at all."""
    return Refusal(403, 50001, "Missing Access")


def not_the_author() -> Refusal:
    """Say that only the author may change what a message says."""
    return Refusal(403, 50005, "Cannot edit a message authored by another user")


def empty_message() -> Refusal:
    """Say that a message has neither text nor anything else."""
    return Refusal(400, 50006, "Cannot send an empty message")


def wrong_channel_type() -> Refusal:
    """Say that messages do not go into this kind of channel."""
    return Refusal(400, 50024, "Cannot execute action on this channel type")


def missing_permissions() -> Refusal:
    """Say that the bot sees the thing but may not do this to it."""
    return Refusal(403, 50013, "Missing Permissions")


def wrong_bulk_size() -> Refusal:
    """Say that a bulk delete takes 2 to 100 messages."""
    return Refusal(
        400,
        50016,
        "Provided too few or too many messages to delete. "
        "Must provide at least 2 and fewer than 100 messages to delete",
    )


def too_old_to_bulk_delete() -> Refusal:
    """Say that a bulk delete takes no message older than two weeks."""
    return Refusal(400, 50034, "A message provided was too old to bulk delete")


def invalid_form(errors: Mapping[str, Any]) -> Refusal:
    """Say that the body or the parameters do not fit; ``errors`` says where and why."""
    return Refusal(400, 50035, "Invalid Form Body", errors=errors)


def invalid_field(path: str, code: str, message: str) -> Refusal:
    """Say that one field does not fit.

    Args:
        path: the field, with dots for depth (``embeds.0.title``).
        code: Discord's name of the mistake, as ``BASE_TYPE_REQUIRED``.
        message: Discord's wording of it.
    """
    tree: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for key in reversed(path.split(".")):
        tree = {key: tree}
    return invalid_form(tree)


def invalid_json() -> Refusal:
    """Say that the body is no JSON, or holds text that is no Unicode."""
    return Refusal(400, 50109, "The request body contains invalid JSON.")
