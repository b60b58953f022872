"""A browser without eyes: it keeps cookies, follows redirects, and gives the text of a page."""

from __future__ import annotations

import http.cookiejar
import re
import time
import urllib.error
import urllib.parse
import urllib.request

SECONDS = 30
"""How long anything may take before it counts as hanging."""


class Browser:
    """A visitor of a site.

    Args:
        host: where the site answers.
        port: on which port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._base = f"http://{host}:{port}"
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.cookies), _WithoutConnectionKept()
        )

    def get(self, path: str = "/") -> str:
        """The page under a path."""
        return self._open(urllib.request.Request(self._base + path))

    def post(self, path: str = "/", **form: str) -> str:
        """The page that a form leads to, sent with the token of the last one, if it had one."""
        data = urllib.parse.urlencode(form).encode()
        return self._open(urllib.request.Request(self._base + path, data))

    def get_when_there(self, path: str = "/", shows: str = "") -> str:
        """The page under a path, asked for until the site answers and shows something."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                page = self.get(path)
            except OSError:
                page = None
            if page is not None and shows in page:
                return page
            assert time.monotonic() < deadline, f"{path} did not come: {page}"
            time.sleep(0.05)

    def token(self, page: str) -> str:
        """The token in a form of Django's."""
        return re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]

    def _open(self, request: urllib.request.Request) -> str:
        with self._opener.open(request, timeout=SECONDS) as answer:
            return answer.read().decode()


class _WithoutConnectionKept(urllib.request.BaseHandler):
    """Asks for each page on a connection of its own, as another worker may get it then."""

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        request.add_header("Connection", "close")
        return request
