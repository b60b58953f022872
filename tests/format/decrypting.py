"""What is encrypted in a database, opened by docs/format.md; reader.py reads all else.

    TOKEN=... KEY=... python -m tests.format.decrypting https://discord.com/api/v10 SERVER [--whole]

KEY is 64 hexadecimal digits, or a passphrase. Of others than the standard library it uses the
package `cryptography`, for AES-256-GCM alone, and nothing of discobase.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import unicodedata
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.format.reader import (
    TOPIC,
    Counting,
    Damaged,
    DiscordApi,
    Form,
    Source,
    State,
    Superblock,
    is_encrypted,
    open_block,
    origin,
    superblock_of,
    superblock_said,
)


class WrongKey(Exception):
    """The superblock that counts is not of this key."""


def hmac_of(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


class Encrypted(Form):
    """How what is written is kept in format 2."""

    number = 2

    def __init__(self, root: bytes, database: str, generation: int) -> None:
        self._place = f"discobase {database} {generation}"

        def key(name: str) -> bytes:
            info = f"discobase {name} {database} {generation}".encode()
            return hmac_of(root, info + bytes([1]))

        self._hash, self._message = key("hash"), key("message")
        self.check = key("check").hex()[:32]

    def hash(self, kind: str, text: bytes) -> str:
        return hmac_of(self._hash, kind.encode() + bytes([0]) + text).hex()

    def payload_hash(self, line: str, payload: bytes, stored: bytes) -> str:
        unhashed = re.sub(r'"hash":"[^"]*"', '"hash":""', line, count=1)
        return self.hash("payload", unhashed.encode() + b"\n" + stored)[:32]

    def facts(self, kind: str, digest: Any, held: Any) -> str:
        if type(held) is not str:
            raise TypeError(held)
        return self.opened(kind, "", digest, self.inline(held)).decode("ascii")

    def inline(self, text: str) -> bytes:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Damaged("this is no base64") from error

    def opened(self, kind: str, place: str, digest: str, kept: bytes) -> bytes:
        key = hmac_of(self._message, f"{kind}\0{digest}".encode())
        associated = f"{self._place} {kind}\n{place}".encode()
        try:
            return AESGCM(key).decrypt(bytes(12), kept, associated)
        except InvalidTag as error:
            raise Damaged("this was not encrypted by the key, for this place") from error


def root_of(encryption: dict[str, Any], given: bytes | str) -> bytes:
    """The root of a generation's keys."""
    salt, scrypt = bytes.fromhex(encryption["salt"]), encryption["scrypt"]
    if (scrypt is None) == isinstance(given, str):
        raise WrongKey("a passphrase for a key, or the other way round")
    if isinstance(given, str):
        n, r, p = scrypt
        assert n >= 16384
        assert n & (n - 1) == 0
        assert 128 * n * r <= 2**28
        assert n * r * p <= 2**23
        text = unicodedata.normalize("NFC", given).encode()
        given = hashlib.scrypt(text, salt=salt, n=n, r=r, p=p, maxmem=2**29, dklen=32)
    return hmac_of(salt, given)


def form_of(facts: dict[str, Any], key: bytes | str) -> Encrypted:
    """How the generation of a superblock is kept, by its facts."""
    made = facts["made"] if facts["generation"] != 1 else 1
    form = Encrypted(root_of(facts["encryption"], key), facts["database"], max(1, made))
    if form.check != facts["encryption"]["check"]:
        raise WrongKey("it is encrypted by another key")
    return form


def find(source: Source, key: bytes | str) -> Superblock:
    """The encrypted database of a server."""
    held: list[list[tuple[int, Superblock, dict[str, Any]]]] = []
    for channel in source.channels():
        said = TOPIC.fullmatch(channel.get("topic") or "")
        if said and said[1] in (None, str(source.bot)) and said[3] == "catalog":
            held.append(said_in(source, int(channel["id"])))
    first = min(
        filter(None, held),
        key=lambda said: origin([(message, block) for message, block, _ in said]),
        default=None,
    )
    if first is None:
        raise Damaged("there is no database")
    newest = max(block.generation for _, block, _ in first)
    candidates = [(block, raw) for _, block, raw in first if block.generation == newest]
    _, said = candidates[0]
    if not is_encrypted(said):
        raise WrongKey("the database is not encrypted")
    facts = said["is"]
    form = form_of(facts, key)
    for block, raw in candidates:
        written = json.dumps(raw["is"], separators=(",", ":")).encode()
        if is_encrypted(raw) and raw["hash"] == form.hash("superblock", written)[:32]:
            block.form = form
            return block
    raise WrongKey("the superblock was altered")


def said_in(source: Source, catalog: int) -> list[tuple[int, Superblock, dict[str, Any]]]:
    found: list[tuple[int, Superblock, dict[str, Any]]] = []
    counting = Counting()
    for message in source.messages(catalog):
        if int(message["author"]["id"]) != source.bot or counting.is_word(message):
            continue
        said = superblock_said(message["content"])
        block = None if said is None else superblock_of(said["is"])
        if said is not None and block is not None and counting.counts(message, block):
            found.append((int(message["id"]), block, said))
    return [] if counting.deleted else found


def open_database(source: Source, key: bytes | str, *, whole: bool = False) -> State:
    """The state that an encrypted database is in."""
    return open_block(source, find(source, key), whole=whole)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("api", help="where the API is, as https://discord.com/api/v10")
    parser.add_argument("server", help="the server's name, or its id")
    parser.add_argument("--whole", action="store_true", help="read the whole log")
    given = parser.parse_args()
    said = os.environ["KEY"]
    key = bytes.fromhex(said) if re.fullmatch("[0-9a-f]{64}", said) else said
    source = DiscordApi(given.api, os.environ["TOKEN"], given.server)
    state = open_database(source, key, whole=given.whole)
    print(json.dumps({"position": state.seq, "chain": state.chain, "state": state.hash()}))


if __name__ == "__main__":
    main()
