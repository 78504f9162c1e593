"""Errors of a trained potential, by noise level."""

from pathlib import Path
from typing import Any

import numpy as np

from rm_lammps.datasets import DatasetStatistics
from rm_lammps.training.config import TrainingConfig
from rm_lammps.training.nequip_config import transforms

LEVELS = (0.1, 0.25, 0.5, 0.75, 1.0)
_SAMPLES = 64
_SEED = 77


def errors_by_level(
    package: Path, config: TrainingConfig, statistics: DatasetStatistics, structures: Path
) -> list[dict[str, float]]:
    """Evaluate a packaged model on validation structures under noise of fixed levels.

    Args:
        package: ``model.nequip.zip``.
        config: of the training run.
        statistics: of the training structures.
        structures: extxyz file of validation structures.

    Returns:
        One row a level: displacement (Å) and RMSE of forces (pseudo-eV/Å) and stress
        (pseudo-eV/Å³), each beside the RMS of the labels, which is the error of predicting zero.

    """
    import torch
    from hydra.utils import instantiate
    from nequip.data import AtomicDataDict
    from nequip.model.saved_models.load_utils import load_saved_model
    from nequip.utils.global_state import set_global_state

    from rm_lammps.training.dataset import EquilibriumDataset

    set_global_state()
    model = load_saved_model(str(package)).eval()
    rows = []
    for level in LEVELS:
        dataset = EquilibriumDataset(
            str(structures),
            [instantiate(t) for t in transforms(config, statistics, seed=_SEED, level=level)],
            samples=_SAMPLES,
        )
        residuals: dict[str, list[Any]] = {"forces": [], "stress": []}
        labels: dict[str, list[Any]] = {"forces": [], "stress": []}
        for sample in torch.utils.data.DataLoader(
            dataset, batch_size=16, collate_fn=AtomicDataDict.batched_from_list
        ):
            truth = {field: sample[field].clone() for field in residuals}
            prediction = model(sample)
            for field, value in truth.items():
                residuals[field].append((prediction[field].detach() - value).numpy().ravel())
                labels[field].append(value.numpy().ravel())
        row = {"level": level, "displacement": level * config.noise.displacement}
        for field in ("forces", "stress") if statistics.periodic else ("forces",):
            row[f"{field}_rmse"] = _rms(residuals[field])
            row[f"{field}_label_rms"] = _rms(labels[field])
        rows.append(row)
    return rows


def _rms(parts: list[np.ndarray]) -> float:
    return float(np.sqrt(np.mean(np.concatenate(parts) ** 2)))
