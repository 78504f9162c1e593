"""The page about large disordered cells."""

import json
from pathlib import Path
from typing import Any

import ase
import chemiscope
import numpy as np
import plotly.graph_objects as go

from rm_lammps.analysis.disorder.curves_picture import axis_of
from rm_lammps.analysis.disorder.evaluate import evaluate_large
from rm_lammps.analysis.plots import COLOURS, OTHER
from rm_lammps.analysis.report.charts import AXIS, LAYOUT, titled
from rm_lammps.analysis.report.embedding import (
    chemiscope_script,
    filled,
    plotly_script,
)
from rm_lammps.analysis.report.page_contents import (
    files_in,
    model_of,
    read_runs,
    request_of,
    settings_of,
)
from rm_lammps.runs.frames import FrameFile
from rm_lammps.runs.index import read_index
from rm_lammps.runs.layout import EVALUATION, STRUCTURES

_DRAWN = 600
"""Atoms in 3D: a ball around the middle of each cell."""
_CELLS = 12
"""In 3D."""


def render_large(folder: Path) -> str:
    """The page as text.

    Args:
        folder: of a run that made large cells; evaluated first if that is yet to be done.

    Raises:
        UserError: unusable results.
    """
    result, runs = _evaluation(folder), read_runs(folder)
    plots = {f"curve-{k}": _plot(name, result) for k, name in enumerate(_names(result))}
    libraries = {"plotly": plotly_script(), "chemiscope": chemiscope_script()}
    return filled(
        "large.html.j2",
        libraries,
        plots,
        name=folder.resolve().name,
        formula=request_of(runs),
        model=model_of(runs),
        files=files_in(folder),
        settings=settings_of(runs),
        drawn=min(result["cells"][0]["atoms"], _DRAWN),
        result=result,
        comparison=result.get("comparison"),
        curves=list(_names(result)),
        cells=result["cells"][:_CELLS],
        dataset=_dataset(folder),
    )


def _evaluation(folder: Path) -> dict[str, Any]:
    path = folder / EVALUATION
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if "cells" in kept:
            return kept
    return evaluate_large(folder, None)


def _names(result: dict[str, Any]) -> list[str]:
    return list(result["cells"][0]["curves"])


def _plot(name: str, result: dict[str, Any]) -> go.Figure:
    figure = go.Figure()
    known = [one["curves"][name] for one in result.get("samples", []) if name in one["curves"]]
    if known:
        values = np.array([curve["y"] for curve in known])
        low = go.Scatter(x=known[0]["x"], y=values.min(axis=0), line={"width": 0}, showlegend=False)
        high = go.Scatter(
            x=known[0]["x"],
            y=values.max(axis=0),
            line={"width": 0},
            fill="tonexty",
            fillcolor=OTHER,
            name="samples",
        )
        figure.add_traces([low, high])
    own = [one["curves"][name] for one in result["cells"] if name in one["curves"]]
    mean = np.mean([curve["y"] for curve in own], axis=0)
    line = {"color": COLOURS[0], "width": 1.5}
    figure.add_trace(go.Scatter(x=own[0]["x"], y=mean, line=line, name="generated"))
    figure.update_layout(
        **LAYOUT,
        xaxis={**AXIS, **titled(axis_of(name))},
        yaxis={**AXIS},
        margin={"l": 50, "r": 10, "t": 10, "b": 45},
        height=260,
        legend={"orientation": "h", "y": 1.1},
    )
    return figure


def _dataset(folder: Path) -> dict[str, Any]:
    """A ball of atoms from the middle of each cell, in chemiscope's format."""
    with FrameFile(folder / STRUCTURES, read_index(folder).begin) as frames:
        balls = [_ball(frames.atoms(number)) for number in range(min(len(frames), _CELLS))]
    return chemiscope.create_input(
        balls,
        metadata={"name": "balls from the cells"},
        properties={"number": {"target": "structure", "values": list(range(1, len(balls) + 1))}},
        settings=chemiscope.quick_settings(periodic=False),
    )


def _ball(atoms: ase.Atoms) -> ase.Atoms:
    apart = atoms.get_scaled_positions() - 0.5
    positions = (apart - np.round(apart)) @ atoms.cell.array
    nearest = np.argsort(np.linalg.norm(positions, axis=1))[:_DRAWN]
    return ase.Atoms(atoms.numbers[nearest], positions[nearest])
