"""Settings for data of one's own, by its kind and size: the configuration ``auto``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ase
import numpy as np

from rm_lammps.systems import System, system_of

AUTO = "auto"
"""Word that stands for these settings where a preset or a file is named."""

_FEW = 200
"""Structures up to which a data set counts as small."""
_SMALL_CELL = 12
"""Atoms, on average, up to which cells are repeated, so that one datum shows many environments."""


def suited_settings(
    frames: Sequence[ase.Atoms], name: str, system: System | None = None
) -> dict[str, Any]:
    """Fields of a training configuration for structures.

    A small set gets a small model, every structure many times an epoch and smaller batches; few
    atoms a cell get supercells. The noise reaches random structures and is weighted towards small
    one, as for the presets.

    Args:
        frames: of one system.
        name: of the model.
        system: what they are; by their periodicity unless given.
    """
    system = system_of(frames[0]) if system is None else system
    atoms = float(np.mean([len(one) for one in frames]))
    few = len(frames) <= _FEW
    species = {number for one in frames for number in np.unique(one.numbers)}
    simple = few and len(species) <= 4
    features = {"num_scalar_features": 32, "num_tensor_features": 8, "mlp_width": 32}
    data: dict[str, Any] = {
        "validation": 0.1 if len(frames) >= 10 else 0.0,
        "samples_per_epoch": int(np.clip(len(frames), 1024, 20_000)),
        "validation_samples": int(np.clip(len(frames), 64, 256)),
    }
    if system.has_space_group and few and atoms <= _SMALL_CELL:
        low = min(len(one) for one in frames)
        data["supercell_atoms"] = [low, max(16, 2 * low)]
    noise: dict[str, Any] = {"displacement": 0.7, "displacement_power": 1.5, "noiseless": 0.05}
    if system.strained.any():
        noise |= {"shear": 0.1, "dilation": [-0.2, 0.35]}
    return {
        "name": name,
        "description": f"Trained on {len(frames)} structure(s), with settings by their number.",
        "data": data,
        "noise": noise,
        "model": {"r_max": 4.5 if few else 5.0} | (features if simple else {}),
        "optimisation": {
            "epochs": 20 if few else 30,
            "batch_size": 16 if few else 64,
            "learning_rate": 0.01,
            "ema_decay": 0.99 if few else 0.999,
            "loss": {"energy": 0.0, "half_weight": 0.3, "stress": 30.0},
        },
        "threads": 1,
    }


def settings_for(data: Path, name: str, system: System | None = None) -> dict[str, Any]:
    """Read structures and choose settings for them.

    Args:
        data: see :func:`~rm_lammps.datasets.read_structures`.
        name: of the model.
        system: what they are; by their periodicity unless given.

    Raises:
        UserError: unusable data.
    """
    from rm_lammps.datasets import read_structures

    return suited_settings(read_structures(data, system), name, system)
