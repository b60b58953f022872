"""A real headless browser, driven over the WebDriver protocol itself."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1100,760",
)


class Browser:
    """One tab."""

    def __init__(self, port: int, folder: str) -> None:
        self._port = port
        options = {"binary": CHROMIUM, "args": [*_FLAGS, f"--user-data-dir={folder}"]}
        wanted = {
            "alwaysMatch": {
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL"},
            }
        }
        self._session = ""
        self._session = (
            "/session/" + self._ask("POST", "/session", {"capabilities": wanted})["sessionId"]
        )

    def open(self, url: str) -> None:
        self._ask("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: object) -> Any:
        return self._ask("POST", "/execute/sync", {"script": script, "args": arguments})

    def until(self, script: str, expected: object, seconds: float = 15.0) -> None:
        """Waits until a script returns what is expected."""
        give_up = time.monotonic() + seconds
        while (found := self.run(script)) != expected:
            assert time.monotonic() < give_up, f"{script} is {found!r}, not {expected!r}"
            time.sleep(0.02)

    def complaints(self, url: str) -> list[str]:
        """What the browser wrote to its console about a page."""
        entries = self._ask("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if url in entry["message"]]

    def screenshot(self) -> bytes:
        return base64.b64decode(self._ask("GET", "/screenshot"))

    def size(self, width: int, height: int) -> None:
        """Shows pages as on a screen of this size, in CSS pixels."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": screen}
        self._ask("POST", "/goog/cdp/execute", command)

    def close(self) -> None:
        self._ask("DELETE", "")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=45)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, self._session + path, data)
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        assert not (isinstance(value, dict) and "error" in value), value
        return value


@contextmanager
def browsing(folder):
    """A browser with a profile in this folder."""
    command = [DRIVER, "--port=0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as driver:
        try:
            ready = next(
                found
                for line in driver.stdout
                if (found := re.search(r"successfully on port (\d+)", line))
            )
            browser = Browser(int(ready[1]), str(folder))
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.terminate()
