"""A reader of databases that follows docs/format.md: one file, the standard library only.

    TOKEN=... python tests/format/reader.py https://discord.com/api/v10 SERVER [--whole] [--lines]

It prints the position, the chain and the hash of the state, which ``db.verify().state`` is, too.
Each part says by its heading which section of the page it follows.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import math
import os
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

OPEN, CLOSE = "```json\n", "\n```"
GENESIS = "0" * 32
NOT_FOR_ALL, MOVED = 3, 4
LARGEST = 2**63 - 1
SECOND_OF_IDS = 1000 << 22
TOGETHER = "_together:"


class LaterFormat(Exception):
    """What is met is of a later format: reading stops here."""


class Damaged(Exception):
    """The log is not whole."""


class Moved(Exception):
    """The database is in another server."""

    def __init__(self, server: int) -> None:
        super().__init__(f"the database has moved to the server {server}")
        self.server = server


class Source(Protocol):
    """One Discord server, as one bot may read it."""

    bot: int
    server: int

    def elsewhere(self, server: int) -> Source:
        """Another server, as the same bot may read it."""

    def channels(self) -> list[dict[str, Any]]:
        """All channels, as Discord's API gives them."""

    def messages(self, channel: int, after: int = 0) -> list[dict[str, Any]]:
        """All messages of a channel above an id, as Discord's API gives them."""

    def message(self, channel: int, message: int) -> dict[str, Any] | None:
        """One message; None where it is gone."""

    def attachment(self, url: str) -> bytes:
        """What is behind the URL of an attachment."""


# Reading Discord


