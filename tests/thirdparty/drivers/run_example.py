"""Runs one of discord.py's example files as it is, with what its user is to fill in.

That is the token in ``run('token')`` and the server's id where it says ``discord.Object(id=0)``.
"""

from __future__ import annotations

import os
import runpy
import sys

import discord
import pointed  # noqa: F401

_run = discord.Client.run
_Object = discord.Object


def run(self, token, **options) -> None:
    assert token == "token"
    _run(self, os.environ["TOKEN"], **options)


def of_server(id=0):  # noqa: A002 - discord.Object calls it so
    return _Object(int(os.environ["SERVER_ID"]) if id == 0 else id)


discord.Client.run = run
discord.Object = of_server
runpy.run_path(sys.argv[1], run_name="__main__")
