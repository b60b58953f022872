"""The notebook of the examples, run by its one command in a real kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from tests.examples.conftest import EXAMPLES

NOTEBOOK = EXAMPLES / "analysis/analysis.ipynb"


def outputs(notebook):
    """What each cell of code shows, but for those that are marked for showing another thing each
    time.
    """
    return {
        cell.source: [
            (each.output_type, each.get("text"), *sorted(each.get("data", {}).items()))
            for each in cell.outputs
        ]
        for cell in notebook.cells
        if cell.cell_type == "code" and "varies" not in cell.metadata.get("tags", ())
    }


def test_it_runs_from_top_to_bottom_and_shows_what_is_kept_in_it(tmp_path):
    given = shutil.copy(NOTEBOOK, tmp_path)
    bins = Path(sys.executable).parent
    ran = subprocess.run(
        [sys.executable, "-m", "jupyter", "execute", "--output=ran.ipynb", str(given)],
        cwd=tmp_path,
        env=os.environ
        | {
            "PYTHONPATH": str(EXAMPLES.parents[1]),
            "PATH": f"{bins}{os.pathsep}{os.environ['PATH']}",
            "IPYTHONDIR": str(tmp_path / "ipython"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    kept, shown = (nbformat.read(path, 4) for path in (NOTEBOOK, tmp_path / "ran.ipynb"))
    nbformat.validate(kept)
    assert outputs(shown) == outputs(kept)
    assert len(outputs(kept)) > 10


def test_no_cell_of_it_has_gone_wrong_or_holds_a_token():
    kept = nbformat.read(NOTEBOOK, 4)
    shown = [each.output_type for cell in kept.cells for each in cell.get("outputs", ())]
    assert "error" not in shown
    assert [cell.source for cell in kept.cells if "DISCOBASE_TOKEN=" in cell.source] == []
