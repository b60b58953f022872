"""Write the fixture anew: ``python -m tests.original``.

Runs the package discobase 1.0.0, in an environment of its own, against an embedded server, and
keeps the channels and messages that it has left there. What it prints is what that package said.
"""

from __future__ import annotations

import json
from typing import Any

from discobase.local import LocalDiscord
from tests.local.rest import Rest
from tests.original.fixture import PATH
from tests.thirdparty.clients import Place, drive
from tests.thirdparty.environments import python_with

_ADMINISTRATOR = 1 << 3


def left_by_the_original() -> dict[str, Any]:
    """What the package leaves in a server, by two logins."""
    python = python_with("discobase", "discobase==1.0.0")
    with LocalDiscord() as discord:
        server = discord.create_server("third party")
        token = discord.create_bot("guest", privileged_intents=True)
        discord.add_bot(token, server, permissions=_ADMINISTRATOR)
        place = Place(discord, Rest(discord.api_url, token), server, 0)
        for login in ("first", "second"):
            with drive(place, python, "discobase_1_0_writer.py", login) as client:
                print(json.dumps(client.said(), indent=1))
        return {
            "channels": [
                {
                    "id": id_,
                    "name": name,
                    "messages": [
                        {
                            "id": int(message["id"]),
                            "content": message["content"],
                            "edited": message["edited_timestamp"] is not None,
                        }
                        for message in discord.messages(id_)
                    ],
                }
                for id_, name in discord.channels(server).items()
            ]
        }


if __name__ == "__main__":
    PATH.write_text(json.dumps(left_by_the_original(), indent=1, ensure_ascii=False) + "\n")
