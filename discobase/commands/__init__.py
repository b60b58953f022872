"""Commands in Discord, by which people look at a database and change it: ``/find``, ``/insert`` and
others, for those who have a permission.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Coroutine
from typing import Any

from discobase.commands.serving import Serving
from discobase.commands.settings import Commands
from discobase.engine.server.interactions import Interactions
from discobase.errors import UsageError
from discobase.shown import shortened

__all__ = ["Commands", "Serving", "serves"]


def serves(
    database: weakref.ref[Any], commands: object, *, gateway: bool
) -> Callable[[Interactions, Callable[[], int]], Coroutine[Any, Any, None]] | None:
    """Return what serves a database's commands over a connection; None where it has none.

    Args:
        database: the database, which need not stay for that.
        commands: whether it has any, or for whom.
        gateway: whether there is a gateway, which tells of what people do.

    Raises:
        UsageError: that makes no sense.
    """
    if commands is False:
        return None
    if not isinstance(commands, Commands | bool):
        raise UsageError(
            f"commands={shortened(commands)} is neither a bool nor discobase.Commands(...), which "
            f"says for whom they are."
        )
    if not gateway:
        raise UsageError(
            "commands are heard of by the gateway, and gateway=False was given: leave one of the "
            "two out."
        )
    settings = commands if isinstance(commands, Commands) else Commands()
    return lambda interactions, server: Serving(database, settings, interactions, server).serve()
