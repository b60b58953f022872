"""Servers and joiners in processes of their own, to be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager

SERVE = """
import sys
from discobase.cli.serve import serve
path = sys.argv[1] or None
sys.exit(serve(int(sys.argv[2]), path, "test", True))
"""

JOIN = """
import json, sys
from discobase.local import join
joined = join(sys.argv[1] or None, "test")
print(json.dumps({"api_url": joined.api_url, "token": joined.token}), flush=True)
sys.stdin.readline()
joined.close()
print("closed", flush=True)
sys.stdin.readline()
"""


class Process:
    """A Python process that says in one line of JSON where its server is."""

    def __init__(self, code: str, *arguments: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        line = self.popen.stdout.readline()
        assert line, self.popen.communicate()[1]
        self.place = json.loads(line)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait(10)

    def tell(self) -> str:
        """Lets it go on; returns the line it says next."""
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()
        return self.popen.stdout.readline().strip()


@contextmanager
def running(code: str, *arguments: object):
    process = Process(code, *map(str, arguments))
    try:
        yield process
    finally:
        process.kill()
        process.popen.communicate()
