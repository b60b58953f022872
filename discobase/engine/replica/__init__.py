"""The replica: the state at the head of the log, in SQLite, for this process to read."""

from discobase.engine.replica.replica import Head, Proposal, Replica, Row

__all__ = ["Head", "Proposal", "Replica", "Row"]
