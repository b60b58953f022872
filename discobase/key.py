"""The key of an encrypted database, as people give it: checked, and hidden from whoever shows it.

Collectors of errors record what stands in the frames of a traceback. So what was given is wrapped
before anything can fail, and what is wrong with it is told without a frame that holds it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import unicodedata
from importlib.util import find_spec
from typing import NoReturn, SupportsIndex

from discobase.errors import PackageMissing, UsageError

LENGTH = 32
"""Bytes of a key: AES-256 takes as many."""

SHORTEST = 8
"""Characters of a passphrase: the least that NIST lets people choose (SP 800-63B, section 5.1.1.1).
That is no strong one."""

_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{43}=?")
"""32 bytes in base64, with the alphabet for URLs or the other."""

_MADE = "key=secrets.token_bytes(32), made once and kept"


class NoKey:
    """The type of the value that stands for a key that was left out."""

    def __repr__(self) -> str:
        return "no key"


NO_KEY = NoKey()


class Key:
    """A key: 32 bytes, or a passphrase. It shows nothing of itself, and cannot be pickled.

    Args:
        given: what was given, of whatever type.
    """

    __slots__ = ("__held",)

    def __init__(self, given: object) -> None:
        self.__held = given

    @property
    def is_passphrase(self) -> bool:
        """Whether it is one, from which the key is yet to be derived."""
        return isinstance(self.__held, str)

    def reveal(self) -> bytes:
        """Return the key; of a passphrase its UTF-8 in the composed form (NFC), since keyboards
        differ in how they give an accented letter (RFC 8265, section 4.2.2). For whoever derives
        keys of it, and for nothing else.
        """
        held = self.__held
        if isinstance(held, str):
            return unicodedata.normalize("NFC", held).encode()
        assert isinstance(held, bytes | bytearray)
        return bytes(held)

    def fault(self) -> str | None:
        """Return what is wrong with it, and what to do, without a word of it; None where nothing
        is.
        """
        held = self.__held
        if isinstance(held, str):
            return _fault_of_text(held)
        if isinstance(held, bytes | bytearray):
            return _fault_of_bytes(bytes(held))
        if held is None:
            return (
                "it is None, as os.environ.get has it of an environment variable that is not set. "
                "For a database that is not encrypted leave key= out"
            )
        kind = type(held).__name__
        return f"it is of the type {kind}: give {LENGTH} bytes, or a passphrase as a text"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        kinds = self.is_passphrase == other.is_passphrase
        return kinds and hmac.compare_digest(self.reveal(), other.reveal())

    def __hash__(self) -> int:
        return hash(Key)

    def __repr__(self) -> str:
        return "<hidden>"

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        """Refuse pickle and copy: what they make is kept and sent by those who do not look."""
        raise TypeError("a key is neither pickled nor copied")


def checked_key(key: Key | NoKey) -> Key | None:
    """Return a key that was given, if it can be one, and if there is what encrypts with it.

    Args:
        key: what was given, wrapped before anything could fail.

    Raises:
        UsageError: it can be none.
        PackageMissing: the package `cryptography` is not installed.
    """
    if isinstance(key, NoKey):
        return None
    fault = key.fault()
    if fault is not None:
        raise UsageError(f"key=<hidden> can be no key: {fault}.")
    if find_spec("cryptography") is None:
        raise PackageMissing("cryptography", "crypto")
    return key


def _fault_of_text(text: str) -> str | None:
    if not text.strip():
        return f"it is empty. Give a passphrase of words, or {_MADE}"
    if text != text.strip():
        return (
            "it begins or ends with white space, as what is read from a file does. Give it "
            "without, by .strip()"
        )
    if len(text) < SHORTEST:
        return (
            f"a passphrase has at least {SHORTEST} characters, and better six words that were "
            f"drawn by lot: whoever has read what is in Discord tries millions in a day"
        )
    if _HEX.fullmatch(text):
        return (
            f"it is a text of 64 hexadecimal digits, which looks like {LENGTH} bytes: give them as "
            f"such, by key=bytes.fromhex(...)"
        )
    if _BASE64.fullmatch(text) and _is_key_in_base64(text):
        return (
            f"it is a text that looks like {LENGTH} bytes in base64: give them as such, by "
            f"key=base64.urlsafe_b64decode(...), or base64.b64decode(...) where it has + or /"
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        return "it is not valid Unicode: half of a surrogate pair stands in it by itself"
    return None


def _is_key_in_base64(text: str) -> bool:
    padded = text.rstrip("=") + "="
    try:
        return len(base64.b64decode(padded, altchars=b"-_")) == LENGTH
    except binascii.Error:
        return False


def _fault_of_bytes(given: bytes) -> str | None:
    if len(given) != LENGTH:
        return f"it has {len(given)} bytes, and a key has {LENGTH}: {_MADE}"
    if given.isascii() and given.decode("ascii").isprintable():
        return (
            f"its {LENGTH} bytes are all printable, as random ones are not: a passphrase is given "
            f"as a text, and digits are made a key by bytes.fromhex(...)"
        )
    if len(set(given)) == 1:
        return f"its {LENGTH} bytes are all the same: {_MADE}"
    return None
