"""What a writer is called in the log, so that people can tell which program wrote what."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from discobase._version import __version__
from discobase.errors import UsageError
from discobase.shown import shortened

LONGEST = 80
"""Characters of a label. It stands in a writer's first commit, of which a message's text holds
1,900: a guess at what tells hosts and programs apart."""

_LONGEST_PART = 30
"""Characters of the host's name, and of the program's, of which nothing is told after that: so the
version fits behind them. Names of containers have 12."""


def default_label() -> str:
    """Return host, program and version, as in "web-1 gunicorn discobase/2.0.0".

    Of the command line only the program's own name: what follows may be a secret.
    """
    return f"{_part(_host())} {_part(_program())} discobase/{__version__}"


def checked_label(label: object) -> str:
    """Return a label that was given, if it can be one.

    Raises:
        UsageError: it cannot.
    """
    if isinstance(label, str) and len(label) <= LONGEST and label.isprintable():
        return label
    raise UsageError(
        f"label={shortened(label)}: give a text of at most {LONGEST} characters, on one line, or "
        f'"" for none.'
    )


def _host() -> str:
    try:
        return socket.gethostname()
    except OSError:
        return ""


def _program() -> str:
    """Return the name of the program: that of the package where it was run with ``python -m``."""
    path = Path(sys.argv[0] if sys.argv else "")
    name = path.parent.name if path.name == "__main__.py" else path.name
    return name if name not in {"", "-c", "-m"} else "python"


def _part(name: str) -> str:
    shown = "".join(char if char.isprintable() and char != " " else "_" for char in name)
    return shown[:_LONGEST_PART] or "unknown"
