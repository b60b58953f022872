"""How a driver says what the client under it did: one line of JSON a thing."""

from __future__ import annotations

import json


def say(what: str, value: object = None) -> None:
    print(json.dumps([what, value]), flush=True)
