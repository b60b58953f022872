"""A kernel of Jupyter in a process of its own, and a client that gives it cells."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]
SECONDS = 30
"""How long anything may take before it counts as hanging; as a rule it takes a fraction of one."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Ran:
    """What has become of a cell.

    Attributes:
        shown: what it displayed and gave as its result, by MIME type.
        printed: what it printed, to both streams.
        traceback: the lines that were shown of what it raised.
        raised: the name of what it raised, and the text.
    """

    shown: list[dict[str, Any]] = field(default_factory=list)
    printed: str = ""
    traceback: list[str] = field(default_factory=list)
    raised: tuple[str, str] | None = None

    @property
    def text(self) -> str:
        """Its last result as text."""
        return self.shown[-1]["text/plain"]

    @property
    def html(self) -> str:
        """Its last result as HTML."""
        return self.shown[-1]["text/html"]


class Kernel:
    """A kernel that runs.

    Args:
        manager: what has started it.
    """

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self._connect()

    def _connect(self) -> None:
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    def give(self, cell: str) -> str:
        """Give it a cell, and do not wait; what the request is called."""
        # Else a kernel may pass over the cell after one that has raised, and say nothing of it.
        return self.client.execute(cell, allow_stdin=False, stop_on_error=False)

    def wait(self, request: str) -> Ran:
        """Wait until a cell has run."""
        ran = Ran()
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") != request:
                continue
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    ran.printed += content["text"]
                case "display_data" | "execute_result":
                    ran.shown.append(content["data"])
                case "error":
                    ran.raised = content["ename"], content["evalue"]
                    ran.traceback = [_COLOURS.sub("", line) for line in content["traceback"]]
                case "status" if content["execution_state"] == "idle":
                    return ran

    def tries(self, cell: str) -> Ran:
        """Run a cell, whatever becomes of it."""
        return self.wait(self.give(cell))

    def runs(self, cell: str) -> Ran:
        """Run a cell, which raises nothing."""
        ran = self.tries(cell)
        assert ran.raised is None, ran
        return ran

    def wait_for_text(self, text: str) -> None:
        """Wait until something is printed."""
        printed = ""
        while text not in printed:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            printed += message["content"].get("text", "")

    def completes(self, cell: str) -> list[str]:
        """What may come next at the end of a cell."""
        reply = self.client.complete(cell, len(cell), reply=True, timeout=SECONDS)
        return reply["content"]["matches"]

    def interrupt(self) -> float:
        """Do what *Interrupt kernel* does; when that was."""
        self.manager.interrupt_kernel()
        return time.monotonic()

    def restart(self) -> None:
        """Do what *Restart kernel* does."""
        self.client.stop_channels()
        self.manager.restart_kernel()
        self._connect()


@contextmanager
def kernel(folder: Path, **environment: str) -> Iterator[Kernel]:
    """A kernel for the length of a block.

    Args:
        folder: where it runs, and keeps its settings.
        environment: variables that it has, and this process has not.
    """
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(
        cwd=str(folder),
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            **environment,
        },
    )
    running = Kernel(manager)
    try:
        yield running
    finally:
        running.client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
