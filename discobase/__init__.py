"""A Discord server as a database, behind a blocking API.

Derive tables from :class:`Table`, attach them to a :class:`Database` with ``@db.table``, connect
with ``with db.conn(token):``, and save, find and delete records. Errors are in
:mod:`discobase.errors`.
"""

import typing

from discobase import on_demand
from discobase._version import __version__ as __version__

if typing.TYPE_CHECKING:
    from discobase.face import *  # noqa: F403 - its names are this package's
else:
    __getattr__, __dir__ = on_demand.names_of(__name__, "discobase.face")
