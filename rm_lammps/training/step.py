"""The response-matching step: loss and its gradient in every parameter, as one compiled graph.

The model is nequip's ``AllegroModel``; its parameters stay where they are. The step evaluates the
same function in its fast form (:mod:`rm_lammps.model.edge_form`) on a flat list of edges: sums
over an atom's edges are ``index_add``, forces and stresses come from one gradient with respect to
the edge vectors, and the graph that is compiled contains that gradient and the one with respect to
the parameters. Batches have fixed shapes: what fills them up counts nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from rm_lammps.model.edge_form import EdgeForm, Weights
from rm_lammps.systems import System
from rm_lammps.training.training_config import LossConfig


@dataclass(frozen=True)
class Batch:
    """Noisy structures side by side, filled up to fixed numbers of atoms, edges and structures.

    What fills up belongs to the last atom and the last structure, has weight zero, and edges longer
    than the cutoff.
    """

    vectors: Tensor
    """Edges, from centre to neighbour, shape (edges, 3), Å."""
    centre: Tensor
    """Central atom of each edge, shape (edges,)."""
    neighbour: Tensor
    """shape (edges,)."""
    types: Tensor
    """Type of each atom, shape (atoms,)."""
    owner: Tensor
    """Structure of each atom, shape (atoms,)."""
    volumes: Tensor
    """shape (structures,), Å³; 1 for systems without a cell."""
    energies: Tensor
    """Labels, shape (structures,), pseudo-eV per atom."""
    forces: Tensor
    """Labels, shape (atoms, 3), pseudo-eV/Å."""
    stresses: Tensor
    """Labels, shape (structures, 3, 3), pseudo-eV/Å³; zero in components that do not relax."""
    atom_counts: Tensor
    """Atoms of each structure, shape (structures,); 1 where it fills up."""
    weights: Tensor
    """Weight of each structure's squared errors; 0 where it fills up; shape (structures,)."""
    atom_weights: Tensor
    """Weight of each atom's squared errors of force, likewise; 0 too where a crop leaves out
    neighbours; shape (atoms,)."""
    n_structures: int
    """Structures that don't fill up."""
    n_atoms: int
    """Atoms whose forces count."""

    def tensors(self) -> list[Tensor]:
        """The tensors in their order."""
        return [getattr(self, field.name) for field in fields(self)[:-2]]

    @classmethod
    def of(cls, tensors: Sequence[Tensor], n_structures: int = 0, n_atoms: int = 0) -> "Batch":
        """Make a batch of its tensors in their order."""
        names = [field.name for field in fields(cls)[:-2]]
        named = dict(zip(names, tensors, strict=True))
        return cls(**named, n_structures=n_structures, n_atoms=n_atoms)

    def to(self, device: torch.device) -> "Batch":
        """Copy to a device."""
        moved = [tensor.to(device, non_blocking=True) for tensor in self.tensors()]
        return Batch.of(moved, self.n_structures, self.n_atoms)


