"""The seam over discord.py: the one room that knows it.

It uses discord.py's REST calls and gateway events as documented, and lets it wait out rate limits
as it always does. What it raises and hands over is translated into the seam's own words.
"""

from discobase.engine.server.discordpy.connection import Connection

__all__ = ["Connection"]
