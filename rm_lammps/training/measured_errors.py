"""Errors of predictions over many batches."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rm_lammps.systems import System
from rm_lammps.training.step import Batch


class Errors:
    """Root mean squared errors beside the labels' own, and the loss.

    Args:
        coefficients: of the loss's terms.
        system: what the structures are; of the stress, components that relax count.
    """

    def __init__(self, coefficients: Mapping[str, float], system: System) -> None:
        self._coefficients = dict(coefficients)
        self._strained = torch.from_numpy(system.strained)
        self.reset()

    def reset(self) -> None:
        """Forget what was added."""
        self._sums: dict[str, Tensor] = {}

    def add(self, batch: Batch, predictions: Sequence[Tensor]) -> None:
        """Add a batch with its predicted energies, forces and stresses."""
        energies, forces, stresses = predictions
        whole, moved = batch.weights > 0, batch.atom_weights > 0
        strained = self._strained.to(stresses.device)
        residuals = {
            "energy": (energies / batch.atom_counts, batch.energies, batch.weights, whole),
            "forces": (forces, batch.forces, batch.atom_weights, moved),
            "stress": (stresses[:, strained], batch.stresses[:, strained], batch.weights, whole),
        }
        for name in self._coefficients:
            predicted, label, every, part = residuals[name]
            weights = every[part]
            errors = (predicted[part] - label[part]).double().reshape(len(weights), -1)
            squares = errors.square().mean(dim=1)
            labels = label[part].double().square().reshape(len(errors), -1).mean(dim=1)
            for key, values in (
                ("squares", squares),
                ("weighted", squares * weights),
                ("labels", labels),
                ("count", torch.ones_like(squares)),
            ):
                total = values.sum()
                key = f"{name}_{key}"  # noqa: PLW2901
                self._sums[key] = self._sums[key] + total if key in self._sums else total

    def compute(self) -> dict[str, float]:
        """RMSE (pseudo-eV per atom, pseudo-eV/Å, pseudo-eV/Å³), RMS of labels, weighted loss."""
        results = {}
        loss = 0.0
        for name in self._coefficients:
            count = float(self._sums[f"{name}_count"])
            results[f"{name}_rmse"] = (float(self._sums[f"{name}_squares"]) / count) ** 0.5
            results[f"{name}_label_rms"] = (float(self._sums[f"{name}_labels"]) / count) ** 0.5
            loss += self._coefficients[name] * float(self._sums[f"{name}_weighted"]) / count
        return results | {"weighted_sum": loss}