class _FlatEdges:
    """Edges in one list, in any order."""

    def __init__(
        self, form: EdgeForm, vectors: Tensor, centre: Tensor, norm: Tensor, degree: Tensor
    ) -> None:
        self._form, self._centre = form, centre
        self._harmonics = form.harmonics(vectors).unsqueeze(-1)
        self._degree = degree
        self._norm = norm if norm.numel() == 1 else norm.view(-1, 1, 1)
        self._n_atoms = len(norm)

    def _spread(self, weights: Tensor) -> Tensor:
        """Weights of every component: [edge, component, channel]."""
        by_degree = weights.reshape(len(weights), self._form.degrees, self._form.channels)
        return by_degree[:, self._degree]

    def tensors(self, weights: Tensor) -> Tensor:
        """Weighted harmonics [edge, component, channel]."""
        return self._harmonics * self._spread(weights)

    def environment(self, weights: Tensor) -> Tensor:
        """Weighted harmonics summed over the edges of each atom: [atom, component, channel]."""
        around = self.tensors(weights)
        zeros = around.new_zeros(self._n_atoms, *around.shape[1:])
        return zeros.index_add(0, self._centre, around) * self._norm

    def invariants(self, weights: Tensor, environment: Tensor, coupling: Tensor) -> Tensor:
        """Scalars of the first product where it is the last, which couples equal components."""
        return (self.tensors(weights) * (environment * coupling)[self._centre]).sum(1)

    def product(
        self, tensors: Tensor, environment: Tensor, coefficients: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Contract the coefficients with the environment first, once an atom."""
        mixed = torch.einsum("aju,uijo->aiou", environment, coefficients)[self._centre]
        tensors = (tensors.unsqueeze(2) * mixed).sum(1)
        return tensors, tensors[:, 0]


class ResponseStep(nn.Module):
    """Energies, forces and stresses of a batch, and the loss.

    Args:
        model: eager ``nequip`` ``GraphModel`` of an Allegro model; its parameters are used.
        loss: weights of the squared errors, divided by their sum as nequip does.
        system: what the structures are; it says which components of the stress count.

    Raises:
        UnsupportedModelError: the model has parts that the fast form does not know.
    """

    degree: Tensor
    strained: Tensor

    def __init__(self, model: Any, loss: LossConfig, system: System) -> None:
        super().__init__()
        self.model = model
        self._form = EdgeForm(model)
        self.dtype = {"float32": torch.float32, "float64": torch.float64}[
            model.metadata["model_dtype"]
        ]
        self.cutoff = float(model.metadata["r_max"])
        self.register_buffer("degree", self._form.member.argmax(dim=1), persistent=False)
        self.system = system
        strained = torch.from_numpy(system.strained)
        self.register_buffer("strained", strained, persistent=False)
        self._stresses = int(strained.sum())
        coefficients = {"energy": loss.energy, "forces": loss.forces}
        coefficients |= {"stress": loss.stress} if self._stresses else {}
        total = sum(coefficients.values())
        self.coefficients = {name: value / total for name, value in coefficients.items()}

    def _apply(self, *arguments: Any, **options: Any) -> "ResponseStep":
        super()._apply(*arguments, **options)
        self._form.to(self.device)
        return self

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.degree.device

    def _first_layer(self, weights: Weights, basis: Tensor, batch: Batch) -> Tensor:
        if self._form.num_types == 1:
            layer: Tensor = sum(
                (weights[f"{side}_basis"] * weights[f"{side}_embed"][0]) @ weights[f"{side}_first"]
                for side in ("centre", "neighbour")
            )  # type: ignore[assignment]
            return basis @ layer
        sides = (("centre", batch.centre), ("neighbour", batch.neighbour))
        types = [weights[f"{side}_embed"][batch.types][atoms] for side, atoms in sides]
        pairs = basis @ torch.cat([weights[f"{side}_basis"] for side, _ in sides], dim=1)
        first = torch.cat([weights[f"{side}_first"] for side, _ in sides])
        return (pairs * torch.cat(types, dim=1)) @ first

    def _atomic_energies(self, vectors: Tensor, batch: Batch) -> Tensor:
        form = self._form
        weights = form.weights(self.dtype)
        scale, norm, sum_norm = (weights[name] for name in ("scale", "norm", "sum_norm"))
        types = batch.types
        if scale.numel() > 1:
            scale = scale[types[batch.centre] * form.num_types + types[batch.neighbour]]
        x = vectors.square().sum(dim=1).sqrt() * scale
        first = self._first_layer(weights, form.basis(weights, x), batch)
        norm = norm[types] if norm.numel() > 1 else norm.expand(len(types))
        edges = _FlatEdges(form, vectors, batch.centre, norm, self.degree)
        energy = form.edge_energies(weights, form.embedded(weights, first), edges)
        zeros = energy.new_zeros(len(types))
        summed = zeros.index_add(0, batch.centre, energy.squeeze(1))
        summed = summed * (sum_norm[types] if sum_norm.numel() > 1 else sum_norm)
        for name, apply in (("scales", torch.mul), ("shifts", torch.add)):
            table = weights[f"energy_{name}"].to(self.dtype)
            if table.numel():
                summed = apply(summed, table[types] if table.numel() > 1 else table)
        return summed

    def predict(self, *tensors: Tensor, graph: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Predict energies (structures,), forces (atoms, 3) and stresses (structures, 3, 3).

        Args:
            tensors: of a :class:`Batch`.
            graph: keep what is needed to differentiate them.
        """
        batch = Batch.of(tensors)
        vectors = batch.vectors.detach().requires_grad_(True)
        with torch.enable_grad():
            atomic = self._atomic_energies(vectors, batch)
            (pulls,) = torch.autograd.grad(atomic.sum(), vectors, create_graph=graph)
        n_atoms, n_structures = len(batch.types), len(batch.volumes)
        energies = atomic.new_zeros(n_structures).index_add(0, batch.owner, atomic)
        forces = pulls.new_zeros(n_atoms, 3).index_add(0, batch.centre, pulls)
        forces = forces.index_add(0, batch.neighbour, -pulls)
        if not self._stresses:
            return energies, forces, torch.zeros_like(batch.stresses)
        virials = torch.einsum("ea,eb->eab", vectors, pulls)
        zeros = pulls.new_zeros(n_structures, 3, 3)
        virials = zeros.index_add(0, batch.owner[batch.centre], virials)
        symmetric = 0.5 * (virials + virials.transpose(1, 2))
        if self._stresses < symmetric[0].numel():
            symmetric = symmetric * self.strained
        return energies, forces, symmetric / batch.volumes.view(-1, 1, 1)

    def forward(self, counts: Tensor, *tensors: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            counts: structures and atoms that the means are over, shape (2,): of all processes, as
                their gradients add up.
            tensors: of a :class:`Batch`.
        """
        batch = Batch.of(tensors)
        energies, forces, stresses = self.predict(*tensors, graph=True)
        residuals = {
            "energy": energies / batch.atom_counts - batch.energies,
            "forces": forces - batch.forces,
            "stress": stresses - batch.stresses,
        }
        weights = {
            "energy": batch.weights / counts[0],
            "forces": batch.atom_weights / (3 * counts[1]),
            "stress": batch.weights / (max(self._stresses, 1) * counts[0]),
        }
        loss = counts.new_zeros(())
        for name, coefficient in self.coefficients.items():
            if coefficient > 0:
                squares = residuals[name].reshape(len(weights[name]), -1).square().sum(dim=1)
                loss = loss + coefficient * (weights[name] * squares).sum()
        return loss


LossAndGradients = Callable[..., Sequence[Tensor]]


def loss_and_gradients(step: ResponseStep) -> LossAndGradients:
    """Make the step a function of parameters, counts and a batch's tensors.

    Returns:
        Function that returns the loss and its gradient in each parameter; parameters that the loss
        does not depend on have gradient zero.
    """
    names = [name for name, _ in step.named_parameters()]

    def function(*inputs: Tensor) -> list[Tensor]:
        parameters, inputs = inputs[: len(names)], inputs[len(names) :]
        parameters = tuple(p.detach().requires_grad_(True) for p in parameters)
        with torch.enable_grad():
            loss = torch.func.functional_call(
                step, dict(zip(names, parameters, strict=True)), inputs
            )
            gradients = torch.autograd.grad(
                loss, parameters, allow_unused=True, materialize_grads=True
            )
        return [loss.detach(), *gradients]

    return function


def compiled(function: Callable[..., Any], inputs: Sequence[Tensor]) -> Callable[..., Any]:
    """Compile a function with its gradients as one graph for the inputs' shapes."""
    return torch.compile(traced(function, inputs), dynamic=False)


def traced(function: Callable[..., Any], inputs: Sequence[Tensor]) -> Callable[..., Any]:
    """Trace a function with its gradients into one graph for the inputs' shapes."""
    from nequip.utils.fx import nequip_decomp_table
    from torch.fx.experimental.proxy_tensor import make_fx

    return make_fx(function, decomposition_table=nequip_decomp_table())(*inputs)


class _GivenGradients(torch.autograd.Function):
    """A loss whose gradients are known already, for what waits for them in autograd."""

    @staticmethod
    def forward(ctx: Any, loss: Tensor, count: int, *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors[count:])
        ctx.count = count
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        gradients = [grad * gradient for gradient in ctx.saved_tensors]
        return None, None, *gradients, *([None] * ctx.count)


def with_gradients(
    loss: Tensor, parameters: Sequence[Tensor], gradients: Sequence[Tensor]
) -> Tensor:
    """Return the loss as a function of the parameters that has these gradients."""
    result: Tensor = _GivenGradients.apply(loss, len(parameters), *parameters, *gradients)
    return result
