"""One Discord server as the engine meets it: the seam, and discord.py behind it."""
