"""What tox.ini cannot say: every interpreter that pyenv has may be used, not just the chosen one.

pyenv puts a ``python3.12`` on the path that will not run unless 3.12 is among the versions chosen.
"""

from __future__ import annotations

import os
from pathlib import Path


def choose_all_of_pyenv() -> None:
    """Make tox find each Python that pyenv has, unless someone has chosen versions already."""
    root = os.environ.get("PYENV_ROOT")
    if root is None or "PYENV_VERSION" in os.environ:
        return
    versions = sorted(path.name for path in Path(root, "versions").glob("3.1*"))
    os.environ["PYENV_VERSION"] = ":".join(versions)


choose_all_of_pyenv()
