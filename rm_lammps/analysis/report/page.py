"""Put the page together: everything it needs is in the one file."""

import base64
from pathlib import Path
from typing import Any

import chemiscope
import plotly.graph_objects as go
from markupsafe import Markup

from rm_lammps.analysis.disorder.evaluate import is_large
from rm_lammps.analysis.report import charts, molecule_charts
from rm_lammps.analysis.report.embedding import (
    chemiscope_script,
    filled,
    plotly_script,
)
from rm_lammps.analysis.report.large_cells_page import render_large
from rm_lammps.analysis.report.page_contents import Contents, read_contents
from rm_lammps.analysis.report.phases import phase_diagram
from rm_lammps.analysis.report.picture import picture
from rm_lammps.files import replacing
from rm_lammps.runs.layout import REPORT


def write_report(folder: Path, *, n_best: int = 50) -> Path:
    """Write ``report.html`` into the folder of a finished run.

    Args:
        folder: written by ``rm-generate``; deduplicated first if that is yet to be done.
        n_best: unique structures in the table and in 3D.

    Returns:
        The page.

    Raises:
        UserError: the folder holds no finished run, or can't be written to.
    """
    path = folder / REPORT
    page = render_large(folder) if is_large(folder) else render(read_contents(folder, n_best))
    with replacing(path) as stream:
        stream.write(page)
    return path


def render(contents: Contents) -> str:
    """The page as text."""
    plots = {**_plots_of_structures(contents), **_plots_of_seeds(contents)}
    viewer = bool(contents.best)
    libraries = {"plotly": plotly_script()}
    if viewer:
        libraries["chemiscope"] = chemiscope_script()
    return filled(
        "page.html.j2",
        libraries,
        plots,
        {"download": _download},
        contents=contents,
        summary=contents.summary,
        files=contents.files,
        settings=contents.settings,
        dataset=_dataset(contents) if viewer else None,
        drawings=_drawings(contents),
        choices=_choices(contents),
    )


def _choices(contents: Contents) -> dict[str, list[str]]:
    """What rows of the table can be chosen by, where they differ."""
    columns = {"formula": "formula", "space group": "space_group", "seed": "kind"}
    if contents.molecules is not None:
        del columns["space group"]
    found = {
        name: sorted({getattr(entry, key) for entry in contents.best} - {""})
        for name, key in columns.items()
    }
    return {name: values for name, values in found.items() if len(values) > 1}


def _plots_of_structures(contents: Contents) -> dict[str, go.Figure]:
    if contents.molecules is not None:
        one = len(contents.molecules["compositions"]) == 1
        return {
            **({"energies": molecule_charts.energies(contents.best)} if one else {}),
            **({} if one else {"compositions": molecule_charts.compositions(contents.molecules)}),
            "checks": molecule_charts.checks(contents.molecules),
            "keeping": molecule_charts.keeping(contents.molecules),
        }
    if not contents.best:
        return {}
    drawn = charts.energy_volume if contents.compositions == 1 else charts.above_each_lowest
    plots = {"energy-volume": drawn(contents)}
    if contents.ranked_by:
        plots["parity"] = charts.parity(contents)
        if (diagram := phase_diagram(contents)) is not None:
            plots["phases"] = diagram
    return plots


def _plots_of_seeds(contents: Contents) -> dict[str, go.Figure]:
    if not contents.summary["attempted"]:
        return {}
    return {
        "outcomes": charts.outcomes(contents),
        "seconds": charts.cost(contents, "seconds", "seconds of one rank a seed"),
        "evaluations": charts.cost(contents, "evaluations", "evaluations of E~ and forces a seed"),
    }


def _drawings(contents: Contents) -> dict[int, Markup]:
    """Molecules as chemists draw them, by rank."""
    if contents.molecules is None:
        return {}
    from rm_lammps.analysis.molecules.drawing import svg

    return {e.rank: Markup(svg(e.smiles)) for e in contents.best if e.smiles is not None}


def _dataset(contents: Contents) -> dict[str, Any]:
    """Structures for the viewer, in chemiscope's format."""
    structures = [picture(atoms) for atoms in contents.atoms]
    return chemiscope.create_input(
        structures,
        metadata={"name": "unique structures"},
        # its format wants at least one
        properties={
            "rank": {"target": "structure", "values": [entry.rank for entry in contents.best]}
        },
        settings=chemiscope.quick_settings(periodic=contents.molecules is None),
    )


def _download(text: str, file: str) -> str:
    """Address that holds a file's content itself, so that it is there wherever the page goes."""
    kind = file.rsplit(".", 1)[-1]
    return f"data:chemical/x-{kind};base64," + base64.b64encode(text.encode()).decode()
