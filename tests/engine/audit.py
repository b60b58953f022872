"""What must be true after a run, checked on the server's own messages.

The log is read here a second time, by other code than the engine's: positions, chain and winners
from the headers, the state by applying the operations to plain dicts.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from discobase.engine.engine import Engine
from discobase.engine.keys import NULL
from discobase.engine.log.superblock import Superblock
from discobase.engine.replica import EMPTY, Replica, table_name
from discobase.engine.replica.file import ReplicaFile
from discobase.engine.texts import texts_in
from discobase.engine.words import words_of
from tests.engine import workload
from tests.engine.linearizability import linearizable
from tests.engine.questions import ITEMS
from tests.engine.simulation import BOT, Stored, World
from tests.engine.workload import NOTHING_WRITTEN, SEARCHED, Memory, Version, Write
from tests.format.reader import PLAIN, Form, unsealed

VERSIONS: list[Version[Any]] = [*workload.VERSIONS, *ITEMS]


@dataclasses.dataclass
class Line:
    """One position of the log that counts: without what its operations are called.

    `introduced` is what it says of its writer.
    """

    seq: int
    message: int
    operations: list[list[Any]]
    introduced: list[list[Any]] = dataclasses.field(default_factory=list)
    size: int = 0
    chain: str = ""


@dataclasses.dataclass
class Log:
    """The log as it stands on the server."""

    lines: list[Line]
    chain: str
    head: int
    superfluous: int


Found = dict[int, list[tuple[int, dict[str, Any], str, Stored, Form]]]
"""The frames that were found, by position: message, header, hash, all of it, and how it is kept."""


def frames_in(
    lanes: Sequence[int], messages: Iterable[tuple[int, Stored]], form: Form = PLAIN
) -> Found:
    """The frames among some messages that stand in some lanes."""
    found: Found = {}
    for identity, stored in messages:
        if stored.message.author != BOT or stored.message.channel not in lanes:
            continue
        line = stored.message.content.removeprefix("```json\n").split("\n")[0]
        header = json.loads(line)
        number = lanes.index(stored.message.channel)
        assert header["seq"] % len(lanes) == number, "a frame outside its lane"
        digest = form.hash("frame", line.encode())[:32]
        found.setdefault(header["seq"], []).append((identity, header, digest, stored, form))
    return found


def superblocks_ever(world: World, catalog: int) -> dict[int, dict[str, Any]]:
    """What was ever said in a catalog of each generation, first: that is what counts."""
    said: dict[int, dict[str, Any]] = {}
    for stored in sorted(world.written, key=lambda stored: stored.message.id):
        content = stored.message.content
        if stored.message.channel == catalog and content.startswith('```json\n{"superblock"'):
            facts = json.loads(content.removeprefix("```json\n").removesuffix("\n```"))["is"]
            said.setdefault(facts["generation"], facts)
    return said


def read_generations(
    world: World, superblock: Superblock, forms: Callable[[dict[str, Any]], Form]
) -> Log:
    """Read the log of a database through all its generations, of all that was ever written: also
    what is deleted. Checks that nobody has written behind a seal, that each generation begins where
    the one before it was sealed, and as :func:`read_log` what that says. How a generation is kept
    its superblock says.
    """
    said = superblocks_ever(world, superblock.catalog)
    assert max(said) == superblock.generation, "the newest generation is not in force"
    written = [(stored.message.id, stored) for stored in world.written]
    whole: Found = {}
    generation, first = 1, 1
    while generation in said:
        lanes = [int(lane) for lane in said[generation]["lanes"]]
        frames = frames_in(lanes, written, forms(said[generation]))
        last = (
            _sealed_at(frames, first, generation)
            if generation + 1 in said
            else max(frames, default=first - 1)
        )
        following = said.get(generation + 1, {})
        if lanes != [int(lane) for lane in following.get("lanes", lanes)]:
            assert max(frames) == last, f"behind the seal of generation {generation} is a frame"
            assert following["base"]["seq"] == last, "a generation begins somewhere else"
        whole |= {seq: frames[seq] for seq in range(first, last + 1) if seq in frames}
        first, generation = last + 1, generation + 1
    assert generation == superblock.generation + 1, "a generation is missing"
    return log_of(whole)


def _sealed_at(frames: Found, first: int, generation: int) -> int:
    """The position of the seal for the generation after one."""
    for seq in sorted(frames):
        # One that came second, since a maker stood still as it sent it, seals nothing.
        _, header, _, stored, form = min(frames[seq], key=lambda entry: entry[0])
        for operation in _operations(header, stored, form):
            if seq >= first and operation[:2] == ["seal", generation + 1]:
                return seq
    raise AssertionError(f"generation {generation} was followed and never sealed")


def read_log(world: World, superblock: Superblock, form: Form = PLAIN) -> Log:
    """Read the lanes, and check I1 (no gaps) and I4 (the chain, and every payload's hash)."""
    lanes = superblock.lanes
    messages = (each for lane in lanes for each in world.messages[lane].items())
    return log_of(frames_in(lanes, messages, form))


def log_of(found: Found) -> Log:
    """The log that some frames come to."""
    assert sorted(found) == list(range(1, len(found) + 1)), "I1: the log has gaps"
    lines, chain, superfluous = [], "0" * 32, 0
    for seq in sorted(found):
        fitting = sorted(
            (entry for entry in found[seq] if entry[1]["prev"] == chain), key=lambda entry: entry[0]
        )
        if not fitting or _came_too_late(found, seq, fitting[0][0], chain):
            above = [entry for later in range(seq, len(found) + 1) for entry in found[later]]
            goes_on = any(entry[1]["prev"] == chain for entry in above)
            assert goes_on, f"I4: nothing at position {seq} fits the chain"
            superfluous += len(found[seq])
            continue
        superfluous += len(found[seq]) - 1
        identity, header, chain, stored, form = fitting[0]
        said = _operations(header, stored, form)
        introduced = [operation for operation in said if operation[0] == "writer?"]
        assert all(writer == header["writer"] for _, writer, _ in introduced)
        others = [operation for operation in said if operation[0] not in {"writer?", "seal"}]
        lines.append(Line(seq, identity, others, introduced, header["size"], chain))
    return Log(lines, chain, len(found), superfluous)


def _came_too_late(found: Mapping[int, Any], seq: int, message: int, chain: str) -> bool:
    """Whether the position had been used up, and the log had gone on above it, before."""
    used_up = any(entry[0] < message for entry in found[seq])
    above = [entry for later in found for entry in found[later] if later > seq]
    return used_up and any(entry[1]["prev"] == chain and entry[0] < message for entry in above)


def _operations(header: Mapping[str, Any], stored: Stored, form: Form = PLAIN) -> list[list[Any]]:
    content = stored.message.content.removeprefix("```json\n").removesuffix("\n```")
    line, _, below = content.partition("\n")
    kept = form.inline(below) if header["enc"] == "inline" else b"".join(stored.files)
    packed = payload = form.opened("payload", line, header["hash"], kept)
    if header["enc"].endswith("gz"):
        payload = gzip.decompress(packed)
    digest = form.payload_hash(line, payload, packed)
    assert digest == header["hash"], "I4: a payload was altered"
    operations = [json.loads(line) for line in payload.decode().split("\n") if line]
    return [operation for operation in operations if operation[0] != "request?"]


def tags_of(stored: Stored) -> set[str]:
    """The tags of the records that a frame puts."""
    header = json.loads(stored.message.content.removeprefix("```json\n").split("\n")[0])
    operations = _operations(header, stored)
    return {operation[-1]["tag"] for operation in operations if operation[0] == "put"}


State = dict[str, dict[int, tuple[int, dict[str, Any]]]]


@dataclasses.dataclass
class Table:
    """What the log says of one table."""

    rows: dict[int, tuple[int, dict[str, Any]]] = dataclasses.field(default_factory=dict)
    used: int = 0
    declared: dict[int, Version[Any]] = dataclasses.field(default_factory=dict)
    unique: dict[str, Version[Any]] = dataclasses.field(default_factory=dict)

    def do(self, operation: list[Any], line: Line) -> None:
        """Take over an operation, which has to be valid where it stands (I2)."""
        match operation:
            case ["del", _, pk]:
                assert pk in self.rows, f"I2: {line} deletes what is not there"
                del self.rows[pk]
            case ["put", _, pk, *_, record]:
                following = self.used + 1
                assert pk in self.rows or pk == following, f"I2: {line} puts {pk}, not {following}"
                self.used = max(pk, self.used)
                before = self.rows.get(pk, (0, {}))[1].get("count", -1)
                counted = record.get("count", before + 1) == before + 1
                assert counted, f"{line} counts {record} behind {before}: an update is lost"
                self.rows[pk] = (line.seq, record)
            case ["declare", table, number, _, schema]:
                assert number == len(self.declared) + 1, f"I2: {line} leaves a number out"
                self.declared[number] = version_of(table, schema)
            case ["unique", _, field, number]:
                self.unique[field] = self.declared[number]
            case ["release", _, field]:
                del self.unique[field]
            case ["keys", *_]:
                pass
            case _:
                raise AssertionError(f"an operation that nobody writes: {operation}")

    def check(self, line: Line) -> None:
        """Check that what is unique is so, as the class loads it that made it so."""
        for field, version in self.unique.items():
            keys = [version.keys(json.dumps(record))[field] for _, record in self.rows.values()]
            held = [key for key in keys if key != NULL]
            assert len(held) == len({*held}), f"I2: {line} breaks the uniqueness of {field}"


def version_of(table: str, schema: object) -> Version[Any]:
    """The version of the program that declared a schema."""
    return next(
        version
        for version in VERSIONS
        if version.table == table and json.loads(version.schema.text) == schema
    )


def replay(log: Log) -> State:
    """The state after the log; checks I2: every operation was valid where it stands."""
    tables: dict[str, Table] = {}
    for line in log.lines:
        touched = {operation[1] for operation in line.operations}
        for operation in line.operations:
            tables.setdefault(operation[1], Table()).do(operation, line)
        for name in touched:
            tables[name].check(line)
    return {name: table.rows for name, table in tables.items()}


def check_checkpoints(world: World, superblock: Superblock, log: Log, form: Form = PLAIN) -> int:
    """Every checkpoint holds the state that the log comes to at its position, but for those that
    the world has spoiled. Returns how many there are.
    """
    count = 0
    for identity, stored in world.messages[superblock.checkpoints].items():
        content = stored.message.content
        if not content.startswith('```json\n{"checkpoint":'):
            continue
        facts = None if identity in world.spoiled else unsealed(content, "checkpoint", form)
        if facts is not None and not world.spoiled & {*map(int, facts["parts"])}:
            check_checkpoint(world, superblock, log, facts, stored, form)
        assert facts is not None or identity in world.spoiled, "a checkpoint that is none"
        count += 1
    return count


def check_checkpoint(
    world: World,
    superblock: Superblock,
    log: Log,
    facts: Mapping[str, Any],
    stored: Stored,
    form: Form = PLAIN,
) -> None:
    """It names a position of the log, and has the records that are there after it."""
    lines = [line for line in log.lines if line.seq <= facts["seq"]]
    chain = lines[-1].chain if lines else "0" * 32
    assert facts["chain"] == chain, f"a checkpoint of another history: {facts}"
    parts = [world.messages[superblock.checkpoints][int(part)] for part in facts["parts"]]
    kept = b"".join(file for each in [*parts, stored] for file in each.files)
    packed = form.opened("state", str(facts["seq"]), facts["hash"], kept)
    state: State = {}
    for line in gzip.decompress(packed).decode().splitlines():
        match json.loads(line):
            case ["table", name, _]:
                rows = state[name] = {}
            case [int(pk), int(seq), _, record]:
                rows[pk] = (seq, record)
    expected = replay(dataclasses.replace(log, lines=lines))
    assert state == expected, f"a checkpoint of another state: {facts}"


def check_hidden(world: World, words: Iterable[str]) -> None:
    """No word stands in any message that was ever written, or in what hangs on it, as it is or in
    base64; and no two messages that differ were encrypted by one key, with one nonce.
    """
    ciphertexts: dict[tuple[str, str], tuple[str, tuple[bytes, ...]]] = {}
    for stored in world.written:
        content = stored.message.content
        said = [content.encode(), *stored.files]
        said += [base64.b64decode(each) for each in _BASE64.findall(content)]
        for word in words:
            assert not any(word.encode() in each for each in said), f"{word} in {content}"
        kind = re.match('```json\n{"(discobase|checkpoint|part)"', content)
        if kind and stored.message.author == BOT:
            digest = re.search('"hash":"(.*?)"', content)
            assert digest
            same = ciphertexts.setdefault((kind[1], digest[1]), (content, stored.files))
            assert same == (content, stored.files), "one key for two messages"


_BASE64 = re.compile("(?:[A-Za-z0-9+/]{4}){4,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def check_keys(engines: Iterable[Engine]) -> None:
    """A search by a key column finds whatever a class that may use it would find without."""
    for engine in engines:
        for version in VERSIONS:
            rows = engine.replica.select(version.table, [])
            columns = engine.replica.layouts.get(version.table, EMPTY).columns
            for name, column in version.columns().items():
                if (name, column.fingerprint) not in columns:
                    continue
                for pk, _, data in rows:
                    key = version.keys(data)[name]
                    assert key is not None
                    found = [
                        row[0] for row in engine.replica.select(version.table, [(column, key)])
                    ]
                    assert pk in found, (
                        f"{engine.writer}: {version.table} {pk} is not found by {key}"
                    )


def check_texts(engines: Iterable[Engine]) -> int:
    """The index of texts has the words of all records that it is said to have, and no others.
    Returns how many records are in one.
    """
    return sum(len(indexed(engine.replica)) for engine in engines)


def indexed(replica: Replica, table: str = SEARCHED.table) -> dict[int, list[str]]:
    """The words of each record as its index has them; checked against the records."""
    index = replica.layouts.get(table, EMPTY).text
    if index is None:
        return {}

    def read(file: ReplicaFile) -> tuple[int | None, list[Any], dict[int, list[str]], set[int]]:
        connection = file.connect()
        try:
            name = index.name.strip('"')
            connection.execute(
                f"CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, '{name}', instance)"
            )
            connection.execute("BEGIN")
            held: dict[int, list[str]] = {}
            for doc, term in connection.execute("SELECT doc, term FROM words ORDER BY doc, offset"):
                held.setdefault(doc, []).append(term)
            (filled,) = connection.execute(
                "SELECT filled FROM searched WHERE name = ?", (table,)
            ).fetchone()
            rows = connection.execute(f"SELECT pk, data FROM {table_name(table)}").fetchall()
            sizes = connection.execute(f'SELECT id FROM "{name}_docsize"').fetchall()
            return filled, rows, held, {id_ for (id_,) in sizes}
        finally:
            file.disconnect(connection)

    filled, rows, held, sized = replica.with_file(read)
    expected = {
        pk: words_of(texts_in(json.loads(data), index.places))
        for pk, data in rows
        if filled is None or pk <= filled
    }
    assert held == {pk: words for pk, words in expected.items() if words}, "the index differs"
    assert sized == set(expected), "the index counts other records"
    return expected


def held_by(engine: Engine, tables: Iterable[str]) -> State:
    """The state that a replica holds."""
    return {
        table: {pk: (seq, json.loads(data)) for pk, seq, data in engine.replica.select(table, [])}
        for table in tables
    }


def check_replicas(log: Log, state: State, engines: Iterable[Engine]) -> None:
    """I3: every replica holds the state that the log comes to, labels and volume included."""
    labels = {writer: label for line in log.lines for _, writer, label in line.introduced}
    assert len(labels) == sum(len(line.introduced) for line in log.lines), "introduced twice"
    for engine in engines:
        assert engine.replica.writers.labels == labels
        assert engine.replica.volume == sum(line.size for line in log.lines)
        assert (engine.replica.head.seq, engine.replica.head.chain) == (log.head, log.chain)
        assert held_by(engine, state) == state, f"I3: the replica of {engine.writer} differs"


def check_promises(log: Log, record: Memory, *, fresh_reads: bool) -> None:
    """What writers were told is so: present exactly once, or absent, and I5: whole."""
    places: dict[str, list[int]] = {}
    records: dict[str, set[tuple[str, int]]] = {}
    for line in log.lines:
        for operation in line.operations:
            if operation[0] == "put":
                tag = operation[-1]["tag"]
                places.setdefault(tag, []).append(line.seq)
                records.setdefault(tag, set()).add((operation[1], operation[2]))
    for tag, held in records.items():
        assert len(held) == 1, f"one save, two records: {tag} is {sorted(held)}"
    for write in record.writes:
        _check_write(write, [places.get(tag, []) for tag in write.tags])
    assert not record.complaints, record.complaints
    if fresh_reads:
        for key, history in record.registers.items():
            assert linearizable(history), f"no order explains what was seen of {key}: {history}"


def _check_write(write: Write, found: Sequence[Sequence[int]]) -> None:
    """What was told of one write is so.

    Args:
        write: the write.
        found: the positions at which each of its tags is.
    """
    if write.placed is not None:
        versions = write.placed.versions[: len(found)]
        expected = [
            [] if index in write.placed.ignored else [version]
            for index, version in enumerate(versions)
        ]
        assert found == expected, f"lost or twice: {write}"
    elif isinstance(write.error, NOTHING_WRITTEN):
        assert not any(found), f"written, though it was said not to be: {write}"
    else:
        assert all(len(held) <= 1 for held in found), f"twice: {write}"
        if write.on_conflict == "ignore":  # one that was left out may be taken when it is repeated
            return
        assert len({*map(len, found)}) <= 1, f"I5: half of it is there: {write}"
        assert len({tuple(held) for held in found}) <= 1, f"I5: in two commits: {write}"
