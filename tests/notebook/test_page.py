"""The cells on the page about notebooks, which Python alone does not understand."""

from __future__ import annotations

import re

from tests.notebook.kernel import ROOT, kernel

CELL = re.compile(r"<!-- skip: next -->\n```python\n(.+?)```", re.DOTALL)


def test_the_cells_of_the_page_run_in_a_kernel(tmp_path):
    cells = CELL.findall((ROOT / "docs/howto/jupyter.md").read_text())
    assert sum(cell.startswith("%") for cell in cells) > 1
    with kernel(tmp_path) as running:
        for cell in cells:
            running.runs(cell)
