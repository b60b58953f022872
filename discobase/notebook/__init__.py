"""At home in notebooks: ``%load_ext discobase``, for IPython and kernels of Jupyter.

It brings the command ``%discobase``, statements in SQL as cells of their own, and completion. All
of it is put into the shell that asks for it: nothing here imports IPython.
"""

from __future__ import annotations

from typing import Any

from discobase.notebook.command import Command
from discobase.notebook.completion import Completion, is_ours

_NAME = "discobase"


def load(shell: Any) -> None:
    """Give a shell of IPython the command and the completion, once."""
    unload(shell)
    command = Command(shell)
    shell.register_magic_function(command.run, "line_cell", _NAME)
    shell.Completer.custom_matchers.append(Completion(shell, command.chosen).matcher())


def unload(shell: Any) -> None:
    """Take both from it, if it has them. Databases stay connected."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop(_NAME, None)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if not is_ours(matcher)]
