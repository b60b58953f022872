"""The version of discobase, in the one place everything else reads it from."""

__version__ = "2.0.0.dev0"
