"""Data out of a database, and into one."""
