"""The tutorials run as they stand in the documentation."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TUTORIALS = Path(__file__).resolve().parents[1] / "docs" / "tutorials"


@pytest.mark.parametrize("name", sorted(path.name for path in TUTORIALS.glob("*.ipynb")))
def test_every_cell_runs(name, tmp_path):
    notebook = nbformat.read(TUTORIALS / name, as_version=4)
    shown = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert any(shown), "the documentation shows what the cells gave: run the notebook and save it"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "carbon" / "structures.extxyz").exists()
