"""What stands in a catalog when nobody is to write to its database any more."""

from __future__ import annotations

from collections.abc import Iterable

from discobase.engine.log.claims import first_claim
from discobase.engine.server.seam import Message, Server
from discobase.errors import DatabaseDeleted, DatabaseEnded, DatabaseTakenOver

DELETED = (
    "discobase: this database is being deleted. Whoever finds this message finishes that, and "
    "takes nothing that is missing for damage."
)
"""What is written into a catalog before the channels of its database are deleted, it last."""


def is_deleted(server: Server, message: Message) -> bool:
    """Return whether a message of a catalog says that its database is being deleted."""
    return message.author == server.author and message.content == DELETED


def last_word(server: Server, messages: Iterable[Message]) -> DatabaseEnded | None:
    """Return why this bot is not to write to a database any more, by the messages of its catalog;
    None where nothing says so.
    """
    told = list(messages)
    for message in told:
        if is_deleted(server, message):
            return DatabaseDeleted("this database is being deleted", message.channel)
    claim = first_claim(told, server.author)
    if claim is None:
        return None
    channel = next(message.channel for message in told if message.id == claim.message)
    return DatabaseTakenOver(claim.by, claim.of.last, channel, claim.message)
