"""A Discord server as a database, behind a blocking API."""

from discobase._version import __version__

__all__ = ["__version__"]
