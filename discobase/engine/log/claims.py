"""A bot's claim to a database that another bot has written: from which position on it writes there.

It stands in the catalog of the database, by whoever takes it over. Of several the first one counts,
so of two bots that are told to succeed the same one only one does. Nobody is believed because of
it: the records of a claim's author count for those alone who log in as that bot. But the bot that
is named stops writing, whoever claims: better not to write than to write what nobody reads.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from discobase.engine.log.authors import Predecessor
from discobase.engine.log.sealed import ABSURD, sign, signed_in
from discobase.engine.log.sealing import PLAIN
from discobase.engine.operations import LaterFormat
from discobase.engine.server.seam import Message

_FORMAT = 1
_MENTION = "\n<@"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, as it stands in a catalog.

    Attributes:
        database: the id of the database.
        of: the bot that is succeeded, up to which position, and by what chain.
        by: the bot that succeeds it: the author of the message.
        message: the id of the message.
    """

    database: str
    of: Predecessor
    by: int
    message: int

    @classmethod
    def in_message(cls, message: Message) -> Claim | None:
        """Read the claim in a message; None where there is none that this version knows."""
        sealed, *_ = message.content.partition(_MENTION)
        try:
            signed = signed_in(sealed, "succession", _FORMAT)
            if signed is None or signed.number != _FORMAT or not signed.is_by(PLAIN):
                return None
            return cls._of(signed.facts, message)
        except (LaterFormat, *ABSURD):
            return None

    @classmethod
    def _of(cls, fields: dict[str, Any], message: Message) -> Claim:
        database = str(fields["database"])
        return cls(database, Predecessor.from_json(fields["of"]), message.author, message.id)


def claim_content(database: str, of: Predecessor) -> str:
    """Write a claim as the text of a message, which mentions the bot that is succeeded: it cannot
    read it otherwise.
    """
    # Encrypted in no database: whoever takes one over may not have its key yet.
    sealed = sign("succession", PLAIN, {"database": database, "of": of.to_json()})
    return f"{sealed}{_MENTION}{of.bot}>"


def first_claim(messages: Iterable[Message], of: int) -> Claim | None:
    """Return the claim to succeed a bot that counts, of those in a catalog: the first one by
    another bot.
    """
    claims = (Claim.in_message(message) for message in messages if message.author != of)
    of_it = [claim for claim in claims if claim is not None and claim.of.bot == of]
    return min(of_it, key=lambda claim: claim.message, default=None)
