"""The commands: what an operator asks of the database of the settings."""
