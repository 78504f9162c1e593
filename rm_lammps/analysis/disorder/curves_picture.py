"""Curves of disordered cells as a picture."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rm_lammps.analysis.disorder.portrait import Portrait
from rm_lammps.analysis.plots import COLOURS, OTHER

_COLUMNS = 3


def axis_of(curve: str) -> str:
    """What a curve's x axis is."""
    kind = curve.split(maxsplit=1)[0]
    return {"g(r)": "r (Å)", "S(q)": "q (1/Å)", "angle": "degrees"}.get(kind, "atoms of a ring")


def plot_portraits(cells: Sequence[Portrait], samples: Sequence[Portrait], picture: Path) -> None:
    """Draw each curve: mean over cells, and the band that samples span.

    Args:
        cells: at least one.
        samples: that are known; may be none.
        picture: PNG to write.
    """
    names = list(cells[0].curves)
    rows = ceil(len(names) / _COLUMNS)
    figure = Figure(figsize=(4 * _COLUMNS, 2.6 * rows), layout="constrained")
    for place, name in enumerate(names):
        axes = figure.add_subplot(rows, _COLUMNS, place + 1)
        known = [one.curves[name] for one in samples if name in one.curves]
        if known:
            values = np.array([curve.y for curve in known])
            axes.fill_between(
                known[0].x, values.min(axis=0), values.max(axis=0), color=OTHER, label="samples"
            )
        own = [one.curves[name] for one in cells if name in one.curves]
        mean = np.mean([curve.y for curve in own], axis=0)
        axes.plot(own[0].x, mean, color=COLOURS[0], linewidth=1, label="generated")
        axes.set(title=name, xlabel=axis_of(name))
    figure.axes[0].legend()
    figure.savefig(picture, dpi=110)
