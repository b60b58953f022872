"""What must be true after a run, checked on the server's own messages.

The log is read here a second time, by other code than the engine's: positions, chain and winners
from the headers, the state by applying the operations to plain dicts.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from discobase.engine.engine import Engine
from discobase.engine.log.superblock import Superblock
from tests.engine.linearizability import linearizable
from tests.engine.simulation import BOT, Stored, World
from tests.engine.workload import NOTHING_WRITTEN, Record


@dataclasses.dataclass
class Line:
    """One position of the log that counts."""

    seq: int
    message: int
    operations: list[list[Any]]


@dataclasses.dataclass
class Log:
    """The log as it stands on the server."""

    lines: list[Line]
    chain: str
    head: int
    superfluous: int


def read_log(world: World, superblock: Superblock) -> Log:
    """Read the lanes, and check I1 (no gaps) and I4 (the chain, and every payload's hash)."""
    found: dict[int, list[tuple[int, dict[str, Any], str, Stored]]] = {}
    for number, lane in enumerate(superblock.lanes):
        for identity, stored in world.messages[lane].items():
            if stored.message.author != BOT:
                continue
            line = stored.message.content.removeprefix("```json\n").split("\n")[0]
            header = json.loads(line)
            assert header["seq"] % len(superblock.lanes) == number, "a frame outside its lane"
            digest = hashlib.sha256(line.encode()).hexdigest()[:32]
            found.setdefault(header["seq"], []).append((identity, header, digest, stored))
    assert sorted(found) == list(range(1, len(found) + 1)), "I1: the log has gaps"
    lines, chain, superfluous = [], "0" * 32, 0
    for seq in sorted(found):
        fitting = sorted(
            (entry for entry in found[seq] if entry[1]["prev"] == chain), key=lambda entry: entry[0]
        )
        assert fitting, f"I4: nothing at position {seq} fits the chain"
        superfluous += len(found[seq]) - 1
        identity, header, chain, stored = fitting[0]
        lines.append(Line(seq, identity, _operations(header, stored)))
    return Log(lines, chain, len(found), superfluous)


def _operations(header: Mapping[str, Any], stored: Stored) -> list[list[Any]]:
    if header["enc"] == "inline":
        payload = stored.message.content.removesuffix("\n```").split("\n", 2)[2].encode()
    else:
        payload = b"".join(stored.files)
        payload = gzip.decompress(payload) if header["enc"].endswith("gz") else payload
    assert hashlib.sha256(payload).hexdigest()[:32] == header["hash"], "I4: a payload was altered"
    return [json.loads(line) for line in payload.decode().split("\n")]


State = dict[str, dict[int, tuple[int, dict[str, Any]]]]


def replay(log: Log, unique: Mapping[str, Iterable[str]]) -> State:
    """The state after the log; checks I2: every operation was valid where it stands."""
    state: State = {}
    used: dict[str, int] = {}
    for line in log.lines:
        for operation in line.operations:
            kind, table = operation[0], operation[1]
            rows = state.setdefault(table, {})
            if kind == "del":
                assert operation[2] in rows, f"I2: {line} deletes what is not there"
                del rows[operation[2]]
            elif kind == "put":
                pk, record = operation[2], operation[3]
                following = used.get(table, 0) + 1
                assert pk in rows or pk == following, f"I2: {line} puts {pk}, not {following}"
                used[table] = max(pk, used.get(table, 0))
                for field in unique.get(table, ()):
                    taken = [
                        other
                        for other, (_, held) in rows.items()
                        if other != pk and held[field] is not None and held[field] == record[field]
                    ]
                    assert not taken, f"I2: {line} breaks the uniqueness of {table}.{field}"
                rows[pk] = (line.seq, record)
    return state


def held_by(engine: Engine, tables: Iterable[str]) -> State:
    """The state that a replica holds."""
    return {
        table: {pk: (seq, json.loads(data)) for pk, seq, data in engine.replica.select(table, {})}
        for table in tables
    }


def check_replicas(log: Log, state: State, engines: Iterable[Engine]) -> None:
    """I3: every replica holds the state that the log comes to."""
    for engine in engines:
        assert (engine.replica.head.seq, engine.replica.head.chain) == (log.head, log.chain)
        assert held_by(engine, state) == state, f"I3: the replica of {engine.writer} differs"


def check_promises(log: Log, record: Record, *, fresh_reads: bool) -> None:
    """What writers were told is so: present exactly once, or absent, and I5: whole."""
    places: dict[str, list[int]] = {}
    for line in log.lines:
        for operation in line.operations:
            if operation[0] == "put":
                places.setdefault(operation[3]["tag"], []).append(line.seq)
    for write in record.writes:
        found = [places.get(tag, []) for tag in write.tags]
        counts = Counter(map(len, found))
        if write.placed is not None:
            assert all(held == [write.placed.seq] for held in found), f"lost or twice: {write}"
        elif isinstance(write.error, NOTHING_WRITTEN):
            assert not any(found), f"written, though it was said not to be: {write}"
        else:
            assert len(counts) <= 1, f"I5: half of it is there: {write}"
            assert len({tuple(held) for held in found}) <= 1, f"I5: in two commits: {write}"
            assert all(len(held) <= 1 for held in found), f"twice: {write}"
    assert not record.complaints, record.complaints
    if fresh_reads:
        for key, history in record.registers.items():
            assert linearizable(history), f"no order explains what was seen of {key}: {history}"
