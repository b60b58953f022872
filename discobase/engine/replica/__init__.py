"""The replica: the state at the head of the log, in SQLite, for everybody in this process to read.

One SQL table holds one discobase table, with a column for each field that is looked up. There is
one writing connection, used by one step at a time (:meth:`Server.work
<discobase.engine.server.seam.Server.work>`). Readers take connections of their own from a pool, on
whichever thread they run: in WAL mode they see the last finished commit and wait for nobody.

A proposed commit is applied inside an open transaction and stays there, unseen, until the log has
decided: it is then settled together with the new head, or withdrawn as if it had never been. So a
commit is seen whole or not at all (invariant I5), the state depends on the frames alone (invariant
I3), and what is proposed was valid on the state at the head (invariant I2).
"""

from discobase.engine.replica.cache import Cache
from discobase.engine.replica.columns import KEYLESS, KeyColumn, sql_text, table_name
from discobase.engine.replica.computed_keys import computed_key
from discobase.engine.replica.layout import EMPTY, Layout, key_unknown, may_make_unique
from discobase.engine.replica.positions import Applied, Head, Position, Positions
from discobase.engine.replica.proposals import Proposal, Verdict
from discobase.engine.replica.reader import (
    FlaggedRow,
    KeysUnknown,
    LayoutChanged,
    Row,
    Selection,
)
from discobase.engine.replica.replica import Replica, ReplicaLost
from discobase.engine.replica.snapshot import NotTheState, Snapshot, hash_of_state
from discobase.engine.replica.text_index import TextIndex, has_fts5

__all__ = [
    "EMPTY",
    "KEYLESS",
    "Applied",
    "Cache",
    "FlaggedRow",
    "Head",
    "KeyColumn",
    "KeysUnknown",
    "Layout",
    "LayoutChanged",
    "NotTheState",
    "Position",
    "Positions",
    "Proposal",
    "Replica",
    "ReplicaLost",
    "Row",
    "Selection",
    "Snapshot",
    "TextIndex",
    "Verdict",
    "computed_key",
    "has_fts5",
    "hash_of_state",
    "key_unknown",
    "may_make_unique",
    "sql_text",
    "table_name",
]
