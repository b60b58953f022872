"""Why nothing may be written to a database any more by whoever is connected to it."""

from __future__ import annotations

import copy
from typing import NoReturn

from discobase.engine.log.formats import upgrade_needed
from discobase.engine.operations import LaterFormat
from discobase.engine.server.seam import Message
from discobase.engine.trouble import Trouble, Troubles
from discobase.errors import DatabaseEnded, NoncesIgnored, UpgradeNeeded


class Stop:
    """What has stopped all writing; nothing, as long as every attribute is None.

    Args:
        troubles: told of each.

    Attributes:
        refusal: that the server turned out not to enforce nonces.
        later: what was met of a later format, first.
        ended: why nobody writes to this database any more.
    """

    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles
        self.refusal: NoncesIgnored | None = None
        self.later: UpgradeNeeded | None = None
        self.ended: DatabaseEnded | None = None

    def end(self, ended: DatabaseEnded) -> NoReturn:
        """Write nothing any more, for a reason; of several the first is told.

        Raises:
            DatabaseEnded: always.
        """
        if self.ended is None:
            self.ended = ended
            self._troubles.begin(Trouble("ended", str(ended), writes_blocked=True))
        raise copy.copy(self.ended)

    def by_later(
        self, later: LaterFormat, message: Message, position: int | None = None
    ) -> UpgradeNeeded:
        """Return the error for what is of a later format, from which on nothing may be written."""
        error = upgrade_needed(later, message, position)
        if self.later is None:
            self.later = error
            self._troubles.begin(
                Trouble(
                    "version",
                    str(error),
                    writes_blocked=True,
                    position=position,
                    channel=message.channel,
                    message=message.id,
                )
            )
        return error
