"""The table of a training's epochs, and its plot; imports no torch."""

import csv
from pathlib import Path
from typing import Any

_COLUMNS = ("epoch", "seconds", "learning_rate", "structures_per_second", "train_loss", "val_loss")
_FIELDS = ("energy", "forces", "stress")
METRICS = (
    *(f"{name}_{kind}" for name in _FIELDS for kind in ("rmse", "label_rms")),
    *("moved_mean", "lowest_curvature", "minima"),
)
"""Columns of what validation measures."""


def read_table(path: Path) -> list[dict[str, Any]]:
    """Rows of a training table; none if there is no file yet."""
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the whole table; a run that is killed leaves the one before."""
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*_COLUMNS, *METRICS], restval="")
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)


def plot_training(table: Path, picture: Path) -> None:
    """Draw validation errors against epochs."""
    from matplotlib.figure import Figure

    rows = read_table(table)
    epochs = [int(row["epoch"]) for row in rows]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for metric, unit in (("forces_rmse", "pseudo-eV/Å"), ("stress_rmse", "pseudo-eV/Å³")):
        values = [float(row[metric]) if row[metric] else float("nan") for row in rows]
        axes.plot(epochs, values, label=f"{metric.replace('_rmse', '')} RMSE ({unit})")
    axes.set(xlabel="epoch", ylabel="error on fresh validation noise", yscale="log")
    axes.legend()
    figure.savefig(picture, dpi=150)
