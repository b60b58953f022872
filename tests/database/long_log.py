"""A log of many commits, written straight into the embedded server: a client would take minutes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import islice

from discobase.engine.log.frame import Limits, encode, read_header
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import Put
from discobase.local import LocalDiscord
from discobase.local.state.drafts import Draft, NewFile

_APART = 0.25
"""Seconds between two commits, by the server's own clock: what Discord takes in four lanes."""

_AT_ONCE = 500
"""Messages that the server writes in one step, so that it answers others in between."""


def lengthen(
    discord: LocalDiscord,
    server: int,
    commits: int,
    *,
    table: str = "Item",
    records: int = 1,
    held: int = 0,
) -> None:
    """Write commits above those that are there. Nobody is told: nobody may be connected.

    Args:
        discord: the server.
        server: the id of the Discord server, in which the database is.
        commits: how many.
        table: of new records of this table, which is there, under its first schema.
        records: how many in each commit.
        held: how many records the table has had until now.
    """
    channels = {name: id_ for id_, name in discord.channels(server).items()}
    superblock, *_ = discord.messages(channels["catalog"])
    block = Superblock.from_content(superblock["content"])
    assert block is not None
    frames = (each for lane in block.lanes for each in discord.messages(lane)[-1:])
    headers = [header for each in frames if (header := read_header(each["content"]))]
    newest = max(headers, key=lambda header: header.seq)
    drafts = _drafts(table, newest.seq, newest.hash, held, commits, records)
    bot = int(superblock["author"]["id"])
    while batch := list(islice(drafts, _AT_ONCE)):
        discord._run(lambda batch=batch: _write(discord, block, bot, batch))


def _drafts(
    table: str, seq: int, chain: str, held: int, commits: int, records: int
) -> Iterator[tuple[int, Draft]]:
    for first in range(held + 1, held + 1 + commits * records, records):
        seq += 1
        puts = [
            Put(table, pk, json.dumps({"name": f"item {pk}"}, separators=(",", ":")), 1)
            for pk in range(first, first + records)
        ]
        frame = encode(
            puts, seq=seq, chain=chain, writer="longlog", time=time.time(), limits=Limits()
        )
        chain = frame.header.hash
        files = [NewFile(upload.name, upload.data) for upload in frame.uploads]
        yield seq, Draft(content=frame.content, files=files)


def _write(
    discord: LocalDiscord, block: Superblock, bot: int, batch: list[tuple[int, Draft]]
) -> None:
    platform = discord._platform
    for seq, draft in batch:
        platform.settings.clock_skew += _APART
        platform.messages.create(platform.state.channels[block.lane_of(seq)], bot, draft)
