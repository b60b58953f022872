"""A forked child of a connected process hears of trouble, too, on a thread of its own."""

import json
import os
import urllib.request
import warnings

from shop import say

from discobase import Database, Table
from discobase.local import LocalDiscord

warnings.simplefilter("ignore")
heard_by, tell = os.pipe()


def note(trouble):
    os.write(tell, f"{trouble.kind} {os.getpid()}\n".encode())


db = Database("troubled", on_trouble=note)


@db.table
class Item(Table):
    name: str


def post_again(discord, channel, content):
    urllib.request.urlopen(
        urllib.request.Request(
            f"{discord.api_url}/channels/{channel}/messages",
            json.dumps({"content": content}).encode(),
            {
                "Authorization": f"Bot {discord.default_token}",
                "Content-Type": "application/json",
            },
        )
    ).close()


with LocalDiscord() as discord:
    server = discord.join("troubled")
    with db.conn(discord.default_token, api_url=discord.api_url):
        Item(name="before").save()
        (lane,) = [id_ for id_, name in discord.channels(server).items() if name == "log-1"]
        (first,) = discord.messages(lane)
        go, done = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            Item(name="of the child").save()
            os.write(done[1], b".")
            os.read(go[0], 1)
            os._exit(0)
        os.read(done[0], 1)
        post_again(discord, lane, first["content"])
        heard = b""
        while heard.count(b"\n") < 2:
            heard += os.read(heard_by, 100)
        expected = {f"lost {pid}" for pid in (child, os.getpid())}
        say("each has heard of it:", {*heard.decode().split("\n")} - {""} == expected)
        os.write(go[1], b".")
        os.waitpid(child, 0)
