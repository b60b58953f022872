"""Points the discord.py of this environment at the server, from outside; to be imported first."""

from __future__ import annotations

import os

import discord
import yarl

discord.http.Route.BASE = os.environ["API_URL"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["GATEWAY_URL"])
