"""The files of messages: how they are described, kept and addressed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from mimetypes import guess_type
from typing import Any

from discobase.local import wire
from discobase.local.state.attachment_urls import Signer
from discobase.local.state.drafts import NewFile
from discobase.local.state.snowflakes import Snowflakes
from discobase.local.state.store import AttachmentRow, Store

Json = dict[str, Any]

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class Attachments:
    """All files of all messages.

    Args:
        store: where they are kept.
        new_id: makes ids.
        signer: makes their addresses.
    """

    def __init__(self, store: Store, new_id: Snowflakes, signer: Signer) -> None:
        self._store = store
        self._new_id = new_id
        self._signer = signer

    def describe(
        self, channel_id: int, message_id: int, files: Sequence[NewFile]
    ) -> tuple[list[Json], list[AttachmentRow]]:
        """Return what a message says of new files, and the files as they are kept."""
        described: list[Json] = []
        rows: list[AttachmentRow] = []
        for file in files:
            name = clean_name(file.name)
            kind = _content_type(name)
            row = AttachmentRow(self._new_id(), channel_id, message_id, name, kind, file.content)
            entry: Json = {"id": str(row.id), "filename": name, "size": len(file.content)}
            if kind is not None:
                entry["content_type"] = kind
            if file.description is not None:
                entry["description"] = file.description
            if name != file.name:
                entry["title"] = file.name.rpartition(".")[0] or file.name
            described.append(entry)
            rows.append(row)
        return described, rows

    def keep(self, rows: Sequence[AttachmentRow]) -> None:
        """Write files whose message is not written."""
        with self._store.transaction():
            self._store.insert_attachments(rows)

    def upload(self, channel_id: int, owner_id: int, file: NewFile, origin: str) -> Json:
        """Keep a file that is no message's; return its JSON."""
        described, rows = self.describe(channel_id, owner_id, [file])
        self.keep(rows)
        entry: Json = json.loads(self.addressed(wire.text(described), channel_id, origin))[0]
        return entry

    def find(self, attachment_id: int) -> AttachmentRow | None:
        """Return one file with its content."""
        return self._store.attachment(attachment_id)

    def addressed(self, files: str, channel_id: int, origin: str) -> str:
        """Return what a message says of its files with addresses that are good from now on."""
        entries: list[Json] = json.loads(files)
        for entry in entries:
            url = self._signer.url(origin, channel_id, int(entry["id"]), entry["filename"])
            entry["url"] = entry["proxy_url"] = url
        return wire.text(entries)


def clean_name(name: str) -> str:
    """Return a file name as Discord keeps it (docs#7754): of letters, digits and ``_.-``."""
    cleaned = _UNSAFE.sub("", "_".join(name.split())).lstrip("_.")
    return cleaned or "unknown"


def _content_type(name: str) -> str | None:
    kind, encoding = guess_type(name)
    if encoding == "gzip":
        return "application/gzip"
    if kind is not None and (kind.startswith("text/") or kind == "application/json"):
        return f"{kind}; charset=utf-8"
    return kind
