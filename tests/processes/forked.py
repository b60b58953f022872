"""Processes that are forked from an interpreter which has imported all that scripts need."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

_BEGINNING = 30.0
"""Seconds for a fork, many times what it takes."""


class Nursery:
    """The interpreter that forks them. It is there until it is closed.

    Args:
        command: what runs ``scripts/nursery.py``; the number of its socket comes behind it.
        environment: its environment.
    """

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._channel, given = socket.socketpair()
        with given:
            self._process = subprocess.Popen(
                [*command, str(given.fileno())],
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[given.fileno()],
                start_new_session=True,
            )

    def start(
        self,
        arguments: list[str],
        environment: dict[str, str],
        folder: Path,
        imports: Sequence[str] = (),
    ) -> Forked:
        """Run a script, the first of the arguments, in a process of its own.

        Args:
            arguments: of the script, and its path before them.
            environment: its whole environment.
            folder: where it runs.
            imports: modules that the nursery is to have imported before.
        """
        request = {
            "arguments": arguments,
            "environment": environment,
            "folder": str(folder),
            "imports": list(imports),
        }
        pipes = [os.pipe() for _ in range(4)]
        (theirs_in, ours_in), *read = pipes
        theirs = [theirs_in, *(write for _, write in read)]
        socket.send_fds(self._channel, [json.dumps(request).encode()], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        out, err, report = (ours for ours, _ in read)
        return Forked(os.fdopen(ours_in, "w"), os.fdopen(out), os.fdopen(err), report)

    def close(self) -> None:
        """End it; what it has forked goes on."""
        self._channel.close()
        self._process.wait()


class Forked:
    """One of them, with as much of the face of :class:`subprocess.Popen` as is used here.

    Args:
        stdin, stdout, stderr: the ends of its pipes.
        report: a descriptor from which its id, and its exit code, can be read.
    """

    def __init__(self, stdin: IO[str], stdout: IO[str], stderr: IO[str], report: int) -> None:
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.returncode: int | None = None
        self._report = report
        self.pid = self._told(_BEGINNING)

    def wait(self, timeout: float | None = None) -> int:
        """Block until it has ended; its exit code, or the number of a signal below 0.

        Raises:
            subprocess.TimeoutExpired: it has not.
        """
        if self.returncode is None:
            self.returncode = self._told(timeout)
            os.close(self._report)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, if it has not ended."""
        self.send_signal(signal.SIGKILL)

    def _told(self, timeout: float | None) -> int:
        """The next number that is reported: a line, written at once."""
        if not select.select([self._report], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a forked process", timeout or 0.0)
        said = b""
        while not said.endswith(b"\n"):
            byte = os.read(self._report, 1)
            assert byte, "it has ended, and nobody can tell how"
            said += byte
        return int(said)
