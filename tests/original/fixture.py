"""What discobase 1.0.0 has left in a server, and how it is put into another one, over REST.

``python -m tests.original`` writes it anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.local.rest import Rest

PATH = Path(__file__).parent / "left_by_1_0_0.json"

_ID = re.compile(r"\d{17,20}")


def load(rest: Rest, server: int) -> dict[str, list[int]]:
    """Put it into a server: channels and messages as they were, and their new ids in what the
    messages say of one another. Returns the ids of the channels by their names, oldest first.
    """
    channels = json.loads(PATH.read_text())["channels"]
    ids: dict[str, str] = {}
    made: dict[str, list[int]] = {}
    for channel in channels:
        answer = rest("POST", f"/guilds/{server}/channels", {"name": channel["name"]})
        ids[str(channel["id"])] = answer.body["id"]
        made.setdefault(channel["name"], []).append(int(answer.body["id"]))
    messages = [(channel["id"], message) for channel in channels for message in channel["messages"]]
    for channel, message in sorted(messages, key=lambda each: each[1]["id"]):
        path = f"/channels/{ids[str(channel)]}/messages"
        sent = rest("POST", path, {"content": message["content"]})
        ids[str(message["id"])] = sent.body["id"]
    for channel, message in messages:
        if message["edited"]:
            content = _ID.sub(lambda found: ids.get(found[0], found[0]), message["content"])
            path = f"/channels/{ids[str(channel)]}/messages/{ids[str(message['id'])]}"
            rest("PATCH", path, {"content": content})
    return made
