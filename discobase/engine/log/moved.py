"""What whoever looks for a database finds where it has moved, or may be about to."""

from __future__ import annotations

from discobase.engine.log.marks import Mark
from discobase.engine.log.superblock import Superblock
from discobase.errors import LogDamaged, Unavailable


class Moved(LogDamaged):
    """The database is in another server. Nothing is damaged; whoever meets this goes on there.

    Args:
        superblock: says which server, with what seals it.
    """

    def __init__(self, superblock: Superblock) -> None:
        super().__init__(
            f"the database has moved to the server {superblock.server}",
            step=f"Connect with server={superblock.server}",
        )
        self.superblock = superblock


class Coming(Unavailable):
    """A database may be moving to this server: only its mark is here. Whoever meets this asks the
    server that it comes from.

    Args:
        mark: the mark.
        catalog: the channel that it stands in.
        message: its message.
        newest: the newest id that is known here: by it is told how old the mark is.
    """

    def __init__(self, mark: Mark, catalog: int, message: int, newest: int) -> None:
        super().__init__(
            f"a database may be moving here from the server {mark.source} (channel {catalog}, "
            f"message {message}), and no other one is created beside it. Try again in a minute"
        )
        self.mark = mark
        self.catalog = catalog
        self.message = message
        self.newest = newest
