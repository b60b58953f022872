"""The command line: what people run without writing a program."""

from discobase.cli.main import main

__all__ = ["main"]
