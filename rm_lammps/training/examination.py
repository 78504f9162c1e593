"""How good a trained potential is: errors by noise and size, and whether it keeps what is known."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.model.edge_form import UnsupportedModelError
from rm_lammps.response.structures import Ints
from rm_lammps.training.equilibrium import Surface, examine, summary
from rm_lammps.training.measured_errors import Errors
from rm_lammps.training.samples import Drawn, SampleSource, Shape, pack, to_batch
from rm_lammps.training.step import ResponseStep
from rm_lammps.training.training_config import TrainingConfig

LEVELS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
SIZES = (4, 8, 12, 20)
"""Largest numbers of atoms of the groups that errors are reported for."""
_SAMPLES, _AT_ONCE = 64, 16
_MOST_ATOMS = 12_000
_EXAMINED = 24
_SEED = 77


def examine_model(
    package: Path, config: TrainingConfig, statistics: DatasetStatistics, structures: Path
) -> dict[str, Any]:
    """Evaluate a packaged model on validation structures.

    Args:
        package: ``model.nequip.zip``.
        config: of the training run.
        statistics: of the training structures.
        structures: extxyz file of validation structures.

    Returns:
        ``levels``: one row a level of noise, with displacement (Å) and RMSE of forces
        (pseudo-eV/Å) and stress (pseudo-eV/Å³), each beside the RMS of the labels, which is the
        error of predicting zero; ``sizes``: the same by number of atoms, under noise as in
        training; ``equilibrium``: see :func:`~rm_lammps.training.equilibrium.summary`;
        ``warnings``. All empty for a model that the fast form does not know.
    """
    from nequip.model.saved_models.load_utils import load_saved_model
    from nequip.utils.global_state import set_global_state

    set_global_state()
    model = load_saved_model(str(package)).eval()
    loss = config.optimisation.loss
    try:
        step = ResponseStep(model, loss, statistics.system)
    except UnsupportedModelError as what:
        why = f"Errors by noise level are not known for a model with {what}."
        return {"levels": [], "sizes": [], "equilibrium": {}, "warnings": [why]}
    source = SampleSource(structures, config, statistics)
    typical = min(config.data.crop_atoms, max(len(atoms) for atoms in source.frames))
    samples = max(2, min(_SAMPLES, _MOST_ATOMS // typical))
    chosen = np.arange(samples) % len(source.frames)
    levels = [
        {"level": level, "displacement": level * config.noise.displacement}
        | _errors(step, source.draw(chosen, np.random.default_rng(_SEED), level=level))
        for level in LEVELS
    ]
    drawn = source.draw(np.tile(chosen, 4), np.random.default_rng(_SEED))
    known = [atoms for atoms in source.frames if len(atoms) <= SIZES[-1]][:_EXAMINED]
    found = examine(Surface(step, source.types), known, statistics.system)
    equilibrium = summary(found) if known else {}
    return {
        "levels": levels,
        "sizes": list(_by_size(step, drawn)),
        "equilibrium": equilibrium,
        "warnings": list(_warnings(levels, equilibrium, config)),
    }


def _errors(step: ResponseStep, drawn: Drawn, chosen: Ints | None = None) -> dict[str, float]:
    errors = Errors(step.coefficients, step.system)
    chosen = np.arange(len(drawn.weights)) if chosen is None else chosen
    largest = int(drawn.noisy.structures.counts.max())
    at_once = max(1, min(_AT_ONCE, _MOST_ATOMS // (4 * largest)))
    for begin in range(0, len(chosen), at_once):
        part = chosen[begin : begin + at_once]
        counts, edges = drawn.noisy.structures.counts[part], drawn.edge_counts[part]
        shape = Shape(len(part) + 1, int(counts.sum()) + 1, int(edges.sum()))
        batch = to_batch(pack(drawn, part, shape, cutoff=step.cutoff), step.dtype)
        errors.add(batch, [p.detach() for p in step.predict(*batch.tensors())])
    found = errors.compute()
    fields = [name for name in step.coefficients if name != "energy"]
    return {f"{f}_{kind}": found[f"{f}_{kind}"] for f in fields for kind in ("rmse", "label_rms")}


def _by_size(step: ResponseStep, drawn: Drawn) -> Iterator[dict[str, float]]:
    counts = drawn.noisy.structures.counts
    bounds = [0, *SIZES, int(counts.max())]
    for low, high in pairwise(bounds):
        (part,) = np.nonzero((counts > low) & (counts <= high))
        if len(part):
            yield {"up_to_atoms": high, "samples": len(part)} | _errors(step, drawn, part)


def _warnings(
    levels: list[dict[str, float]], equilibrium: dict[str, float], config: TrainingConfig
) -> Iterator[str]:
    lowest = config.noise.displacement_min
    for row in levels:
        asked = row["displacement"] >= lowest and row["level"] > 0
        if asked and row["forces_rmse"] >= row["forces_label_rms"]:
            yield (
                f"At noise of {row['displacement']:.2g} Å forces are no better than none: off by "
                f"{row['forces_rmse']:.3g}, labels {row['forces_label_rms']:.3g} pseudo-eV/Å."
            )
    if equilibrium and lowest == 0 and equilibrium["minima"] < 1:
        share = 1 - equilibrium["minima"]
        yield (
            f"{share:.0%} of {equilibrium['structures']:.0f} known structures are no minimum of E~."
        )
