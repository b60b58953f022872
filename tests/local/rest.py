"""A plain, synchronous client of the REST API, so that tests see what goes over the wire."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> int:
        return self.body["code"]


class Rest:
    """One bot's requests; without a token, anybody's."""

    def __init__(self, api_url: str, token: str | None) -> None:
        self.origin = api_url.removesuffix("/api/v10")
        self.token = token

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        files: dict[int, tuple[str, bytes]] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        headers = {} if self.token is None else {"Authorization": f"Bot {self.token}"}
        data = raw
        if files is not None:
            data = _multipart(body, files)
            headers["Content-Type"] = "multipart/form-data; boundary=limit"
        elif body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        return self._send(method, f"/api/v10{path}", data, headers)

    def get_url(self, url: str) -> tuple[int, bytes]:
        split = urlsplit(url)
        connection = HTTPConnection(split.netloc, timeout=10)
        try:
            connection.request("GET", f"{split.path}?{split.query}")
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def admin(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        return self._send(method, f"/_local{path}", json.dumps(body).encode(), headers)

    def _send(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Answer:
        connection = HTTPConnection(urlsplit(self.origin).netloc, timeout=10)
        try:
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            text = response.read()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, json.loads(text) if text else None, found)
        finally:
            connection.close()


def _multipart(payload: object, files: dict[int, tuple[str, bytes]]) -> bytes:
    parts = []
    if payload is not None:
        head = (
            b'Content-Disposition: form-data; name="payload_json"\r\nContent-Type: application/json'
        )
        parts.append(head + b"\r\n\r\n" + json.dumps(payload).encode())
    for number, (name, content) in files.items():
        head = f'Content-Disposition: form-data; name="files[{number}]"; filename="{name}"'
        parts.append(head.encode() + b"\r\n\r\n" + content)
    return b"".join(b"--limit\r\n" + part + b"\r\n" for part in parts) + b"--limit--\r\n"
