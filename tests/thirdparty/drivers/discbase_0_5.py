"""Drives the package discbase 0.5.0: stores text and files, and reads them back."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pointed  # noqa: F401
from discbase.Client import Client
from saying import say


async def main(picture: str, content: bytes) -> None:
    place = {
        "discord_client_token": os.environ["TOKEN"],
        "discord_channel_id": int(os.environ["CHANNEL_ID"]),
    }
    async with Client(**place) as client:
        say("alive", client.alive())
        text = await client.dump(value="some message")
        read = await client.retrieve(record_id=text.record_id)
        say("text", [read.text_data, read.created_at_utc == text.created_at_utc])
        media = await client.dump(value="with media", media_paths=[picture, picture])
        files = [await file.read() for file in media.discord_message.attachments]
        say("files", [len(media.media_urls), files == [content] * 2])
        # Given an address, the package downloads what is there and uploads it again.
        again = await client.dump(media_paths=media.media_urls[:1])
        [copy] = again.discord_message.attachments
        say("copy", await copy.read() == content)
        try:
            await client.retrieve(record_id=12345)
        except Exception as error:  # noqa: BLE001 - it raises nothing more special
            say("missing", str(error))
    say("stopped", client.alive())


asyncio.run(main(sys.argv[1], Path(sys.argv[1]).read_bytes()))
