"""The files that a page tells its reader to make: the text before each ends with its name."""

from __future__ import annotations

import re
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"([^\n]+(?:\n[^\n]+)*)\n\n<!-- skip: next -->\n```python\n(.+?)```", re.DOTALL)


def files_of(page: str) -> dict[str, str]:
    """What a page says is in each file."""
    text = (_FOLDER / page).read_text()
    blocks = _BLOCK.findall(text)
    assert len(blocks) == text.count("```python")
    return {re.findall(r"`([\w/]+\.py)`", before)[-1]: block for before, block in blocks}
