"""Checkpoints: the whole state at a position, kept in Discord for who opens the database."""
