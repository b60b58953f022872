"""Addresses of attachments: absolute, signed, good for a while.

Source: Discord's API reference, "Signed Attachment CDN URLs".
``ex`` is when the address ends and ``is`` when it was made, in hexadecimal Unix seconds; ``hm``
signs both with the path. Each payload carries fresh ones. What Discord answers after ``ex`` is not
documented; 404 is what people report.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping

from discobase.local.behaviour.settings import Settings


class Signer:
    """The maker of addresses, which knows its own again.

    Args:
        key: the secret, the same as long as the file lives.
        settings: where the lifetime stands.
    """

    def __init__(self, key: bytes, settings: Settings) -> None:
        self._key = key
        self._settings = settings

    def url(self, origin: str, channel_id: int, attachment_id: int, name: str) -> str:
        """Return an address that is good from now on.

        Args:
            origin: scheme, host and port that the reader can reach.
            channel_id: where the message is.
            attachment_id: the file's id.
            name: the file's cleaned name.
        """
        made = int(time.time())
        ends = int(made + self._settings.url_lifetime)
        path = f"/attachments/{channel_id}/{attachment_id}/{name}"
        signature = self._signature(path, f"{ends:x}", f"{made:x}")
        return f"{origin}{path}?ex={ends:x}&is={made:x}&hm={signature}&"

    def good(self, path: str, query: Mapping[str, str]) -> bool:
        """Return whether a request's path and query are an address made here that has not ended."""
        ends, made, signature = (query.get(name, "") for name in ("ex", "is", "hm"))
        expected = self._signature(path, ends, made).encode()
        return hmac.compare_digest(expected, signature.encode()) and int(ends, 16) > time.time()

    def _signature(self, path: str, ends: str, made: str) -> str:
        return hmac.new(self._key, f"{path}?{ends}&{made}".encode(), "sha256").hexdigest()
