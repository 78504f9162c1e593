"""The fast form of an Allegro model: few matrices, multiplied out of the model's many.

Linear layers that follow each other are one matrix; a layer that several others read is multiplied
into each of its readers. What is left for an edge is: basis functions of its length, two or three
matrix products, and products of its harmonics with those of its surroundings.

The matrices are differentiable functions of the model's parameters. Inference computes them once
(:mod:`~rm_lammps.deployment.edge_model`), training once a step (:mod:`rm_lammps.training.step`).
"""

import math
from typing import Any, Protocol

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


class UnsupportedModelError(Exception):
    """The model has parts that this form does not know."""


class Edges(Protocol):
    """Edges of some atoms: their harmonics, and sums over the edges of an atom.

    Weights of harmonics are given by degree, ``[edge, degree * channels]``; coefficients are
    ``[channel, own component, environment's component, result's component]``. Scalars come from
    equal components alone, with the coupling ``[component, channel]``.
    """

    def environment(self, weights: Tensor) -> Tensor:
        """Weighted harmonics summed over the edges of each atom, normed."""

    def invariants(self, weights: Tensor, environment: Tensor, coupling: Tensor) -> Tensor:
        """Scalars [edge, channel] of weighted harmonics times the environment of their atom."""

    def tensors(self, weights: Tensor) -> Tensor:
        """Weighted harmonics, as :meth:`product` takes them."""

    def product(
        self, tensors: Tensor, environment: Tensor, coefficients: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Tensors times the environment of their atom, and the scalars [edge, channel] in it."""


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise UnsupportedModelError(what)


_PARTS = {
    *("edge_norm", "radial_chemical_embed", "scalar_embed_mlp", "tensor_embed"),
    *("allegro", "edge_readout", "edge_eng_sum", "per_type_energy_scale_shift"),
    "total_energy_sum",
}


class EdgeForm:
    """Architecture of an Allegro model, and the matrices that its parameters make.

    Args:
        model: eager ``nequip`` ``GraphModel`` of an Allegro model; its parameters are read anew
            at each call of :meth:`weights`.

    Raises:
        UnsupportedModelError: the model has parts not known here, e.g. a pair potential.
    """

    def __init__(self, model: Any) -> None:
        self.parts: dict[str, Any] = dict(model.model.func.named_children())
        _require(set(self.parts) == _PARTS, f"modules {sorted(set(self.parts) ^ _PARTS)}")
        self.num_types = int(model.metadata["num_types"])
        self._check_radial()
        self._check_angular()
        self._check_layers()

    def _check_radial(self) -> None:
        embed = dict(self.parts["radial_chemical_embed"].named_children())
        _require(set(embed) == {"bessel_encode", "type_embed"}, "a radial embedding not of Bessel")
        self._bessel, self._types = embed["bessel_encode"], embed["type_embed"]
        cutoff = self._bessel.cutoff
        _require(type(cutoff).__name__ == "PolynomialCutoff", "a cutoff that is no polynomial")
        self.power = float(cutoff.p)
        first, self.embed_activation = _layers(self.parts["scalar_embed_mlp"].mlp_module)
        _require(len(first) >= 2, "a two-body network without hidden layer")
        self.embed_hidden = len(first) - 2

    def _check_angular(self) -> None:
        embed, allegro = self.parts["tensor_embed"], self.parts["allegro"]
        irreps = embed.sh.irreps_out
        self.harmonics = embed.sh
        self.channels = int(allegro.num_tensor_features)
        self.degrees = len(irreps)
        for weighter in (embed._edge_weighter, allegro._env_weighter):
            _require(bool(weighter.weight_individual_irreps), "weights shared by all degrees")
        # [component][degree]: which components belong to a degree
        self.member = torch.zeros(irreps.dim, self.degrees)
        for degree, part in enumerate(irreps.slices()):
            self.member[part, degree] = 1.0
        # weights stored [channel][degree] in the order [degree][channel]
        count = self.channels * self.degrees
        self._by_degree = torch.arange(count).view(self.channels, self.degrees).T.reshape(-1)

    def _check_layers(self) -> None:
        allegro = self.parts["allegro"]
        self.num_layers, self.scalars = int(allegro.num_layers), int(allegro.num_scalar_features)
        latents = [_layers(latent) for latent in allegro.latents]
        readout, self.readout_activation = _layers(self.parts["edge_readout"].mlp_module)
        for matrices, _ in latents:
            _require(len(matrices) >= 2, "a latent network without hidden layer")
        self.latent_activations = [activation for _, activation in latents]
        self.latent_hidden = [len(matrices) - 2 for matrices, _ in latents]
        self.hidden_widths = [matrices[0].shape[1] for matrices, _ in latents]
        self.readout_width = readout[0].shape[1]
        self.readout_hidden = len(readout) - 1

    def to(self, device: torch.device) -> None:
        """Move what is no parameter of the model."""
        self.member, self._by_degree = self.member.to(device), self._by_degree.to(device)

    def weights(self, dtype: torch.dtype) -> Weights:
        """Matrices of the form, differentiable in the model's parameters.

        Args:
            dtype: that the products are computed in.

        Returns:
            Tensors by name; per-type tables have one row where all types share it.
        """
        weights: Weights = {}
        embed_last = self._read_radial(weights, dtype)
        self._read_layers(weights, embed_last, dtype)
        self._read_sum(weights, dtype)
        return weights

    def basis(self, weights: Weights, x: Tensor) -> Tensor:
        """Bessel functions of edge lengths in units of the cutoff, zero beyond it: [..., basis]."""
        p = self.power
        power = x**p
        cutoff = 1.0 - power * (
            (p + 1.0) * (p + 2.0) / 2.0 - x * (p * (p + 2.0) - x * (p * (p + 1.0) / 2.0))
        )
        cutoff = torch.where(x < 1.0, cutoff, 0.0) / (math.pi * x)
        return torch.sin(x.unsqueeze(-1) * weights["frequencies"]) * cutoff.unsqueeze(-1)

    def embedded(self, weights: Weights, first: Tensor) -> Tensor:
        """Hidden features of pairs from the first layer's outputs, both [edge, width]."""
        hidden: Tensor = self.embed_activation(first)
        for number in range(self.embed_hidden):
            hidden = self.embed_activation(hidden @ weights[f"embed_{number}"])
        return hidden

    def edge_energies(self, weights: Weights, hidden: Tensor, edges: Edges) -> Tensor:
        """Energies of edges before their sum is normed, [edge, 1].

        Args:
            weights: of :meth:`weights`.
            hidden: features of the pairs alone, [edge, width].
            edges: the same edges.
        """
        width = self.channels * self.degrees
        sizes = [width, width, *self.hidden_widths, self.readout_width]
        own, around, *inputs = (hidden @ weights["source_0"]).split(sizes, dim=1)
        tensors: Tensor | None = None
        for layer in range(self.num_layers):
            environment = edges.environment(around)
            last = layer == self.num_layers - 1
            if tensors is None and last:
                invariants = edges.invariants(own, environment, weights["coupling"])
            else:
                tensors = edges.tensors(own) if tensors is None else tensors
                coefficients = weights[f"product_{layer}"]
                tensors, invariants = edges.product(tensors, environment, coefficients)
            activation = self.latent_activations[layer]
            features = activation(inputs[0] + invariants @ weights[f"invariants_{layer}"])
            for number in range(self.latent_hidden[layer]):
                features = activation(features @ weights[f"latent_{layer}_{number}"])
            sizes = [*([] if last else [width]), *self.hidden_widths[layer + 1 :]]
            out = (features @ weights[f"source_{layer + 1}"]).split(
                [*sizes, self.readout_width], dim=1
            )
            if not last:
                around, out = out[0], out[1:]
            inputs = [a + b for a, b in zip(inputs[1:], out, strict=True)]
        energy = inputs[0]
        for number in range(self.readout_hidden):
            energy = self.readout_activation(energy) @ weights[f"readout_{number}"]
        return energy

    def _read_radial(self, weights: Weights, dtype: torch.dtype) -> Tensor:
        weights["scale"] = self.parts["edge_norm"]._rmax_recip.view(-1).to(dtype)
        weights["frequencies"] = math.pi * self._bessel.bessel_weights.view(-1).to(dtype)
        (basis,), _ = _layers(self._types.basis_linear, dtype)
        (first, *rest), _ = _layers(self.parts["scalar_embed_mlp"].mlp_module, dtype)
        # centre and neighbour own half of the channels each, so their parts of the first layer add
        half = basis.shape[1] // 2
        weights["centre_basis"], weights["neighbour_basis"] = basis[:, :half], basis[:, half:]
        weights["centre_embed"] = self._types.center_embed.weight.to(dtype)
        weights["neighbour_embed"] = self._types.neighbor_embed.weight.to(dtype)
        weights["centre_first"], weights["neighbour_first"] = first[:half], first[half:]
        for number, matrix in enumerate(rest[:-1]):
            weights[f"embed_{number}"] = matrix
        return rest[-1]

    def _read_layers(self, weights: Weights, embed_last: Tensor, dtype: torch.dtype) -> None:
        """Multiply every linear layer into those that read its output."""
        allegro = self.parts["allegro"]
        count, scalars, by_degree = self.num_layers, self.scalars, self._by_degree
        (tensor_weights,), _ = _layers(self.parts["tensor_embed"].env_embed_linear, dtype)
        (projection,), _ = _layers(allegro.first_layer_env_embed_projection, dtype)
        latents = [_layers(latent, dtype)[0] for latent in allegro.latents]
        readout, _ = _layers(self.parts["edge_readout"].mlp_module, dtype)

        # what reads the scalars of source s: the later latents' first layers and the readout's
        def readers(source: int) -> list[Tensor]:
            rows = slice(source * scalars, (source + 1) * scalars)
            return [latents[layer][0][rows] for layer in range(source, count)] + [readout[0][rows]]

        first = [tensor_weights[:, by_degree], projection[:, scalars:][:, by_degree]]
        first += [projection[:, :scalars] @ reader for reader in readers(0)]
        weights["source_0"] = embed_last @ torch.cat(first, 1)
        for layer, matrices in enumerate(latents):
            weights[f"invariants_{layer}"] = matrices[0][(layer + 1) * scalars :]
            for number, matrix in enumerate(matrices[1:-1]):
                weights[f"latent_{layer}_{number}"] = matrix
            out = matrices[-1]
            blocks = [out[:, scalars:][:, by_degree]] if layer < count - 1 else []
            blocks += [out[:, :scalars] @ reader for reader in readers(layer + 1)]
            weights[f"source_{layer + 1}"] = torch.cat(blocks, 1)
            if count > 1:
                weights[f"product_{layer}"] = self._product(allegro.tps[layer], dtype)
        if count == 1:
            weights["coupling"] = self._coupling(allegro.tps[0], dtype)
        for number, matrix in enumerate(readout[1:]):
            weights[f"readout_{number}"] = matrix
        weights["norm"] = allegro.avg_num_neighbors_norm.norm_const.view(-1).to(dtype)

    def _paths(self, product: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Weights [channel, path], one row where channels share them, and Wigner 3j symbols."""
        w3j = product.w3j.to(dtype)
        if product.num_paths == 1:
            w3j = w3j.unsqueeze(0)
        weights = product.weights.to(dtype)
        return weights.reshape(self.channels if product.path_channel_coupling else 1, -1), w3j

    def _coupling(self, product: Any, dtype: torch.dtype) -> Tensor:
        """Scalars from equal components: [component, channel]."""
        weights, w3j = self._paths(product, dtype)
        equal = w3j[..., 0]
        if not product.w3j_is_ij_diagonal:
            equal = equal.diagonal(dim1=1, dim2=2)
        # a matrix product and no slice of the coefficients: every edge reads these, row by row
        return (equal.T @ weights.T).expand(-1, self.channels)

    def _product(self, product: Any, dtype: torch.dtype) -> Tensor:
        """Coefficients [channel, own component, environment's component, result's component]."""
        weights, w3j = self._paths(product, dtype)
        if product.w3j_is_ij_diagonal:
            w3j = torch.diag_embed(w3j.movedim(1, -1)).movedim(1, -1)
        return torch.einsum("up,pijk->uijk", weights, w3j).expand(self.channels, -1, -1, -1)

    def _read_sum(self, weights: Weights, dtype: torch.dtype) -> None:
        norm = self.parts["edge_eng_sum"].norm_module.norm_const
        weights["sum_norm"] = norm.view(-1).to(dtype) / math.sqrt(2.0)
        shift = self.parts["per_type_energy_scale_shift"]
        for name in ("scales", "shifts"):
            present = getattr(shift, f"has_{name}")
            value = getattr(shift, name).view(-1) if present else torch.empty(0)
            weights[f"energy_{name}"] = value


def _layers(function: Any, dtype: torch.dtype = torch.float64) -> tuple[list[Tensor], nn.Module]:
    """Split a ``ScalarMLPFunction`` into its matrices and its nonlinearity."""
    mlp = function.mlp
    if hasattr(mlp, "weights"):  # a deep linear network
        product = torch.linalg.multi_dot([w.to(dtype) for w in mlp.weights])
        return [product * mlp.alpha.to(dtype)], nn.Identity()
    matrices: list[Tensor] = []
    activation: nn.Module = nn.Identity()
    for part in mlp:
        if hasattr(part, "weight"):
            _require(part.bias is None, "a layer with a bias")
            matrices.append(part.weight.to(dtype) * part.alpha.to(dtype))
        else:
            activation = part
    return matrices, activation
