"""Who wrote what of a log that has had several bots, one after the other.

A bot whose account is lost is succeeded by another one (:mod:`discobase.engine.succession`). What
the old one wrote up to the takeover counts, and after that what its successor writes: which
position is whose stands in the superblock, which the successor has written itself. Nobody else is
believed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from discobase.errors import SuccessionRefused

_LARGEST = 2**63 - 1
_HASH = re.compile("[0-9a-f]{32}")
_BOT = re.compile(r"[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A bot that has been succeeded.

    Attributes:
        bot: the id of its user.
        last: the last position that is its own; 0 where none is.
        chain: the hash that the position above that continues.
    """

    bot: int
    last: int
    chain: str

    def to_json(self) -> dict[str, Any]:
        """Return what stands for it in a superblock."""
        return {"bot": str(self.bot), "last": self.last, "chain": self.chain}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Predecessor:
        """Read what :meth:`to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        bot, last, chain = fields["bot"], fields["last"], fields["chain"]
        sound = _BOT.fullmatch(bot) and _HASH.fullmatch(chain)
        if not sound or type(last) is not int or not 0 <= last <= _LARGEST:
            raise ValueError(fields)
        return cls(int(bot), last, chain)


def author_of(predecessors: Sequence[Predecessor], own: int, seq: int) -> int:
    """Return the bot that a position is of.

    Args:
        predecessors: the bots that came before this one, in their order.
        own: the id of this one.
        seq: the position.
    """
    return next((each.bot for each in predecessors if seq <= each.last), own)


def hidden_text(bot: int) -> SuccessionRefused:
    """Return the error for what another bot has written, where Discord does not show its text."""
    return SuccessionRefused(
        f"what the bot {bot} has written comes without its text: a bot may read that of others "
        f"only with the Message Content Intent. Switch it on for this bot, in the developer portal "
        f"(Bot, Privileged Gateway Intents), and connect again."
    )


def may_tell(predecessors: Sequence[Predecessor], own: int, author: int, seq: int) -> bool:
    """Return whether a bot is believed what it says of the state at a position: who has written it
    is, and who has come after that.
    """
    later = [each.bot for each in predecessors if seq <= each.last]
    return author in {*later, own}
