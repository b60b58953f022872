"""The example in docs/format.md: made by the code of discobase, of fixed ids, times and names.

After a change of what it shows::

    python -m tests.format.example

writes it into the page anew.
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from discobase.engine.checkpoints.manifest import Manifest
from discobase.engine.checkpoints.packing import hash_of_packed
from discobase.engine.keys import Kind, key
from discobase.engine.log.entry import Commit, Entry
from discobase.engine.log.frame import GENESIS, Draft, Limits, encode
from discobase.engine.log.sealing import PLAIN, Derivation, Encrypted, Encryption, Sealing
from discobase.engine.log.superblock import Superblock
from discobase.engine.operations import (
    Constrain,
    Declare,
    FieldSchema,
    Introduce,
    Keys,
    Names,
    Operation,
    Put,
    Schema,
)
from discobase.engine.replica import Replica
from discobase.engine.replica.snapshot import Snapshot
from discobase.engine.server.seam import Message
from discobase.key import Key

PAGE = Path(__file__).parents[2] / "docs/format.md"
BLOCK = re.compile(r"(<!-- example: (\w+) -->\n)````text\n(.*?)````\n", re.DOTALL)
TABLE = re.compile(r"(<!-- example: keys -->\n.*?\n.*?\n)((?:\|.*\n)*)")

BOT = 1_300_000_000_000_000_000
CATALOG, *LANES, CHECKPOINTS = range(BOT + 10, BOT + 16)
SUPERBLOCK = BOT + 100
FRAMES = {"first": BOT + 101, "second": BOT + 102, "third": BOT + 103, "fourth": BOT + 106}
LATE, CHECKPOINT = BOT + 104, BOT + 105
BEGAN = 1_790_000_000.0

KEYS_GIVEN = {"key": bytes(range(32)), "passphrase": "correct horse battery staple"}
WEAK = (1 << 14, 8, 1)
"""Of scrypt: less than discobase writes, so that the example is soon made."""

_TEXT = FieldSchema("plain", "text")
_LOWER = FieldSchema("plain", "lower")
_PEOPLE = FieldSchema("plain", "whole", missing=str(key("plain", 0)))

OPERATIONS: Mapping[str, Sequence[Operation]] = {
    "first": [
        Introduce("w7", "host demo 2.0"),
        Declare("City", Schema({"name": _TEXT}, unique=("name",)).to_json(), 1),
        Constrain("City", "name", 1),
        Names("Xk2-9fQa"),
        Put("City", 1, '{"name":"Paris"}', 1),
    ],
    "second": [Names("b_7Tz0Lm"), Put("City", 2, '{"name":"Rome"}', 1)],
    "late": [Names("QQ3e81xx"), Put("City", 2, '{"name":"Oslo"}', 1)],
    "third": [
        Keys("City", "name", _LOWER, ((1, '"paris'), (2, '"rome'))),
        Declare("City", Schema({"name": _LOWER, "people": _PEOPLE}).to_json(), 2, 2),
        Names("m4Hd6-Yp"),
        Put("City", 2, '{"name":"Rome","people":2800000}', 2),
    ],
    "fourth": [],
}

KEYS: Sequence[tuple[Kind, Any]] = [
    ("plain", "Ada"),
    ("plain", True),
    ("plain", {"b": [1.5, None], "a": "é"}),
    ("plain", 0),
    ("plain", 1),
    ("plain", -1),
    ("plain", 20),
    ("plain", 0.5),
    ("plain", -0.5),
    ("plain", 0.1),
    ("plain", 2**70),
    ("decimal", "1.50"),
    ("decimal", "1E+3"),
    ("decimal", "-Infinity"),
    ("decimal", 1.5),
    ("instant", "2026-07-01T12:30:00.123456Z"),
    ("instant", "2026-07-01T12:00:00-09:30"),
    ("instant", "2026-07-01"),
    ("instant", "23:59:59.999999"),
    ("instant", "soon"),
    ("duration", "-P3DT0.000007S"),
    ("duration", "PT1H"),
    ("path", "/a/b c"),
    ("address", "127.0.0.1"),
    ("address", "fe80::1%eth0"),
]


def superblock() -> Superblock:
    return Superblock("k3v9x0qa", 1, CATALOG, tuple(LANES), CHECKPOINTS, BEGAN)


def frame(name: str, seq: int, chain: str, writer: str = "w7", sealing: Sealing = PLAIN) -> Draft:
    return encode(
        OPERATIONS[name],
        seq=seq,
        chain=chain,
        writer=writer,
        time=BEGAN + seq + 0.5,
        limits=Limits(),
        sealing=sealing,
    )


def packed(lines: bytes) -> bytes:
    """One gzip member, of one stored block."""
    length = len(lines)
    return b"".join(
        [
            bytes.fromhex("1f8b08000000000000ff"),
            b"\x01" + struct.pack("<HH", length, length ^ 0xFFFF) + lines,
            struct.pack("<LL", zlib.crc32(lines), length),
        ]
    )


def example() -> dict[str, str]:
    """The texts on the page, by name."""
    texts = {"superblock": superblock().to_content()}
    with contextlib.closing(Replica(len(LANES))) as replica:
        for seq, (name, message) in enumerate(FRAMES.items(), 1):
            draft = frame(name, seq, replica.head.chain)
            texts[name] = draft.content
            if name == "second":
                texts["late"] = frame("late", seq, replica.head.chain, "x0").content
            sent = Message(message, LANES[seq % len(LANES)], BOT, draft.content)
            replica.apply([Commit(Entry(sent, draft.header), list(OPERATIONS[name]))])
            if name == "third":
                with contextlib.closing(replica.snapshot()) as taken:
                    lines = b"".join(taken.lines())
                    texts["state"] = lines.decode("ascii").removesuffix("\n")
                    texts["checkpoint"] = checkpoint(taken, lines).to_content()
        with contextlib.closing(replica.snapshot()) as taken:
            assert b"".join(taken.lines())
            texts["end"] = taken.hash
    return texts | encrypted()


def encrypted() -> dict[str, str]:
    """The texts on the page that are encrypted."""
    texts: dict[str, str] = {}
    for name, given in KEYS_GIVEN.items():
        derivation = Derivation(bytes(range(16)), None if isinstance(given, bytes) else WEAK)
        sealing = Encrypted(derivation.root(Key(given)), "k3v9x0qa", 1)
        encryption = Encryption(derivation, sealing.check)
        block = replace(superblock(), encryption=encryption, sealing=sealing)
        if name == "passphrase":
            texts["encrypted_check"] = sealing.check
            continue
        texts["encrypted_superblock"] = block.to_content()
        texts["encrypted_frame"] = frame("first", 1, GENESIS, sealing=sealing).content
    return texts


def checkpoint(taken: Snapshot, lines: bytes) -> Manifest:
    file = packed(lines)
    return Manifest(
        database="k3v9x0qa",
        generation=1,
        seq=taken.head.seq,
        chain=taken.head.chain,
        state=taken.hash,
        size=taken.size,
        packed=len(file),
        hash=hash_of_packed(file),
        records=taken.records,
        lanes=taken.lane_ends(len(LANES)),
        before=0,
        writer="w7",
        time=BEGAN + 10,
    )


def key_rows() -> str:
    """The rows of the table of keys."""
    return "".join(
        f"| `{kind}` | `{json.dumps(value, ensure_ascii=False)}` | `{_shown(key(kind, value))}` |\n"
        for kind, value in KEYS
    )


def _shown(made: str | None) -> str:
    return str(made).replace("\0", r"\0")


def on_page() -> dict[str, str]:
    """What the page shows, by name."""
    return {found[2]: found[3].removesuffix("\n") for found in BLOCK.finditer(PAGE.read_text())}


def main() -> None:
    """Write the example into the page."""
    texts = example()
    page = BLOCK.sub(
        lambda found: f"{found[1]}````text\n{texts[found[2]]}\n````\n", PAGE.read_text()
    )
    page = TABLE.sub(lambda found: found[1] + key_rows(), page)
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
