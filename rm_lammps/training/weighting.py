"""Squared errors weighted by how much noise a sample carries.

What noise hides can't be learned: at large noise the error that no potential gets rid of is many
times that at small noise, and an unweighted loss is nearly blind to the structure's minimum.
"""

import torch
from nequip.data import AtomicDataDict, BaseModifier, PerAtomModifier

from rm_lammps.response.keys import LOSS_WEIGHT


class Weighted(BaseModifier):
    """A field times the root of its sample's weight, so that squared errors carry the weight.

    Args:
        field: of an ``AtomicDataDict``: of the graph, or of its atoms.
        per_atom: divide by the number of atoms.
    """

    def __init__(self, field: str, *, per_atom: bool = False) -> None:
        super().__init__(field)
        self._values = PerAtomModifier(field) if per_atom else BaseModifier(field)

    def __call__(
        self, data1: AtomicDataDict.Type, data2: AtomicDataDict.Type | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Predictions and labels, both weighted; the labels' data knows the weight."""
        if data2 is None:
            raise ValueError("weighted errors need labels beside the predictions")
        weight = data2[LOSS_WEIGHT].reshape(-1).sqrt()
        if self.type == "node":
            weight = weight[data2[AtomicDataDict.BATCH_KEY]]
        return (
            torch.einsum("n...,n->n...", self._values(data1), weight),
            torch.einsum("n...,n->n...", self._values(data2), weight),
        )