class DiscordApi:
    """A server over Discord's REST API."""

    def __init__(self, api: str, token: str, server: str) -> None:
        self._api, self._token = api.rstrip("/"), token
        self.bot = int(self._get("/users/@me")["id"])
        guilds = self._get("/users/@me/guilds")
        (found,) = [each["id"] for each in guilds if server in (each["id"], each["name"])]
        self.server = int(found)

    def elsewhere(self, server: int) -> Source:
        return DiscordApi(self._api, self._token, str(server))

    def channels(self) -> list[dict[str, Any]]:
        return self._get(f"/guilds/{self.server}/channels")

    def messages(self, channel: int, after: int = 0) -> list[dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        while page := self._get(f"/channels/{channel}/messages?limit=100&after={after}"):
            found |= {int(message["id"]): message for message in page}
            after = max(found)
        return [found[identity] for identity in sorted(found)]

    def message(self, channel: int, message: int) -> dict[str, Any] | None:
        try:
            return self._get(f"/channels/{channel}/messages/{message}")
        except HTTPError as error:
            if error.code != 404:
                raise
            return None

    def attachment(self, url: str) -> bytes:
        with urlopen(Request(url, headers=self._headers()), timeout=60) as answer:
            return answer.read()

    def _headers(self) -> dict[str, str]:
        return {"User-Agent": "DiscordBot (https://example.org/reader, 1)"}

    def _get(self, path: str) -> Any:
        headers = {"Authorization": f"Bot {self._token}", **self._headers()}
        while True:
            try:
                with urlopen(Request(self._api + path, headers=headers), timeout=60) as answer:
                    return json.load(answer)
            except HTTPError as error:
                if error.code != 429:
                    raise
                time.sleep(float(error.headers["Retry-After"]))


# What every message has


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Form:
    """How what is written is kept: here that of format 1, in which everybody can read it."""

    number = 1

    def hash(self, kind: str, text: bytes) -> str:
        """The whole hash of a text."""
        return hashlib.sha256(text).hexdigest()

    def payload_hash(self, line: str, payload: bytes, stored: bytes) -> str:
        """The hash of a payload, by the header line, and by what is stored before it is kept."""
        return hashlib.sha256(payload).hexdigest()[:32]

    def facts(self, kind: str, digest: Any, held: Any) -> str:
        """The text of the facts in a sealed message."""
        if type(held) is not dict:
            raise TypeError(held)
        return json.dumps(held, separators=(",", ":"))

    def inline(self, text: str) -> bytes:
        """What is kept in the text of a frame."""
        return text.encode("utf-8", "surrogatepass")

    def opened(self, kind: str, place: str, digest: str, kept: bytes) -> bytes:
        """What was stored."""
        return kept


PLAIN = Form()


def refuse_later(content: str, kind: str, known: int = 1) -> bool:
    """Whether a message is of a kind; LaterFormat where it is in a format above the known one."""
    mark = f'{OPEN}{{"{kind}":'
    if not content.startswith(mark):
        return False
    number = re.match(r"[0-9]{1,9}(?![0-9])", content[len(mark) :])
    if number and int(number[0]) > known:
        needs = re.search(r'"needs":"([\w.+!-]{1,40})"', content.split("\n")[1])
        raise LaterFormat(f"a {kind} of format {number[0]}, for version {needs and needs[1]}")
    return True


def unsealed(content: str, kind: str, form: Form = PLAIN) -> dict[str, Any] | None:
    """The facts of a sealed message; None where it is none, or was altered."""
    if not refuse_later(content, kind, form.number):
        return None
    try:
        raw = json.loads(content.removeprefix(OPEN).removesuffix(CLOSE))
        written = form.facts(kind, raw["hash"], raw["is"])
        digest = form.hash(kind, written.encode("ascii"))[:32]
        sound = raw[kind] == form.number and raw["hash"] == digest
        facts = json.loads(written)
    except (Damaged, KeyError, TypeError, ValueError, RecursionError):
        return None
    return facts if sound else None


# Finding the database

DELETED = (
    "discobase: this database is being deleted. Whoever finds this message finishes that, and "
    "takes nothing that is missing for damage."
)
GIVEN_UP = (
    "discobase: the creation of this database was given up. A superblock that comes after this "
    "message does not count."
)
TICKET_GIVEN_UP = re.compile(
    r"discobase: the generation that was to have the ticket ([0-9a-z]{1,24}) was given up\."
)
TOPIC = re.compile(r"discobase database (?:([0-9]{1,20})/)?(\S+) (.+)", re.DOTALL)
ID = re.compile(r"[1-9][0-9]{0,18}")


@dataclass
class Base:
    """What the lanes of a later generation begin behind."""

    seq: int
    chain: str
    checkpoint: int
    bundle: int


@dataclass
class Superblock:
    """Where the database is."""

    database: str
    generation: int
    lanes: list[int]
    checkpoints: int
    authors: list[tuple[int, int]]
    catalog: int
    made: int = 1
    origin: int = 0
    ticket: str = ""
    base: Base | None = None
    server: int = 0
    form: Form = PLAIN

    def may_stand_in(self, catalog: int, server: int) -> bool:
        """Whether that is its own catalog, or one that the database has left."""
        return catalog == self.catalog or self.server not in (0, server)

    def author_of(self, seq: int, own: int) -> int:
        """The bot whose position it is."""
        return next((bot for bot, last in self.authors if seq <= last), own)

    def may_tell(self, author: int, seq: int, own: int) -> bool:
        """Whether a bot is believed what it says of the state at a position."""
        return author in {own, *(bot for bot, last in self.authors if seq <= last)}

    def nonce(self, seq: int) -> str:
        return f"{self.database}{base36(self.generation)}.{base36(seq)}"


def base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[rest] + digits
    return digits or "0"


def superblock_said(content: str) -> dict[str, Any] | None:
    """What a message says that calls itself a superblock, of whatever format; not yet believed."""
    if not refuse_later(content, "superblock", MOVED):
        return None
    try:
        said = json.loads(content.removeprefix(OPEN).removesuffix(CLOSE))
        known = said["superblock"] in (1, 2, NOT_FOR_ALL, MOVED) and type(said["is"]) is dict
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return said if known else None


def is_encrypted(said: dict[str, Any]) -> bool:
    if said["superblock"] in (NOT_FOR_ALL, MOVED):
        return "encryption" in said["is"]
    return said["superblock"] != PLAIN.number


def read_superblock(content: str) -> Superblock | None:
    said = superblock_said(content)
    if said is None:
        return None
    if is_encrypted(said):
        raise LaterFormat("an encrypted superblock, which needs a key")
    written = json.dumps(said["is"], separators=(",", ":"))
    return superblock_of(said["is"]) if said.get("hash") == hash_of(written) else None


def superblock_of(facts: dict[str, Any]) -> Superblock | None:
    """What the facts of a superblock say; None where no superblock says so."""
    try:
        lanes = facts["lanes"]
        checkpoints = facts.get("checkpoints") or facts["snapshots"]
        sound = (
            type(lanes) is list
            and all(ID.fullmatch(each) for each in [*lanes, checkpoints, facts["catalog"]])
            and re.fullmatch("[0-9a-z]{8}", facts["database"])
            and type(facts["generation"]) is int
            and 0 < facts["generation"] < 36**8
            and lanes
            and math.isfinite(float(facts["created"]))
        )
        authors = [(each["bot"], each["last"], each["chain"]) for each in facts.get("authors", ())]
        sound = sound and all(
            ID.fullmatch(bot) and is_number(last) and re.fullmatch("[0-9a-f]{32}", chain)
            for bot, last, chain in authors
        )
        block = Superblock(
            facts["database"],
            facts["generation"],
            [int(lane) for lane in lanes],
            int(checkpoints),
            [(int(bot), last) for bot, last, _ in authors],
            int(facts["catalog"]),
        )
        if block.generation != 1:
            read_later_facts(block, facts)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return block if sound else None


def read_later_facts(block: Superblock, facts: dict[str, Any]) -> None:
    """Read what a superblock after the first says beside what all of them say."""
    block.made, block.origin, block.ticket = facts["made"], int(facts["origin"]), facts["ticket"]
    block.server = int(facts.get("server", 0))
    if type(block.made) is not int or not 0 <= block.made <= block.generation:
        raise ValueError
    if (base := facts.get("base")) is not None:
        if not is_number(base["seq"]) or not is_number(base["volume"]):
            raise ValueError
        block.base = Base(base["seq"], base["chain"], int(base["checkpoint"]), int(base["bundle"]))


def superblocks_in(source: Source, catalog: int) -> list[tuple[int, Superblock]]:
    """The superblocks of a catalog that count, by message id."""
    found: list[tuple[int, Superblock]] = []
    counting = Counting(source.server)
    for message in source.messages(catalog):
        if int(message["author"]["id"]) != source.bot or counting.is_word(message):
            continue
        block = read_superblock(message["content"])
        if block is None or not block.may_stand_in(catalog, source.server):
            continue
        if counting.counts(message, block):
            found.append((int(message["id"]), block))
    return [] if counting.deleted else found


class Counting:
    """What the messages of a catalog say of which superblocks in it count."""

    def __init__(self, server: int) -> None:
        self._server = server
        self.deleted = False
        self._given_up = 0
        self._tickets: set[str] = set()
        self._any = False

    def is_word(self, message: dict[str, Any]) -> bool:
        """Whether a message says something of that. In the order of their ids."""
        content = message["content"]
        self.deleted = self.deleted or content == DELETED
        self._any = self._any or self._is_mark(content)
        if content == GIVEN_UP and not self._any:
            self._given_up = self._given_up or int(message["id"])
        if ticket := TICKET_GIVEN_UP.fullmatch(content):
            self._tickets.add(ticket[1])
        return ticket is not None or content in (DELETED, GIVEN_UP)

    def _is_mark(self, content: str) -> bool:
        """Whether a message says that a database may be moving to this server."""
        said = superblock_said(content)
        facts = {} if said is None else said["is"]
        return "moving" in facts and facts.get("to") == str(self._server)

    def counts(self, message: dict[str, Any], block: Superblock) -> bool:
        """Whether the superblock in a message does."""
        in_time = not self._given_up or 0 < block.origin < self._given_up
        counts = in_time and block.ticket not in self._tickets
        self._any = self._any or counts
        return counts


def origin(blocks: list[tuple[int, Superblock]]) -> int:
    """The message id of the first superblock that a database ever had."""
    return min(block.origin or message for message, block in blocks)


def find(source: Source) -> Superblock:
    """The database of a server."""
    held: list[list[tuple[int, Superblock]]] = []
    for channel in source.channels():
        said = TOPIC.fullmatch(channel.get("topic") or "")
        if said and said[1] in (None, str(source.bot)) and said[3] == "catalog":
            held.append(superblocks_in(source, int(channel["id"])))
    first = min(filter(None, held), key=origin, default=None)
    if first is None:
        raise Damaged("there is no database")
    block = max((block for _, block in first), key=lambda block: block.generation)
    if block.server not in (0, source.server):
        raise Moved(block.server)
    return block


# Frames


@dataclass
class Frame:
    """A frame, and the message that it is."""

    message: dict[str, Any]
    header: dict[str, Any]
    hash: str
    carried: bytes | None = None
    """The payload of one that is in a bundle."""

    @property
    def id(self) -> int:
        return int(self.message["id"])

    @property
    def behind(self) -> int:
        return self.header.get("behind", 0)


def read_frame(content: str, form: Form = PLAIN) -> tuple[dict[str, Any], str] | None:
    """The header of a frame, and the hash of its line; None where there is none that holds."""
    if not refuse_later(content, "discobase", form.number) or not content.endswith(CLOSE):
        return None
    line = content[len(OPEN) : -len(CLOSE)].split("\n", 1)[0]
    header = header_of(line)
    if header is None or header["discobase"] != form.number:
        return None
    return header, form.hash("frame", line.encode("utf-8", "surrogatepass"))[:32]


def header_of(line: str) -> dict[str, Any] | None:
    """The header in a header line; None where there is none."""
    try:
        header: dict[str, Any] = json.loads(line)
        sound = (
            "discobase" in header
            and is_number(header["seq"], 1)
            and is_number(header["ops"])
            and is_number(header["size"])
            and header["size"] <= 64 * 1024 * 1024
            and is_number(header.get("behind", 0))
            and all(is_text(header[name]) for name in ("prev", "writer", "hash", "enc"))
            and is_text(header.get("needs", ""))
            and type(header["time"]) in (int, float)
            and type(float(header["time"])) is float
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return None
    return header if sound else None


def is_text(value: object) -> bool:
    """Whether something is a string in which no surrogate stands by itself."""
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def is_number(value: object, least: int = 0) -> bool:
    return type(value) is int and least <= value <= LARGEST


def payload_of(source: Source, frame: Frame, form: Form = PLAIN) -> bytes:
    header, message = frame.header, frame.message
    if frame.carried is not None:
        return frame.carried
    line, _, below = message["content"][len(OPEN) : -len(CLOSE)].partition("\n")
    if header["enc"] == "inline":
        kept = form.inline(below)
    elif header["enc"] in ("jsonl", "jsonl.gz"):
        kept = b"".join(source.attachment(file["url"]) for file in message["attachments"])
    else:
        raise LaterFormat(f"a payload encoded as {header['enc']!r}")
    stored = payload = form.opened("payload", line, header["hash"], kept)
    if header["enc"] == "jsonl.gz":
        payload = gunzip(stored, header["size"])
    sound = len(payload) == header["size"]
    if not sound or form.payload_hash(line, payload, stored) != header["hash"]:
        raise Damaged(f"the payload at position {header['seq']} is not the one that was written")
    return payload


def gunzip(packed: bytes, size: int) -> bytes:
    """What one gzip member holds, which is so many bytes."""
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        found = unpacking.decompress(packed, size + 1)
    except zlib.error as error:
        raise Damaged(f"what was packed cannot be unpacked: {error}") from error
    if len(found) != size or not unpacking.eof or unpacking.unused_data:
        raise Damaged("what was packed is of another size")
    return found


# What a generation carries on


def bundle_lines(source: Source, block: Superblock, base: Base) -> list[str]:
    """The lines of a generation's bundle, one for each frame."""
    message, form = source.message(block.checkpoints, base.bundle), block.form
    facts = message and unsealed(message["content"], "bundle", form)
    if message is None or facts is None:
        raise Damaged("the bundle is gone, or was altered")
    named = facts["database"], block.made <= facts["generation"] <= block.generation, facts["seq"]
    if named != (block.database, True, base.seq):
        raise Damaged("the bundle is of another generation")
    if not block.may_tell(int(message["author"]["id"]), base.seq, source.bot):
        raise Damaged("the bundle is by somebody else")
    kept = b""
    pieces = [source.message(block.checkpoints, int(piece)) for piece in facts["pieces"]]
    for each in [*pieces, message]:
        if each is None:
            raise Damaged("a piece of the bundle is gone")
        kept += b"".join(source.attachment(file["url"]) for file in each["attachments"])
    packed = form.opened("commits", str(base.seq), facts["hash"], kept)
    if (len(packed), form.hash("commits", packed)) != (facts["packed"], facts["hash"]):
        raise Damaged("the bundle is not the one that was written")
    return gunzip(packed, facts["size"]).decode("ascii").splitlines()


def carried_frame(line: str) -> Frame:
    """The frame that a line of a bundle holds. Of one that was encrypted the hash is believed."""
    kind, message, header, digest, *payload = json.loads(line)
    read = header_of(header)
    if read is None or (kind, len(payload)) not in {("frame", 1), ("void", 0)}:
        raise Damaged("a line of the bundle holds no frame")
    carried = payload[0].encode("ascii") if payload else None
    sound = carried is None or len(carried) == read["size"]
    if read["discobase"] == 1:
        sound = sound and digest == hash_of(header)
        sound = sound and (carried is None or hash_of(payload[0]) == read["hash"])
    elif read["discobase"] != 2:
        raise LaterFormat(f"a frame of format {read['discobase']}")
    if not sound:
        raise Damaged("a frame of the bundle is not the one that was written")
    return Frame({"id": message, "content": ""}, read, digest, carried)


# Which message counts


class Lanes:
    """The frames of the lanes, by position, those with the lowest id first."""

    def __init__(self, source: Source, block: Superblock, after: int = 0) -> None:
        self.at: dict[int, list[Frame]] = {}
        self.form = block.form
        for number, lane in enumerate(block.lanes):
            for message in source.messages(lane, after):
                author = int(message["author"]["id"])
                if author not in {source.bot, *(bot for bot, _ in block.authors)}:
                    continue
                read = read_frame(message["content"], block.form)
                if read is None or author != block.author_of(read[0]["seq"], source.bot):
                    continue
                if read[0]["seq"] % len(block.lanes) == number:
                    self.at.setdefault(read[0]["seq"], []).append(Frame(message, *read))
        for frames in self.at.values():
            frames.sort(key=lambda frame: frame.id)

    def add_bundle(self, source: Source, block: Superblock, after: int) -> None:
        """Add the frames above a position that the generation carries on from the one before."""
        if block.base is None or after >= block.base.seq:
            return
        for line in bundle_lines(source, block, block.base):
            frame = carried_frame(line)
            if (seq := frame.header["seq"]) > after:
                self.at.setdefault(seq, []).append(frame)

    def fitting(self, seq: int, chain: str) -> Frame | None:
        return next((each for each in self.at.get(seq, ()) if each.header["prev"] == chain), None)

    def above(self, seq: int, chain: str) -> Frame | None:
        """The frame that goes on from a chain above a position, as if nothing stood there."""
        for following in itertools.count(seq + 1):
            if following not in self.at:
                return None
            if frame := self.fitting(following, chain):
                return frame
        return None

    def decided(self, seq: int, chain: str) -> Iterator[tuple[int, Frame | None]]:
        """Each position above one, and the frame that counts there; None where all are void."""
        below = None
        while frames := self.at.get(seq + 1):
            winner = self.winner(seq + 1, chain)
            if winner is None and not self.is_void(seq + 1, chain):
                yield from self.left_over(seq + 1, below)
                return
            seq += 1
            below = winner or frames[0]
            chain = winner.hash if winner else chain
            yield seq, winner
        if any(position > seq for position in self.at):
            raise Damaged(f"position {seq + 1} is missing")

    def winner(self, seq: int, chain: str) -> Frame | None:
        frame, frames = self.fitting(seq, chain), self.at[seq]
        if frame is None or frame is frames[0]:
            return frame
        above = self.above(seq, chain)
        return None if above is not None and above.id < frame.id else frame

    def is_void(self, seq: int, chain: str) -> bool:
        return all(frame.behind for frame in self.at[seq]) or self.above(seq, chain) is not None

    def left_over(self, seq: int, below: Frame | None) -> Iterator[tuple[int, None]]:
        """The end of the log, where nothing goes on from the frame below it, if that holds."""
        last = max(self.at)
        if not all(position in self.at for position in range(seq, last)):
            raise Damaged(f"nothing at position {seq} goes on from what is below it")
        if below is not None and below.message.get("edited_timestamp"):
            raise Damaged("a frame was altered")
        yield from ((position, None) for position in range(seq, last + 1))


# Keys


def key_of(kind: str, value: Any) -> str | None:
    if kind == "opaque":
        return None
    if kind != "plain" and isinstance(value, str):
        special = OF_TEXT[kind](value)
        if special is not None:
            return special
    return plain_key(value)


def plain_key(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return number_key(value < 0, str(abs(value)), 0)
    if isinstance(value, float):
        return float_key(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def number_key(negative: bool, digits: str, exponent: int) -> str:
    """The key of digits * 10**exponent."""
    digits = digits.lstrip("0")
    if not digits:
        return "#2"
    power = len(digits) - 1 + exponent
    size = str(abs(power))
    size = "abcdefghijklmnopqrstuvwxyz"[len(size)] + size
    size = "p" + size if power >= 0 else "n" + reversed_text(size)
    size += digits.rstrip("0")
    return f"#1{reversed_text(size)}~" if negative else f"#3{size}"


def reversed_text(text: str) -> str:
    lower, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
    return text.translate(str.maketrans(lower + digits, lower[::-1] + digits[::-1]))


def float_key(value: float) -> str:
    if math.isnan(value):
        return "#5"
    if math.isinf(value):
        return "#4" if value > 0 else "#0"
    exact = Decimal(value).as_tuple()
    return number_key(bool(exact.sign), "".join(map(str, exact.digits)), int(exact.exponent))


def decimal_key(text: str) -> str | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if number.is_nan():
        return "#5"
    if number.is_infinite():
        return "#4" if number > 0 else "#0"
    sign, digits, exponent = number.as_tuple()
    return number_key(bool(sign), "".join(map(str, digits)), int(exponent))


def instant_key(text: str) -> str | None:
    first = datetime.min  # noqa: DTZ901 - the first day there is, in no zone
    try:
        if text[2:3] == ":":
            clock = clock_time.fromisoformat(text)
            moment, offset = datetime.combine(first, clock.replace(tzinfo=None)), clock.utcoffset()
        else:
            moment = datetime.fromisoformat(text)
            moment, offset = moment.replace(tzinfo=None), moment.utcoffset()
    except ValueError:
        return None
    since = moment - first + timedelta(days=1) - (offset or timedelta())
    return f"{'&' if offset is None else '@'}{since // timedelta(microseconds=1):018d}"


DURATION = re.compile(
    r"([-+]?)P(?=[\dT])(?:(\d+)Y)?(?:(\d+)D)?"
    r"(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,6}))?S)?)?"
)


def duration_key(text: str) -> str | None:
    found = DURATION.fullmatch(text)
    if found is None:
        return None
    years, days, hours, minutes, seconds = (int(found[part] or 0) for part in range(2, 7))
    total = (((years * 365 + days) * 24 + hours) * 60 + minutes) * 60 + seconds
    return number_key(found[1] == "-", f"{total}{(found[7] or '').ljust(6, '0')}", -6)


def path_key(text: str) -> str:
    return '"' + text.replace("/", "\0")


def address_key(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    zone = getattr(address, "scope_id", None) or ""
    return f"^{address.version}{int(address):032x}{zone}"


OF_TEXT = {
    "decimal": decimal_key,
    "instant": instant_key,
    "duration": duration_key,
    "path": path_key,
    "address": address_key,
}


# Tables


@dataclass
class FieldSchema:
    """What a schema says of one field, or of several that are unique together."""

    kind: str
    print: str
    missing: str | None

    def parts(self) -> list[FieldSchema]:
        """What it says of each of several fields."""
        said = json.loads(self.missing or "")
        prints = self.print.removesuffix("*").split("+")
        return [
            FieldSchema(kind, each, key) for each, (kind, key) in zip(prints, said, strict=True)
        ]


def members(name: str) -> list[str]:
    """The fields that a name stands for: several that are unique together, or the one."""
    return json.loads(name.removeprefix(TOGETHER)) if name.startswith(TOGETHER) else [name]


def joined_print(prints: Sequence[str]) -> str:
    return "+".join(prints) + ("*" if any(each.endswith("*") for each in prints) else "")


def joined_key(keys: Sequence[str | None]) -> str | None:
    if "null" in keys:
        return "null"
    if None in keys:
        return None
    return "" if "" in keys else json.dumps(keys, ensure_ascii=False)


def read_schema(text: str) -> dict[str, Any]:
    """A schema, its fields in one form."""
    raw = json.loads(text)
    try:
        fields = {name: read_field(name, each) for name, each in raw["fields"].items()}
        known = fields.keys() >= {*raw["unique"], *raw["index"]}
    except (AttributeError, KeyError, TypeError, ValueError):
        known = False
    if not known:
        raise LaterFormat(f"a schema of another form: {text[:80]}")
    return {"fields": fields, "unique": raw["unique"], "index": raw["index"]}


def read_field(name: str, raw: Any) -> FieldSchema:
    raw = {"kind": raw} if isinstance(raw, str) else raw
    read = FieldSchema(raw["kind"], raw.get("print", ""), raw.get("missing"))
    is_right = is_lone(read)
    if name.startswith(TOGETHER):
        names = members(name)
        parts = read.parts()
        listed = json.dumps(sorted(names), separators=(",", ":"))
        is_right = read.kind == "together" and name == TOGETHER + listed
        is_right = is_right and len(names) == len(parts) and all(map(is_lone, parts))
    if not is_right:
        raise ValueError(raw)
    return read


def is_lone(said: FieldSchema) -> bool:
    known = said.kind in {"plain", "opaque", *OF_TEXT}
    return known and isinstance(said.print, str) and isinstance(said.missing, str | None)


@dataclass
class Record:
    """A record: the position that wrote it last, the number of its schema, its text."""

    seq: int
    schema: int
    data: str


@dataclass
class Constraint:
    """What is unique: a field, or several together, as classes with one print load it. The key of
    each record in it; None where it is not known.
    """

    name: str
    schema: FieldSchema
    keys: dict[int, str | None] = field(default_factory=dict)

    @property
    def parts(self) -> list[Constraint]:
        """What would be the constraint of each of several fields; none where it is one field."""
        if self.schema.kind != "together":
            return []
        return list(map(Constraint, members(self.name), self.schema.parts()))

    def own_key(self, record: dict[str, Any]) -> str | None:
        if self.parts:
            return joined_key([part.own_key(record) for part in self.parts])
        if self.name in record:
            key = key_of(self.schema.kind, record[self.name])
            return key and key.encode().decode()  # a lone surrogate cannot be: an error
        return None if self.schema.print == "" else self.schema.missing or ""

    def foreign_key(
        self, record: dict[str, Any], before: tuple[dict[str, Any], str | None] | None
    ) -> str | None:
        if self.schema.print.endswith("*"):
            return None
        if self.name not in record:
            return self.schema.missing or ""
        if before is None or self.name not in before[0]:
            return None
        same = json.dumps(record[self.name]) == json.dumps(before[0][self.name])
        return before[1] if same else None


@dataclass
class Table:
    """What the log says of one table."""

    next: int = 1
    schemas: dict[int, tuple[str, int, dict[str, Any]]] = field(default_factory=dict)
    unique: dict[tuple[str, str], Constraint] = field(default_factory=dict)
    said: dict[tuple[str, str], dict[int, str]] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)

    def print_of(self, number: int, name: str) -> str | None:
        if number not in self.schemas:
            return None
        fields = self.schemas[number][2]["fields"]
        prints = [fields[each].print for each in members(name) if each in fields]
        if len(prints) < len(members(name)):
            return None
        return joined_print(prints) if name.startswith(TOGETHER) else prints[0]

    def is_own(self, constraint: Constraint, number: int) -> bool:
        """Whether classes with the schema of a number load a field as a constraint has it."""
        return constraint.schema.print in ("", self.print_of(number, constraint.name))

    def current(self, name: str) -> tuple[str, int] | None:
        """The print of a field by the newest schema that has it, and what that has seen."""
        for _, (_, seen, schema) in sorted(self.schemas.items(), reverse=True):
            if name in schema["fields"]:
                return schema["fields"][name].print, seen
        return None

    def is_current(self, identity: tuple[str, str]) -> bool:
        newest = self.current(identity[0])
        return newest is not None and newest[0] == identity[1]

    def seen(self, identity: tuple[str, str]) -> int:
        newest = self.current(identity[0])
        return newest[1] if newest is not None and newest[0] == identity[1] else 0

    def known_key(self, constraint: Constraint, pk: int, seen: int) -> str | None:
        """The key of a record by what the log says of it, and by nothing that was there before."""
        said = self.said.get((constraint.name, constraint.schema.print), {})
        if pk in said:
            return said[pk]
        record = self.records[pk]
        data = json.loads(record.data)
        if record.seq <= seen or self.is_own(constraint, record.schema):
            return constraint.own_key(data)
        return self.foreign_key(constraint, record.schema, data, None)

    def foreign_key(
        self,
        constraint: Constraint,
        number: int,
        record: dict[str, Any],
        before: tuple[dict[str, Any], str | None] | None,
    ) -> str | None:
        """The key of a record of which the class with the schema of a number says less: of fields
        together by what is known of each.
        """
        if not constraint.parts:
            return constraint.foreign_key(record, before)
        told = before is not None and (before[1] or "").startswith("[")
        held = json.loads(before[1]) if told else [None] * len(constraint.parts)
        keys: list[str | None] = []
        for part, key in zip(constraint.parts, held, strict=True):
            if number in self.schemas and self.is_own(part, number):
                keys.append(part.own_key(record))
            else:
                keys.append(part.foreign_key(record, before and (before[0], key)))
        return joined_key(keys)

    def fill(self, constraint: Constraint, pks: Iterable[int], seen: int | None = None) -> None:
        """Find the keys of records that have none yet."""
        identity = constraint.name, constraint.schema.print
        seen = self.seen(identity) if seen is None else seen
        for pk in pks:
            if constraint.keys.get(pk) is None:
                constraint.keys[pk] = self.known_key(constraint, pk, seen)

    def constrain(self, name: str, schema: FieldSchema) -> None:
        held = self.unique.get((name, schema.print))
        made = Constraint(name, schema, held.keys if held else {})
        self.unique[name, schema.print] = made
        if held is None:
            self.fill(made, self.records)
            self.check(made)

    def check(self, constraint: Constraint) -> None:
        keys = [key for key in constraint.keys.values() if key not in (None, "", "null")]
        if len(keys) != len({*keys}):
            raise Damaged(f"records share a value of {constraint.name!r}, which is unique")

    def put(self, pk: int, record: Record) -> None:
        data, before = json.loads(record.data), self.records.get(pk)
        for constraint in self.unique.values():
            if self.is_own(constraint, record.schema):
                key = constraint.own_key(data)
            else:
                was = before and (json.loads(before.data), constraint.keys.get(pk))
                key = self.foreign_key(constraint, record.schema, data, was or None)
            taken = key not in (None, "", "null") and any(
                key == other and pk != each for each, other in constraint.keys.items()
            )
            if taken:
                raise Damaged(f"record {pk} has a value of {constraint.name!r} that is taken")
            constraint.keys[pk] = key
        self.records[pk] = record
        self.forget_said(pk)
        self.next = max(self.next, pk + 1)

    def delete(self, pk: int) -> None:
        self.records.pop(pk, None)
        for constraint in self.unique.values():
            constraint.keys.pop(pk, None)
        self.forget_said(pk)

    def forget_said(self, pk: int) -> None:
        for keys in self.said.values():
            keys.pop(pk, None)

    def declare(self, number: int, seen: int, text: str) -> None:
        schema = read_schema(text)
        self.schemas[number] = text, seen, schema
        if number == 0:
            self.unique.clear()
            for name in schema["unique"]:
                self.constrain(name, schema["fields"][name])
            return
        for identity, constraint in self.unique.items():
            if self.is_current(identity):
                self.fill(constraint, self.records)
        self.said = {each: keys for each, keys in self.said.items() if self.is_current(each)}

    def say(self, name: str, schema: FieldSchema, loaded: Any, keys: Sequence[Any]) -> None:
        self.said.setdefault((name, schema.print), {}).update(map(tuple, keys))
        constraint = self.unique.get((name, schema.print))
        if constraint is None:
            return
        if loaded is None:
            constraint.keys.update((pk, key) for pk, key in keys if pk in self.records)
        else:
            after, upto, seen = loaded
            self.fill(constraint, [pk for pk in self.records if after < pk <= upto], seen)

    def release(self, name: str) -> None:
        held = min((each for each in self.unique if each[0] == name), default=None)
        if held is not None:
            del self.unique[held]


# Operations

TEXT, NUMBER = r'("(?:[^"\\]|\\.)*")', "([1-9][0-9]*)"
PUT = re.compile(rf'\["put",{TEXT},{NUMBER}(?:,{NUMBER})?,(\{{.*\}})\]')
DELETE = re.compile(rf'\["del",{TEXT},{NUMBER}\]')
SCHEMA = re.compile(rf'\["schema",{TEXT},(\{{.*\}})\]')
DECLARE = re.compile(rf'\["declare",{TEXT},{NUMBER},([0-9]+),(\{{.*\}})\]')
KEYS = re.compile(rf'\["keys",{TEXT},{TEXT},.*\]')
UNIQUE = re.compile(rf'\["unique",{TEXT},{TEXT},{NUMBER}\]')
RELEASE = re.compile(rf'\["release",{TEXT},{TEXT}\]')
REQUEST = re.compile(rf'\["request\?",{TEXT}(?:,([1-9][0-9]{{0,8}}))?\]')
WRITER = re.compile(rf'\["writer\?",{TEXT},{TEXT}\]')
SEAL = re.compile(
    r'\["seal",[1-9][0-9]{0,12},"[0-9a-z]{1,24}","[1-9][0-9]{0,18}","[1-9][0-9]{0,18}",'
    r'\["[1-9][0-9]{0,18}"(?:,"[1-9][0-9]{0,18}")*\]\]'
)
MINIMUM = re.compile(r'\["minimum","([0-9]{1,6}(?:\.[0-9]{1,6}){0,3})"\]')
NAME = re.compile(rf"\[{TEXT}(?=[,\]])")

KEPT_POSITIONS, KEPT_WRITERS = 10_000, 1_000


@dataclass
class State:
    """What the log comes to at a position."""

    seq: int = 0
    chain: str = GENESIS
    tables: dict[str, Table] = field(default_factory=dict)
    requests: list[list[Any]] = field(default_factory=list)
    writers: dict[str, tuple[str, int]] = field(default_factory=dict)
    minimum: str | None = None
    volume: int = 0
    _named: tuple[str, int] = ("", 0)

    def table(self, text: str) -> Table:
        return self.tables.setdefault(text_of(text), Table())

    def take(self, seq: int, frame: Frame | None, payload: bytes = b"") -> None:
        """Take over what stands at the next position: a frame, or nothing where all are void."""
        assert seq == self.seq + 1
        self.seq = seq
        if frame is not None:
            try:
                self.do_all(frame, payload)
            except (LookupError, TypeError, ValueError, OverflowError, RecursionError) as error:
                raise Damaged(f"the commit at position {seq} cannot be: {error}") from error
        self.forget_old()

    def do_all(self, frame: Frame, payload: bytes) -> None:
        """Do what a frame says."""
        lines = [line for line in payload.decode("ascii").split("\n") if line]
        if len(lines) != frame.header["ops"]:
            raise Damaged(f"there are {len(lines)} operations at position {self.seq}")
        self._named = "", 0
        for line in lines:
            self.do(line)
        self.chain = frame.hash
        self.volume += frame.header["size"]

    def forget_old(self) -> None:
        oldest = self.seq - KEPT_POSITIONS
        self.requests = [run for run in self.requests if run[0] > oldest]
        newest = sorted(self.writers.items(), key=lambda each: (-each[1][1], each[0]))
        self.writers = dict(newest[:KEPT_WRITERS])

    def do(self, line: str) -> None:
        """Do what one operation says."""
        for pattern, take in OPERATIONS:
            if (found := pattern.fullmatch(line)) and take(self, found):
                return
        self.meet_unknown(line)

    # Each of these returns whether the operation is of the form that this format has.

    def take_put(self, found: re.Match[str]) -> bool:
        pk = int(found[2])
        if pk > LARGEST or not is_object(found[4]):
            return False
        table = self.table(found[1])
        is_new = pk >= table.next
        if pk == LARGEST:
            raise Damaged("no primary key is left above it")
        if int(found[3] or 0) > LARGEST:
            raise Damaged("there is no schema of that number")
        table.put(pk, Record(self.seq, int(found[3] or 0), found[4]))
        self.note(pk if is_new else None, deleted=0)
        return True

    def take_delete(self, found: re.Match[str]) -> bool:
        if int(found[2]) > LARGEST:
            return False
        self.table(found[1]).delete(int(found[2]))
        self.note(None, deleted=1)
        return True

    def take_declare(self, found: re.Match[str]) -> bool:
        if not is_object(found[4]):
            return False
        if max(int(found[2]), int(found[3])) > LARGEST:
            raise Damaged("there are no such positions, nor numbers of schemas")
        self.table(found[1]).declare(int(found[2]), int(found[3]), found[4])
        return True

    def take_schema(self, found: re.Match[str]) -> bool:
        if not is_object(found[2]):
            return False
        self.table(found[1]).declare(0, 0, found[2])
        return True

    def take_keys(self, found: re.Match[str]) -> bool:
        _, table, name, *rest = read = json.loads(found[0])
        if line_of(*read).strip().replace("`", "\\u0060") != found[0]:
            return False
        match rest:
            case [dict(raw), loaded, list(keys)] if is_range(loaded) and all(map(is_pair, keys)):
                if not raw.keys() <= {"kind", "print", "missing"} or None in raw.values():
                    return False
                try:
                    schema = read_field(name, raw)
                except (KeyError, TypeError, ValueError):
                    return False
                self.table(json.dumps(table)).say(name, schema, loaded, keys)
                return True
        return False

    def take_unique(self, found: re.Match[str]) -> bool:
        table, name = self.table(found[1]), json.loads(found[2])
        table.constrain(name, table.schemas[int(found[3])][2]["fields"][name])
        return True

    def take_release(self, found: re.Match[str]) -> bool:
        self.table(found[1]).release(json.loads(found[2]))
        return True

    def take_request(self, found: re.Match[str]) -> bool:
        self._named = text_of(found[1]), int(found[2] or 0)
        return True

    def take_writer(self, found: re.Match[str]) -> bool:
        self.writers[text_of(found[1])] = text_of(found[2]), self.seq
        return True

    def take_minimum(self, found: re.Match[str]) -> bool:
        self.minimum = found[1]
        return True

    def take_seal(self, _found: re.Match[str]) -> bool:
        """What follows is in another generation, and the state is what it was."""
        return True

    def meet_unknown(self, line: str) -> None:
        named = NAME.match(line)
        if named is None:
            raise Damaged(f"no operation: {line[:80]}")
        name = json.loads(named[1])
        if name == "request?":
            self._named = "", 0
        elif not name.endswith("?"):
            raise LaterFormat(f"an operation {name!r} of this form")

    def note(self, made: int | None, *, deleted: int) -> None:
        """Note the change that was just done under its name."""
        key, index = self._named
        if not key:
            return
        self._named = key, index + 1
        last = self.requests[-1] if self.requests else None
        if last is not None:
            following = None if last[4] is None else last[4] + last[3]
            if [self.seq, key, index, made, deleted] == [
                *last[:2],
                last[2] + last[3],
                following,
                last[5],
            ]:
                last[3] += 1
                return
        self.requests.append([self.seq, key, index, 1, made, deleted])

    # The state as lines

    def lines(self) -> Iterator[str]:
        yield line_of("state", 1, self.seq, self.chain)
        for name in sorted(self.tables, key=lambda name: name.encode("utf-8", "surrogatepass")):
            yield from table_lines(name, self.tables[name])
        yield from (line_of("request", *run) for run in self.requests)
        for writer, (label, seq) in sorted(
            self.writers.items(), key=lambda each: (each[1][1], each[0])
        ):
            yield line_of("writer", writer, label, seq)
        if self.minimum is not None:
            yield line_of("minimum", self.minimum)
        yield line_of("volume", self.volume)

    def hash(self) -> str:
        digest = hashlib.sha256()
        for line in self.lines():
            digest.update(line.encode("ascii"))
        return digest.hexdigest()


OPERATIONS: list[tuple[re.Pattern[str], Callable[[State, re.Match[str]], bool]]] = [
    (PUT, State.take_put),
    (DELETE, State.take_delete),
    (DECLARE, State.take_declare),
    (SCHEMA, State.take_schema),
    (KEYS, State.take_keys),
    (UNIQUE, State.take_unique),
    (RELEASE, State.take_release),
    (REQUEST, State.take_request),
    (WRITER, State.take_writer),
    (MINIMUM, State.take_minimum),
    (SEAL, State.take_seal),
]


def text_of(stored: str) -> str:
    """A string of an operation: none has a surrogate that stands by itself."""
    text = json.loads(stored)
    if not is_text(text):
        raise Damaged(f"{stored} is no text")
    return text


def is_object(text: str) -> bool:
    """Whether what a pattern took for one object is one."""
    try:
        return type(json.loads(text)) is dict
    except (ValueError, RecursionError):
        return False


def is_range(loaded: Any) -> bool:
    match loaded:
        case None:
            return True
        case [int(), int(), int()]:
            return all(type(number) is int and number >= 0 for number in loaded)
    return False


def is_pair(pair: Any) -> bool:
    match pair:
        case [int(pk), str()]:
            return type(pk) is int and 0 < pk <= LARGEST
    return False


def line_of(*fields: Any) -> str:
    return json.dumps(fields, separators=(",", ":")) + "\n"


def table_lines(name: str, table: Table) -> Iterator[str]:
    yield line_of("table", name, table.next)
    for number, (text, seen, _) in sorted(table.schemas.items()):
        yield f'["schema",{number},{seen},{text}]\n'
    for (each, fingerprint), constraint in sorted(table.unique.items()):
        yield line_of(
            "unique", each, fingerprint, constraint.schema.kind, constraint.schema.missing
        )
    for identity, keys in sorted(table.said.items()):
        yield from (line_of("said", *identity, pk, key) for pk, key in sorted(keys.items()))
    for pk, record in sorted(table.records.items()):
        yield f"[{pk},{record.seq},{record.schema},{record.data}]\n"
    for identity, constraint in sorted(table.unique.items()):
        for pk, record in sorted(table.records.items()):
            if table.is_own(constraint, record.schema):
                continue
            key = constraint.keys.get(pk)
            if key != table.known_key(constraint, pk, table.seen(identity)):
                yield line_of("kept", *identity, pk, key)


# Checkpoints


@dataclass
class Checkpoint:
    """A checkpoint: its message, and what that says."""

    message: dict[str, Any]
    facts: dict[str, Any]


def checkpoints(source: Source, block: Superblock) -> list[Checkpoint]:
    """The checkpoints that may be begun at, the newest position first."""
    found: list[Checkpoint] = []
    for message in source.messages(block.checkpoints):
        try:
            facts = unsealed(message["content"], "checkpoint", block.form)
        except LaterFormat:
            continue
        if facts is None or not is_of(facts, block):
            continue
        if block.may_tell(int(message["author"]["id"]), facts["seq"], source.bot):
            found.append(Checkpoint(message, facts))
    return sorted(found, key=lambda each: (-each.facts["seq"], int(each.message["id"])))


def is_of(facts: dict[str, Any], block: Superblock) -> bool:
    """Whether a manifest is whole, and of this generation of the database."""
    try:
        sound = (
            all(type(facts[name]) is str for name in ("chain", "state", "hash", "writer"))
            and all(is_number(facts[name]) for name in ("seq", "size", "packed", "records"))
            and all(
                each == "0" or ID.fullmatch(each) for each in [*facts["lanes"], facts["before"]]
            )
            and all(ID.fullmatch(part) for part in facts["parts"])
            and math.isfinite(float(facts["time"]))
        )
        return (
            sound
            and facts["database"] == block.database
            and type(facts["generation"]) is int
            and block.made <= facts["generation"] <= block.generation
            and len(facts["lanes"]) == len(block.lanes)
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return False


def unpacked(source: Source, block: Superblock, checkpoint: Checkpoint) -> bytes:
    """The lines of a checkpoint."""
    facts, kept = checkpoint.facts, b""
    parts = [source.message(block.checkpoints, int(part)) for part in facts["parts"]]
    for message in [*parts, checkpoint.message]:
        if message is None:
            raise Damaged("a part of it is gone")
        kept += b"".join(source.attachment(file["url"]) for file in message["attachments"])
    packed = block.form.opened("state", str(facts["seq"]), facts["hash"], kept)
    if (len(packed), block.form.hash("state", packed)) != (facts["packed"], facts["hash"]):
        raise Damaged("its bytes are not those that were written")
    return gunzip(packed, facts["size"])


def restored(lines: bytes, facts: dict[str, Any]) -> State:
    """The state that a checkpoint holds."""
    ends = lines.find(b'\n["position",') + 1 or len(lines)
    if hashlib.sha256(lines[:ends]).hexdigest() != facts["state"]:
        raise Damaged("it does not have the hash that was said of it")
    restoring = Restoring()
    for line in lines[:ends].decode("ascii").splitlines():
        restoring.take(line)
    state = restoring.finished()
    if (state.seq, state.chain) != (facts["seq"], facts["chain"]):
        raise Damaged("it is the state of another position")
    return state


class Restoring:
    """Takes over the lines of a state."""

    def __init__(self) -> None:
        self.state = State()
        self.table = Table()
        self.kept: list[tuple[Constraint, int, str | None]] = []

    def take(self, line: str) -> None:
        if line[1].isdigit():
            pk, seq, schema, data = line[1:-1].split(",", 3)
            self.table.records[int(pk)] = Record(int(seq), int(schema), data)
            return
        name, *fields = json.loads(line)
        if name == "schema":
            number, seen, _ = fields
            text = line.split(",", 3)[3][:-1]
            self.table.schemas[number] = text, seen, read_schema(text)
        elif name in ("unique", "said", "kept"):
            self.take_of_table(name, *fields)
        else:
            self.take_of_state(name, *fields)

    def take_of_table(self, kind: str, name: str, fingerprint: str, *rest: Any) -> None:
        identity = name, fingerprint
        match kind, rest:
            case "unique", [key_kind, missing]:
                schema = FieldSchema(key_kind, fingerprint, missing)
                self.table.unique[identity] = Constraint(name, schema)
            case "said", [pk, key]:
                self.table.said.setdefault(identity, {})[pk] = key
            case "kept", [pk, key]:
                self.kept.append((self.table.unique[identity], pk, key))

    def take_of_state(self, name: str, *fields: Any) -> None:
        match name, fields:
            case "state", [number, seq, chain]:
                if number != 1:
                    raise LaterFormat(f"a state of format {number}")
                self.state.seq, self.state.chain = seq, chain
            case "table", [table, following]:
                self.table = self.state.tables[table] = Table(following)
            case "request", run:
                self.state.requests.append([*run])
            case "writer", [writer, label, seq]:
                self.state.writers[writer] = label, seq
            case "minimum", [version]:
                self.state.minimum = version
            case "volume", [size]:
                self.state.volume = size
            case _:
                raise Damaged(f"a line that cannot be: {name} {fields}")

    def finished(self) -> State:
        """The state, with the keys that no line tells."""
        for table in self.state.tables.values():
            for constraint in table.unique.values():
                table.fill(constraint, table.records)
        for constraint, pk, key in self.kept:
            constraint.keys[pk] = key
        return self.state


def is_at_odds(lanes: Lanes, facts: dict[str, Any]) -> bool:
    """Whether the log that can be seen contradicts a checkpoint."""
    seq, count = facts["seq"], len(facts["lanes"])
    following = lanes.at.get(seq + 1)
    if following:
        fits = lanes.winner(seq + 1, facts["chain"]) or lanes.is_void(seq + 1, facts["chain"])
        if not fits:
            return True
    for position in range(max(1, seq + 1 - count), seq + 1):
        read = {frame.id for frame in lanes.at.get(position, ())}
        if read and int(facts["lanes"][position % count]) not in read:
            return True
    return False


# Opening


def open_database(source: Source, *, whole: bool = False) -> State:
    """The state that a database is in: from the newest checkpoint that holds, or from the whole
    log, which begins with a checkpoint in later generations.
    """
    while True:
        try:
            return open_block(source, find(source), whole=whole)
        except Moved as moved:
            source = source.elsewhere(moved.server)


def open_block(source: Source, block: Superblock, *, whole: bool = False) -> State:
    """The state of the database that a superblock names."""
    for checkpoint in checkpoints(source, block):
        if whole and (block.base is None or int(checkpoint.message["id"]) != block.base.checkpoint):
            continue
        ends = [int(lane) for lane in checkpoint.facts["lanes"]]
        lanes = Lanes(source, block, max(0, min(ends) - SECOND_OF_IDS))
        lanes.add_bundle(source, block, checkpoint.facts["seq"])
        if is_at_odds(lanes, checkpoint.facts):
            continue
        try:
            state = restored(unpacked(source, block, checkpoint), checkpoint.facts)
        except (Damaged, LaterFormat):
            continue
        return follow(source, lanes, state)
    if block.base is not None:
        raise Damaged("no checkpoint holds, and the lanes do not begin with the first position")
    return follow(source, Lanes(source, block), State())


def follow(source: Source, lanes: Lanes, state: State) -> State:
    """Apply all that stands above a state."""
    for seq, frame in lanes.decided(state.seq, state.chain):
        state.take(seq, frame, b"" if frame is None else payload_of(source, frame, lanes.form))
    return state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("api", help="where the API is, as https://discord.com/api/v10")
    parser.add_argument("server", help="the server's name, or its id")
    parser.add_argument("--whole", action="store_true", help="read the whole log")
    parser.add_argument("--lines", action="store_true", help="print the state itself")
    given = parser.parse_args()
    assert urlsplit(given.api).scheme in ("http", "https")
    state = open_database(
        DiscordApi(given.api, os.environ["TOKEN"], given.server), whole=given.whole
    )
    if given.lines:
        sys.stdout.writelines(state.lines())
    records = sum(len(table.records) for table in state.tables.values())
    told = {"position": state.seq, "chain": state.chain, "state": state.hash(), "records": records}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
