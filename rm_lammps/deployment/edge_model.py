"""An Allegro model rewritten for inference: edge vectors in, atomic energies and gradients out.

Same numbers as the eager model, from fewer operations:

- Edges come as a dense table, one row of edges for each central atom, so that sums over an atom's
  edges are matrix products instead of scatters. Rows are filled up with edges beyond the cutoff,
  which contribute exactly nothing.
- Linear layers that follow each other are multiplied into one: see
  :mod:`~rm_lammps.model.edge_form`.
- The tensor product contracts its coefficients with the environment of the *atom* first, not once
  more for every edge.
- The gradient is taken with respect to the edge vectors: forces and the virials of every atom
  follow from it without another scatter in the model.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rm_lammps.model.edge_form import EdgeForm, UnsupportedModelError, Weights

__all__ = ["EdgeModel", "UnsupportedModelError"]


class _DenseRows:
    """Edges [atoms, edges]: a row of the table has all of its atom's edges."""

    def __init__(self, form: EdgeForm, member: Tensor, harmonics: Tensor, norm: Tensor) -> None:
        self._form, self._member, self._harmonics = form, member, harmonics
        self._norm = norm if norm.numel() == 1 else norm.view(-1, 1, 1)
        self._shape = harmonics.shape

    def environment(self, weights: Tensor) -> Tensor:
        """Sum of weighted harmonics over an atom's edges: [atoms, components, channels]."""
        atoms, edges, components = self._shape
        every = torch.bmm(self._harmonics.transpose(1, 2), weights.view(atoms, edges, -1))
        every = every.view(atoms, components, self._form.degrees, self._form.channels)
        return (every * self._member.unsqueeze(-1)).sum(2) * self._norm

    def invariants(self, weights: Tensor, environment: Tensor, coupling: Tensor) -> Tensor:
        """Scalars of the product of weighted harmonics, which needs no tensors."""
        atoms, edges, components = self._shape
        spread = (environment * coupling).unsqueeze(2) * self._member.unsqueeze(-1)
        projected = torch.bmm(self._harmonics, spread.view(atoms, components, -1))
        projected = projected * weights.view(atoms, edges, -1)
        return projected.view(atoms * edges, self._form.degrees, self._form.channels).sum(1)

    def tensors(self, weights: Tensor) -> Tensor:
        """Weighted harmonics [atoms, edges, channels, components]."""
        atoms, edges, _ = self._shape
        spread = weights.view(atoms, edges, self._form.degrees, self._form.channels)
        spread = torch.einsum("akdu,id->akui", spread, self._member)
        return spread * self._harmonics.unsqueeze(2)

    def product(
        self, tensors: Tensor, environment: Tensor, coefficients: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Contract the coefficients with the environment first, once an atom."""
        mixed = torch.einsum("aju,uijo->auio", environment, coefficients)
        tensors = torch.einsum("akui,auio->akuo", tensors, mixed)
        return tensors, tensors[..., 0].reshape(-1, self._form.channels)


class EdgeModel(nn.Module):
    """Energies of atoms and their gradients from edge vectors.

    Args:
        model: eager ``nequip`` ``GraphModel`` of an Allegro model.

    Raises:
        UnsupportedModelError: the model has parts not known here, e.g. a pair potential.

    """

    member: Tensor
    scale: Tensor
    norm: Tensor
    sum_norm: Tensor
    frequencies: Tensor
    energy_scales: Tensor
    energy_shifts: Tensor
    source_0: Tensor
    source_1: Tensor
    invariants_0: Tensor
    coupling: Tensor
    readout_0: Tensor

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.dtype = {"float32": torch.float32, "float64": torch.float64}[
            model.metadata["model_dtype"]
        ]
        self.form = form = EdgeForm(model)
        self.harmonics = form.harmonics
        weights = form.weights(torch.float64)
        self.pair_layers = _pair_layers(weights)
        if form.num_types == 1:
            weights["two_body"] = (self.pair_layers[0] + self.pair_layers[1])[0]
        else:
            weights["by_centre"] = self.pair_layers[0]
        weights["member"] = form.member
        self._names = list(weights)
        for name, value in weights.items():
            # energies are scaled and shifted in float64, as nequip does
            dtype = torch.float64 if name.startswith("energy_") else self.dtype
            self.register_buffer(name, value.detach().to(dtype).contiguous().clone())

    def _hidden(self, weights: Weights, r: Tensor, centre: Tensor, neighbour: Tensor) -> Tensor:
        """Hidden features [atoms * edges, width] of the pairs alone."""
        form, scale = self.form, self.scale
        if scale.numel() == 1:
            x = r * scale
        else:
            x = r * scale[centre.unsqueeze(1) * form.num_types + neighbour]
        basis = form.basis(weights, x)
        flat = basis.view(r.numel(), -1)
        if form.num_types == 1:
            first = flat @ weights["two_body"]
        else:
            own = torch.bmm(basis, weights["by_centre"][centre]).view(r.numel(), -1)
            embed = weights["neighbour_embed"][neighbour.reshape(-1)]
            first = own + ((flat @ weights["neighbour_basis"]) * embed) @ weights["neighbour_first"]
        return form.embedded(weights, first)

    def _energies(self, vectors: Tensor, centre: Tensor, neighbour: Tensor) -> Tensor:
        weights = {name: getattr(self, name) for name in self._names}
        r = (vectors * vectors).sum(-1).sqrt()
        norm = _per_type(self.norm, centre)
        rows = _DenseRows(self.form, self.member, self.harmonics(vectors), norm)
        hidden = self._hidden(weights, r, centre, neighbour)
        energy = self.form.edge_energies(weights, hidden, rows)
        summed = energy.view(r.shape).sum(1) * _per_type(self.sum_norm, centre)
        return self._scale_shift(summed.double(), centre)

    def _scale_shift(self, energies: Tensor, centre: Tensor) -> Tensor:
        if self.energy_scales.numel():
            energies = energies * _per_type(self.energy_scales, centre)
        if self.energy_shifts.numel():
            energies = energies + _per_type(self.energy_shifts, centre)
        return energies

    def forward(self, vectors: Tensor, centre: Tensor, neighbour: Tensor) -> Sequence[Tensor]:
        """Evaluate energies and their gradients.

        Args:
            vectors: (atoms, edges, 3) in Å from the central atom to its neighbours; those that
                only fill up a row are longer than the cutoff.
            centre: (atoms,) types of the central atoms.
            neighbour: (atoms, edges) types of the neighbours.

        Returns:
            Energies (atoms,) in eV as float64, and their gradients (atoms, edges, 3) in eV/Å.

        """
        vectors = vectors.requires_grad_(True)
        energies = self._energies(vectors, centre, neighbour)
        (gradients,) = torch.autograd.grad([energies.sum()], [vectors])
        return energies.detach(), gradients


def _per_type(table: Tensor, types: Tensor) -> Tensor:
    """Entry of each atom's type; the only entry where all types share one."""
    return table if table.numel() == 1 else table[types]


def _pair_layers(weights: Weights) -> tuple[Tensor, Tensor]:
    """First layer of the pairs by the type of centre and of neighbour: [type, basis, width]."""
    centre, neighbour = (
        torch.einsum(
            "bh,th,ho->tbo",
            weights[f"{side}_basis"].detach(),
            weights[f"{side}_embed"].detach(),
            weights[f"{side}_first"].detach(),
        )
        for side in ("centre", "neighbour")
    )
    return centre, neighbour
