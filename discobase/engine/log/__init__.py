"""The commit log: a commit as one message, positions that are written once, and where they are."""
